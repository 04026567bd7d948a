#include "ports/posix/reach.h"

#include <stdio.h>

const struct ud_finder ud_finder_avahi = {ud_look_up_begin, ud_look_up_step, ud_look_up_end};

const struct ud_place *ud_reach_place(const struct ud_reach *reach)
{
    return reach->at < reach->count ? &reach->places[reach->at] : NULL;
}

static void go(struct ud_reach *reach, size_t at)
{
    reach->at = at;
    reach->answered = false;
    reach->number++;
    const struct ud_place *place = ud_reach_place(reach);
    if (place != NULL) {
        (void)fprintf(stderr, "agent event=discover address=%s port=%u\n", place->address,
                      (unsigned)place->port);
    }
}

ud_err ud_reach_ready(struct ud_reach *reach)
{
    if (reach->look_up == NULL) {
        return UD_OK;
    }
    const ud_err err = reach->finder->step(reach->look_up, reach->places, &reach->count);
    if (err == UD_WAIT) {
        return err;
    }
    reach->finder->end(reach->look_up);
    reach->look_up = NULL;
    if (err != UD_OK) {
        (void)fprintf(stderr, "agent event=discover type=%s err=%s next=\"%s\"\n", reach->type,
                      ud_err_name(err), ud_err_remedy(err));
        reach->count = 0;
        go(reach, 0);
        return reach->first;
    }
    go(reach, 0);
    return UD_OK;
}

/* Not there, or silent; at a place that anybody could name, also: somebody else. */
static bool is_elsewhere(const struct ud_reach *reach, ud_err err)
{
    return err == UD_ERR_CONNECT || err == UD_ERR_TIMEOUT ||
           (ud_reach_place(reach) != NULL &&
            (err == UD_ERR_TLS || err == UD_ERR_AUTH || err == UD_ERR_PROTOCOL));
}

ud_err ud_reach_failed(struct ud_reach *reach, unsigned number, ud_err err)
{
    if (reach->finder == NULL || !is_elsewhere(reach, err)) {
        return err;
    }
    if (number != reach->number || reach->look_up != NULL) {
        return UD_WAIT; /* another exchange has found that out already */
    }
    if (ud_reach_place(reach) == NULL) {
        reach->first = err;
        return reach->finder->begin(&reach->look_up, reach->type, reach->scheme) == UD_OK ? UD_WAIT : err;
    }
    if (reach->answered) {
        reach->count = 0; /* from the beginning: the configured address first */
        go(reach, 0);
        return UD_WAIT;
    }
    go(reach, reach->at + 1);
    return ud_reach_place(reach) != NULL ? UD_WAIT : reach->first;
}

void ud_reach_answered(struct ud_reach *reach, unsigned number)
{
    reach->answered = reach->answered || number == reach->number;
}

void ud_reach_close(struct ud_reach *reach)
{
    if (reach->finder != NULL) {
        reach->finder->end(reach->look_up);
    }
    reach->look_up = NULL;
}
