"""A bootloader that is updated itself, on the emulated Cortex-M3 (attack D14): a first stage that never changes starts one of two second stages.

The second stage runs from RAM and starts applications from flash, with a swap; only an application that it started
confirms it. UD_CUTS=all lets power fail in every flash operation of a second stage's trial and way back, and in one of eight of its
install, which are thousands alike (`make mcu-cuts`).
"""
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import cut_log
import pytest
from mcu_tool import FLASH_BYTES, STATUS_CUT, STATUS_NO_IMAGE, Chip
from test_mcu import FIRMWARE, KIND, UPDRAFT, make_envelope, updraft

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")

FIRST_OFFSET = 0x800000  # of the first stage's part of the flash
STAGE_KIND = ("--vendor", "example.com", "--class", "sensor-boot")
TRIAL, REVERTED, NORMAL = "2", "3", "1"  # ud_boot_reason
CRASHES = 3
SAMPLES = 8
AROUND = 3
STEP = 3  # of the trial's few operations


class Works:
    def __init__(self, folder: Path):
        root = FIRMWARE.parent / "mcu-root"
        for file in root.glob("author.*"):
            shutil.copy(file, folder)
        updraft("keygen", "--output", folder / "stranger")
        self.folder, self.made = folder, folder / "made"
        self.images = {v: FIRMWARE / f"stage-{v}.bin" for v in (1, 2, 3)}
        self.envelopes = {v: self.sign(f"stage-{v}", image, v) for v, image in self.images.items()}
        self.app = FIRMWARE / "app-stages-1.bin"
        self.app_envelope = make_envelope(folder, "app", self.app, 1)
        anchor = ("--anchor", folder / "author.pub", "--slot-bytes", "65536")
        updraft("device", "init", self.made, *KIND, *anchor, "--layout", "swap", "--trial-ms", "2000",
                "--factory", self.app_envelope, "--image", self.app)
        updraft("device", "init", folder / "first", *STAGE_KIND, *anchor, "--trial-ms", "5000",
                "--factory", self.envelopes[1], "--image", self.images[1])
        for made, name in ((self.made, "swap"), (folder / "first", "first")):
            assert (made / "provisioning.cbor").read_bytes() == (root / name / "provisioning.cbor").read_bytes()
        own, first = ((f / "flash.bin").read_bytes() for f in (self.made, folder / "first"))
        (self.made / "flash.bin").write_bytes((own.ljust(FIRST_OFFSET, b"\xff") + first).ljust(FLASH_BYTES, b"\xff"))

    def sign(self, name: str, image: Path, sequence: int, key: str = "author") -> Path:
        envelope = self.folder / f"{name}.suit"
        updraft("create", "--image", image, *STAGE_KIND, "--sequence", str(sequence), "--output", envelope)
        updraft("sign", envelope, "--key", self.folder / f"{key}.key")
        return envelope


class Device:
    def __init__(self, works: Works, folder: Path, flash: bytes | None = None):
        self.works, self.folder = works, folder
        folder.mkdir(parents=True)
        shutil.copy(works.made / "provisioning.cbor", folder)
        (folder / "flash.bin").write_bytes(flash or (works.made / "flash.bin").read_bytes())

    def power_on(self, cut: int = 0) -> Chip:
        return Chip(FIRMWARE / "boot-first.elf", self.folder, cut)

    def flash(self) -> bytes:
        return (self.folder / "flash.bin").read_bytes()

    def stage(self, version: int, envelope: Path | None = None) -> dict[str, str]:
        with self.power_on() as chip:
            start(chip)
            staged = chip.stage(envelope or self.works.envelopes[version], self.works.images[version], "boot")
            assert chip.off() == 0
        return staged


def start(chip: Chip) -> dict[str, str]:
    """What the application says of the second stage that started it; {} when nothing started any more."""
    said = chip.wait_for("app event=stage")
    if said:
        assert chip.start()["version"] == "1"
    return said


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    return Works(tmp_path_factory.mktemp("stages"))


@pytest.fixture
def device(works, tmp_path):
    return Device(works, tmp_path / "device")


def digest_of_manifest(envelope: Path) -> bytes:
    said = subprocess.run([UPDRAFT, "inspect", "--json", envelope], check=True, capture_output=True, text=True).stdout
    return bytes.fromhex(json.loads(said)["digest"])


def measured(works: Works, version: int) -> str:
    """The chain that docs/formats.md section 6 says, from the files."""
    chain = bytes(32)
    for part in (digest_of_manifest(works.envelopes[version]), hashlib.sha256(works.images[version].read_bytes()).digest()):
        chain = hashlib.sha256(chain + part).digest()
    chain, before = bytes(32), chain
    for part in (before, digest_of_manifest(works.app_envelope), hashlib.sha256(works.app.read_bytes()).digest()):
        chain = hashlib.sha256(chain + part).digest()
    return chain.hex()


def test_two_stages_start_an_application_and_a_start_with_nothing_to_do_writes_nothing(device, works):
    before = device.flash()
    with device.power_on() as chip:
        said = start(chip)
        assert (said["reason"], said["sequence"], said["slot"]) == (NORMAL, "1", "0")
        assert any(line.startswith("stage-1 event=choose") for line in chip.lines)
        assert said["measured"] == measured(works, 1)
        assert chip.off() == 0
    assert device.flash() == before


def test_a_new_second_stage_is_tried_and_confirmed_by_the_application_that_it_started(device, works):
    assert device.stage(2)["err"] == "UD_OK"
    with device.power_on() as chip:
        said = start(chip)
        assert (said["reason"], said["sequence"], said["slot"]) == (TRIAL, "2", "1")
        assert any(line.startswith("stage-2 event=choose") for line in chip.lines)
        assert said["measured"] == measured(works, 2)
        assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
        chip.reset()
        assert (said := start(chip))["reason"] == NORMAL and said["sequence"] == "2"
        assert chip.off() == 0


def test_a_second_stage_that_crashes_gives_way_to_the_one_before(device):
    assert device.stage(CRASHES)["err"] == "UD_OK"
    with device.power_on() as chip:
        said = start(chip)
        assert (said["reason"], said["sequence"], said["outcome"]) == (REVERTED, "1", "UD_ERR_CRASHED")
        assert chip.off() == 0


def test_d14_a_second_stage_changed_or_signed_by_a_stranger_is_not_started(device, works):
    foreign = works.sign("foreign", works.images[2], 9, key="stranger")
    before = device.flash()
    assert device.stage(2, foreign)["err"] == "UD_ERR_UNTRUSTED"
    assert device.flash() == before
    assert device.stage(2)["err"] == "UD_OK"
    flash = bytearray(device.flash())
    at = flash.rindex(b"stage-2 event=choose")
    flash[at:at + 7] = b"stage-9"
    (device.folder / "flash.bin").write_bytes(flash)
    with device.power_on() as chip:
        said = start(chip)
        assert (said["reason"], said["sequence"], said["outcome"]) == (REVERTED, "1", "UD_ERR_IMAGE_MISMATCH")
        assert chip.off() == 0


def test_a_device_without_a_second_stage_that_verifies_starts_nothing(device, works):
    flash = bytearray(device.flash())
    at = flash.index(b"stage-1 event=choose")
    flash[at:at + 7] = b"stage-9"
    (device.folder / "flash.bin").write_bytes(flash)
    with device.power_on() as chip:
        assert chip.end() == STATUS_NO_IMAGE
        assert chip.lines == []


# ---- power cuts ----


def is_long() -> bool:
    return os.environ.get("UD_CUTS") == "all"


def points(moments: list[int], last: int) -> list[int]:
    samples = last // 8 if is_long() else SAMPLES
    near = {at for moment in moments for at in range(moment - AROUND, moment + AROUND + 1)}
    return sorted(at for at in near | set(range(1, last, last // samples)) if 0 < at <= last)


def everywhere(name: str, works: Works, folder: Path, staged: bytes, cuts: list[int], act, check) -> set:
    """For each cut: a device of its own; act(chip) until power fails; check(device, cut) -> how it ended."""
    def one(cut: int):
        device = Device(works, folder / str(cut), staged)
        with device.power_on(cut) as chip:
            act(chip)
            assert chip.end() == STATUS_CUT, f"operation {cut}"
        ended = check(device, cut)
        shutil.rmtree(device.folder)
        return ended

    firmware = [FIRMWARE / "boot-first.elf", works.app, *works.images.values()]
    return cut_log.over(f"boot-first-{name}", firmware, cuts, one)


def settled(device: Device, cut: int) -> tuple[str, str]:
    """The next start runs one of the two, whole; it is confirmed, and stays."""
    with device.power_on() as chip:
        said = start(chip)
        assert said.get("sequence") in ("1", "2"), f"after a cut in operation {cut}"
        if said["reason"] == TRIAL:
            assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
        chip.reset()
        again = start(chip)
        assert (again["reason"], again["sequence"]) == (NORMAL, said["sequence"]), f"after a cut in operation {cut}"
        assert chip.off() == 0
    return said["reason"], said["sequence"]


def test_d14_power_may_fail_in_every_flash_operation_of_a_second_stage_s_trial(works, tmp_path):
    device = Device(works, tmp_path / "device")
    device.stage(2)
    staged = device.flash()
    with device.power_on() as chip:
        start(chip)
        last = int(chip.wait_for("app event=confirm")["operations"])
        assert chip.off() == 0
    ended = everywhere("trial", works, tmp_path, staged, list(range(1, last + 1, 1 if is_long() else STEP)), start, settled)
    assert ended == {(TRIAL, "2"), (REVERTED, "1"), (NORMAL, "2")}


def test_d14_power_may_fail_in_every_flash_operation_of_the_way_back(works, tmp_path):
    device = Device(works, tmp_path / "device")
    device.stage(CRASHES)
    staged = device.flash()
    with device.power_on() as chip:
        start(chip)
        last = int(chip.wait_for("app event=confirm")["operations"])
        assert chip.off() == 0

    def reverted(device: Device, cut: int) -> str:
        with device.power_on() as chip:
            said = start(chip)
            assert said.get("sequence") == "1", f"after a cut in operation {cut}"
            assert chip.off() == 0
        return said["sequence"]

    everywhere("back", works, tmp_path, staged, list(range(1, last + 1, 1 if is_long() else STEP)), start, reverted)


def test_d14_power_may_fail_anywhere_in_a_second_stage_s_install(works, tmp_path):
    device = Device(works, tmp_path / "device")
    before = device.flash()
    with device.power_on() as chip:
        start(chip)
        first = int(chip.wait_for("app event=confirm")["operations"])
        chip.stage(works.envelopes[2], works.images[2], "boot")
        chip.send(b"stage\n")  # refused, and says how many operations there were
        last = int(chip.wait_for("app event=command")["operations"])
        assert chip.off() == 0

    def install(chip: Chip) -> None:
        start(chip)
        chip.stage(works.envelopes[2], works.images[2], "boot")

    def goes_on(device: Device, cut: int) -> tuple[str, str]:
        """Nothing, or all of it: then it is installed once more, from where it was."""
        with device.power_on() as chip:
            said = start(chip)
            assert said.get("sequence") in ("1", "2"), f"after a cut in operation {cut}"
            assert chip.off() == 0
        if said["sequence"] == "1":
            assert device.stage(2)["err"] == "UD_OK"
        return settled(device, cut)

    assert last - first > works.images[2].stat().st_size // 8
    ended = everywhere("install", works, tmp_path, before, points([first, last], last), install, goes_on)
    assert ended <= {(TRIAL, "2"), (NORMAL, "2")} and ended
