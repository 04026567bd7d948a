/* Reading for tools that show or check a manifest; not linked into a device. */
#include "manifest/suit_command.h"

struct ud_suit_index suit_take_index_all(struct ud_cbor *r, suit_place place)
{
    struct ud_suit_index index = {.count = 1};
    const uint32_t chosen = suit_take_index(r, place, &index.count);
    if (r->err != UD_OK) {
        return (struct ud_suit_index){.count = 1};
    }
    for (uint8_t i = 0; i < index.count; i++) {
        index.components[i] = chosen >> 4 * i & 15;
    }
    return index;
}

void suit_take_params(struct ud_cbor *r, suit_place place, struct ud_suit_params *params)
{
    const struct suit_param_row *row;
    struct suit_pairs pairs;
    suit_take_map(r, &pairs);
    while ((row = suit_next_param(r, &pairs, NULL)) != NULL) {
        const bool stays = row->place != SUIT_NO_PLACE;
        union suit_value passed;
        suit_take_value(r, row, place, stays ? suit_field(params, row) : &passed);
        if (r->err == UD_OK && stays) {
            params->has |= UINT32_C(1) << row->place;
        }
    }
}
