/* A device that writes down what the interpreter asks of it, and answers as the test says. */
#ifndef UPDRAFT_TEST_HELPER_OPS_H
#define UPDRAFT_TEST_HELPER_OPS_H

#include "updraft/suit.h"

struct helper_device {
    char trace[2048];
    uint32_t slot;      /* what the condition on the slot compares with */
    uint8_t waits;      /* every request answers UD_WAIT so often before it is done */
    uint8_t waited;     /* of the present request */
    const char *refuse; /* the request whose trace begins so is answered with refuse_err */
    ud_err refuse_err;
};

/* All of ud_suit_ops; the context is a struct helper_device. */
extern const struct ud_suit_ops helper_ops;

/** Run a procedure to its end. @return the result of the last step */
ud_err helper_run(struct ud_suit_run *run, const struct ud_suit_manifest *man, ud_suit_procedure procedure,
                  struct helper_device *device);

#endif
