/*
 * Serial recovery: a board on which nothing may run takes an envelope and an image over its serial line, by MCUmgr's SMP,
 * so that tools that exist can bring it back. It gives nobody a right: the envelope must be signed by who may, as over
 * every road, and the bootloader verifies all of it again before it starts anything.
 *
 *     struct ud_recovery recovery;                  // static
 *     ud_recovery_init(&recovery, &boot);           // after ud_boot_choose() found nothing to start
 *     while (!ud_recovery_is_over(&recovery)) {
 *         if (ud_recovery_take(&recovery, uart_get()) == UD_OK) {
 *             do { err = ud_recovery_line(&recovery, &line); send(line); } while (err == UD_WAIT);
 *         }
 *     }
 *     reset();
 *
 * What it knows: echo, reset and parameters of the group "os"; state, upload and erase of the group "image". Image number
 * 0 is the envelope and comes first, number 1 the device's image. docs/formats.md has the messages. Limits: one
 * component; an envelope that fits the RAM for it; UD_SMP_MESSAGE_BYTES_MAX.
 */
#ifndef UPDRAFT_RECOVERY_H
#define UPDRAFT_RECOVERY_H

#include "updraft/boot.h"

/* MCUmgr's numbers for what went wrong */
typedef enum ud_smp_rc {
    UD_SMP_OK = 0,
    UD_SMP_UNKNOWN = 1,
    UD_SMP_NO_MEMORY = 2,
    UD_SMP_INVALID = 3,
    UD_SMP_BAD_STATE = 6,
    UD_SMP_TOO_LARGE = 7,
    UD_SMP_NOT_SUPPORTED = 8,
    UD_SMP_CORRUPT = 9,
    UD_SMP_BUSY = 10,
    UD_SMP_DENIED = 11,
} ud_smp_rc;

struct ud_smp_frame_state {
    uint8_t line[UD_SMP_LINE_BYTES_MAX];
    uint8_t message[2 + UD_SMP_MESSAGE_BYTES_MAX + 2]; /* length, message, CRC */
    uint16_t line_bytes;
    uint16_t message_bytes;
    bool overlong; /* the line; its rest is skipped */
};

struct ud_recovery {
    /* private */
    struct ud_boot *boot;
    struct ud_smp_frame_state frame;
    uint8_t answer[UD_SMP_MESSAGE_BYTES_MAX];
    uint16_t answer_bytes;
    uint32_t answer_done_bytes;
    uint32_t upload_bytes;   /* of the upload under way, as announced */
    uint32_t envelope_bytes; /* that the RAM has */
    uint8_t upload_image;    /* number of that upload; RECOVERY_NONE */
    bool authentic;          /* the envelope in RAM is whole and was signed by who may */
    bool over;
};

/** `boot` is borrowed, its slots and its RAM for envelopes are used. Nothing is written before an upload. */
void ud_recovery_init(struct ud_recovery *recovery, struct ud_boot *boot);

/**
 * The next byte from the serial line.
 *
 * @return UD_OK: there is an answer, see ud_recovery_line(); UD_WAIT: not yet. Bytes that are no request of this protocol
 *         are dropped without an answer.
 */
ud_err ud_recovery_take(struct ud_recovery *recovery, uint8_t byte);

/**
 * The next line of the answer, to be sent as it is.
 *
 * @param out  appended to; room for UD_SMP_LINE_BYTES_MAX
 * @return UD_WAIT: more lines follow; UD_OK: that was the last
 */
ud_err ud_recovery_line(struct ud_recovery *recovery, struct ud_buf *out);

/** The tool asked for a reset, and its answer was taken. */
bool ud_recovery_is_over(const struct ud_recovery *recovery);

/** One request, header and all, to one answer, without lines: what ud_recovery_take() does with a whole message. */
void ud_recovery_answer(struct ud_recovery *recovery, struct ud_bytes request, struct ud_buf *answer);

#endif
