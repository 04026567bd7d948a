"""The bootloaders on an emulated Cortex-M3: what `make mcu` built, against a flash file that outlives the emulator.

UPDRAFT_MCU names the folder of the firmware; without it these tests are skipped. There are three bootloaders from the
same sources: one that reads a provisioning file and says what it does, and two that have their root compiled in and say
nothing, with our own cryptography and with mbedTLS.
"""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from mcu_tool import FLASH_BYTES, STATUS_CUT, STATUS_DEVICE, STATUS_NO_IMAGE, Chip
from smp_tool import Smp

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = Path(os.environ["UPDRAFT_MCU"]) if "UPDRAFT_MCU" in os.environ else None
UPDRAFT = Path(os.environ.get("UPDRAFT_BUILD", ROOT / "build/release")) / "updraft"

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")

BOOTLOADERS = ["boot", "boot-small", "boot-mbedtls"]
KIND = ["--vendor", "example.com", "--class", "sensor"]
DEADLINE_MS = 2000


def updraft(*words) -> None:
    subprocess.run([UPDRAFT, *words], check=True, capture_output=True, timeout=60)


def make_envelope(folder: Path, name: str, image: Path, sequence: int, key: str = "author") -> Path:
    envelope = folder / f"{name}.suit"
    updraft("create", "--image", image, *KIND, "--sequence", str(sequence), "--output", envelope)
    updraft("sign", envelope, "--key", folder / f"{key}.key")
    return envelope


class Works:
    """Keys, four signed releases, and a device as it leaves manufacture with the first of them."""

    def __init__(self, folder: Path, images: str = "app", root_name: str = "device", layout: str = "ab",
                 firmware: Path | None = FIRMWARE, versions: tuple[int, ...] = (1, 2, 3, 4),
                 author: str = "author", options: tuple[str, ...] = ()):
        self.folder = folder
        root = FIRMWARE.parent / "mcu-root"  # what two bootloaders have compiled in
        for file in root.glob(f"{author}.*"):
            shutil.copy(file, folder)
        self.images = {v: firmware / f"{images}-{v}.bin" for v in versions}
        updraft("keygen", "--output", folder / "stranger")
        self.envelopes = {v: make_envelope(folder, f"app-{v}", image, v, author) for v, image in self.images.items()}
        self.made = folder / "made"
        updraft("device", "init", self.made, *KIND, "--anchor", folder / f"{author}.pub", "--slot-bytes", "65536",
                "--layout", layout, "--trial-ms", str(DEADLINE_MS), *options, "--factory", self.envelopes[1], "--image", self.images[1])
        assert (self.made / "provisioning.cbor").read_bytes() == (root / root_name / "provisioning.cbor").read_bytes()
        with (self.made / "flash.bin").open("ab") as flash:  # the chip is larger than what is in use
            flash.write(b"\xff" * (FLASH_BYTES - flash.tell()))


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    return Works(tmp_path_factory.mktemp("works"))


def firmware_of(board: str) -> Path:
    """Each board's is beside that of mps2-an385."""
    return FIRMWARE if board == "mps2-an385" else FIRMWARE.with_name(f"{FIRMWARE.name}-{board.removeprefix('mps2-')}")


class Device:
    def __init__(self, works: Works, folder: Path, bootloader: str, board: str = "mps2-an385"):
        self.works, self.folder, self.bootloader, self.board = works, folder, bootloader, board
        shutil.copytree(works.made, folder)

    def at(self, folder: Path, copies: Path) -> "Device":
        """Another of the same kind, with what a folder has of one."""
        device = Device.__new__(Device)
        device.works, device.folder, device.bootloader, device.board = self.works, folder, self.bootloader, self.board
        shutil.copytree(copies, folder)
        return device

    def power_on(self, cut: int = 0, **more) -> Chip:
        return Chip(firmware_of(self.board) / f"{self.bootloader}.elf", self.folder, cut, board=self.board, **more)

    def start(self) -> dict[str, str]:
        """One start, and power off again."""
        with self.power_on() as chip:
            said = chip.start()
            assert chip.off() == 0
        return said

    def stage(self, version: int) -> dict[str, str]:
        with self.power_on() as chip:
            chip.start()
            staged = chip.stage(self.works.envelopes[version], self.works.images[version])
            assert chip.off() == 0
        assert staged["err"] == "UD_OK"
        return staged

    def tries_and_confirms(self, version: int) -> None:
        """What was staged is started on trial, confirms itself, and is what starts after a reset."""
        with self.power_on() as chip:
            app = chip.start()
            assert (app["reason"], app["version"], app["trial"]) == ("trial", str(version), "yes"), app["outcome"]
            assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
            chip.reset()
            app = chip.start()
            assert (app["reason"], app["version"], app["trial"]) == ("normal", str(version), "no")
            assert chip.off() == 0

    def patch(self, find: bytes, put: bytes) -> None:
        """Somebody with a soldering iron: the first occurrence in flash becomes something else."""
        with (self.folder / "flash.bin").open("r+b") as flash:
            at = flash.read().index(find)
            flash.seek(at)
            flash.write(put)


def smp_of(chip: Chip) -> Smp:
    return Smp(chip.send, chip.raw_line)


def values_of_errors() -> dict[str, str]:
    return dict(re.findall(r"X\((UD_\w+),\s+(\d+),", (ROOT / "include/updraft/err.h").read_text()))


@pytest.fixture(params=BOOTLOADERS)
def device(works, tmp_path, request):
    return Device(works, tmp_path / "device", request.param)


@pytest.fixture
def product(works, tmp_path):
    """For what takes long: the bootloader that a product would have."""
    return Device(works, tmp_path / "device", "boot-small")


def test_a_verified_image_boots_and_a_boot_with_nothing_to_do_writes_nothing(device):
    before = (device.folder / "flash.bin").read_bytes()
    app = device.start()
    assert (app["reason"], app["sequence"], app["slot"]) == ("normal", "1", "0")
    assert (app["version"], app["trial"]) == ("1", "no")
    assert (device.folder / "flash.bin").read_bytes() == before


def test_an_update_is_tried_confirmed_and_stays_across_restarts_of_the_emulator(device):
    device.stage(2)
    with device.power_on() as chip:
        app = chip.start()
        assert (app["reason"], app["slot"], app["version"], app["trial"]) == ("trial", "1", "2", "yes")
        assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
        chip.reset()
        app = chip.start()
        assert (app["reason"], app["version"], app["trial"]) == ("normal", "2", "no")
        assert chip.off() == 0
    app = device.start()
    assert (app["reason"], app["sequence"], app["version"], app["outcome"]) == ("normal", "2", "2", "UD_OK")


@pytest.mark.parametrize("version, outcome", [(3, "UD_ERR_CRASHED"), (4, "UD_ERR_UNCONFIRMED")])
def test_an_image_that_does_not_confirm_is_reverted_with_its_reason(device, version, outcome):
    device.stage(version)
    with device.power_on() as chip:
        trial = chip.start()
        assert (trial["reason"], trial["sequence"], trial["version"]) == ("trial", str(version), str(version))
        app = chip.start()  # the fault, or the watchdog, resets it
        assert (app["reason"], app["version"], app["outcome"]) == ("reverted", "1", outcome)
        assert chip.off() == 0
    app = device.start()
    assert (app["reason"], app["version"], app["outcome"]) == ("normal", "1", outcome)


@pytest.mark.parametrize("kind", ["patch", "wrapped", "erased", "noise"])
def test_b3_the_right_digest_of_what_is_no_program_is_reverted(device, works, tmp_path, kind):
    """Signed by the author, and neither vectors nor code of this chip: it ends in a fault or in nothing, and the old image comes back."""
    good = works.images[2].read_bytes()
    image, patch = tmp_path / "image.bin", tmp_path / "app.patch"
    updraft("diff", works.images[1], works.images[2], "--output", patch)
    image.write_bytes({"patch": patch.read_bytes(), "wrapped": bytes.fromhex("3db8f396") + bytes(4) + b"\x00\x02" + bytes(0x1f6) + good,
                       "erased": b"\xff" * len(good), "noise": bytes(i * 167 + (i >> 8) & 0xff for i in range(len(good)))}[kind])
    envelope = make_envelope(tmp_path, "wrong", image, 2, works.folder / "author")
    with device.power_on() as chip:
        chip.start()
        assert chip.stage(envelope, image)["err"] == "UD_OK"
        chip.reset()
        app = chip.start()
        if app:  # a fault, or the watchdog; the emulator ends at a lockup, where a watchdog resets
            assert chip.off() == 0
    app = app or device.start()
    assert (app["reason"], app["version"]) == ("reverted", "1") and app["outcome"] in ("UD_ERR_CRASHED", "UD_ERR_UNCONFIRMED")
    app = device.start()
    assert (app["reason"], app["version"]) == ("normal", "1")


def test_a_stranger_s_signature_is_refused_before_anything_is_written(device, works):
    envelope = make_envelope(works.folder, "foreign", works.images[2], 9, key="stranger")
    before = (device.folder / "flash.bin").read_bytes()
    with device.power_on() as chip:
        chip.start()
        assert chip.stage(envelope, works.images[2])["err"] == "UD_ERR_UNTRUSTED"
        assert chip.off() == 0
    assert (device.folder / "flash.bin").read_bytes() == before


def test_an_image_changed_after_it_was_staged_is_refused_at_boot(device):
    device.stage(2)
    device.patch(b"app version=2", b"app version=7")
    app = device.start()
    assert (app["reason"], app["outcome"], app["version"]) == ("reverted", "UD_ERR_IMAGE_MISMATCH", "1")


def test_a_device_whose_only_image_was_changed_starts_nothing(device):
    device.patch(b"app version=1", b"app version=7")
    with device.power_on() as chip:
        assert chip.end() == STATUS_NO_IMAGE
        assert not any(line.startswith("app ") for line in chip.lines)
        assert device.bootloader != "boot" or "UD_ERR_NO_SLOT" in chip.lines[-1]


def test_an_older_image_is_refused_although_its_signature_is_good(device):
    device.stage(2)
    with device.power_on() as chip:
        chip.wait_for("app event=confirm")
        assert chip.off() == 0
    device.stage(1)
    app = device.start()
    assert (app["reason"], app["outcome"], app["version"]) == ("reverted", "UD_ERR_STALE", "2")


def test_a_damaged_provisioning_file_starts_nothing(works, tmp_path):
    device = Device(works, tmp_path / "device", "boot")
    (device.folder / "provisioning.cbor").write_bytes(b"\xff" * 64)
    with device.power_on() as chip:
        assert chip.end() == STATUS_DEVICE


INSTRUCTIONS_PER_TICK = 50
INSTRUCTIONS_OF_A_VERIFICATION = 5_300_000  # test_mcu_small.py holds it to that
INSTRUCTIONS_PER_HASHED_BYTE = 90
INSTRUCTIONS_OF_THE_REST = 4_500_000  # journal read and checked by bootloader and application, copies, parsing
HASHES = 2  # the slot, and what was loaded of it to RAM; a layout that executes from flash needs the first alone


def test_a_boot_with_nothing_to_do_is_one_verification_and_writes_nothing(product, works):
    with product.power_on(counted=True) as chip:
        app = chip.start()
        assert chip.off() == 0
    image_bytes = works.images[1].stat().st_size
    hashes = HASHES * INSTRUCTIONS_PER_HASHED_BYTE * image_bytes
    most = INSTRUCTIONS_OF_A_VERIFICATION + hashes + INSTRUCTIONS_OF_THE_REST  # a second verification would not fit
    instructions = int(app["ticks"]) * INSTRUCTIONS_PER_TICK
    print(f"{instructions} instructions for an image of {image_bytes} bytes")
    assert INSTRUCTIONS_OF_A_VERIFICATION + INSTRUCTIONS_OF_THE_REST / 2 < instructions < most
    assert app["operations"] == "0"


# ---- power cuts ----


def boots_of_a_trial(product) -> int:
    """Flash operations from power on to the confirmation of what was staged."""
    with product.power_on() as chip:
        operations = int(chip.wait_for("app event=confirm")["operations"])
        assert chip.off() == 0
    return operations


def test_power_may_fail_in_every_flash_operation_of_a_trial_and_its_confirmation(product, works, tmp_path):
    """Wherever it fails, the next start runs the old image or the new one, and the one after that is settled."""
    product.stage(2)
    staged = tmp_path / "staged"
    shutil.copytree(product.folder, staged)
    operations = boots_of_a_trial(product)
    assert operations > 8
    ends = set()
    for cut in range(1, operations + 1):
        shutil.copy(staged / "flash.bin", product.folder / "flash.bin")
        with product.power_on(cut) as chip:
            assert chip.end() == STATUS_CUT, f"operation {cut} of {operations}"
        with product.power_on() as chip:
            app = chip.start()
            assert app["version"] in ("1", "2"), f"after a cut in operation {cut}"
            if app["trial"] == "yes":
                assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
            ends.add((app["reason"], app["version"]))
            chip.reset()
            again = chip.start()
            assert (again["reason"], again["version"]) == ("normal", app["version"]), f"after a cut in operation {cut}"
            assert chip.off() == 0
    assert ends == {("trial", "2"), ("reverted", "1"), ("normal", "2")}


def test_an_install_that_is_cut_again_and_again_goes_on_where_it_was_and_ends(product, works):
    """Each run gets a little further than one sector: 512 units, one erase, and a journal record."""
    resumed = [-1]
    staged: dict[str, str] = {}
    while not staged:
        with product.power_on(cut=700) as chip:
            app = chip.start()
            assert (app["reason"], app["version"]) == ("normal", "1")
            staged = chip.stage(works.envelopes[2], works.images[2])
            assert chip.end() == STATUS_CUT if not staged else chip.off() == 0
            resumed.append(chip.resumed)
            assert resumed[-1] > resumed[-2], "no progress between two cuts"
    assert staged["err"] == "UD_OK" and len(resumed) > 5
    app = product.start()
    assert (app["reason"], app["version"]) == ("trial", "2")


def test_an_update_by_a_patch_is_cut_and_cut_again_goes_on_and_receives_few_bytes(product, works, tmp_path):
    """The patch comes whole each time; of the image only what the slot lacks is written."""
    patch = tmp_path / "2.patch"
    updraft("diff", works.images[1], works.images[2], "--output", patch)
    size = works.images[2].stat().st_size
    assert patch.stat().st_size * 20 < size
    resumed = [-1]
    done: dict[str, str] = {}
    while not done:
        with product.power_on(cut=1500) as chip:
            app = chip.start()
            assert (app["reason"], app["version"]) == ("normal", "1")
            done = chip.patch(works.envelopes[2], size, patch)
            assert chip.end() == STATUS_CUT if not done else chip.off() == 0
            resumed.append(chip.resumed)
            assert resumed[-1] > resumed[-2], "no progress between two cuts"
    assert done["err"] == "UD_OK" and len(resumed) > 3
    app = product.start()
    assert (app["reason"], app["version"]) == ("trial", "2")


def test_a_patch_for_another_image_leaves_the_running_one_alone(product, works, tmp_path):
    patch = tmp_path / "2.patch"
    updraft("diff", works.images[3], works.images[2], "--output", patch)
    with product.power_on() as chip:
        chip.start()
        refused = chip.patch(works.envelopes[2], works.images[2].stat().st_size, patch)
        assert refused["err"] == "UD_ERR_PRECURSOR"
        assert chip.off() == 0
    assert product.start()["version"] == "1"
