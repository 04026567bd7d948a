#include "patch.h"

#include "ports/mps2-an385/uart.h"
#include "updraft/delta.h"

#define PATCH_BYTES_MAX 16384

struct patching {
    struct app *app;
    uint32_t installed; /* bytes that are in the slot already */
    uint32_t patch_bytes;
    uint8_t patch[PATCH_BYTES_MAX];
    struct ud_delta delta;
};

static ud_err read_old(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    const struct app *app = ((struct patching *)ctx)->app;
    return ud_slots_read(&app->slots, app->info.slot, 0, offset, out, len);
}

static ud_err read_new(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    const struct app *app = ((struct patching *)ctx)->app;
    return ud_slots_read(&app->slots, ud_slots_inactive(&app->slots), 0, offset, out, len);
}

static ud_err read_patch(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    memcpy(out, ((struct patching *)ctx)->patch + offset, len);
    return UD_OK;
}

static ud_err compare(struct patching *patching, uint32_t offset, const uint8_t *data, uint32_t len)
{
    uint8_t there[UD_DELTA_PAGE_BYTES];
    const ud_err err = read_new(patching, offset, there, len);
    return err == UD_OK && memcmp(there, data, len) != 0 ? UD_ERR_IMAGE_MISMATCH : err;
}

static ud_err write_new(void *ctx, uint32_t offset, const uint8_t *data, uint32_t len)
{
    struct patching *patching = ctx;
    const uint32_t known = patching->installed <= offset         ? 0
                           : patching->installed - offset >= len ? len
                                                                 : patching->installed - offset;
    const ud_err err = known > 0 ? compare(patching, offset, data, known) : UD_OK;
    return err != UD_OK || known == len
               ? err
               : ud_slots_install_write(&patching->app->slots, 0, (struct ud_bytes){data + known, len - known});
}

static ud_err apply(struct patching *patching, uint32_t image_bytes)
{
    const struct ud_delta_io io = {patching, read_old, read_new, write_new, read_patch};
    const struct ud_delta_job job = {&io, patching->patch_bytes, patching->app->info.images[0].size_bytes,
                                     image_bytes};
    ud_err err = ud_delta_init(&patching->delta, &job);
    if (err != UD_OK) {
        return err;
    }
    do {
        err = ud_delta_step(&patching->delta);
    } while (err == UD_WAIT);
    return err;
}

static bool parse(const char *text, uint32_t sizes[3])
{
    for (unsigned i = 0; i < 3; i++) {
        if (!stage_take_number(&text, &sizes[i]) || *text != (i < 2 ? ' ' : '\0')) {
            return false;
        }
        text++;
    }
    return true;
}

ud_err patch_update(struct app *app, const char *text)
{
    static struct patching patching;
    uint32_t sizes[3];
    if (!parse(text, sizes)) {
        return UD_ERR_USAGE;
    }
    const uint32_t images[UD_COMPONENTS_MAX] = {sizes[1]}; /* of a device of one component */
    patching.app = app;
    patching.patch_bytes = sizes[2];
    ud_err err = stage_begin(app, sizes[0], images, &patching.installed);
    if (err != UD_OK) {
        return err;
    }
    for (uint32_t i = 0; i < sizes[2]; i++) {
        const uint8_t byte = ud_uart_get();
        if (i < sizeof patching.patch) {
            patching.patch[i] = byte;
        }
    }
    err = sizes[2] > sizeof patching.patch ? UD_ERR_SPACE : apply(&patching, sizes[1]);
    return err == UD_OK ? stage_finish(app) : err;
}
