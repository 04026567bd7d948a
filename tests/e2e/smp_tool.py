"""MCUmgr's SMP over a serial line, as far as a test needs it: one request, one answer, an upload."""
import base64
import binascii
import hashlib
import struct

READ, WRITE = 0, 2
OS, IMAGE = 0, 1
ECHO, RESET, PARAMETERS = 0, 5, 6
STATE, UPLOAD, ERASE = 0, 1, 5
LINE_BYTES = 124  # of base64
CHUNK_BYTES = 256
ENVELOPE, COMPONENT = 0, 1  # image numbers


def head(major: int, value: int) -> bytes:
    for low, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 24:
            return bytes([major << 5 | value])
        if value < 1 << (8 * width):
            return bytes([major << 5 | low]) + value.to_bytes(width, "big")
    raise ValueError(value)


def encode(value) -> bytes:
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(5, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())


def take(data: bytes, at: int = 0):
    major, low = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        return {20: False, 21: True}[low], at
    if low >= 24:
        width = 1 << (low - 24)
        low, at = int.from_bytes(data[at:at + width], "big"), at + width
    if major == 0:
        return low, at
    if major in (2, 3):
        text = data[at:at + low]
        return (text if major == 2 else text.decode()), at + low
    if major == 4:
        out = []
        for _ in range(low):
            item, at = take(data, at)
            out.append(item)
        return out, at
    pairs = {}
    for _ in range(low):
        key, at = take(data, at)
        pairs[key], at = take(data, at)
    return pairs, at


def lines_of(message: bytes) -> bytes:
    whole = struct.pack(">H", len(message) + 2) + message + struct.pack(">H", binascii.crc_hqx(message, 0))
    text = base64.b64encode(whole)
    pieces = [text[i:i + LINE_BYTES] for i in range(0, len(text), LINE_BYTES)]
    return b"".join((b"\x04\x14" if i else b"\x06\x09") + piece + b"\n" for i, piece in enumerate(pieces))


class Smp:
    """`send` takes bytes, `line` gives the next line without its end, or None."""

    def __init__(self, send, line):
        self.send, self.line, self.sequence = send, line, 0

    def answer(self) -> bytes:
        whole = b""
        while len(whole) < 2 or len(whole) < 2 + int.from_bytes(whole[:2], "big"):
            line = self.line()
            assert line is not None, "the line has ended"
            if line[:2] in (b"\x06\x09", b"\x04\x14"):
                whole = (b"" if line[:1] == b"\x06" else whole) + base64.b64decode(line[2:])
        message, crc = whole[2:-2], int.from_bytes(whole[-2:], "big")
        assert binascii.crc_hqx(message, 0) == crc
        return message

    def ask(self, op: int, group: int, command: int, body: dict | None = None) -> dict:
        self.sequence = (self.sequence + 1) % 256
        data = encode(body) if body is not None else b""
        self.send(lines_of(struct.pack(">BBHHBB", op, 0, len(data), group, self.sequence, command) + data))
        message = self.answer()
        got_op, _, length, got_group, sequence, got_command = struct.unpack(">BBHHBB", message[:8])
        assert (got_op, got_group, sequence, got_command) == (op + 1, group, self.sequence, command)
        assert length == len(message) - 8
        said, end = take(message, 8)
        assert end == len(message)
        return said

    def upload(self, image: int, data: bytes) -> dict:
        """The last answer: that of the last byte, or the first refusal."""
        at, said = 0, {"off": 0}
        while at < len(data):
            body = {"off": at, "data": data[at:at + CHUNK_BYTES]}
            if at == 0:
                body |= {"image": image, "len": len(data), "sha": hashlib.sha256(data).digest()}
            said = self.ask(WRITE, IMAGE, UPLOAD, body)
            if said.get("rc", 0) != 0:
                return said
            at = said["off"]
        return said
