"""The same sources on other processors: Cortex-M4 (mps2-an386) and Cortex-M33, all of it secure (mps2-an505), in QEMU."""
import pytest
from test_mcu import FIRMWARE, Device, Works, firmware_of

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")

BOARDS = ["mps2-an386", "mps2-an505"]
LAYOUTS = {"boot-small": ("app", "device", "ab"), "boot-swap": ("app-swap", "swap", "swap")}


@pytest.fixture(params=[(board, boot) for board in BOARDS for boot in LAYOUTS], ids=lambda pair: "-".join(pair))
def device(tmp_path, request):
    board, bootloader = request.param
    works = Works(tmp_path, *LAYOUTS[bootloader], firmware_of(board))
    return Device(works, tmp_path / "device", bootloader, board)


def test_an_update_is_tried_and_confirmed(device):
    device.stage(2)
    device.tries_and_confirms(2)


@pytest.mark.parametrize("version, outcome", [(3, "UD_ERR_CRASHED"), (4, "UD_ERR_UNCONFIRMED")])
def test_an_image_that_does_not_confirm_is_reverted(device, version, outcome):
    """Version 3 writes over the provisioning file: memory protection, of another kind on each board, makes that a fault. Version 4
    hangs until the watchdog ends it."""
    device.stage(version)
    with device.power_on() as chip:
        trial = chip.start()
        assert (trial["reason"], trial["version"]) == ("trial", str(version))
        app = chip.start()
        assert (app["reason"], app["version"], app["outcome"]) == ("reverted", "1", outcome)
        assert chip.off() == 0
    app = device.start()
    assert (app["reason"], app["version"], app["outcome"]) == ("normal", "1", outcome)
