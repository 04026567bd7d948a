/* What lwm2m_thresholds.h promises: beside the client's observations, place by place. */
#include "updraft/lwm2m_thresholds.h"

#include "coap/decimal.h"
#include "device/lwm2m/parts.h"

static struct ud_lwm2m_threshold *of(void *ctx, const struct ud_lwm2m_client *client,
                                     const struct ud_lwm2m_watch *watch)
{
    struct ud_lwm2m_thresholds *thresholds = ctx;
    return &thresholds->of[watch - client->watches];
}

/* The number at a path, if it is a single one. */
static bool is_number(const struct ud_lwm2m_path *path)
{
    const struct ud_lwm2m_resource *row =
        path->depth == 3 ? ud_lwm2m_resource_find(path->id[0], path->id[2]) : NULL;
    return row != NULL && (row->operations & UD_LWM2M_R) != 0 && !row->many &&
           (row->kind == UD_LWM2M_INT || row->kind == UD_LWM2M_REAL);
}

static bool value_of(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path, double *value)
{
    if (!is_number(path)) {
        return false;
    }
    const struct ud_lwm2m_resource *row = ud_lwm2m_resource_find(path->id[0], path->id[2]);
    struct ud_lwm2m_record record;
    if (!ud_lwm2m_resource_get(client, row, 0, &record)) {
        return false;
    }
    *value = record.kind == UD_LWM2M_REAL ? record.real : (double)record.integer;
    return true;
}

/* "gt=-5.5", or "gt" alone, which takes it back. */
static bool take(const struct ud_coap_message *request, const char *key, bool *has, double *limit, bool *any)
{
    struct ud_bytes text;
    struct ud_number number;
    if (!ud_coap_query(request, key, &text)) {
        return true;
    }
    *any = true;
    *has = text.len > 0;
    if (text.len == 0) {
        return true;
    }
    if (ud_decimal_read(text, &number) != UD_OK) {
        return false;
    }
    *limit = number.real;
    return true;
}

static uint8_t attributes(void *ctx, struct ud_lwm2m_client *client, const struct ud_lwm2m_watch *watch,
                          const struct ud_lwm2m_path *path, const struct ud_coap_message *request)
{
    struct ud_lwm2m_threshold *threshold = of(ctx, client, watch);
    struct ud_lwm2m_threshold next = *threshold;
    bool any = false;
    if (watch->path.depth == 0) { /* a place that another observation had */
        next = (struct ud_lwm2m_threshold){.has_gt = false};
    }
    if (!take(request, "gt", &next.has_gt, &next.gt, &any) ||
        !take(request, "lt", &next.has_lt, &next.lt, &any) ||
        !take(request, "st", &next.has_st, &next.st, &any)) {
        return UD_COAP_400_BAD_REQUEST;
    }
    const double step = next.has_st ? next.st : 0;
    if (any &&
        (!is_number(path) || step < 0 || (next.has_gt && next.has_lt && !(next.lt + 2 * step < next.gt)))) {
        return UD_COAP_400_BAD_REQUEST;
    }
    *threshold = next;
    return UD_COAP_204_CHANGED;
}

static bool tells(void *ctx, struct ud_lwm2m_client *client, const struct ud_lwm2m_watch *watch)
{
    const struct ud_lwm2m_threshold *threshold = of(ctx, client, watch);
    double value;
    if ((!threshold->has_gt && !threshold->has_lt && !threshold->has_st) || !threshold->has_told ||
        !value_of(client, &watch->path, &value)) {
        return true;
    }
    const double step = value > threshold->told ? value - threshold->told : threshold->told - value;
    return (threshold->has_gt && (threshold->told > threshold->gt) != (value > threshold->gt)) ||
           (threshold->has_lt && (threshold->told < threshold->lt) != (value < threshold->lt)) ||
           (threshold->has_st && step >= threshold->st);
}

static void told(void *ctx, struct ud_lwm2m_client *client, const struct ud_lwm2m_watch *watch, bool fresh)
{
    struct ud_lwm2m_threshold *threshold = of(ctx, client, watch);
    if (fresh) {
        *threshold = (struct ud_lwm2m_threshold){.has_gt = false};
    }
    threshold->has_told = value_of(client, &watch->path, &threshold->told);
}

void ud_lwm2m_thresholds_init(struct ud_lwm2m_thresholds *thresholds)
{
    *thresholds = (struct ud_lwm2m_thresholds){
        .judge = {.ctx = thresholds, .attributes = attributes, .tells = tells, .told = told}};
}
