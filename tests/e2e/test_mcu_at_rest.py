"""Images that rest encrypted, on the emulated Cortex-M3: what lies outside the place where images run can be read by anybody with
a clip on the flash, and says nothing.

`boot-at-rest` decrypts an image on its way to where it runs, and encrypts the one that leaves. The secret is behind the
provisioning file (docs/mcu.md). What power cuts do to a swap without a cipher is test_mcu_swap.py's, in every operation; here
a part of them has to leave nothing that can be read.
"""
import hashlib
import os
import subprocess
from functools import cache

import pytest
from mcu_tool import STATUS_CUT, STATUS_DEVICE
from test_mcu import FIRMWARE, Device, Works, make_envelope
from test_mcu_swap import AREAS, CRASHES, SECTOR, Cuts, crashing, runs_from_its_place

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")

BLOCK = 16  # bytes of plaintext that are looked for at every address
SLOT = 65536
SAMPLES, AROUND = 8, 2
INSTALLED, DISPLACED = SECTOR, 0  # where an image starts in the second area; a swap's spare sector is before it at first
STORED_BYTES = SLOT + SECTOR
DIGEST_HEAD = bytes.fromhex("822f5820")  # [-16, byte string of 32]


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    works = Works(tmp_path_factory.mktemp("works"), "app-at-rest", "at-rest", "swap", versions=(1, 2, 3), options=("--at-rest",))
    works.images[CRASHES] = crashing(works.folder, "app-at-rest-2")
    works.envelopes[CRASHES] = make_envelope(works.folder, "crashing", works.images[CRASHES], CRASHES)
    return works


@pytest.fixture
def device(works, tmp_path):
    return Device(works, tmp_path / "device", "boot-at-rest")


@cache
def telling_blocks(image: bytes) -> frozenset[bytes]:
    """What gives an image away wherever it lies; runs of a few values do not."""
    blocks = {image[at:at + BLOCK] for at in range(0, len(image) - BLOCK + 1, BLOCK)}
    return frozenset(block for block in blocks if len(set(block)) > BLOCK // 2)


def plain_outside(device: Device, flash: bytes) -> list[int]:
    """Addresses outside the place where images run at which a block of an image lies in plain."""
    blocks = frozenset().union(*(telling_blocks(image.read_bytes()) for image in device.works.images.values()))
    assert len(blocks) > 1000
    end = AREAS["stored"] + STORED_BYTES + 3 * SECTOR  # and what a move writes of its own
    outside = [*range(AREAS["running"] - BLOCK + 1), *range(AREAS["running"] + SLOT, end)]
    assert set(flash[end:]) == {0xff}
    return [at for at in outside if flash[at:at + BLOCK] in blocks]


def flash_of(device: Device) -> bytes:
    return (device.folder / "flash.bin").read_bytes()


def says_nothing(device: Device) -> bool:
    return plain_outside(device, flash_of(device)) == []


def resting(device: Device, version: int, start: int) -> bytes:
    return flash_of(device)[AREAS["stored"] + start:][:device.works.images[version].stat().st_size]


def decrypted(device: Device, slot: int, version: int, start: int) -> bytes:
    """The stored image by another implementation, from what docs/formats.md says of it."""
    envelope = device.works.envelopes[version].read_bytes()
    digest = envelope[envelope.index(DIGEST_HEAD) + len(DIGEST_HEAD):][:32]
    secret = (device.folder / "at-rest.key").read_bytes()
    key = hashlib.sha256(b"\0\0\0\1" + secret + b"updraft image at rest" + digest + bytes([slot])).digest()[:16]
    sealed = resting(device, version, start)
    return subprocess.run(["openssl", "enc", "-aes-128-ctr", "-K", key.hex(), "-iv", "00" * 16], input=sealed, check=True,
                          capture_output=True).stdout


def test_the_search_finds_an_image_that_rests_in_plain(device):
    flash = bytearray(flash_of(device))
    assert plain_outside(device, bytes(flash)) == []
    at = AREAS["stored"] + 5
    flash[at:at + 4096] = device.works.images[2].read_bytes()[:4096]
    assert at in plain_outside(device, bytes(flash))


def test_an_update_rests_encrypted_before_and_the_old_image_after_it(device, works):
    device.stage(2)
    assert says_nothing(device) and runs_from_its_place(device, 1)
    assert decrypted(device, 1, 2, INSTALLED) == works.images[2].read_bytes()
    device.tries_and_confirms(2)
    assert says_nothing(device) and runs_from_its_place(device, 2)
    left, old, new = decrypted(device, 0, 1, DISPLACED), works.images[1].read_bytes(), works.images[2].read_bytes()
    changed = [at for at in range(0, len(old), SECTOR) if old[at:at + SECTOR] != new[at:at + SECTOR]]  # equal ones stay where they are
    assert changed and all(left[at:at + SECTOR] == old[at:at + SECTOR] for at in changed)
    before = flash_of(device)
    app = device.start()
    assert (app["reason"], app["version"], app["operations"]) == ("normal", "2", "0")
    assert flash_of(device) == before


def test_an_image_that_crashes_goes_back_to_where_it_rests_as_the_same_bytes(device):
    device.stage(3)
    rested = resting(device, 3, INSTALLED)
    with device.power_on() as chip:
        assert chip.start()["reason"] == "trial"
        app = chip.start()
        assert (app["reason"], app["version"], app["outcome"]) == ("reverted", "1", "UD_ERR_CRASHED")
        assert chip.off() == 0
    assert says_nothing(device) and runs_from_its_place(device, 1)
    assert resting(device, 3, INSTALLED) == rested


def test_two_devices_do_not_hold_the_same_bytes(works, tmp_path):
    rest = []
    for name in ("one", "other"):
        device = Device(works, tmp_path / name, "boot-at-rest")
        (device.folder / "at-rest.key").chmod(0o600)
        (device.folder / "at-rest.key").write_bytes(os.urandom(32))
        device.stage(2)
        assert decrypted(device, 1, 2, INSTALLED) == works.images[2].read_bytes()
        rest.append(flash_of(device)[AREAS["stored"]:][:SLOT])
    blocks = {rest[0][at:at + BLOCK] for at in range(0, SLOT, BLOCK)} - {b"\xff" * BLOCK}
    assert not any(rest[1][at:at + BLOCK] in blocks for at in range(0, SLOT, BLOCK))


def test_an_image_that_rests_under_another_secret_is_refused(device):
    device.stage(2)
    secret = (device.folder / "at-rest.key").read_bytes()
    (device.folder / "at-rest.key").write_bytes(bytes([secret[0] ^ 1]) + secret[1:])
    app = device.start()
    assert (app["reason"], app["outcome"], app["version"]) == ("reverted", "UD_ERR_IMAGE_MISMATCH", "1")
    assert says_nothing(device)


@pytest.mark.parametrize("blank", [b"", b"\xff" * 32])
def test_a_board_without_its_secret_starts_nothing(device, blank):
    (device.folder / "at-rest.key").write_bytes(blank) if blank else (device.folder / "at-rest.key").unlink()
    before = flash_of(device)
    with device.power_on() as chip:
        assert chip.end() == STATUS_DEVICE
    assert flash_of(device) == before


# ---- power cuts ----


def test_power_may_fail_while_images_change_places_and_nothing_is_to_be_read(device, tmp_path):
    """An image that crashes: in the swap and in the way back, sampled."""
    cuts = Cuts(device, tmp_path / "cuts", CRASHES, SAMPLES, AROUND)
    with device.power_on() as chip:
        trial, reverted = chip.start(), chip.start()
        assert (trial["reason"], reverted["reason"], reverted["version"]) == ("trial", "reverted", "1")
        moments = [int(trial["operations"]), int(reverted["operations"])]
        assert chip.off() == 0

    def check(device: Device, cut: int) -> str:
        assert says_nothing(device), f"cut in operation {cut}"
        with device.power_on() as chip:
            started = [chip.start()]
            while started[-1]["version"] != "1":
                assert len(started) == 1, f"after a cut in operation {cut}: {started}"
                started.append(chip.start())
            assert chip.off() == 0
        assert runs_from_its_place(device, 1) and says_nothing(device), f"after a cut in operation {cut}"
        return started[-1]["version"]

    assert cuts.over(moments, check) == {"1"}


def test_an_install_that_is_cut_again_and_again_leaves_nothing_to_be_read(device, works):
    """Each run gets a little further than two sectors."""
    staged: dict[str, str] = {}
    runs = 0
    while not staged:
        with device.power_on(cut=1300) as chip:
            assert chip.start()["version"] == "1"
            staged = chip.stage(works.envelopes[2], works.images[2])
            assert chip.end() == STATUS_CUT if not staged else chip.off() == 0
        assert says_nothing(device)
        runs += 1
    assert staged["err"] == "UD_OK" and runs > 3
    assert decrypted(device, 1, 2, INSTALLED) == works.images[2].read_bytes()
    app = device.start()
    assert (app["reason"], app["version"]) == ("trial", "2")
