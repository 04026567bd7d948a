"""
Ed25519 for small devices (src/ports/sodium) on the emulated Cortex-M3: right on every case, its instructions counted; and a
bootloader whose author signs by it.
"""
import os
import random
import re
import struct
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mcu_tool import FLASH_BYTES, STATUS_NO_IMAGE
from test_mcu import Device, Works, make_envelope, updraft

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = Path(os.environ["UPDRAFT_MCU"]) if "UPDRAFT_MCU" in os.environ else None
INSTRUCTIONS_MAX = 1_800_000
MESSAGE_BYTES_MAX = 128
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
OK, SIGNATURE, KEY = "UD_OK", "UD_ERR_SIGNATURE", "UD_ERR_KEY"

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")

# RFC 8032 section 7.1: secret, message
PUBLISHED = [
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", ""),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82"),
]
PUBLISHED_SIGNATURES = [
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
]
# y of the points whose order divides 8 (docs/attacks.md, E4); the top bit is the sign of x
OF_EIGHT = int("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", 16)
SMALL = [0, 1, P - 1, OF_EIGHT, P - OF_EIGHT]


def number(value: int) -> bytes:
    return value.to_bytes(32, "little")


def flipped(data: bytes, bit: int) -> bytes:
    return data[:bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1:]


def is_on_curve(y: bytes) -> bool:
    y2 = pow(int.from_bytes(y, "little") % 2**255, 2, P)
    d = -121665 * pow(121666, P - 2, P) % P
    x2 = (y2 - 1) * pow(d * y2 + 1, P - 2, P) % P
    return x2 == 0 or pow(x2, (P - 1) // 2, P) == 1


def made_cases() -> list[tuple[bytes, bytes, bytes, str]]:
    seed = int(os.environ.get("SEED", "8032"))
    print("SEED", seed)
    draw = random.Random(seed)
    cases = []
    for (secret, message), signature in zip(PUBLISHED, PUBLISHED_SIGNATURES):
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
        assert key.sign(bytes.fromhex(message)).hex() == signature
        cases.append((public(key), bytes.fromhex(signature), bytes.fromhex(message), OK))
    for length in range(MESSAGE_BYTES_MAX + 1):  # with the 64 bytes before it every length that the hash's padding can meet
        key, message = Ed25519PrivateKey.from_private_bytes(draw.randbytes(32)), draw.randbytes(length)
        cases.append((public(key), key.sign(message), message, OK))
    pub, signature, message, _ = cases[-1]
    for bit in draw.sample(range(512), 24):
        cases.append((pub, flipped(signature, bit), message, SIGNATURE))
    for bit in draw.sample(range(8 * len(message)), 8):
        cases.append((pub, signature, flipped(message, bit), SIGNATURE))
    for bit in draw.sample(range(255), 12):
        other = flipped(pub, bit)
        cases.append((other, signature, message, SIGNATURE if is_on_curve(other) else KEY))
    cases.append((cases[0][0], signature, message, SIGNATURE))
    s = int.from_bytes(signature[32:], "little")
    for second in (s + L, s + 2 * L, 0, L, L - 1, 2**256 - 1):  # the first two are the same s again
        cases.append((pub, signature[:32] + number(second), message, SIGNATURE))
    for y in SMALL:
        for form in (y, y | 1 << 255, *([y + P] if y + P < 2**255 else [])):
            cases.append((number(form), number(1) + number(0), message, KEY))
            cases.append((number(form), signature, message, KEY))
            cases.append((pub, number(form) + signature[32:], message, SIGNATURE))
    for y in range(2**255 - 19, 2**255):  # not reduced
        cases.append((number(y), signature, message, KEY))
    return cases


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def test_ed25519_says_on_the_target_what_it_must_within_its_instructions(tmp_path):
    values = dict(re.findall(r"X\((UD_\w+),\s+(\d+),", (ROOT / "include/updraft/err.h").read_text()))
    cases = made_cases()
    flash = tmp_path / "flash.bin"
    flash.write_bytes(struct.pack("<I", len(cases)) + b"".join(
        pub + signature + struct.pack("<II", len(message), int(values[verdict])) + message.ljust(MESSAGE_BYTES_MAX, b"\0")
        for pub, signature, message, verdict in cases))
    os.truncate(flash, FLASH_BYTES)
    run = subprocess.run(
        ["qemu-system-arm", "-M", "mps2-an385,memory-backend=flash0",
         "-object", f"memory-backend-file,id=flash0,size=16M,mem-path={flash},share=on",
         "-display", "none", "-monitor", "none", "-serial", "stdio", "-nic", "none",
         "-icount", "shift=0,align=off,sleep=off", "-semihosting-config", "enable=on,target=native",
         "-kernel", FIRMWARE / "ed25519.elf"], capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL)
    said = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", run.stdout)}
    print(run.stdout)
    assert run.returncode == 0 and said["cases"] == len(cases) > 200 and said["agree"] == len(cases), run.stdout
    assert said["good"] == sum(verdict == OK for *_, verdict in cases) > 100
    assert said["instructions_max"] <= INSTRUCTIONS_MAX


# ---- boot-ed25519.elf ----

AUTHOR = "author-ed25519"


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    return Works(tmp_path_factory.mktemp("works"), images="app-ed25519", root_name="ed25519", versions=(1, 2), author=AUTHOR)


@pytest.fixture
def device(works, tmp_path):
    return Device(works, tmp_path / "device", "boot-ed25519")


def test_an_update_signed_by_ed25519_is_tried_and_confirmed(device):
    assert device.start()["version"] == "1"
    device.stage(2)
    with device.power_on() as chip:
        said = chip.start()
        assert (said["version"], said["reason"]) == ("2", "trial")
        assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
        assert chip.off() == 0
    assert device.start()["version"] == "2"


def test_the_application_refuses_an_update_signed_by_another_ed25519_key(works, device):
    updraft("keygen", "--alg", "Ed25519", "--output", works.folder / "other")
    wrong = make_envelope(works.folder, "app-2-other", works.images[2], 2, "other")
    with device.power_on() as chip:
        chip.start()
        assert chip.stage(wrong, works.images[2])["err"] == "UD_ERR_UNTRUSTED"
        assert chip.off() == 0
    assert device.start()["version"] == "1"


def test_the_bootloader_starts_nothing_after_one_changed_bit_of_an_ed25519_signature(works, device):
    envelope = works.envelopes[1].read_bytes()
    at = envelope.index(b"\x58\x40") + 2  # the only string of 64 bytes
    assert envelope.count(b"\x58\x40") == 1
    signature = envelope[at:at + 64]
    assert (device.folder / "flash.bin").read_bytes().count(signature) == 1
    device.patch(signature, flipped(signature, 300))
    with device.power_on() as chip:
        assert chip.end() == STATUS_NO_IMAGE
