/*
 * What is known of objects: the resources of 0 to 7 and 9 with their types, from one compact description
 * (objects.def). An object that is not in it passes through: its values keep the type that the format says, and where
 * a format says none (TLV, text) they are text or bytes.
 */
#ifndef UD_SERVER_LWM2M_OBJECTS_H
#define UD_SERVER_LWM2M_OBJECTS_H

#include "updraft/lwm2m.h"

struct ud_resource {
    uint16_t id;
    const char *operations; /* of R, W, E */
    bool multiple;
    ud_lwm2m_kind kind; /* UD_LWM2M_NOTHING for an executable one */
    const char *name;
};

/** NULL for one that is not described. */
const struct ud_resource *ud_resource_find(uint16_t object, uint16_t id);
/** Of an object; NULL for one that is not described. */
const char *ud_object_name(uint16_t object);
/** The kind of this name ("string", "integer", "float", "boolean", "opaque", "time", "objlnk"). */
bool ud_kind_of_name(const char *name, ud_lwm2m_kind *kind);

#endif
