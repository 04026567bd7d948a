"""Read an envelope with cbor2 and verify its signature with pycose: no code of ours. Prints what it found as JSON.

    decode.py ENVELOPE KEY.pub          KEY.pub: P-256 or Ed25519, PEM

The numbers are those of the drafts, written down here once more.
"""
import hashlib
import json
import sys
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from pycose.keys import EC2Key
from pycose.messages import CoseMessage

SEQUENCES = {7, 8, 9, 15, 16, 18, 20, 24}
POLICIES = {1, 2, 3, 4, 5, 6, 7, 8, 11, 14, 18, 21, 22, 23, 24, 25, 26, 27, 28, 29, 31, 33}


def loads(data):
    """Decode, and demand that the bytes are the one encoding of what they say."""
    value = cbor2.loads(data)
    assert cbor2.dumps(value, canonical=True) == data, "not deterministic"
    return value


def suit_digest(content):
    return [-16, hashlib.sha256(cbor2.dumps(content)).digest()]


def commands(sequence):
    """(code, argument) of a sequence and of what is nested in it."""
    items = loads(sequence)
    assert len(items) % 2 == 0
    for code, argument in zip(items[::2], items[1::2]):
        yield code, argument
        for nested in argument if code == 15 else [argument] if code == 32 else []:
            if nested is not None:
                yield from commands(nested)


def check_parameters(parameters):
    for label, value in parameters.items():
        if label == 3:
            alg, digest = loads(value)
            assert alg == -16 and len(digest) == 32
        elif label in (1, 2, 24):
            assert len(value) == 16
        elif label == 19:
            info = cbor2.loads(value)
            assert info.tag == 96 and info.value[2] is None and info.value[3]
        elif label in (5, 14, 22):
            assert isinstance(value, int)
        elif label == 21:
            assert isinstance(value, str)
        elif label == -65537:
            assert value == 1  # ours: what is copied is a patch (docs/adr/0012)
        else:
            assert label == 18 and isinstance(value, bytes)


def check_sequence(sequence, count):
    seen = []
    for code, argument in commands(sequence):
        seen.append(code)
        if code in POLICIES:
            assert 0 <= argument <= 15
        elif code == 12:
            assert argument is True or all(0 <= index < count for index in
                                           (argument if isinstance(argument, list) else [argument]))
        elif code in (19, 20):
            check_parameters(argument)
        else:
            assert code in (15, 32)
    return seen


def verify_ed25519(block, public, digest):
    """By hand: pycose does not know the algorithm's number of RFC 9864."""
    protected, unprotected, payload, signature = cbor2.loads(block).value
    assert loads(protected)[1] == -19 and unprotected == {} and payload is None
    public.verify(signature, cbor2.dumps(["Signature1", protected, b"", digest]))
    return True


def verify_pycose(block, public, digest):
    message = CoseMessage.decode(block)
    assert message.payload is None
    numbers = public.public_numbers()
    message.key = EC2Key(crv="P_256", x=numbers.x.to_bytes(32, "big"), y=numbers.y.to_bytes(32, "big"))
    return message.verify_signature(detached_payload=digest)


def verify(envelope, pem):
    public = serialization.load_pem_public_key(pem)
    digest, *blocks = loads(envelope[2])
    assert loads(digest) == suit_digest(envelope[3])
    check = verify_ed25519 if isinstance(public, ed25519.Ed25519PublicKey) else verify_pycose
    return sum(check(block, public, digest) for block in blocks)


def main(path, key):
    tagged = cbor2.loads(Path(path).read_bytes())
    assert tagged.tag == 107
    envelope = tagged.value
    assert list(envelope) == sorted(envelope, key=lambda label: cbor2.dumps(label))
    manifest = loads(envelope[3])
    common = loads(manifest[3])
    count = len(common[2]) + len(common.get(1, {}))
    found = {"shared": check_sequence(common[4], count)}
    for label in SEQUENCES & set(manifest):
        content = manifest[label]
        if isinstance(content, list) and label not in envelope:
            continue  # severed
        if isinstance(content, list):
            assert content == suit_digest(envelope[label])
            content = envelope[label]
        found[str(label)] = check_sequence(content, count)
    if 23 in envelope:
        assert manifest[23] == suit_digest(envelope[23])
        assert all(isinstance(language, str) for language in loads(envelope[23]))
    json.dump({"version": manifest[1], "sequence": manifest[2], "components": len(common[2]), "sequences": found,
               "members": [label for label in envelope if isinstance(label, int)],
               "verified": verify(envelope, Path(key).read_bytes())}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
