"""D15: the bootloader of a product, with every single instruction of its way through a start left out in turn, starts no
image that was not signed. UD_SKIP=all tries all of them (`make mcu-skip`); otherwise a part of them, each time the same."""
import os
import struct
import time

import pytest
from skip_tool import BOOTED, HALTED, Bench, Firmware
from test_mcu import FIRMWARE, Device, Works

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")

SAMPLED = 40  # one instruction in so many
LIMIT_TIMES = 20  # a start that takes so much longer than usual hangs
LIMIT_S = 1.5  # but never less


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    return Works(tmp_path_factory.mktemp("works"))


def bend_signature(device: Device) -> None:
    """One bit of the stored envelope's signature."""
    envelope = device.works.envelopes[1].read_bytes()
    head = b"\xf6\x58\x40"  # no payload, then a byte string of 64
    signature = envelope[envelope.index(head) + len(head):][:64]
    device.patch(signature, bytes([signature[0] ^ 1]) + signature[1:])


def bend_image(device: Device) -> None:
    device.patch(b"app version=1", b"app version=7")


@pytest.mark.parametrize("bend", [bend_signature, bend_image])
def test_d15_no_single_instruction_left_out_starts_an_unsigned_image(works, tmp_path, bend):
    device = Device(works, tmp_path / "device", "boot-small")
    bend(device)
    firmware = Firmware(FIRMWARE / "boot-small.elf")
    entry = struct.unpack("<II", works.images[1].read_bytes()[:8])[1]
    step = 1 if os.environ.get("UD_SKIP") == "all" else SAMPLED
    wrong, counts = [], {}
    with Bench(firmware, device.folder) as bench:
        bench.break_at_image(entry)
        assert bench.start() == HALTED
        begun = time.monotonic()
        assert bench.start() == HALTED  # a warm start: what a skip begins with
        bench.limit_s = max(LIMIT_S, LIMIT_TIMES * (time.monotonic() - begun))
        places = bench.executed()
        assert len(places) > 2000
        for at in places[::step]:
            said = bench.skip(at)
            counts[said] = counts.get(said, 0) + 1
            if said == BOOTED:
                wrong.append(f"{at:#x} {firmware.function_of[at]}")
    print(f"{len(places)} instructions, of which {len(places[::step])} were left out: {counts}")
    assert not wrong


def test_the_bench_notices_an_image_that_starts(works, tmp_path):
    device = Device(works, tmp_path / "device", "boot-small")
    with Bench(Firmware(FIRMWARE / "boot-small.elf"), device.folder) as bench:
        bench.break_at_image(struct.unpack("<II", works.images[1].read_bytes()[:8])[1])
        assert bench.start() == BOOTED
