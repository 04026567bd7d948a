/*
 * A sample application for a microcontroller with a network, as a customer would write it: confirm itself when healthy, and let
 * the agent run. It registers over DTLS with a PSK, takes releases, by a patch where the server has one, by blocks into the
 * slot that does not run, and reports. A device with roots takes trust stores by the same road.
 */
#include "../app/app.h"
#include "patch_store.h"
#include "ports/cortexm/cortexm.h"
#include "ports/mps2-an385/device.h"
#include "ports/mps2-an385/handoff.h"
#include "ports/mps2-an385/log.h"
#include "ports/mps2-an385/net/coap.h"
#include "ports/mps2-an385/net/identity.h"
#include "ports/mps2-an385/net/net.h"
#include "ports/mps2-an385/semihost.h"
#include "ports/mps2-an385/uart.h"
#include "ports/mps2-an385/watchdog.h"
#include "status.h"
#include "updraft/agent.h"

#define STATUS_NOT_STARTED 70

static const struct ud_lwm2m_speaks formats[] = {
    {UD_COAP_FORMAT_SENML_CBOR, &ud_lwm2m_format_senml_cbor},
    {UD_COAP_FORMAT_LWM2M_TLV, &ud_lwm2m_format_tlv},
    {UD_COAP_FORMAT_TEXT, &ud_lwm2m_format_text_whole},
    {UD_COAP_FORMAT_OCTETS, &ud_lwm2m_format_octets},
};

struct app {
    struct ud_mps2_device device;
    struct ud_boot_info info;
    struct ud_slots slots;
    struct ud_mps2_identity identity;
    struct ud_signer signer;
    struct ud_lwm2m_client_config client_config;
    struct ud_lwm2m_client client;
    struct ud_agent_config agent_config;
    struct ud_agent agent;
    struct ud_agent_trust trust_store;
    struct ud_trust_store next_store; /* room for the one that is offered */
    ud_lwm2m_stage said_stage;
    ud_agent_state said_state;
    uint8_t said_tenth;
    uint8_t envelope[UD_MPS2_ENVELOPE_BYTES];
};

static void say(const char *event, ud_err err)
{
    ud_uart_put("app event=");
    ud_uart_put(event);
    ud_mps2_log_text("err", ud_err_name(err));
    ud_uart_put("\n");
}

static bool is_on_trial(const struct app *app)
{
    return app->info.reason == UD_BOOT_TRIAL && ud_slots_state(&app->slots)->trial != UD_TRIAL_NONE;
}

static void greet(const struct app *app)
{
    ud_uart_put("app version=" APP_VERSION);
    ud_mps2_log_number("slot", app->info.slot);
    ud_mps2_log_number("sequence", app->info.version.sequence);
    ud_mps2_log_text("trial", is_on_trial(app) ? "yes" : "no");
    ud_mps2_log_text("outcome", ud_err_name(app->info.outcome));
    ud_uart_put("\n");
}

static ud_err open_client(struct app *app)
{
    app->client_config = (struct ud_lwm2m_client_config){
        .port = &ud_mps2_coap,
        .endpoint = app->identity.name,
        .server = app->identity.server,
        .formats = formats,
        .format_count = sizeof formats / sizeof formats[0],
        .agent = &app->agent,
        .boot = &app->info,
        .szx = UD_COAP_SZX_MAX,
        .seed = ud_net_random(),
    };
    return ud_lwm2m_client_init(&app->client, &app->client_config);
}

/* NULL: this device's trust is as it was made. */
static const struct ud_agent_trust *open_trust(struct app *app)
{
    struct ud_boot_trust *store = ud_mps2_device_store();
    if (store == NULL) {
        return NULL;
    }
    app->trust_store = (struct ud_agent_trust){
        .take = ud_agent_take_trust_store,
        .roots = &store->roots,
        .now = store->in_force ? &store->store : NULL,
        .next = &app->next_store,
        .twin = &store->twin,
    };
    return &app->trust_store;
}

static ud_err open_agent(struct app *app)
{
    app->agent_config = (struct ud_agent_config){
        .slots = &app->slots,
        .layout = app->device.layout,
        .boot = &app->info,
        .trust = app->device.trust,
        .trust_store = open_trust(app),
        .signer = &app->signer,
        .road = ud_lwm2m_client_road(&app->client),
        .vendor_id = app->device.identity.vendor_id,
        .class_id = app->device.identity.class_id,
        .device_id = app->device.identity.device_id,
        .envelope = app->envelope,
        .envelope_cap = sizeof app->envelope,
        .patching = patch_store_open(),
        .seed = ud_net_random(),
    };
    return ud_agent_init(&app->agent, &app->agent_config);
}

static ud_err open_app(struct app *app)
{
    ud_uart_init();
    ud_err err = ud_mps2_device_open(&app->device);
    err = err == UD_OK ? ud_handoff_read(&app->info) : err;
    err = err == UD_OK ? ud_slots_mount(&app->slots, app->device.layout) : err;
    err = err == UD_OK ? ud_mps2_identity_read(&app->identity, &app->signer) : err;
    err = err == UD_OK ? ud_net_open() : err;
    err = err == UD_OK ? open_client(app) : err;
    return err == UD_OK ? open_agent(app) : err;
}

/* A line when something changed, and one for every tenth of an image. */
static void say_change(struct app *app)
{
    const struct ud_agent_status *status = ud_agent_status(&app->agent);
    const ud_lwm2m_stage stage = ud_lwm2m_client_stage(&app->client);
    const bool loading = status->total_bytes > 0 && status->state == UD_AGENT_INSTALL;
    const uint8_t tenth = loading ? (uint8_t)(1 + status->done_bytes * 10 / status->total_bytes) : 0;
    if (stage != app->said_stage && (stage == UD_LWM2M_UP || stage == UD_LWM2M_DOWN)) {
        ud_uart_put("app event=link");
        ud_mps2_log_text("stage", ud_lwm2m_stage_name(stage));
        ud_mps2_log_text("err", ud_err_name(ud_lwm2m_client_error(&app->client)));
        ud_uart_put("\n");
    }
    if (status->state != app->said_state && status->state != UD_AGENT_POLL && status->state != UD_AGENT_IDLE) {
        say(ud_agent_state_name(status->state), status->last_err);
        if (status->state == UD_AGENT_STORE && status->patch_bytes > 0) {
            ud_uart_put("app event=patched");
            ud_mps2_log_number("patch", status->patch_bytes);
            ud_mps2_log_number("image", (uint32_t)status->total_bytes);
            ud_uart_put("\n");
        }
    }
    if (tenth != app->said_tenth && loading) {
        ud_uart_put("app event=download");
        ud_mps2_log_number("from", status->resumed_bytes);
        ud_mps2_log_number("done", status->done_bytes);
        ud_mps2_log_number("total", status->total_bytes);
        ud_uart_put("\n");
    }
    app->said_stage = stage;
    app->said_state = status->state;
    app->said_tenth = tenth;
}

int main(void)
{
    static struct app app;
    const ud_err err = open_app(&app);
    if (err != UD_OK) {
        say("open", err);
        ud_semihost_exit(STATUS_NOT_STARTED);
    }
    greet(&app);
    if (app_is_healthy() && is_on_trial(&app)) {
        const ud_err confirmed = ud_slots_confirm(&app.slots, app.info.slot);
        if (confirmed == UD_OK) {
            ud_watchdog_stop();
        }
        say("confirm", confirmed);
    }
    for (;;) {
        uint32_t link_ms = 0;
        uint32_t agent_ms = 0;
        ud_net_poll();
        ud_lwm2m_client_step(&app.client, ud_net_now_ms(), &link_ms);
        const ud_err step = ud_agent_step(&app.agent, ud_net_now_ms(), &agent_ms);
        say_change(&app);
        status_say(ud_agent_status(&app.agent), ud_net_now_ms());
        if (step == UD_OK || ud_mps2_coap_wants_reset()) {
            ud_cortexm_reset();
        }
        ud_net_sleep(link_ms < agent_ms ? link_ms : agent_ms);
    }
}
