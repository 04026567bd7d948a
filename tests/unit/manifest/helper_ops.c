#include "helper_ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Write the request down once it is done; before, wait as often as the test says. */
__attribute__((format(printf, 2, 3))) static ud_err note(void *ctx, const char *format, ...)
{
    struct helper_device *device = ctx;
    char *end = device->trace + strlen(device->trace);
    const size_t left = sizeof device->trace - strlen(device->trace);
    va_list args;
    if (device->waited < device->waits) {
        device->waited++;
        return UD_WAIT;
    }
    device->waited = 0;
    va_start(args, format);
    assert_true((size_t)vsnprintf(end, left, format, args) < left);
    va_end(args);
    if (device->refuse != NULL && strncmp(end, device->refuse, strlen(device->refuse)) == 0) {
        return device->refuse_err;
    }
    return UD_OK;
}

static ud_err vendor(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    return note(ctx, "vendor %u %02x; ", component, params->vendor_id.ptr[0]);
}

static ud_err class_id(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    return note(ctx, "class %u %02x; ", component, params->class_id.ptr[0]);
}

static ud_err device_id(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    return note(ctx, "device %u %02x; ", component, params->device_id.ptr[0]);
}

static ud_err image_match(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    if ((params->has & UD_SUIT_HAS_SIZE) == 0) {
        return note(ctx, "match %u %02x/-; ", component, params->digest.ptr[0]);
    }
    return note(ctx, "match %u %02x/%llu; ", component, params->digest.ptr[0],
                (unsigned long long)params->image_size);
}

static ud_err component_slot(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct helper_device *device = ctx;
    const ud_err err = note(ctx, "slot %u %u; ", component, (unsigned)params->slot);
    return err == UD_OK && params->slot != device->slot ? UD_ERR_CONDITION : err;
}

static ud_err check_content(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    return note(ctx, "content %u %zu; ", component, params->content.len);
}

static ud_err fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                    struct ud_bytes integrated)
{
    if (integrated.len > 0) {
        return note(ctx, "take %u %.*s; ", component, (int)integrated.len, (const char *)integrated.ptr);
    }
    return note(ctx, "fetch %u %.*s; ", component, (int)params->uri.len, (const char *)params->uri.ptr);
}

static ud_err copy(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    return note(ctx, "copy %u %u; ", component, (unsigned)params->source);
}

static ud_err write_content(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    return note(ctx, "write %u %zu; ", component, params->content.len);
}

static ud_err swap(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    return note(ctx, "swap %u %u; ", component, (unsigned)params->source);
}

static ud_err invoke(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    if (params->invoke_args.len > 0) {
        return note(ctx, "invoke %u %.*s; ", component, (int)params->invoke_args.len,
                    (const char *)params->invoke_args.ptr);
    }
    return note(ctx, "invoke %u; ", component);
}

const struct ud_suit_ops helper_ops = {
    .vendor = vendor,
    .class_id = class_id,
    .device_id = device_id,
    .image_match = image_match,
    .component_slot = component_slot,
    .check_content = check_content,
    .fetch = fetch,
    .copy = copy,
    .write = write_content,
    .swap = swap,
    .invoke = invoke,
};

ud_err helper_run(struct ud_suit_run *run, const struct ud_suit_manifest *man, ud_suit_procedure procedure,
                  struct helper_device *device)
{
    enum { STEPS_MAX = 20000 };
    ud_err err = ud_suit_run_init(run, man, procedure, &helper_ops, device, NULL);
    if (err != UD_OK) {
        return err;
    }
    for (int i = 0; i < STEPS_MAX; i++) {
        err = ud_suit_run_step(run, NULL);
        if (err != UD_WAIT) {
            return err;
        }
    }
    fail_msg("no end after %d steps: %s", STEPS_MAX, device->trace);
    return UD_ERR_INTERNAL;
}
