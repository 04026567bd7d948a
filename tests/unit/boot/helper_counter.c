#include "helper_counter.h"

static ud_err counter_read(void *ctx, struct ud_version *value)
{
    const struct counter *counter = ctx;
    if (counter->read_err != UD_OK) {
        return counter->read_err;
    }
    if (!counter->is_written) {
        return UD_ABSENT;
    }
    *value = counter->value;
    return UD_OK;
}

/* A brown-out in the middle of a fuse. */
static ud_err tear(struct counter *counter, struct ud_version value)
{
    switch (counter->torn) {
    case COUNTER_OLD:
        break;
    case COUNTER_NEW:
        counter->value = value;
        break;
    case COUNTER_ALL_ONES:
        counter->value = (struct ud_version){UINT32_MAX, UINT64_MAX};
        break;
    case COUNTER_UNREADABLE:
        counter->read_err = UD_ERR_IO;
        break;
    }
    return UD_ERR_IO;
}

static ud_err counter_advance(void *ctx, struct ud_version value)
{
    struct counter *counter = ctx;
    if (sim_flash_is_off(counter->sim)) {
        return UD_ERR_IO;
    }
    counter->advances++;
    if (counter->advance_err != UD_OK) {
        return counter->advance_err;
    }
    if (counter->advances == counter->cut_in) {
        return tear(counter, value);
    }
    counter->value = value;
    counter->is_written = true;
    return UD_OK;
}

void counter_init(struct counter *counter, const struct sim_flash *sim)
{
    *counter = (struct counter){
        .port = {.ctx = counter, .read = counter_read, .advance = counter_advance},
        .sim = sim,
    };
}
