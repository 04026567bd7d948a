/* What a hostile broker sends is read or refused, and never counts twice. First byte: which reader. */
#include "ports/posix/bell.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_notify(struct ud_bytes json)
{
    struct ud_bell_seen seen = {0};
    struct ud_bell_notify notify;
    if (ud_bell_notify_parse(json, &notify) == UD_OK) {
        UD_ASSERT(notify.kind <= UD_BELL_NONE && notify.action_id <= INT32_MAX);
        UD_ASSERT(ud_bell_take_notify(&seen, &notify) == UD_OK);
        UD_ASSERT(ud_bell_take_notify(&seen, &notify) == UD_ERR_REPLAY);
    }
}

static void read_cmd(struct ud_bytes json)
{
    struct ud_bell_seen seen = {0};
    struct ud_bell_cmd cmd;
    if (ud_bell_cmd_parse(json, &cmd) == UD_OK) {
        UD_ASSERT(ud_bell_take_cmd(&seen, &cmd, true, 0) == UD_ERR_REPLAY);
        UD_ASSERT(ud_bell_take_cmd(&seen, &cmd, false, 0) == UD_OK);
        UD_ASSERT(ud_bell_take_cmd(&seen, &cmd, false, 0) == UD_ERR_REPLAY);
    }
}

static void read_ack(struct ud_bytes json)
{
    struct ud_bell_ack ack;
    if (ud_bell_ack_parse(json, &ack) == UD_OK) {
        UD_ASSERT(ud_err_name(ack.err)[0] == 'U');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct ud_bytes json) = {read_notify, read_cmd, read_ack};
    if (size > 0) {
        readers[data[0] % 3]((struct ud_bytes){data + 1, size - 1});
    }
    return 0;
}
