#include "boot/smp_frame.h"

#include "core/base64.h"

#define LENGTH_BYTES 2
#define CRC_BYTES 2
#define MARK_BYTES 2
#define LINE_END '\n'
/* bytes in a line that we write: what base64 makes of them, with marks and end, fits the line */
#define PIECE_BYTES ((UD_SMP_LINE_BYTES_MAX - MARK_BYTES - 1) / 4 * 3)

static const uint8_t first_mark[MARK_BYTES] = {0x06, 0x09};
static const uint8_t next_mark[MARK_BYTES] = {0x04, 0x14};

/* CRC-16/XMODEM: polynomial 0x1021, from 0, not reflected */
static uint16_t crc16(uint16_t crc, struct ud_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        crc = (uint16_t)(crc ^ (uint16_t)(bytes.ptr[i] << 8));
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint16_t)((crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1);
        }
    }
    return crc;
}

void ud_smp_frame_init(struct ud_smp_frame_state *frame)
{
    memset(frame, 0, sizeof *frame);
}

static ud_err drop(struct ud_smp_frame_state *frame, ud_err why)
{
    frame->message_bytes = 0;
    return why;
}

/* All of it there? Its length stands in front. */
static ud_err finish(struct ud_smp_frame_state *frame, struct ud_bytes *message)
{
    const size_t stated = (size_t)frame->message[0] << 8 | frame->message[1];
    const size_t have = frame->message_bytes;
    if (have < LENGTH_BYTES || have < LENGTH_BYTES + stated) {
        return have >= LENGTH_BYTES && stated > sizeof frame->message - LENGTH_BYTES ? drop(frame, UD_ERR_LIMIT)
                                                                                     : UD_WAIT;
    }
    frame->message_bytes = 0;
    if (have != LENGTH_BYTES + stated || stated < CRC_BYTES) {
        return UD_ERR_SHAPE;
    }
    const struct ud_bytes with_crc = {frame->message + LENGTH_BYTES, stated};
    if (crc16(0, with_crc) != 0) { /* a CRC over its own bytes comes to zero */
        return UD_ERR_DIGEST;
    }
    *message = (struct ud_bytes){with_crc.ptr, stated - CRC_BYTES};
    return UD_OK;
}

static ud_err take_line(struct ud_smp_frame_state *frame, struct ud_bytes line, struct ud_bytes *message)
{
    struct ud_bytes mark = {NULL, 0};
    struct ud_buf out = {frame->message, sizeof frame->message, frame->message_bytes};
    if (!ud_bytes_take(&line, MARK_BYTES, &mark)) {
        return UD_WAIT; /* not of this protocol */
    }
    if (ud_bytes_equal(mark, UD_BYTES_ARRAY(first_mark))) {
        out.len = 0;
    } else if (!ud_bytes_equal(mark, UD_BYTES_ARRAY(next_mark))) {
        return UD_WAIT;
    } else if (out.len == 0) {
        return UD_ERR_SHAPE; /* goes on with what never began */
    }
    const ud_err err = ud_base64_decode(line, &out);
    if (err != UD_OK) {
        return drop(frame, err == UD_ERR_BUFFER ? UD_ERR_LIMIT : UD_ERR_SHAPE);
    }
    frame->message_bytes = (uint16_t)out.len;
    return finish(frame, message);
}

ud_err ud_smp_frame_take(struct ud_smp_frame_state *frame, uint8_t byte, struct ud_bytes *message)
{
    if (byte != LINE_END) {
        if (frame->line_bytes == sizeof frame->line) {
            frame->overlong = true;
        } else {
            frame->line[frame->line_bytes++] = byte;
        }
        return UD_WAIT;
    }
    size_t len = frame->line_bytes;
    const bool overlong = frame->overlong;
    frame->line_bytes = 0;
    frame->overlong = false;
    if (overlong) {
        return drop(frame, UD_ERR_LIMIT);
    }
    len -= len > 0 && frame->line[len - 1] == '\r' ? 1 : 0;
    return take_line(frame, (struct ud_bytes){frame->line, len}, message);
}

/* Byte `at` of length, message and CRC, as one row */
static uint8_t byte_at(struct ud_bytes message, uint16_t crc, size_t at)
{
    const size_t stated = message.len + CRC_BYTES;
    if (at < LENGTH_BYTES) {
        return (uint8_t)(stated >> 8 * (1 - at));
    }
    at -= LENGTH_BYTES;
    if (at < message.len) {
        return message.ptr[at];
    }
    return (uint8_t)(crc >> 8 * (1 - (at - message.len)));
}

ud_err ud_smp_frame_put(struct ud_bytes message, uint32_t *done_bytes, struct ud_buf *out)
{
    uint8_t piece[PIECE_BYTES];
    const uint8_t end = LINE_END;
    size_t len = 0;
    if (message.len > UD_SMP_MESSAGE_BYTES_MAX) {
        return UD_ERR_LIMIT;
    }
    const uint16_t crc = crc16(0, message);
    const size_t whole = LENGTH_BYTES + message.len + CRC_BYTES;
    const struct ud_bytes mark = *done_bytes == 0 ? UD_BYTES_ARRAY(first_mark) : UD_BYTES_ARRAY(next_mark);
    while (len < sizeof piece && *done_bytes + len < whole) {
        piece[len] = byte_at(message, crc, *done_bytes + len);
        len++;
    }
    if (!ud_buf_put(out, mark) || !ud_base64_encode((struct ud_bytes){piece, len}, false, out) ||
        !ud_buf_put(out, (struct ud_bytes){&end, 1})) {
        return UD_ERR_BUFFER;
    }
    *done_bytes += (uint32_t)len;
    return *done_bytes < whole ? UD_WAIT : UD_OK;
}
