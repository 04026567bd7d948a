#include "device/trust_check.h"

#include "updraft/twin_journal.h"

/* The envelope of the image that runs, as its slot has it. */
static ud_err read_running(struct ud_trust_check *check)
{
    const ud_err err = ud_slots_envelope_read(check->slots, check->slot, &check->room);
    if (err != UD_OK) {
        return err == UD_ERR_BUFFER ? UD_ERR_TOO_LARGE : err;
    }
    return ud_suit_envelope_parse(check->env, ud_buf_bytes(&check->room), NULL);
}

/* Did who signed the running image have the right to, by the new store? */
static ud_err check_rights(struct ud_trust_check *check, const struct ud_trust *trust)
{
    ud_err err = ud_suit_manifest_parse(check->man, check->env, NULL);
    for (size_t i = 0; err == UD_OK && i < check->man->component_count; i++) {
        struct ud_bytes id;
        err = ud_suit_component_id(check->man, i, &id);
        if (err == UD_OK) {
            err = ud_trust_may_write(trust, check->env->signers, ud_slots_writers(check->slots, id), id,
                                     check->vendor_id, check->class_id);
        }
    }
    return err;
}

/* A store under which this device would not boot any more is not taken, whoever signed it (docs/design, T5). */
static ud_err check_not_stranded(struct ud_trust_check *check, const struct ud_trust *trust)
{
    ud_err err = read_running(check);
    if (err == UD_OK) {
        err = ud_suit_envelope_authenticate(check->env, trust, NULL);
        err = err == UD_OK ? err : ud_suit_envelope_keep(check->env, trust);
    }
    err = err == UD_OK ? check_rights(check, trust) : err;
    return err == UD_OK || err == UD_ERR_TOO_LARGE ? err : UD_ERR_STRANDED;
}

ud_err ud_trust_check(struct ud_trust_check *check, struct ud_bytes object, struct ud_trust_store *next)
{
    ud_err err = ud_trust_store_verify(next, object, check->roots, NULL);
    err = err == UD_OK ? ud_trust_store_applies(next, check->vendor_id, check->class_id) : err;
    err = err == UD_OK ? ud_trust_store_follows(next, check->now, check->provisioned_epoch) : err;
    return err == UD_OK ? check_not_stranded(check, &next->trust) : err;
}

ud_err ud_trust_put(struct ud_slots *slots, struct ud_twin *twin, uint32_t number, struct ud_bytes object)
{
    struct ud_twin_journal journal = {&slots->journal, &slots->state};
    const struct ud_twin_notes notes = {ud_twin_journal_put, &journal};
    ud_twin_note_with(twin, &notes, ud_twin_journal_noted(&slots->state));
    const ud_err err = ud_twin_replace(twin, number, object);
    ud_twin_note_with(twin, NULL, 0);
    return err;
}
