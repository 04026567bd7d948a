/*
 * Commands of operators: whatever JSON is accepted gives a question whose payload our own reader reads, below the path
 * that was asked for, in every format that is tried.
 */
#include "server/lwm2m/command.h"

#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_back(const struct ud_ask *ask)
{
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    ud_err err = UD_OK;
    if (ask->format < 0 || ask->payload.len == 0 || ask->format == UD_COAP_FORMAT_TEXT ||
        ud_lwm2m_reader_init(&reader, (uint32_t)ask->format, ask->path, ask->payload) != UD_OK) {
        return;
    }
    while ((err = ud_lwm2m_next(&reader, &record)) == UD_OK) {
        UD_ASSERT(ud_lwm2m_path_under(&record.path, &ask->path));
    }
    UD_ASSERT(err == UD_ABSENT);
}

static void try_formats(const struct ud_command *command, uint8_t version)
{
    const struct ud_reg reg = {.version = version};
    for (unsigned attempt = 0; attempt < 6; attempt++) {
        struct ud_ask *ask = ud_ask_new(UD_COAP_GET, &command->path, NULL, NULL);
        UD_ASSERT(ask != NULL);
        if (ud_command_ask(command, &reg, attempt, ask) == UD_OK) {
            UD_ASSERT(ask->payload.len <= 32768);
            read_back(ask);
        }
        ud_ask_free(ask);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ud_command command;
    json_t *spec =
        size > UD_COMMAND_BYTES_MAX ? NULL : json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(spec) && ud_command_parse(spec, &command) == UD_OK) {
        UD_ASSERT(command.path.depth <= UD_LWM2M_DEPTH_MAX);
        try_formats(&command, 10);
        try_formats(&command, 11);
    }
    json_decref(spec);
    return 0;
}
