"""A new image that replaces the old one, on the emulated Cortex-M3: nothing is left to go back to but the recovery image.

It lies in a place of its own, is executed there, takes the next update over the serial line and has it where images run.
`boot-overwrite` has its root compiled in; `boot` finds the layout in the provisioning file. UD_CUTS=all lets power fail in every
flash operation (`make mcu-cuts`); otherwise in a part of them, each time the same.
"""
import shutil

import pytest
from mcu_tool import STATUS_CUT, STATUS_NO_IMAGE
from test_mcu import FIRMWARE, Device, Works, make_envelope
from test_mcu_swap import Cuts, area, crashing, runs_from_its_place

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")

BOOTLOADERS = ["boot", "boot-overwrite"]
RECOVERY = 9  # its version; its sequence number is below that of every release
CRASHES, MENDED = 5, 6
RECOVERY_SLOT = "2"


class Recoverable(Works):
    """With a recovery image, written at manufacture."""

    def __init__(self, folder):
        for file in (FIRMWARE.parent / "mcu-root").glob("author.*"):
            shutil.copy(file, folder)
        image = FIRMWARE / f"app-overwrite-{RECOVERY}.bin"
        envelope = make_envelope(folder, "recovery", image, 1)
        super().__init__(folder, "app-overwrite", "overwrite", "overwrite",
                         options=("--recovery", str(envelope), "--recovery-image", str(image)))
        self.add(CRASHES, crashing(folder, "app-overwrite-2"))
        self.add(MENDED, self.images[2])

    def add(self, sequence: int, image) -> None:
        self.images[sequence], self.envelopes[sequence] = image, make_envelope(self.folder, f"more-{sequence}", image, sequence)


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    return Recoverable(tmp_path_factory.mktemp("works"))


@pytest.fixture(params=BOOTLOADERS)
def device(works, tmp_path, request):
    return Device(works, tmp_path / "device", request.param)


@pytest.fixture
def product(works, tmp_path):
    return Device(works, tmp_path / "device", "boot-overwrite")


def is_recovery(app: dict[str, str]) -> bool:
    return (app.get("reason"), app.get("version"), app.get("slot"), app.get("trial")) == ("recovery", str(RECOVERY), RECOVERY_SLOT, "no")


def takes_the_mended_one(device: Device) -> None:
    """From the recovery image, until it is confirmed and runs where images run."""
    with device.power_on() as chip:
        assert is_recovery(chip.start())
        assert chip.stage(device.works.envelopes[MENDED], device.works.images[MENDED])["err"] == "UD_OK"
        chip.reset()
        app = chip.start()
        assert (app["reason"], app["version"], app["sequence"], app["trial"]) == ("trial", "2", str(MENDED), "yes"), app["outcome"]
        assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
        chip.reset()
        assert chip.start()["reason"] == "normal"
        assert chip.off() == 0
    assert runs_from_its_place(device, MENDED)


def test_an_update_replaces_the_image_before_it(device):
    device.stage(2)
    assert runs_from_its_place(device, 1)
    device.tries_and_confirms(2)
    assert runs_from_its_place(device, 2)
    assert device.works.images[1].read_bytes() not in (device.folder / "flash.bin").read_bytes()
    app = device.start()
    assert (app["reason"], app["version"], app["operations"]) == ("normal", "2", "0")


@pytest.mark.parametrize("version, outcome", [(3, "UD_ERR_CRASHED"), (4, "UD_ERR_UNCONFIRMED")])
def test_an_image_that_does_not_confirm_leaves_the_recovery_image_which_takes_another(device, version, outcome):
    device.stage(version)
    with device.power_on() as chip:
        trial = chip.start()
        assert (trial["reason"], trial["version"]) == ("trial", str(version))
        app = chip.start()
        assert is_recovery(app) and app["outcome"] == outcome
        assert chip.off() == 0
    assert is_recovery(device.start())
    takes_the_mended_one(device)


def test_an_image_changed_after_it_was_staged_replaces_nothing(device):
    device.stage(2)
    device.patch(b"app version=2", b"app version=7")
    app = device.start()
    assert (app["reason"], app["outcome"], app["version"]) == ("reverted", "UD_ERR_IMAGE_MISMATCH", "1")
    assert runs_from_its_place(device, 1)


def test_a_device_whose_only_image_was_changed_starts_the_recovery_image_and_nothing_when_that_was_changed_too(device):
    device.patch(b"app version=1", b"app version=7")
    before = (device.folder / "flash.bin").read_bytes()
    app = device.start()
    assert is_recovery(app) and app["operations"] == "0"
    assert (device.folder / "flash.bin").read_bytes() == before
    device.patch(f"app version={RECOVERY}".encode(), b"app version=7")
    with device.power_on() as chip:
        assert chip.end() == STATUS_NO_IMAGE
        assert not any(line.startswith("app ") for line in chip.lines)


def test_the_recovery_image_takes_nothing_that_is_older_than_what_was_confirmed(device, works):
    device.stage(2)
    device.tries_and_confirms(2)
    device.stage(3)
    with device.power_on() as chip:
        assert chip.start()["reason"] == "trial"
        assert is_recovery(chip.start())
        chip.stage(works.envelopes[1], works.images[1])
        chip.reset()
        assert is_recovery(chip.start())
        assert chip.off() == 0
    takes_the_mended_one(device)


# ---- power cuts ----


def test_power_may_fail_in_every_flash_operation_of_an_overwrite(product, tmp_path):
    """Wherever it fails: the new image in its place, confirmed or its trial used up; then the recovery image, which takes another."""
    cuts = Cuts(product, tmp_path / "cuts", 2)
    with product.power_on() as chip:
        moments = [int(chip.start()["operations"]), int(chip.wait_for("app event=confirm")["operations"])]
        assert chip.off() == 0

    def check(device: Device, cut: int) -> str:
        with device.power_on() as chip:
            app = chip.start()
            if app["trial"] == "yes":
                assert chip.wait_for("app event=confirm")["err"] == "UD_OK", f"after a cut in operation {cut}"
            assert chip.off() == 0
        if is_recovery(app):
            takes_the_mended_one(device)
            return "recovery"
        assert app["version"] == "2", f"after a cut in operation {cut}"
        again = device.start()
        assert (again["reason"], again["version"], again["operations"]) == ("normal", "2", "0"), f"after a cut in operation {cut}"
        assert runs_from_its_place(device, 2), f"after a cut in operation {cut}"
        return str(app["reason"])

    assert cuts.over(moments, check) == {"trial", "recovery", "normal"}


def test_power_may_fail_in_every_flash_operation_of_an_overwrite_that_crashes(product, tmp_path):
    """Wherever it fails, in the end the recovery image runs, and nothing else ever does but the image on trial."""
    cuts = Cuts(product, tmp_path / "cuts", CRASHES)
    with product.power_on() as chip:
        trial, recovery = chip.start(), chip.start()
        assert trial["reason"] == "trial" and is_recovery(recovery)
        moments = [int(trial["operations"]), int(recovery["operations"])]
        assert chip.off() == 0

    def check(device: Device, cut: int) -> tuple[str, ...]:
        with device.power_on() as chip:
            started = [chip.start()]
            if not is_recovery(started[-1]):
                started.append(chip.start())
            assert chip.off() == 0
        assert is_recovery(started[-1]), f"after a cut in operation {cut}: {started}"
        app = device.start()
        assert is_recovery(app) and app["operations"] == "0", f"after a cut in operation {cut}"
        return tuple(app["reason"] for app in started)

    assert cuts.over(moments, check) == {("trial", "recovery"), ("recovery",)}


def test_power_may_fail_while_the_recovery_image_installs_and_it_goes_on(product):
    """Into the place where images run: what lies there half is never started."""
    product.stage(3)
    with product.power_on() as chip:
        assert chip.start()["reason"] == "trial" and is_recovery(chip.start())
        assert chip.off() == 0
    image, envelope = product.works.images[MENDED], product.works.envelopes[MENDED]
    resumed, failures, operations = [], 0, 1500
    while True:
        with product.power_on(cut=operations) as chip:
            assert is_recovery(chip.start()), f"after {failures} failures"
            staged = chip.stage(envelope, image)
            if staged:
                assert staged["err"] == "UD_OK"
                assert chip.off() == 0
                break
            assert chip.end() == STATUS_CUT
        resumed.append(chip.resumed)
        failures += 1
        assert area(product, "running", len(image.read_bytes())) != image.read_bytes() or failures > 1
        assert failures < 40
    assert failures > 2 and sorted(resumed) == resumed and resumed[-1] > 0
    product.tries_and_confirms(2)
    assert runs_from_its_place(product, MENDED)
