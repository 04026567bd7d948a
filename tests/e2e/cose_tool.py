"""Reports and enrolments as docs/formats.md sections 1, 3 and 4 say, made without any of our C code."""
import hashlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


class Tag:
    def __init__(self, number, value):
        self.number, self.value = number, value


class Raw(bytes):
    """Encoded CBOR."""


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for bits, code in ((8, 24), (16, 25), (32, 26), (64, 27)):
        if n < 1 << bits:
            return bytes([major << 5 | code]) + n.to_bytes(bits // 8, "big")
    raise ValueError(n)


def cbor(value):
    if isinstance(value, Raw):
        return bytes(value)
    if value is True or value is False:
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(map(cbor, value))
    if isinstance(value, dict):
        pairs = sorted((cbor(key), cbor(item)) for key, item in value.items())
        return head(5, len(pairs)) + b"".join(key + item for key, item in pairs)
    if isinstance(value, Tag):
        return head(6, value.number) + cbor(value.value)
    raise TypeError(value)


def uncbor(data):
    """The value of one encoded item, of what the server writes: definite lengths, no byte strings, no tags."""
    at = 0

    def item():
        nonlocal at
        kind, short = data[at] >> 5, data[at] & 31
        at += 1
        if kind == 7:
            return {20: False, 21: True, 22: None}[short]
        count = short
        if short > 23:
            size = 1 << (short - 24)
            count, at = int.from_bytes(data[at:at + size], "big"), at + size
        if kind == 0:
            return count
        if kind == 1:
            return -1 - count
        if kind == 3:
            at += count
            return data[at - count:at].decode()
        if kind == 4:
            return [item() for _ in range(count)]
        assert kind == 5, kind
        return {item(): item() for _ in range(count)}
    value = item()
    assert at == len(data)
    return value


class Key:
    def __init__(self):
        self.private = ec.generate_private_key(ec.SECP256R1())
        numbers = self.private.public_key().public_numbers()
        self.cose = {1: 2, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        self.kid = hashlib.sha256(cbor(self.cose)).digest()
        self.pem = self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def sign1(self, payload, kid=None):
        protected = cbor({1: -7, 4: kid or self.kid})
        signed = cbor(["Signature1", protected, b"", payload])
        r, s = decode_dss_signature(self.private.sign(signed, ec.ECDSA(hashes.SHA256())))
        return cbor(Tag(18, [protected, {}, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big")]))


def report(key, manifest, image, *, sequence, counter, nonce=None, size=4, component=b"app", result=True, boot_reason=1,
           kid=None):
    """`manifest` and `image`: digests. `result`: True, or a ud_err value."""
    payload = {
        99: ["", [-16, manifest]],
        3: [{0: [component], 3: cbor([-16, image]), 14: size, -257: [0, sequence]}],
        4: True if result is True else {5: result, 6: [[], 0, 0, 0, {}], 7: 11},
        -257: {1: 3, 2: counter, 3: boot_reason},
    }
    if nonce is not None:
        payload[2] = nonce
    return key.sign1(cbor(payload), kid)


def enrolment(key, name, code):
    return key.sign1(cbor({1: name, 2: Raw(cbor(key.cose)), 3: code}))
