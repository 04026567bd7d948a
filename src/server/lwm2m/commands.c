/* The operator's commands of a device, one after another, out of the store; and its observations. */
#include "server/lwm2m/hub.h"

#include "server/lwm2m/command.h"

#include <stdlib.h>

#define ANSWER_BYTES_MAX (4 * UD_ASK_ANSWER_BYTES_MAX)

/* A command under way. */
struct run {
    int64_t id;
    int64_t device;
    json_t *spec;
    struct ud_command command;
    unsigned attempt;
};

static void free_run(struct run *run)
{
    json_decref(run->spec);
    free(run);
}

/* --- its end */

struct ending {
    struct ud_later later; /* first */
    struct run *run;
    struct ud_row_command row;
    struct ud_text answer;
    bool watch_changed;
};

static ud_err store_end(struct ud_later *later, struct ud_store *store)
{
    struct ending *ending = (struct ending *)(void *)later;
    char path[UD_LWM2M_PATH_TEXT_BYTES_MAX + 1];
    struct ud_buf buf = {(uint8_t *)path, UD_LWM2M_PATH_TEXT_BYTES_MAX, 0};
    ud_err err = ud_store_command_set(store, &ending->row);
    if (err == UD_ERR_NOT_FOUND) {
        return UD_OK; /* canceled meanwhile */
    }
    if (err == UD_OK && ending->watch_changed &&
        ud_lwm2m_path_put(&ending->run->command.path, 0, &buf) == UD_OK) {
        path[buf.len] = '\0';
        err = (ending->run->command.op == UD_OP_OBSERVE ? ud_store_watch_add : ud_store_watch_remove)(
            store, ending->row.device, path);
    }
    return err;
}

static void ended(struct ud_later *later)
{
    const struct ending *ending = (const struct ending *)(const void *)later;
    struct ud_reg *reg = ud_regs_by_device(&later->lw->regs, ending->row.device);
    if (reg != NULL) {
        reg->command_busy = false;
        reg->watched = reg->watched || ending->watch_changed;
        if (later->err == UD_OK) {
            ud_commands_next(later->lw, reg);
        }
    }
}

static void drop_ending(struct ud_later *later)
{
    struct ending *ending = (struct ending *)(void *)later;
    ud_text_free(&ending->answer);
    free_run(ending->run);
}

static void render_answer(struct ud_text *text, const struct run *run, const struct ud_ask *ask)
{
    struct ud_json json = {text, false};
    char code[8];
    code[0] = (char)('0' + UD_COAP_CLASS(ask->code));
    code[1] = '.';
    code[2] = (char)('0' + (ask->code & 31) / 10);
    code[3] = (char)('0' + (ask->code & 31) % 10);
    code[4] = '\0';
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "code", code);
    if (ask->code != UD_COAP_205_CONTENT) {
        if (ask->answer.len > 0) {
            ud_json_string_n(&json, "words", ask->answer.ptr, ask->answer.len);
        }
    } else if (ask->answer_format == UD_COAP_FORMAT_LINKS) {
        ud_json_string_n(&json, "links", ask->answer.ptr, ask->answer.len);
    } else {
        const uint32_t format = ask->answer_format < 0 ? UD_COAP_FORMAT_TEXT : (uint32_t)ask->answer_format;
        const size_t before = text->len;
        const bool comma = json.comma;
        ud_json_int(&json, "format", format);
        const ud_err err = ud_values_render(&json, "values", format, &run->command.path, ud_ask_answer(ask));
        if (err != UD_OK && text->ptr != NULL) { /* nothing is believed of what is malformed */
            text->len = before;
            json.comma = comma;
            ud_json_string(&json, "unreadable", ud_err_name(err));
        }
    }
    ud_json_close(&json, '}');
}

/* `ask` NULL: it came to no answer. */
static void end_run(struct ud_lwm2m *lw, struct run *run, const struct ud_ask *ask, ud_err err)
{
    struct ending *ending = calloc(1, sizeof *ending);
    if (ending == NULL) {
        free_run(run);
        return; /* it stays queued, and is found again */
    }
    ending->run = run;
    ud_text_init(&ending->answer, ANSWER_BYTES_MAX);
    ending->row =
        (struct ud_row_command){.id = run->id, .device = run->device, .updated_ms = ud_server_now_ms()};
    if (ask != NULL && err == UD_OK) {
        err = UD_COAP_CLASS(ask->code) == 2 ? UD_OK : UD_ERR_DEVICE_FAILED;
        render_answer(&ending->answer, run, ask);
        ending->row.answer = ud_text_ok(&ending->answer) ? ending->answer.ptr : NULL;
        ending->watch_changed = err == UD_OK && (ask->observe || ask->cancel);
    }
    ending->row.state = err == UD_OK ? UD_COMMAND_DONE : UD_COMMAND_FAILED;
    ending->row.error = err;
    ending->later.run = store_end;
    ending->later.finish = ended;
    ending->later.drop = drop_ending;
    (void)ud_later_begin(&ending->later, lw, NULL);
}

/* --- observations */

static struct ud_watch *watch_of_path(struct ud_reg *reg, const struct ud_lwm2m_path *path)
{
    for (size_t i = 0; i < reg->watch_count; i++) {
        if (reg->watches[i].path.depth == path->depth && ud_lwm2m_path_under(&reg->watches[i].path, path)) {
            return &reg->watches[i];
        }
    }
    return NULL;
}

/* Another one, or the same anew. */
static struct ud_watch *watch_begin(struct ud_reg *reg, const struct ud_lwm2m_path *path,
                                    const uint8_t token[UD_COAP_TOKEN_BYTES_MAX])
{
    struct ud_watch *watch = watch_of_path(reg, path);
    if (watch == NULL) {
        struct ud_watch *more = reg->watch_count >= UD_LWM2M_WATCHES_MAX
                                    ? NULL
                                    : realloc(reg->watches, (reg->watch_count + 1U) * sizeof *more);
        if (more == NULL) {
            return NULL;
        }
        reg->watches = more;
        watch = &more[reg->watch_count++];
    }
    *watch = (struct ud_watch){.path = *path, .begun = true};
    memcpy(watch->token, token, sizeof watch->token);
    ud_coap_watch_init(&watch->order);
    return watch;
}

static void watch_end(struct ud_reg *reg, const struct ud_lwm2m_path *path)
{
    struct ud_watch *watch = watch_of_path(reg, path);
    if (watch != NULL) {
        *watch = reg->watches[--reg->watch_count];
    }
}

static void watched(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    if (err == UD_OK && ask->code == UD_COAP_205_CONTENT && ask->answer_format >= 0) {
        (void)watch_begin(reg, &ask->path, ask->token);
        (void)ud_values_take(lw, reg, (uint32_t)ask->answer_format, &ask->path, ud_ask_answer(ask), true, NULL);
    }
}

void ud_watch_path(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_lwm2m_path *path)
{
    struct ud_ask *ask = ud_ask_new(UD_COAP_GET, path, watched, NULL);
    if (ask != NULL) {
        ask->observe = true;
        ud_ask_submit(lw, reg, ask);
    }
}

struct watch_list {
    struct ud_lwm2m_path paths[UD_LWM2M_WATCHES_MAX];
    size_t count;
};

static void list_watch(void *ctx, const char *path)
{
    struct watch_list *list = ctx;
    if (list->count < UD_LWM2M_WATCHES_MAX &&
        ud_lwm2m_path_parse((struct ud_bytes){(const uint8_t *)path, strlen(path)},
                            &list->paths[list->count]) == UD_OK) {
        list->count++;
    }
}

void ud_commands_watch(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct watch_list list = {.count = 0};
    struct ud_store *store = NULL;
    reg->watch_count = 0; /* a registration begins without any */
    if (!reg->watched || ud_store_pool_take(lw->server->readers, &store) != UD_OK) {
        return;
    }
    (void)ud_store_watch_list(store, reg->device, list_watch, &list);
    ud_store_pool_give(lw->server->readers, store);
    for (size_t i = 0; i < list.count; i++) {
        ud_watch_path(lw, reg, &list.paths[i]);
    }
}

static void refetched(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    if (err == UD_OK && ask->code == UD_COAP_205_CONTENT && ask->answer_format >= 0) {
        (void)ud_values_take(lw, reg, (uint32_t)ask->answer_format, &ask->path, ud_ask_answer(ask), true, NULL);
    }
}

/*
 * Newer than what came before? A protected notification has been put in order already, and its Observe is empty, or missing
 * as aiocoap has it: only an error ends such an observation.
 */
static ud_err order_of(struct ud_lwm2m *lw, const struct ud_reg *reg, struct ud_watch *watch,
                       const struct ud_coap_message *m)
{
    return reg->mode == UD_SECURITY_OSCORE
               ? UD_OK
               : ud_coap_watch_take(&watch->order, ud_endpoint_now_ms(lw->endpoint), m);
}

bool ud_commands_notified(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_coap_message *m)
{
    struct ud_coap_block block;
    uint32_t format = UD_COAP_FORMAT_TEXT;
    struct ud_watch *watch = NULL;
    for (size_t i = 0; i < reg->watch_count && watch == NULL; i++) {
        watch = ud_bytes_equal(UD_BYTES_ARRAY(reg->watches[i].token), m->token) ? &reg->watches[i] : NULL;
    }
    if (watch == NULL) {
        return false;
    }
    const struct ud_lwm2m_path path = watch->path;
    const ud_err order = order_of(lw, reg, watch, m);
    if (order == UD_ERR_STALE) {
        return true;
    }
    if (order == UD_ABSENT || m->code != UD_COAP_205_CONTENT) {
        watch_end(reg, &path); /* the device ended it */
    }
    if (m->code != UD_COAP_205_CONTENT) {
        return true;
    }
    if (ud_coap_find_block(m, UD_COAP_BLOCK2, &block) == UD_OK && block.more) {
        struct ud_ask *ask = ud_ask_new(UD_COAP_GET, &path, refetched, NULL); /* too large for one message */
        if (ask != NULL) {
            ud_ask_submit(lw, reg, ask);
        }
        return true;
    }
    (void)ud_coap_find_uint(m, UD_COAP_CONTENT_FORMAT, &format);
    (void)ud_values_take(lw, reg, format, &path, m->payload, true, NULL);
    return true;
}

/* --- the next one */

static void answered(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err);

static void send_run(struct ud_lwm2m *lw, struct ud_reg *reg, struct run *run)
{
    struct ud_ask *ask = ud_ask_new(UD_COAP_GET, &run->command.path, answered, run);
    const ud_err err = ask == NULL ? UD_ERR_MEMORY : ud_command_ask(&run->command, reg, run->attempt, ask);
    if (err != UD_OK) {
        if (ask != NULL) {
            ud_ask_free(ask);
        }
        end_run(lw, run, NULL, err);
        return;
    }
    if (ask->cancel) { /* by the observation's own token */
        const struct ud_watch *watch = watch_of_path(reg, &ask->path);
        if (watch != NULL) {
            memcpy(ask->token, watch->token, sizeof ask->token);
            ask->has_token = true;
        }
    }
    ud_ask_submit(lw, reg, ask);
}

static bool wants_other_format(uint8_t code)
{
    return code == UD_COAP_406_NOT_ACCEPTABLE || code == UD_COAP_415_FORMAT;
}

static void answered(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    struct run *run = ask->ctx;
    if (err == UD_ERR_GONE) { /* the registration ended; the command goes on with the next one */
        free_run(run);
        return;
    }
    if (err == UD_OK && wants_other_format(ask->code)) {
        struct ud_ask *probe = ud_ask_new(UD_COAP_GET, &run->command.path, NULL, NULL);
        const bool more = probe != NULL && ud_command_ask(&run->command, reg, run->attempt + 1, probe) == UD_OK;
        if (probe != NULL) {
            ud_ask_free(probe);
        }
        if (more) {
            run->attempt++;
            send_run(lw, reg, run);
            return;
        }
    }
    if (err == UD_OK && ask->observe) {
        watched(lw, reg, ask, err);
    }
    if (err == UD_OK && ask->cancel) {
        watch_end(reg, &ask->path);
    }
    end_run(lw, run, ask, err);
}

struct found {
    struct run *run;
    ud_command_state state;
    ud_err err;
};

static void take_command(void *ctx, const struct ud_row_command *row)
{
    struct found *found = ctx;
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        found->err = UD_ERR_MEMORY;
        return;
    }
    run->id = row->id;
    run->device = row->device;
    run->spec = json_loads(row->spec, JSON_REJECT_DUPLICATES, NULL);
    found->err = run->spec == NULL ? UD_ERR_SHAPE : ud_command_parse(run->spec, &run->command);
    found->run = run;
    found->state = row->state;
}

struct marking {
    struct ud_later later; /* first */
    struct run *run;
};

static ud_err mark_sent(struct ud_later *later, struct ud_store *store)
{
    const struct marking *marking = (const struct marking *)(const void *)later;
    const struct ud_row_command row = {
        .id = marking->run->id, .state = UD_COMMAND_SENT, .updated_ms = ud_server_now_ms()};
    return ud_store_command_set(store, &row);
}

static void marked(struct ud_later *later)
{
    struct marking *marking = (struct marking *)(void *)later;
    struct ud_reg *reg = ud_regs_by_device(&later->lw->regs, marking->run->device);
    if (reg != NULL && later->err == UD_OK) {
        struct run *run = marking->run;
        marking->run = NULL;
        send_run(later->lw, reg, run);
    } else if (reg != NULL) { /* canceled meanwhile */
        reg->command_busy = false;
        if (later->err == UD_ERR_NOT_FOUND) {
            ud_commands_next(later->lw, reg);
        }
    }
}

static void drop_marking(struct ud_later *later)
{
    struct marking *marking = (struct marking *)(void *)later;
    if (marking->run != NULL) {
        free_run(marking->run);
    }
}

static void begin_once(struct ud_lwm2m *lw, struct ud_reg *reg, struct run *run)
{
    struct marking *marking = calloc(1, sizeof *marking);
    if (marking == NULL) {
        reg->command_busy = false;
        free_run(run);
        return;
    }
    marking->run = run;
    marking->later.run = mark_sent;
    marking->later.finish = marked;
    marking->later.drop = drop_marking;
    if (ud_later_begin(&marking->later, lw, NULL) != UD_OK) {
        reg->command_busy = false;
    }
}

static bool is_in_quarantine(const struct ud_lwm2m *lw, const struct ud_reg *reg)
{
    struct ud_fleet_device device;
    return ud_fleet_get(lw->server->fleet, reg->device, &device) == UD_OK && device.quarantined;
}

void ud_commands_next(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct found found = {.err = UD_ERR_NOT_FOUND};
    struct ud_store *store = NULL;
    /* to a device that sleeps nothing is begun: what is marked as sent must have been */
    if (!reg->commands || reg->command_busy || reg->location == 0 || reg->quiet_until_ms != 0 ||
        ud_endpoint_now_ms(lw->endpoint) >= reg->awake_until_ms ||
        ud_store_pool_take(lw->server->readers, &store) != UD_OK) {
        return;
    }
    const ud_err err = ud_store_command_next(store, reg->device, take_command, &found);
    ud_store_pool_give(lw->server->readers, store);
    if (err != UD_OK || found.run == NULL) {
        reg->commands = err != UD_ERR_NOT_FOUND;
        return;
    }
    reg->command_busy = true;
    if (found.err != UD_OK) {
        end_run(lw, found.run, NULL, found.err);
    } else if (found.state == UD_COMMAND_SENT) {
        end_run(lw, found.run, NULL, UD_ERR_OUTCOME_UNKNOWN);
    } else if (is_in_quarantine(lw, reg)) { /* since the command was given */
        end_run(lw, found.run, NULL, UD_ERR_QUARANTINED);
    } else if (ud_command_is_once(&found.run->command)) {
        begin_once(lw, reg, found.run);
    } else {
        send_run(lw, reg, found.run);
    }
}
