/*
 * The attributes gt, lt and st of Write-Attributes (OMA LwM2M 1.1 section 7.3.2): a change of an observed number is told only
 * where it crosses one of two limits, in either direction, or differs by a step from what was told last. pmin and pmax stay
 * what they are: no sooner than pmin, and when pmax is over in any case. One object that a configuration of the client names;
 * a device without it links none of it, and takes no notice of these attributes.
 *
 *     static struct ud_lwm2m_thresholds thresholds;
 *     ud_lwm2m_thresholds_init(&thresholds);
 *     config.judge = &thresholds.judge;
 *
 * They belong to single numbers (integers and reals); elsewhere, and where lt + 2 * st < gt does not hold, 4.00 is the answer.
 *
 * RAM: struct ud_lwm2m_thresholds, 40 bytes for each observation.
 */
#ifndef UPDRAFT_LWM2M_THRESHOLDS_H
#define UPDRAFT_LWM2M_THRESHOLDS_H

#include "updraft/lwm2m_client.h"

struct ud_lwm2m_threshold {
    bool has_gt;
    bool has_lt;
    bool has_st;
    bool has_told;
    double gt;
    double lt;
    double st;
    double told; /* the value that was told last */
};

struct ud_lwm2m_thresholds {
    struct ud_lwm2m_judge judge; /* for the client's configuration */
    /* private */
    struct ud_lwm2m_threshold of[UD_LWM2M_WATCHES]; /* as the client's watches */
};

void ud_lwm2m_thresholds_init(struct ud_lwm2m_thresholds *thresholds);

#endif
