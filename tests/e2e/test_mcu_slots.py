"""A/B execution on the emulated Cortex-M3: each release has two images, linked for one slot each, and runs where it was installed.

Nothing moves. The manifest describes both images by the slot they are for, the device takes that for the slot that does not run.
"""
import os
import subprocess
from pathlib import Path

import pytest
from mcu_tool import STATUS_CUT
from test_mcu import FIRMWARE, UPDRAFT, Device, Works

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")

SLOTS = (0, 1)
CRASHES = 3
SAMPLES = 16  # cuts tried, besides all of the first ones
FIRST = 8

MANIFEST = """[manifest]
sequence = {sequence}
vendor = example.com
class = sensor

[component app]

[shared]
vendor-id = example.com
class-id = sensor
try = in-a, in-b
check = vendor
check = class

[sequence in-a]
slot = 0
check = slot
image = {a}

[sequence in-b]
slot = 1
check = slot
image = {b}

[install]
do = fetch
check = image

[validate]
check = image

[invoke]
do = invoke
"""


class TwoImages(Works):
    """`images` are those of slot A, which a device leaves manufacture with; `linked` has both of each version."""

    def __init__(self, folder: Path):
        super().__init__(folder, "app-slot-0", versions=(1, 2, 3))
        self.linked = {v: [FIRMWARE / f"app-slot-{slot}-{v}.bin" for slot in SLOTS] for v in (1, 2, 3)}
        self.releases = {sequence: self.release(version, sequence) for version, sequence in ((2, 2), (CRASHES, 3), (1, 4))}

    def release(self, version: int, sequence: int) -> Path:
        description, envelope = self.folder / f"pair-{sequence}.ini", self.folder / f"pair-{sequence}.suit"
        a, b = self.linked[version]
        description.write_text(MANIFEST.format(sequence=sequence, a=a, b=b))
        for words in (["create", description, "--output", envelope], ["sign", envelope, "--key", self.folder / "author.key"]):
            made = subprocess.run([UPDRAFT, *words], capture_output=True, text=True, timeout=60)
            assert made.returncode == 0, made.stderr
        return envelope


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    return TwoImages(tmp_path_factory.mktemp("works"))


@pytest.fixture
def device(works, tmp_path):
    return Device(works, tmp_path / "device", "boot-slots")


def stage(device: Device, sequence: int, image: Path) -> None:
    with device.power_on() as chip:
        chip.start()
        assert chip.stage(device.works.releases[sequence], image)["err"] == "UD_OK"
        assert chip.off() == 0


def tries_and_confirms(device: Device, version: int, slot: int) -> None:
    with device.power_on() as chip:
        app = chip.start()
        assert (app["reason"], app["version"], app["slot"], app["trial"]) == ("trial", str(version), str(slot), "yes"), app["outcome"]
        assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
        chip.reset()
        app = chip.start()
        assert (app["reason"], app["version"], app["slot"]) == ("normal", str(version), str(slot))
        assert chip.off() == 0


def test_releases_run_from_one_slot_and_the_other_in_turn_and_nothing_moves(device, works):
    stage(device, 2, works.linked[2][1])
    before = (device.folder / "flash.bin").read_bytes()
    assert all(works.linked[version][slot].read_bytes() in before for version, slot in ((1, 0), (2, 1)))
    tries_and_confirms(device, 2, 1)
    app = device.start()
    assert (app["reason"], app["version"], app["slot"], app["operations"]) == ("normal", "2", "1", "0")
    after = (device.folder / "flash.bin").read_bytes()
    assert all(works.linked[version][slot].read_bytes() in after for version, slot in ((1, 0), (2, 1)))
    stage(device, 4, works.linked[1][0])
    tries_and_confirms(device, 1, 0)


def test_an_image_that_crashes_is_reverted_to_the_other_slot_which_was_never_touched(device, works):
    stage(device, 3, works.linked[CRASHES][1])
    with device.power_on() as chip:
        trial = chip.start()
        assert (trial["reason"], trial["version"], trial["slot"]) == ("trial", str(CRASHES), "1")
        app = chip.start()
        assert (app["reason"], app["version"], app["slot"], app["outcome"]) == ("reverted", "1", "0", "UD_ERR_CRASHED")
        assert chip.off() == 0
    app = device.start()
    assert (app["reason"], app["version"], app["operations"]) == ("normal", "1", "0")


def test_an_image_that_is_linked_for_the_other_slot_is_never_started(device, works):
    """Its bytes are signed, for slot A; in B its code would run on in whatever lies in A."""
    stage(device, 2, works.linked[2][0])
    app = device.start()
    assert (app["reason"], app["version"], app["slot"], app["outcome"]) == ("reverted", "1", "0", "UD_ERR_IMAGE_MISMATCH")


def test_power_may_fail_in_every_flash_operation_of_a_trial_and_its_revert(device, works):
    """Wherever it fails, what starts is one of the two, in its own slot, and in the end the old one."""
    stage(device, 3, works.linked[CRASHES][1])
    staged = (device.folder / "flash.bin").read_bytes()
    with device.power_on() as chip:
        assert chip.start()["reason"] == "trial"
        last = int(chip.start()["operations"])
        assert chip.off() == 0
    every = os.environ.get("UD_CUTS") == "all"
    cuts = range(1, last + 1) if every else sorted({*range(1, min(FIRST, last) + 1), *range(1, last + 1, max(1, last // SAMPLES)), last})
    ways = set()
    for cut in cuts:
        (device.folder / "flash.bin").write_bytes(staged)
        with device.power_on(cut) as chip:
            assert chip.end() == STATUS_CUT, f"operation {cut} of {last}"
        with device.power_on() as chip:
            started = [chip.start()]
            if started[-1]["version"] != "1":
                started.append(chip.start())
            assert chip.off() == 0
        assert all(app["slot"] == ("0" if app["version"] == "1" else "1") for app in started), f"operation {cut} of {last}"
        assert started[-1]["version"] == "1", f"operation {cut} of {last}"
        ways.add(tuple(app["reason"] for app in started))
        app = device.start()
        assert (app["reason"], app["version"], app["operations"]) == ("normal", "1", "0"), f"operation {cut} of {last}"
    assert ("trial", "reverted") in ways and ("reverted",) in ways, ways
