"""Two components that switch together or not at all (attack D13), on the emulated Cortex-M3: the application, which is executed
from flash, and another processor's firmware beside it. `boot-several` has the layout compiled in as one const table; `boot` finds it in the
provisioning file."""
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from mcu_tool import FLASH_BYTES, STATUS_CUT
from test_mcu import DEADLINE_MS, FIRMWARE, UPDRAFT, Device, updraft
from test_mcu_swap import CRASHES, Cuts, crashing

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")

BOOTLOADERS = ["boot", "boot-several"]
SAMPLES, AROUND = 10, 2
COMPONENTS = ("app", "radio")
DESCRIPTION = """
[manifest]
vendor = example.com
class = sensor
sequence = {sequence}

[component app]
image = app.bin
start = yes

[component radio]
image = radio.bin
start = no
"""


def radio(version: int) -> bytes:
    """Much like the one before, and of another size."""
    data = bytearray(bytes(i * i % 251 for i in range(9000 + 100 * version)))
    data[5000:5010] = b"radio %04d" % version
    return bytes(data)


class Works:
    """Keys, signed releases of two images each, and a device as it leaves manufacture with the first of them."""

    def __init__(self, folder: Path):
        self.folder, self.made = folder, folder / "made"
        root = FIRMWARE.parent / "mcu-root"
        for file in root.glob("author.*"):
            shutil.copy(file, folder)
        self.images, self.envelopes = {}, {}
        for version, app in [(1, FIRMWARE / "app-swap-1.bin"), (2, FIRMWARE / "app-swap-2.bin"), (CRASHES, crashing(folder))]:
            self.release(version, app)
        images = [word for path in self.images[1] for word in ("--image", path)]
        components = [word for name in COMPONENTS for word in ("--component", name)]
        updraft("device", "init", self.made, "--vendor", "example.com", "--class", "sensor", "--anchor", folder / "author.pub",
                "--slot-bytes", "65536", "--layout", "swap", *components, "--trial-ms", str(DEADLINE_MS), "--factory",
                self.envelopes[1], *images)
        assert (self.made / "provisioning.cbor").read_bytes() == (root / "several/provisioning.cbor").read_bytes()
        with (self.made / "flash.bin").open("ab") as flash:  # the chip is larger than what is in use
            flash.write(b"\xff" * (FLASH_BYTES - flash.tell()))
        shown = subprocess.run([UPDRAFT, "device", "show", self.made, "--json"], check=True, capture_output=True).stdout
        self.areas = [component["slots"] for component in json.loads(shown)["components"]]

    def release(self, version: int, app: Path) -> None:
        folder = self.folder / str(version)
        folder.mkdir()
        shutil.copy(app, folder / "app.bin")
        (folder / "radio.bin").write_bytes(radio(version))
        (folder / "pair.ini").write_text(DESCRIPTION.format(sequence=version))
        updraft("create", folder / "pair.ini", "--output", folder / "pair.suit")
        updraft("sign", folder / "pair.suit", "--key", self.folder / "author.key")
        self.images[version] = (folder / "app.bin", folder / "radio.bin")
        self.envelopes[version] = folder / "pair.suit"


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    return Works(tmp_path_factory.mktemp("works"))


@pytest.fixture(params=BOOTLOADERS)
def device(works, tmp_path, request):
    return Device(works, tmp_path / "device", request.param)


@pytest.fixture
def product(works, tmp_path):
    return Device(works, tmp_path / "device", "boot-several")


def run_from_their_places(device: Device, version: int) -> list[bool]:
    """Of each component; looked at from outside, not through the code under test."""
    flash = (device.folder / "flash.bin").read_bytes()
    return [flash[slots[0][0]:].startswith(path.read_bytes())
            for slots, path in zip(device.works.areas, device.works.images[version], strict=True)]


def change_stored(device: Device, component: int, offset: int) -> None:
    """A byte of what was installed: the second area of a component, where images start behind its spare sector."""
    start, size = device.works.areas[component][1]
    with (device.folder / "flash.bin").open("r+b") as flash:
        flash.seek(start + size - 65536 + offset)
        byte = flash.read(1)
        flash.seek(-1, 1)
        flash.write(bytes([byte[0] ^ 1]))


def test_d13_two_components_are_swapped_in_and_confirmed_together(device):
    device.stage(2)
    assert run_from_their_places(device, 1) == [True, True]
    device.tries_and_confirms(2)
    assert run_from_their_places(device, 2) == [True, True]
    before = (device.folder / "flash.bin").read_bytes()
    assert device.start()["operations"] == "0"
    assert (device.folder / "flash.bin").read_bytes() == before


@pytest.mark.parametrize("component", [0, 1])
def test_d13_one_component_that_was_changed_keeps_both_from_being_swapped_in(device, component):
    device.stage(2)
    change_stored(device, component, 6000)
    app = device.start()
    assert (app["reason"], app["outcome"], app["version"]) == ("reverted", "UD_ERR_IMAGE_MISMATCH", "1")
    assert run_from_their_places(device, 1) == [True, True]


def test_d13_power_may_fail_while_two_components_change_places_and_change_back(product, tmp_path):
    """A version that crashes: wherever power fails, sampled, what starts has both components of one version."""
    cuts = Cuts(product, tmp_path / "cuts", CRASHES, SAMPLES, AROUND)
    with product.power_on() as chip:
        trial, reverted = chip.start(), chip.start()
        assert (trial["reason"], reverted["reason"], reverted["version"]) == ("trial", "reverted", "1")
        moments = [int(trial["operations"]), int(reverted["operations"])]
        assert chip.off() == 0
    assert run_from_their_places(product, 1) == [True, True]

    def check(device: Device, cut: int) -> tuple[str, ...]:
        with device.power_on() as chip:
            started = [chip.start()]
            while started[-1]["version"] != "1":
                assert len(started) == 1, f"after a cut in operation {cut}: {started}"
                started.append(chip.start())
            assert chip.off() == 0
        assert run_from_their_places(device, 1) == [True, True], f"after a cut in operation {cut}"
        return tuple(app["reason"] for app in started)

    assert cuts.over(moments, check) <= {("trial", "reverted"), ("reverted",), ("normal",)}


def test_d13_power_may_fail_while_two_components_change_places_for_good(product, tmp_path):
    cuts = Cuts(product, tmp_path / "cuts", 2, SAMPLES, AROUND)
    with product.power_on() as chip:
        moments = [int(chip.start()["operations"]), int(chip.wait_for("app event=confirm")["operations"])]
        assert chip.off() == 0

    def check(device: Device, cut: int) -> str:
        with device.power_on() as chip:
            app = chip.start()
            if app["trial"] == "yes":
                assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
            assert chip.off() == 0
        assert run_from_their_places(device, int(app["version"])) == [True, True], f"after a cut in operation {cut}"
        return app["version"]

    assert cuts.over(moments, check) == {"1", "2"}


def test_an_install_of_two_components_that_is_cut_again_and_again_goes_on_where_it_was(product, works):
    """Each run gets a little further than two sectors, from one image into the next."""
    resumed = [-1]
    staged: dict[str, str] = {}
    while not staged:
        with product.power_on(cut=1300) as chip:
            assert chip.start()["version"] == "1"
            staged = chip.stage(works.envelopes[2], works.images[2])
            assert chip.end() == STATUS_CUT if not staged else chip.off() == 0
            resumed.append(chip.resumed)
            assert resumed[-1] > resumed[-2], "no progress between two cuts"
    assert staged["err"] == "UD_OK" and resumed[-1] > works.images[2][0].stat().st_size
    app = product.start()
    assert (app["reason"], app["version"]) == ("trial", "2")
    assert run_from_their_places(product, 2) == [True, True]
