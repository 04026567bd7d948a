#include "server/lwm2m/objects.h"

/* The description as one table: an object's line stands before its resources. */
#define IS_OBJECT UINT16_MAX

struct line {
    uint16_t id; /* of a resource */
    uint16_t object;
    struct ud_resource resource;
};

/* clang-format off */
#define OBJECT(number, words) {IS_OBJECT, (number), {0, "", false, UD_LWM2M_NOTHING, (words)}},
#define R(number, ops, many, type, words) {(number), 0, {(number), (ops), (many) != 0, UD_LWM2M_##type, (words)}},
static const struct line lines[] = {
#include "server/lwm2m/objects.def"
};
#undef OBJECT
#undef R
/* clang-format on */
#define LINE_COUNT (sizeof lines / sizeof lines[0])

static size_t object_at(uint16_t object)
{
    size_t i = 0;
    while (i < LINE_COUNT && (lines[i].id != IS_OBJECT || lines[i].object != object)) {
        i++;
    }
    return i;
}

const struct ud_resource *ud_resource_find(uint16_t object, uint16_t id)
{
    for (size_t i = object_at(object) + 1; i < LINE_COUNT && lines[i].id != IS_OBJECT; i++) {
        if (lines[i].id == id) {
            return &lines[i].resource;
        }
    }
    return NULL;
}

const char *ud_object_name(uint16_t object)
{
    const size_t at = object_at(object);
    return at < LINE_COUNT ? lines[at].resource.name : NULL;
}

bool ud_kind_of_name(const char *name, ud_lwm2m_kind *kind)
{
    static const struct {
        const char *name;
        ud_lwm2m_kind kind;
    } names[] = {{"string", UD_LWM2M_STRING}, {"integer", UD_LWM2M_INT},   {"float", UD_LWM2M_REAL},
                 {"boolean", UD_LWM2M_BOOL},  {"opaque", UD_LWM2M_OPAQUE}, {"time", UD_LWM2M_INT},
                 {"objlnk", UD_LWM2M_LINK}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].name, name) == 0) {
            *kind = names[i].kind;
            return true;
        }
    }
    return false;
}
