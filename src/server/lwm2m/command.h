/*
 * One command of an operator: from the JSON that the API took and the store keeps, to questions to the device, to the
 * answer as JSON. docs/formats-lwm2m.md section 2.
 *
 *     {"op": "read", "path": "/3/0"}                    {"op": "write", "path": "/1/0/1", "value": 300}
 *     {"op": "execute", "path": "/3/0/4"}               {"op": "write", "path": "/1/0", "values": {"2": 10}}
 *     {"op": "create", "path": "/9", "values": {…}}     {"op": "discover", "path": "/5"}
 *     {"op": "attributes", "path": "/3/0/9", "query": "pmin=10&pmax=60"}
 *     {"op": "observe", "path": "/3/0/9"}               {"op": "readComposite", "paths": ["/3/0/0", "/5/0/3"]}
 *     {"op": "reboot"}                                  {"op": "writeComposite", "values": {"/3/0/14": "+02"}}
 */
#ifndef UD_SERVER_LWM2M_COMMAND_H
#define UD_SERVER_LWM2M_COMMAND_H

#include "server/lwm2m/ask.h"

#include <jansson.h>

typedef enum ud_command_op {
    UD_OP_READ,
    UD_OP_WRITE,
    UD_OP_EXECUTE,
    UD_OP_CREATE,
    UD_OP_DELETE,
    UD_OP_DISCOVER,
    UD_OP_ATTRIBUTES,
    UD_OP_OBSERVE,
    UD_OP_UNOBSERVE,
    UD_OP_READ_COMPOSITE,
    UD_OP_WRITE_COMPOSITE,
    UD_OP_COUNT
} ud_command_op;

#define UD_COMMAND_BYTES_MAX 16384 /* of the JSON */

struct ud_command {
    ud_command_op op;
    struct ud_lwm2m_path path;
    const json_t *spec; /* borrowed */
};

/**
 * Read and check; nothing of it is sent. Without a registration, so before the format of the device is known.
 * @return UD_ERR_MISSING, UD_ERR_SHAPE, UD_ERR_NUMBER_RANGE, UD_ERR_LIMIT
 */
ud_err ud_command_parse(const json_t *spec, struct ud_command *command);
/** May it not be done twice? */
bool ud_command_is_once(const struct ud_command *command);
/**
 * Fill a question. `attempt` 0 and up chooses other content formats, for devices that answered 4.06 or 4.15.
 * @return UD_ABSENT when there is no such attempt; UD_ERR_SHAPE for values that the resource cannot have; UD_ERR_LIMIT
 */
ud_err ud_command_ask(const struct ud_command *command, const struct ud_reg *reg, unsigned attempt,
                      struct ud_ask *ask);

#endif
