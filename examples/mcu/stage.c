#include "stage.h"

#include "device/keep.h"
#include "ports/mps2-an385/log.h"
#include "ports/mps2-an385/uart.h"

#define CHUNK_BYTES 256

bool stage_take_number(const char **text, uint32_t *number)
{
    uint32_t value = 0;
    const char *start = *text;
    for (; **text >= '0' && **text <= '9' && value < 100000000; (*text)++) {
        value = value * 10 + (uint32_t)(**text - '0');
    }
    *number = value;
    return *text != start;
}

/* The envelope's size, and one for each component of the device. */
static bool parse(const char *text, uint8_t count, uint32_t *envelope_bytes, uint32_t sizes[UD_COMPONENTS_MAX])
{
    bool is_good = stage_take_number(&text, envelope_bytes);
    for (uint8_t i = 0; is_good && i < count; i++) {
        is_good = *text++ == ' ' && stage_take_number(&text, &sizes[i]);
    }
    return is_good && *text == '\0';
}

ud_err stage_take_bytes(struct app *app, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        const uint8_t byte = ud_uart_get();
        if (i < sizeof app->envelope) {
            app->envelope[i] = byte;
        }
    }
    return len > sizeof app->envelope ? UD_ERR_SPACE : UD_OK;
}

static ud_err take_envelope(struct app *app, uint32_t len)
{
    ud_err err = stage_take_bytes(app, len);
    if (err == UD_OK) {
        err = ud_suit_envelope_parse(&app->env, (struct ud_bytes){app->envelope, len}, NULL);
    }
    if (err == UD_OK) {
        err = ud_suit_envelope_authenticate(&app->env, app->device.trust, NULL);
    }
    if (err != UD_OK) {
        return err;
    }
    return app->env.digest.len == UD_DIGEST_BYTES ? UD_OK : UD_ERR_DIGEST;
}

/* Images come one behind the other, and each is begun when the one before it is complete. */
ud_err stage_begin(struct app *app, uint32_t envelope_bytes, const uint32_t sizes[UD_COMPONENTS_MAX],
                   uint32_t *from)
{
    uint32_t resume_bytes[UD_COMPONENTS_MAX] = {0};
    ud_err err = take_envelope(app, envelope_bytes);
    if (err == UD_OK) {
        err = ud_slots_install_begin(&app->slots, app->info.slot, app->env.digest.ptr, sizes, resume_bytes);
    }
    *from = 0;
    for (uint8_t i = 0; i < app->device.layout->component_count; i++) {
        *from += resume_bytes[i];
    }
    ud_uart_put("app event=send");
    ud_mps2_log_number("from", *from);
    ud_mps2_log_text("err", ud_err_name(err));
    ud_uart_put("\n");
    return err;
}

/* All of it is taken, also when the flash refuses some: what follows must not be read as a command. */
static ud_err take_image(struct app *app, uint8_t component, uint32_t from, uint32_t image_bytes)
{
    uint8_t chunk[CHUNK_BYTES];
    ud_err err = UD_OK;
    while (from < image_bytes) {
        const uint32_t n = image_bytes - from < sizeof chunk ? image_bytes - from : (uint32_t)sizeof chunk;
        for (uint32_t i = 0; i < n; i++) {
            chunk[i] = ud_uart_get();
        }
        if (err == UD_OK) {
            err = ud_slots_install_write(&app->slots, component, (struct ud_bytes){chunk, n});
        }
        from += n;
    }
    return err;
}

static ud_err take_images(struct app *app, uint32_t from, const uint32_t sizes[UD_COMPONENTS_MAX])
{
    ud_err err = UD_OK;
    for (uint8_t i = 0; i < app->device.layout->component_count; i++) {
        const uint32_t there = from < sizes[i] ? from : sizes[i];
        const ud_err taken = take_image(app, i, there, sizes[i]);
        err = err == UD_OK ? taken : err;
        from -= there;
    }
    return err;
}

ud_err stage_finish(struct app *app)
{
    struct ud_bytes kept = {NULL, 0};
    ud_err err = ud_envelope_keep(app->envelope, &app->env, &kept);
    if (err == UD_OK) {
        err = ud_slots_envelope_write(&app->slots, kept);
    }
    return err == UD_OK ? ud_slots_trial_request(&app->slots) : err;
}

ud_err stage_update(struct app *app, const char *text)
{
    uint32_t envelope_bytes = 0;
    uint32_t sizes[UD_COMPONENTS_MAX] = {0};
    uint32_t from = 0;
    if (!parse(text, app->device.layout->component_count, &envelope_bytes, sizes)) {
        return UD_ERR_USAGE;
    }
    ud_err err = stage_begin(app, envelope_bytes, sizes, &from);
    if (err == UD_OK) {
        err = take_images(app, from, sizes);
    }
    return err == UD_OK ? stage_finish(app) : err;
}
