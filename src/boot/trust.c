/* Which keys are trusted at this boot: the trust store, verified from the provisioned roots, or the provisioned table. */
#include "updraft/boot.h"
#include "updraft/twin_journal.h"

/* Everything about one copy: genuine, for this device, and the number that it was written under. */
static ud_err examine(struct ud_boot_trust *bt, const struct ud_provision *provision, uint8_t copy,
                      struct ud_buf *ram)
{
    ud_err err = ud_twin_read(&bt->twin, copy, ram);
    if (err == UD_OK) {
        err = ud_trust_store_verify(&bt->store, ud_buf_bytes(ram), &bt->roots, NULL);
    }
    if (err == UD_OK) {
        err = ud_trust_store_applies(&bt->store, provision->vendor_id, provision->class_id);
    }
    return err == UD_OK && bt->store.trust.number != ud_twin_number(&bt->twin, copy) ? UD_ERR_CHAIN : err;
}

static ud_err find_store(struct ud_boot_trust *bt, const struct ud_provision *provision, struct ud_buf *ram)
{
    ud_err reason = UD_ABSENT;
    uint8_t copy = 0;
    for (size_t rank = 0; ud_twin_candidate(&bt->twin, rank, &copy) == UD_OK; rank++) {
        ram->len = 0;
        const ud_err err = examine(bt, provision, copy, ram);
        if (err == UD_OK) {
            /* before anything is decided by it; where flash refuses, this copy is still as good as it is */
            (void)ud_twin_settle(&bt->twin, copy, ud_buf_bytes(ram));
            return UD_OK;
        }
        reason = err;
    }
    return reason;
}

/*
 * With what the journal notes about the copies; ud_boot_choose() mounts it again. One that cannot be mounted notes nothing:
 * what the copies say of themselves has to do.
 */
static ud_err find_noted(struct ud_boot_trust *bt, const struct ud_provision *provision,
                         const struct ud_flash *flash, struct ud_buf *ram)
{
    struct ud_journal journal;
    struct ud_slots_state state;
    struct ud_twin_journal to = {&journal, &state};
    const struct ud_twin_notes notes = {ud_twin_journal_put, &to};
    const struct ud_area area = {flash, provision->journal.offset, provision->journal.size};
    if (ud_journal_mount(&journal, &area, &state) == UD_OK) {
        ud_twin_note_with(&bt->twin, &notes, ud_twin_journal_noted(&state));
    }
    const ud_err err = find_store(bt, provision, ram);
    bt->twin.notes = NULL; /* the journal is somebody else's again */
    return err;
}

ud_err ud_boot_trust_load(struct ud_boot_trust *bt, const struct ud_provision *provision,
                          const struct ud_flash *flash, uint8_t *ram, size_t ram_bytes)
{
    struct ud_buf buf = {ram, ram_bytes, 0};
    struct ud_area areas[UD_TWIN_COPIES];
    memset(bt, 0, sizeof *bt);
    bt->store.trust = provision->trust;
    bt->outcome = UD_ABSENT;
    if (provision->roots.len == 0) {
        return UD_OK; /* a device whose trust is as it was made */
    }
    for (size_t i = 0; i < UD_TWIN_COPIES; i++) {
        areas[i] = (struct ud_area){flash, provision->trust_store[i].offset, provision->trust_store[i].size};
    }
    ud_err err = ud_trust_roots_parse(&bt->roots, provision->roots, NULL);
    if (err != UD_OK) {
        return err;
    }
    bt->replaceable = true;
    err = ud_twin_mount(&bt->twin, areas);
    bt->outcome = err == UD_OK ? find_noted(bt, provision, flash, &buf) : err;
    bt->in_force = bt->outcome == UD_OK;
    if (!bt->in_force) {
        memset(&bt->store, 0, sizeof bt->store);
        bt->store.trust = provision->trust;
    }
    return UD_OK;
}
