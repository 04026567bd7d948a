/* Update Result: what the device's word means for the action. */
#include "server/lwm2m/upgrade_job.h"

static const struct ud_upgrade_result results[] = {
    [0] = {UD_OK, false, "nothing yet"},
    [1] = {UD_OK, false, "the device says that it updated"},
    [2] = {UD_ERR_SPACE, false, "not enough flash for the package"},
    [3] = {UD_ERR_MEMORY, true, "out of memory while downloading"},
    [4] = {UD_ERR_CONNECT, true, "connection lost while downloading"},
    [5] = {UD_ERR_DIGEST, false, "integrity check of the package failed"},
    [6] = {UD_ERR_SHAPE, false, "unsupported type of package"},
    [7] = {UD_ERR_URI, false, "invalid URI"},
    [8] = {UD_ERR_DEVICE_FAILED, false, "the update failed"},
    [9] = {UD_ERR_ALGORITHM, false, "unsupported protocol of the URI"},
    [10] = {UD_ERR_CANCELED, false, "canceled"},
    [11] = {UD_OK, false, "deferred"},
};
#define RESULT_COUNT ((int64_t)(sizeof results / sizeof results[0]))

const struct ud_upgrade_result *ud_upgrade_result_of(int64_t result)
{
    return result >= 0 && result < RESULT_COUNT ? &results[result] : NULL;
}
