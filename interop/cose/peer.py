"""pycose's side of interop/test_cose.py: peer.py INTEROP-COSE prints what it found as JSON. Keys are made anew in every run."""
import json
import os
import subprocess
import sys

import cbor2
from pycose.algorithms import A128GCM, A128KW, A256GCM, A256KW, HMAC256, Es256
from pycose.headers import IV, KID, Algorithm
from pycose.keys import EC2Key, SymmetricKey
from pycose.keys.curves import P256
from pycose.keys.keyparam import KpAlg
from pycose.messages import CoseMessage, EncMessage, Mac0Message, Sign1Message, SignMessage
from pycose.messages.recipient import KeyWrap
from pycose.messages.signer import CoseSignature

TEXT = b"what is signed"


def ours(*words):
    """Lines of the answer, or the name of the error."""
    run = subprocess.run([sys.argv[1], *words], capture_output=True, text=True)
    return run.stdout.strip().splitlines() if run.returncode == 0 else run.stderr.split()[-1]


def decoded(line):
    return CoseMessage.decode(bytes.fromhex(line))


def check(message, *keys):
    return ours("check", message.encode().hex(), *keys)[0]


def signatures():
    keys = [EC2Key.generate_key(crv=P256) for _ in range(3)]
    numbers = [key.d.hex() for key in keys]
    points = [f"p256:{(key.x + key.y).hex()}" for key in keys]
    [line] = ours("sign1", TEXT.hex(), numbers[0])
    one = decoded(line)
    one.key = keys[0]
    [again] = ours("sign", TEXT.hex(), *numbers[:2])
    many = decoded(again)
    for signer, key in zip(many.signers, keys):
        signer.key = key
    made = Sign1Message(phdr={Algorithm: Es256}, payload=TEXT)
    made.key = keys[0]
    both = SignMessage(payload=TEXT, signers=[CoseSignature(phdr={Algorithm: Es256}, key=key) for key in keys[:2]])
    found = {"sign1": one.payload == TEXT and one.verify_signature(),
             "sign": many.payload == TEXT and all(signer.verify_signature() for signer in many.signers),
             "deterministic": all(cbor2.dumps(cbor2.loads(bytes.fromhex(text)), canonical=True).hex() == text
                                  for text in (line, again))}
    return found, {"sign1": [check(made, points[0]), check(made, points[2])],
                   "sign": [check(both, *points[:2]), check(both, points[2])]}


def macs():
    secret, other = os.urandom(32), os.urandom(32)
    message = decoded(ours("mac0", TEXT.hex(), secret.hex())[0])
    message.key = SymmetricKey(k=secret)
    made = Mac0Message(phdr={Algorithm: HMAC256}, payload=TEXT)
    made.key = SymmetricKey(k=secret)
    return ({"mac0": message.payload == TEXT and message.verify_tag()},
            {"mac0": [check(made, f"hmac:{secret.hex()}"), check(made, f"hmac:{other.hex()}")]})


def encryption(alg, number, wrap, key_bytes):
    kek, key, iv, text = os.urandom(key_bytes), os.urandom(key_bytes), os.urandom(12), os.urandom(1000)
    wrapping = SymmetricKey(k=kek, optional_params={KpAlg: wrap})

    info, sealed = ours("encrypt", str(number), kek.hex(), key.hex(), iv.hex(), text.hex())
    whole = cbor2.loads(bytes.fromhex(info))
    whole.value[2] = bytes.fromhex(sealed)  # they want it inside
    message = CoseMessage.decode(cbor2.dumps(whole))
    message.recipients[0].key = wrapping
    opened = message.decrypt(message.recipients[0]) == text

    recipient = KeyWrap(uhdr={Algorithm: wrap, KID: b"device"})
    recipient.key, recipient.payload = wrapping, key
    made = cbor2.loads(EncMessage(phdr={Algorithm: alg}, uhdr={IV: iv}, payload=text, recipients=[recipient]).encode())
    sealed, made.value[2] = bytearray(made.value[2]), None
    info = cbor2.dumps(made).hex()
    good = ours("decrypt", kek.hex(), info, sealed.hex())
    sealed[500] ^= 1
    return opened, [good == [text.hex()], ours("decrypt", kek.hex(), info, sealed.hex())]


def main():
    found = {"ours": {}, "theirs": {}}
    for mine, theirs in (signatures(), macs()):
        found["ours"] |= mine
        found["theirs"] |= theirs
    for alg, number, wrap, key_bytes in ((A128GCM, 1, A128KW, 16), (A256GCM, 3, A256KW, 32)):
        name = f"A{8 * key_bytes}GCM"
        found["ours"][name], found["theirs"][name] = encryption(alg, number, wrap, key_bytes)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
