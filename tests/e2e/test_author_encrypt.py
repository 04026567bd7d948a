"""`updraft encrypt`: what it makes is opened here without any of our code, as a device of each kind would."""
import hashlib
import re

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, aead, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from cose_tool import Key, Raw, cbor
from test_author import BUILD, IMAGE, Desk

AEADS = {1: aead.AESGCM, 3: aead.AESGCM, 24: aead.ChaCha20Poly1305}
ALGS = {"A128GCM": 1, "A256GCM": 3, "ChaCha20-Poly1305": 24, "A128CTR": -65534, "A256CTR": -65532}


def decode(data, at=0):
    """One CBOR item of the few kinds that are here: (value, where it ends)."""
    major, low = data[at] >> 5, data[at] & 31
    at += 1
    if low >= 24 and major != 7:
        size = 1 << (low - 24)
        low = int.from_bytes(data[at:at + size], "big")
        at += size
    if major < 2:
        return (low if major == 0 else -1 - low), at
    if major in (2, 3):
        return data[at:at + low], at + low
    if major in (4, 5):
        items = []
        for _ in range(low * (major - 3)):
            item, at = decode(data, at)
            items.append(item)
        return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at
    if major == 6:
        return decode(data, at)
    assert low == 22
    return None, at


@pytest.fixture
def desk(tmp_path):
    if not (BUILD / "updraft").exists():
        pytest.skip("updraft is not built")
    return Desk(tmp_path)


def pair(desk, name):
    key = Key()
    (desk.folder / f"{name}.pub").write_text(key.pem)
    return key


def secret(desk, name, k, kid):
    path = desk.folder / f"{name}.cose"
    path.write_bytes(cbor({1: 4, 2: kid, -1: k}))
    path.chmod(0o600)
    return k


def encrypt(desk, alg, *recipients):
    words = [word for name in recipients for word in ("--recipient", name)]
    answer = desk.json("encrypt", "app.bin", "--alg", alg, *words, "--output", "app.enc", "--info", "app.info")
    info = (desk.folder / "app.info").read_bytes()
    assert info[:2] == b"\xd8\x60"
    decoded, end = decode(info)
    assert end == len(info)
    return answer, decoded, (desk.folder / "app.enc").read_bytes()


def kek_of(recipient, key):
    """The key that wraps the content key, for whoever holds `key`."""
    protected, unprotected, _ = recipient
    if isinstance(key, bytes):
        assert protected == b"" and unprotected[1] == {16: -3, 32: -5}[len(key)]
        return key
    assert protected == cbor({1: -29})
    point = unprotected[-1]
    peer = ec.EllipticCurvePublicNumbers(int.from_bytes(point[-2], "big"), int.from_bytes(point[-3], "big"),
                                         ec.SECP256R1()).public_key()
    nobody = Raw(b"\x83\xf6\xf6\xf6")
    context = cbor([-3, nobody, nobody, [128, protected, b"SUIT Payload Encryption"]])
    return HKDF(hashes.SHA256(), 16, None, context).derive(key.private.exchange(ec.ECDH(), peer))


def open_image(info, ciphertext, key, which=0):
    protected, unprotected, nil, recipients = info
    assert nil is None
    content_key = aes_key_unwrap(kek_of(recipients[which], key), recipients[which][2])
    if protected:
        alg = decode(protected)[0][1]
        aad = cbor(["Encrypt", protected, b""])
        return AEADS[alg](content_key).decrypt(unprotected[5], ciphertext, aad)
    assert unprotected[1] in (-65534, -65532)
    return Cipher(algorithms.AES(content_key), modes.CTR(unprotected[5])).decryptor().update(ciphertext)


@pytest.mark.parametrize("alg", ALGS)
def test_each_cipher_is_opened_by_a_device_with_a_key_pair(desk, alg):
    key = pair(desk, "device")
    answer, info, ciphertext = encrypt(desk, alg, "device.pub")
    assert answer["recipients"] == [key.kid.hex()] and answer["algorithm"] == alg
    assert info[3][0][1][4] == key.kid
    assert IMAGE[:64] not in ciphertext
    assert len(ciphertext) == len(IMAGE) + (16 if ALGS[alg] > 0 else 0) == answer["bytes"]
    assert open_image(info, ciphertext, key) == IMAGE


@pytest.mark.parametrize("size", [16, 32])
def test_a_secret_that_a_group_holds_opens_it_too(desk, size):
    k = secret(desk, "group", bytes(range(size)), b"group-7")
    answer, info, ciphertext = encrypt(desk, "A256CTR", "group.cose")
    assert answer["recipients"] == [b"group-7".hex()]
    assert open_image(info, ciphertext, k) == IMAGE


def test_each_of_several_recipients_opens_the_same_ciphertext_and_nobody_else(desk):
    keys = [pair(desk, "one"), pair(desk, "two"), secret(desk, "three", bytes(16), b"3")]
    _, info, ciphertext = encrypt(desk, "A128GCM", "one.pub", "two.pub", "three.cose")
    for which, key in enumerate(keys):
        assert open_image(info, ciphertext, key, which) == IMAGE
    with pytest.raises(InvalidUnwrap):
        open_image(info, ciphertext, Key())
    with pytest.raises(InvalidTag):
        open_image(info, ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]), keys[0])


def test_no_two_encryptions_share_key_or_iv(desk):
    key = pair(desk, "device")
    first = encrypt(desk, "A128CTR", "device.pub")
    second = encrypt(desk, "A128CTR", "device.pub")
    assert first[1][1][5] != second[1][1][5] and first[2] != second[2]
    content_keys = {aes_key_unwrap(kek_of(info[3][0], key), info[3][0][2]) for _, info, _ in (first, second)}
    assert len(content_keys) == 2


def test_an_image_larger_than_any_buffer_streams_through(desk):
    image = bytes(range(256)) * 4096 * 3 + b"end"
    (desk.folder / "app.bin").write_bytes(image)
    key = pair(desk, "device")
    _, info, ciphertext = encrypt(desk, "A128GCM", "device.pub")
    assert hashlib.sha256(open_image(info, ciphertext, key)).digest() == hashlib.sha256(image).digest()


@pytest.mark.parametrize("content, mode, name", [
    (cbor({1: 4, -1: bytes(16)}), 0o600, "UD_ERR_KEY"),
    (cbor({1: 4, 2: b"x", -1: bytes(15)}), 0o600, "UD_ERR_KEY"),
    (cbor({1: 4, 2: b"x", 3: -5, -1: bytes(16)}), 0o600, "UD_ERR_KEY"),
    (cbor({1: 4, 2: b"x", -1: bytes(16)}), 0o644, "UD_ERR_EXPOSED"),
    (b"nonsense", 0o600, "UD_ERR_KEY"),
])
def test_a_recipient_that_is_none_is_refused_and_nothing_is_written(desk, content, mode, name):
    path = desk.folder / "group.cose"
    path.write_bytes(content)
    path.chmod(mode)
    desk.refused(name, "encrypt", "app.bin", "--recipient", "group.cose", "--output", "app.enc", "--info", "app.info")
    assert not (desk.folder / "app.enc").exists()


def test_a_point_off_the_curve_is_no_recipient(desk):
    (desk.folder / "off.cose").write_bytes(cbor({1: 2, -1: 1, -2: bytes(31) + b"\x01", -3: bytes(31) + b"\x01"}))
    desk.refused("UD_ERR_KEY", "encrypt", "app.bin", "--recipient", "off.cose", "--output", "app.enc", "--info", "app.info")


def test_the_example_is_made_of_what_encrypt_writes(desk):
    root = BUILD.parents[1]
    key = pair(desk, "group")
    encrypt(desk, "A128GCM", "group.pub")
    example = (root / "examples/manifests/encrypted.ini").read_text()
    (desk.folder / "encrypted.ini").write_text(example)
    done = desk.updraft("create", "encrypted.ini", "--foreign", "--output", "app.suit")
    assert re.match("Wrote app.suit, ", done.stdout)
    info = (desk.folder / "app.info").read_bytes()
    assert info in (desk.folder / "app.suit").read_bytes()
    assert serialization.load_pem_public_key(key.pem.encode())
