"""Images that are executed from flash, at one address, on the emulated Cortex-M3: a swap without scratch brings each one there.

`boot-swap` has its root compiled in; `boot` finds the layout in the provisioning file. UD_CUTS=all lets power fail in every
flash operation of a swap and of a revert (`make mcu-cuts`); otherwise in a part of them, each time the same.
"""
import os
import shutil
import subprocess
from pathlib import Path

import cut_log
import pytest
from mcu_tool import STATUS_CUT, STATUS_NO_IMAGE
from test_mcu import FIRMWARE, Device, Works, firmware_of, make_envelope

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")

BOOTLOADERS = ["boot", "boot-swap"]
SECTOR = 4096
UNIT = 8
AREAS = {"running": 45056, "stored": 110592}  # `updraft device init --slot-bytes 65536 --layout swap`
SAMPLES = 24  # cuts tried, and all of those around the moments that matter
AROUND = 8
CRASHES = 5  # a version made here
HEALTHY, UNDEFINED = bytes.fromhex("0120"), bytes.fromhex("00de")  # movs r0, #1; udf #0


def crashing(folder: Path, healthy: str = "app-swap-2") -> Path:
    """Version 2 with one other instruction: what differs from version 1 is little, so every cut can be tried."""
    image = bytearray((FIRMWARE / f"{healthy}.bin").read_bytes())
    symbols = subprocess.run(["arm-none-eabi-nm", FIRMWARE / f"{healthy}.elf"], check=True, capture_output=True, text=True)
    address = {name: int(value, 16) for value, _, name in (line.split() for line in symbols.stdout.splitlines())}
    at = address["app_is_healthy"] - address["ud_vectors"]
    assert image[at:at + 2] == HEALTHY
    image[at:at + 2] = UNDEFINED
    path = folder / "crashing.bin"
    path.write_bytes(image)
    return path


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    works = Works(tmp_path_factory.mktemp("works"), "app-swap", "swap", "swap")
    works.images[CRASHES] = crashing(works.folder)
    works.envelopes[CRASHES] = make_envelope(works.folder, "crashing", works.images[CRASHES], CRASHES)
    return works


@pytest.fixture(params=BOOTLOADERS)
def device(works, tmp_path, request):
    return Device(works, tmp_path / "device", request.param)


@pytest.fixture
def product(works, tmp_path):
    return Device(works, tmp_path / "device", "boot-swap")


def area(device: Device, name: str, len_bytes: int, blocks_further: int = 0) -> bytes:
    """Looked at from outside, not through the code under test."""
    start = AREAS[name] + blocks_further * SECTOR
    return (device.folder / "flash.bin").read_bytes()[start:start + len_bytes]


def runs_from_its_place(device: Device, version: int) -> bool:
    image = device.works.images[version].read_bytes()
    return area(device, "running", len(image)) == image


def sectors_that_differ(device: Device, one: int, other: int) -> int:
    a, b = (device.works.images[v].read_bytes() for v in (one, other))
    return sum(a[at:at + SECTOR] != b[at:at + SECTOR] for at in range(0, max(len(a), len(b)), SECTOR))


def test_an_update_is_swapped_in_confirmed_and_the_old_image_is_kept(device):
    device.stage(2)
    assert runs_from_its_place(device, 1)
    device.tries_and_confirms(2)
    assert runs_from_its_place(device, 2)
    before = (device.folder / "flash.bin").read_bytes()
    app = device.start()
    assert (app["reason"], app["version"], app["operations"]) == ("normal", "2", "0")
    assert (device.folder / "flash.bin").read_bytes() == before


@pytest.mark.parametrize("version, outcome", [(3, "UD_ERR_CRASHED"), (4, "UD_ERR_UNCONFIRMED")])
def test_an_image_that_does_not_confirm_is_swapped_out_again(device, version, outcome):
    device.stage(version)
    with device.power_on() as chip:
        trial = chip.start()
        assert (trial["reason"], trial["version"]) == ("trial", str(version))
        app = chip.start()
        assert (app["reason"], app["version"], app["outcome"]) == ("reverted", "1", outcome)
        assert chip.off() == 0
    assert runs_from_its_place(device, 1)
    app = device.start()
    assert (app["reason"], app["version"], app["operations"]) == ("normal", "1", "0")


def test_an_image_changed_after_it_was_staged_is_not_swapped_in(device):
    device.stage(2)
    device.patch(b"app version=2", b"app version=7")
    app = device.start()
    assert (app["reason"], app["outcome"], app["version"]) == ("reverted", "UD_ERR_IMAGE_MISMATCH", "1")


def test_a_device_whose_only_image_was_changed_starts_nothing(device):
    device.patch(b"app version=1", b"app version=7")
    with device.power_on() as chip:
        assert chip.end() == STATUS_NO_IMAGE
        assert not any(line.startswith("app ") for line in chip.lines)


def test_only_sectors_that_differ_are_touched(product):
    product.stage(2)
    differing = sectors_that_differ(product, 1, 2)
    units = SECTOR // UNIT + 1  # programs and an erase
    with product.power_on() as chip:
        operations = int(chip.start()["operations"])
        assert chip.off() == 0
    assert 2 * differing * units <= operations < 2 * (differing + 1) * units
    assert differing < len(product.works.images[1].read_bytes()) // SECTOR


# ---- power cuts ----


def flat(images):
    """Of each version an image, or one for each component."""
    return [path for image in images for path in (image if isinstance(image, tuple) else (image,))]


class Cuts:
    """A device before a swap; each cut gets a flash of its own."""

    def __init__(self, product: Device, folder: Path, version: int, samples: int = SAMPLES, around: int = AROUND):
        self.product, self.folder, self.version = product, folder, version
        self.samples, self.around = samples, around
        folder.mkdir()
        product.stage(version)
        self.staged = (product.folder / "flash.bin").read_bytes()

    def points(self, moments: list[int]) -> list[int]:
        last = moments[-1]
        if os.environ.get("UD_CUTS") == "all":
            return list(range(1, last + 1))
        near = {at for moment in (0, *moments) for at in range(moment - self.around, moment + self.around + 1)}
        return sorted(at for at in near | set(range(1, last, last // self.samples)) if 0 < at <= last)

    def device(self, cut: int) -> Device:
        device = Device.__new__(Device)
        device.works, device.folder = self.product.works, self.folder / str(cut)
        device.bootloader, device.board = self.product.bootloader, self.product.board
        device.folder.mkdir()
        for file in self.product.folder.iterdir():
            if file.name != "flash.bin":
                shutil.copy(file, device.folder)
        (device.folder / "flash.bin").write_bytes(self.staged)
        return device

    def over(self, moments: list[int], check) -> set:
        """check(device, cut) -> how it ended, for each cut, on a device on which power has failed there."""
        def one(cut: int):
            device = self.device(cut)
            with device.power_on(cut) as chip:
                assert chip.end() == STATUS_CUT, f"operation {cut} of {moments[-1]}"
            ended = check(device, cut)
            shutil.rmtree(device.folder)
            return ended

        works, bootloader = self.product.works, self.product.bootloader
        firmware = [firmware_of(self.product.board) / f"{bootloader}.elf", *flat(works.images[version] for version in (1, self.version))]
        return cut_log.over(f"{bootloader}-{self.version}", firmware, self.points(moments), one)


def test_power_may_fail_in_every_flash_operation_of_a_swap(product, tmp_path):
    """Wherever it fails, the next start runs the old image or the new one, whole and in its place, and the one after is settled."""
    cuts = Cuts(product, tmp_path / "cuts", 2)
    with product.power_on() as chip:
        moments = [int(chip.start()["operations"]), int(chip.wait_for("app event=confirm")["operations"])]
        assert chip.off() == 0

    def check(device: Device, cut: int) -> tuple[str, str]:
        with device.power_on() as chip:
            app = chip.start()
            assert app["version"] in ("1", "2"), f"after a cut in operation {cut}"
            if app["trial"] == "yes":
                assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
            chip.reset()
            again = chip.start()
            assert (again["reason"], again["version"]) == ("normal", app["version"]), f"after a cut in operation {cut}"
            assert chip.off() == 0
        assert runs_from_its_place(device, int(app["version"])), f"after a cut in operation {cut}"
        return app["reason"], app["version"]

    assert cuts.over(moments, check) == {("trial", "2"), ("reverted", "1"), ("normal", "2")}


def test_power_may_fail_in_every_flash_operation_of_a_swap_and_its_revert(product, tmp_path):
    """A new image that crashes: wherever power fails in the swap or in the way back, the old one runs in the end."""
    cuts = Cuts(product, tmp_path / "cuts", CRASHES)
    with product.power_on() as chip:
        trial, reverted = chip.start(), chip.start()
        assert (trial["reason"], reverted["reason"], reverted["version"]) == ("trial", "reverted", "1")
        moments = [int(trial["operations"]), int(reverted["operations"])]
        assert chip.off() == 0

    def check(device: Device, cut: int) -> tuple[str, ...]:
        with device.power_on() as chip:
            started = [chip.start()]
            while started[-1]["version"] != "1":
                assert len(started) == 1, f"after a cut in operation {cut}: {started}"
                started.append(chip.start())
            assert chip.off() == 0
        assert runs_from_its_place(device, 1), f"after a cut in operation {cut}"
        said = tuple(app["reason"] for app in started)
        assert device.start()["reason"] == "normal", f"after a cut in operation {cut}"
        return said

    assert cuts.over(moments, check) == {("trial", "reverted"), ("reverted",), ("normal",)}
