"""A board that came with MCUboot, on the emulated Cortex-M3: images by imgtool, asked for, tried, confirmed, reverted and refused.

In MCUboot's place is a stand-in made from its design document (sim/mcuboot.h), which verifies imgtool's signatures. The board starts
as it would in the field: an image by imgtool in the primary slot, no journal, no manifest.
"""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from mcu_tool import FLASH_BYTES, STATUS_CUT, Chip  # noqa: E402  (the folder is known only now)
from test_mcu import FIRMWARE, Works, make_envelope  # noqa: E402
from test_mcu_swap import AREAS  # noqa: E402

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make interop` builds the firmware and runs this")

RECORD = 26  # operations of a journal record: each unit that is programmed
MAGIC = 2
STEP = 9  # between the cuts of a start and its confirmation


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    return Works(tmp_path_factory.mktemp("resident-works"), "app-swap", "swap", "swap")


class Board:
    def __init__(self, tools, works, folder):
        self.tools, self.works, self.folder = tools, works, folder
        folder.mkdir()
        shutil.copy(works.made / "provisioning.cbor", folder)
        first = self.sign(1).read_bytes()
        flash = bytearray(b"\xff" * FLASH_BYTES)
        flash[AREAS["running"]:AREAS["running"] + len(first)] = first
        (folder / "flash.bin").write_bytes(flash)

    def sign(self, version, key="author"):
        out = self.works.folder / f"resident-{version}-{key}.bin"
        if not out.exists():
            subprocess.run([self.tools / "imgtool", "sign", "-k", self.works.folder / f"{key}.key", "-v", f"{version}.0.0", "-H", "0x200",
                            "--pad-header", "-S", "0x10000", "--align", "8", FIRMWARE / f"app-resident-{version}.bin", out],
                           check=True, capture_output=True)
        return out

    def power_on(self, cut=0):
        return Chip(FIRMWARE / "resident.elf", self.folder, cut)

    def stage_on(self, chip, version, key="author", sequence=None):
        image = self.sign(version, key)
        envelope = make_envelope(self.works.folder, f"resident-{image.stem}", image, sequence or version)
        return chip.stage(envelope, image)

    def stage(self, version, key="author", sequence=None):
        with self.power_on() as chip:
            chip.start()
            staged = self.stage_on(chip, version, key, sequence)
            assert chip.off() == 0
        assert staged["err"] == "UD_OK"
        return staged

    def start(self):
        with self.power_on() as chip:
            app = chip.start()
            assert chip.off() == 0
        return app

    def tries_and_confirms(self, version):
        with self.power_on() as chip:
            assert chip.wait_for("mcuboot")["swap"] == "test"
            app = chip.start()
            assert (app["version"], app["reason"], app["trial"]) == (str(version), "trial", "yes"), app
            assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
            chip.reset()
            assert chip.wait_for("mcuboot")["swap"] == "none"
            app = chip.start()
            assert (app["version"], app["reason"], app["sequence"]) == (str(version), "normal", str(version))
            assert chip.off() == 0


@pytest.fixture
def board(mcu_tools, works, tmp_path):
    return Board(mcu_tools, works, tmp_path / "board")


def test_a_board_as_it_comes_takes_an_update_and_keeps_it(board):
    app = board.start()
    assert (app["version"], app["reason"], app["sequence"], app["outcome"]) == ("1", "normal", "0", "UD_OK")
    board.stage(2)
    board.tries_and_confirms(2)
    before = (board.folder / "flash.bin").read_bytes()
    assert board.start()["operations"] == "0"
    assert (board.folder / "flash.bin").read_bytes() == before


@pytest.mark.parametrize("version", [3, 4])
def test_an_image_that_crashes_or_hangs_is_reverted_and_told_so(board, version):
    board.stage(2)
    board.tries_and_confirms(2)
    board.stage(version)
    with board.power_on() as chip:
        assert chip.wait_for("mcuboot")["swap"] == "test"
        app = chip.start()
        assert (app["version"], app["reason"]) == (str(version), "trial")
        assert chip.wait_for("mcuboot")["swap"] == "revert"  # the fault, or the watchdog, resets it
        app = chip.start()
        assert (app["version"], app["reason"], app["outcome"], app["sequence"]) == ("2", "reverted", "UD_ERR_UNCONFIRMED", "2")
        assert chip.off() == 0


def test_an_image_that_a_stranger_signed_for_mcuboot_is_told_as_refused(board):
    board.stage(2, "stranger", 5)
    app = board.start()
    assert (app["version"], app["reason"], app["outcome"]) == ("1", "reverted", "UD_ERR_BOOT_REFUSED")
    board.stage(2, sequence=6)
    with board.power_on() as chip:
        assert chip.start()["trial"] == "yes"
        assert chip.off() == 0


def settled(board):
    """The board starts, and is old or new as a whole; what is on trial confirms itself."""
    with board.power_on() as chip:
        app = chip.start()
        if app["trial"] == "yes":
            assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
        assert chip.off() == 0
    running = (board.folder / "flash.bin").read_bytes()[AREAS["running"]:]
    assert running.startswith(board.sign(int(app["version"])).read_bytes())
    return app


def test_power_may_fail_while_mcuboot_is_asked(board):
    """The last operations of an install: two records, and between them the magic. MCUboot's own are not cut."""
    board.start()
    before = (board.folder / "flash.bin").read_bytes()
    last = int(board.stage(2)["operations"])
    ends = set()
    magic = last - RECORD - MAGIC
    for cut in (magic - RECORD // 2, magic, magic + 1, magic + MAGIC, magic + MAGIC + 1, last - RECORD // 2, last):
        (board.folder / "flash.bin").write_bytes(before)
        with board.power_on(cut) as chip:
            chip.start()
            assert board.stage_on(chip, 2) == {}
            assert chip.end() == STATUS_CUT
        app = settled(board)
        assert (app["version"], app["reason"]) in (("1", "normal"), ("2", "trial")), f"after a cut in operation {cut} of {last}"
        ends.add(app["version"])
        if app["version"] == "1":  # nothing was lost but the request
            with board.power_on() as chip:
                chip.start()
                assert board.stage_on(chip, 2)["err"] == "UD_OK"
                assert chip.resumed > 0
                assert chip.off() == 0
            assert settled(board)["version"] == "2"
    assert ends == {"1", "2"}


def test_power_may_fail_while_an_image_is_tried_and_confirmed(board):
    board.stage(2)
    staged = (board.folder / "flash.bin").read_bytes()
    with board.power_on() as chip:
        swapped = int(chip.wait_for("mcuboot")["operations"])
        last = int(chip.wait_for("app event=confirm")["operations"])
        assert chip.off() == 0
    ends = set()
    for cut in sorted({*range(swapped + 1, last, STEP), last - 1, last}):
        (board.folder / "flash.bin").write_bytes(staged)
        with board.power_on(cut) as chip:
            assert chip.end() == STATUS_CUT
        app = settled(board)
        ends.add((app["version"], app["reason"]))
        assert settled(board)["version"] == app["version"], f"after a cut in operation {cut} of {last}"
    assert ends <= {("1", "reverted"), ("2", "normal"), ("2", "trial")} and ("1", "reverted") in ends
