"""The agent's requests to a resident MCUboot, whole slots of them, against those that imgtool writes; and ours read from imgtool's.

Every slot is 64 KiB; nothing of it was written down before: imgtool makes each anew.
"""
import itertools
import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SLOT = 65536
PAYLOAD_BYTES = 5000
WRITE_SIZES = (1, 2, 4, 8, 16, 32)
MAGIC_8 = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")


def table():
    """write size, BOOT_MAX_ALIGN, BOOT_MAX_IMG_SECTORS, erased value, overwrite only, for good"""
    for write_size, erased, overwrite, good in itertools.product(WRITE_SIZES, (255, 0), (False, True), (False, True)):
        for max_align in sorted({max(8, write_size), 32}):
            for sectors in (16, 128, 300):
                yield write_size, max_align, sectors, erased, overwrite, good


CONFIGURATIONS = list(table())


class Ours:
    """interop-resident, one process for many questions."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split()

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0


class Imgtool:
    """imgtool in a process of its own; returns None, or why it refused."""

    def __init__(self, python, folder):
        self.key = folder / "key.pem"
        self.process = subprocess.Popen([python, ROOT / "interop/mcuboot/sign.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.run("keygen", "-k", self.key, "-t", "ecdsa-p256") is None

    def run(self, *words):
        self.process.stdin.write(json.dumps([str(word) for word in words]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def sign(self, payload, out, write_size, max_align, sectors, erased, overwrite, *words):
        return self.run("sign", "-k", self.key, "-v", "1.0.0", "-H", "0x200", "--pad-header", "-S", SLOT, "--align", write_size,
                        "--max-align", max_align, "--max-sectors", sectors, "-R", hex(erased) if erased else "0", *(["--overwrite-only"] if overwrite else []),
                        *words, payload, out)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mcuboot")


@pytest.fixture(scope="module")
def ours(build):
    program = Ours(build / "interop-resident")
    yield program
    program.close()


@pytest.fixture(scope="module")
def imgtool(mcu_tools, folder):
    program = Imgtool(mcu_tools / "python", folder)
    yield program
    program.close()


@pytest.fixture(scope="module")
def payload(folder):
    path = folder / "payload.bin"
    path.write_bytes(bytes(i * 7 & 0xff for i in range(PAYLOAD_BYTES)))
    return path


def test_a_request_is_the_slot_that_imgtool_writes(ours, imgtool, folder, payload):
    """ECDSA's signatures are random, so the image is signed once for both: imgtool pads it, we install and ask."""
    plain, padded, asked = folder / "plain.bin", folder / "padded.bin", folder / "asked.bin"
    for write_size, max_align, sectors, erased, overwrite, good in CONFIGURATIONS:
        where = f"write size {write_size}, max align {max_align}, {sectors} sectors, erased {erased:#x}, overwrite {overwrite}, good {good}"
        assert imgtool.sign(payload, padded, write_size, max_align, sectors, erased, overwrite, "--pad",
                            *(["--confirm"] if good else [])) is None, where
        slot = padded.read_bytes()
        assert len(slot) == SLOT, where
        image_bytes = end_of_image(slot)
        plain.write_bytes(slot[:image_bytes])
        said = ours("ask", "overwrite" if overwrite else "scratch", write_size, max_align, sectors, erased, "good" if good else "test", plain, asked)
        assert said == ["UD_OK"], where
        assert asked.read_bytes() == slot, where


def end_of_image(slot):
    """Header, payload, entries: their lengths say where it ends."""
    at = int.from_bytes(slot[8:10], "little") + int.from_bytes(slot[12:16], "little")
    assert slot[at:at + 2] == bytes.fromhex("0769")
    return at + int.from_bytes(slot[at + 2:at + 4], "little")


def test_trailers_by_imgtool_are_read_as_what_was_asked_of_it(ours, imgtool, folder, payload):
    padded = folder / "padded.bin"
    for write_size, max_align, sectors, erased, overwrite, good in CONFIGURATIONS:
        assert imgtool.sign(payload, padded, write_size, max_align, sectors, erased, overwrite, "--pad",
                            *(["--confirm"] if good else [])) is None
        kept = "set" if good and not overwrite else "unset"
        assert ours("read", max_align, erased, padded) == ["UD_OK", "set", kept, "unset", "0"]
        other = 16 if max_align != 16 else 32  # the magic of another alignment is another
        assert ours("read", other, erased, padded)[1] == "bad"
    assert imgtool.sign(payload, padded, 8, 8, 128, 255, False) is None  # not padded: there is no trailer
    padded.write_bytes(padded.read_bytes().ljust(SLOT, b"\xff"))
    assert ours("read", 8, 255, padded) == ["UD_OK", "unset", "unset", "unset", "0"]


def test_both_forms_of_the_magic_are_imgtools(ours, imgtool, folder, payload):
    padded = folder / "padded.bin"
    for max_align in (8, 16, 32):
        assert imgtool.sign(payload, padded, 8, max_align, 128, 255, False, "--pad") is None
        magic = padded.read_bytes()[-16:]
        assert (magic == MAGIC_8) == (max_align == 8)
        assert max_align == 8 or magic[:2] == bytes([max_align, 0])


@pytest.mark.parametrize("write_size, max_align, sectors", [(1, 8, 128), (4, 8, 32), (8, 8, 128), (8, 32, 64), (32, 32, 128)])
def test_the_largest_image_is_the_one_that_imgtool_takes(ours, imgtool, folder, write_size, max_align, sectors):
    """Ours in whole write units: never above imgtool's, and below it by less than a unit."""
    err, room = ours("room", "scratch", write_size, max_align, sectors, 255)
    assert err == "UD_OK"
    room = int(room)
    payload, out = folder / "full.bin", folder / "full-out.bin"
    payload.write_bytes(bytes(1000))
    assert imgtool.sign(payload, out, write_size, max_align, sectors, 255, False, "--pad-sig") is None
    around = out.stat().st_size - 1000
    payload.write_bytes(bytes(room - around - 4))  # a signature in DER is up to 4 bytes shorter or longer
    assert imgtool.sign(payload, out, write_size, max_align, sectors, 255, False, "--pad-sig", "--pad") is None
    payload.write_bytes(bytes(room - around + write_size + 4))
    assert imgtool.sign(payload, out, write_size, max_align, sectors, 255, False, "--pad-sig", "--pad") is not None
