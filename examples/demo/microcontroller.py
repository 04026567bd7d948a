"""The demo's microcontroller: a bootloader of 26 KB on an emulated Cortex-M3, its flash in a file, its road a serial line."""
import shutil
import sys
from pathlib import Path

from parts import run, say

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
import smp_tool as smp  # noqa: E402  (the folder is known only now)
from mcu_tool import FLASH_BYTES, STATUS_CUT, Chip  # noqa: E402

CUT_AFTER = 2000  # flash operations into the update by patch: a few KB are written then
KIND = ["--vendor", "example.com", "--class", "sensor"]  # as scripts/mcu-build compiles it into the bootloader


class Board:
    def __init__(self, build, firmware, folder):
        self.firmware, self.folder = Path(firmware), Path(folder)
        self.folder.mkdir(parents=True)
        root = self.root = self.firmware.parent / "mcu-root"
        (self.folder / "flash.bin").write_bytes(b"\xff" * FLASH_BYTES)
        shutil.copy(root / "device/provisioning.cbor", self.folder)
        self.images = {v: self.firmware / f"app-{v}.bin" for v in (1, 2, 3)}
        self.envelopes = {v: self.folder / f"{v}.suit" for v in self.images}
        for version, envelope in self.envelopes.items():
            run([build / "updraft", "create", "--image", self.images[version], *KIND, "--sequence", version, "--output",
                 envelope])
            run([build / "updraft", "sign", envelope, "--key", root / "author.key"])

    def power_on(self, cut=0):
        return Chip(self.firmware / "boot-serial.elf", self.folder, cut=cut)

    def stage(self, version):
        """The running application takes an update over its serial line; the next start will try it."""
        with self.power_on() as chip:
            chip.start()
            staged = chip.stage(self.envelopes[version], self.images[version])
            chip.off()
        if staged.get("err") != "UD_OK":
            raise RuntimeError(f"the board did not take version {version}: {staged}")


def brought_to_life(board):
    """A blank chip takes its first image by serial recovery: the envelope, then the image."""
    with board.power_on() as chip:
        line = smp.Smp(chip.send, chip.raw_line)
        line.upload(smp.ENVELOPE, board.envelopes[1].read_bytes())
        line.upload(smp.COMPONENT, board.images[1].read_bytes())
        line.ask(smp.WRITE, smp.OS, smp.RESET)
        return f"runs {chip.start().get('version')}"


def updated(board):
    board.stage(2)
    with board.power_on() as chip:
        trial = chip.start()
        confirmed = chip.wait_for("app event=confirm").get("err")
        chip.off()
    with board.power_on() as chip:
        after = chip.start()
        chip.off()
    return f"{trial.get('reason')} {confirmed}, runs {after.get('version')}"


def patched(build, board):
    """From 2 back to what 1 was, under a new number: a patch, power that fails while it is applied, and the rest of it."""
    patch, envelope = board.folder / "4.patch", board.folder / "4.suit"
    old, new = board.images[2], board.images[1]
    run([build / "updraft", "diff", old, new, "--output", patch])
    run([build / "updraft", "create", "--image", new, *KIND, "--sequence", 4, "--output", envelope])
    run([build / "updraft", "sign", envelope, "--key", board.root / "author.key"])
    with board.power_on() as chip:
        before = int(chip.start()["operations"])
        chip.off()
    with board.power_on(cut=before + CUT_AFTER) as chip:
        chip.start()
        chip.patch(envelope, new.stat().st_size, patch)
        cut = chip.end() == STATUS_CUT
    with board.power_on() as chip:
        chip.start()
        done = chip.patch(envelope, new.stat().st_size, patch)
        resumed = chip.resumed
        chip.off()
    with board.power_on() as chip:
        after = chip.start()
        chip.wait_for("app event=confirm")
        chip.off()
    if not cut or done.get("err") != "UD_OK" or resumed == 0:
        raise RuntimeError(f"the board did not take the patch: cut {cut}, from {resumed}, {done}")
    size, whole = patch.stat().st_size, new.stat().st_size
    say(f"the patch has {size} bytes, the image {whole}: {whole / size:.0f} times as many; cut at byte {resumed} of the image, and on")
    return f"{after.get('reason')}, runs {after.get('version')}"


def reverted(board):
    board.stage(3)
    with board.power_on() as chip:
        tried = chip.start()
        back = chip.start()
        chip.off()
    return f"{tried.get('reason')} of {tried.get('version')}, {back.get('reason')} {back.get('outcome')}, runs {back.get('version')}"


def show_microcontroller(build, firmware, folder, table):
    board = Board(build, firmware, folder)
    say("a Cortex-M3 in QEMU: blank flash, the trust anchor compiled into its bootloader")
    table.row("microcontroller: blank, over its serial line", "runs 1", brought_to_life(board))
    table.row("microcontroller: 1 to 2, power off and on", "trial UD_OK, runs 2", updated(board))
    table.row("microcontroller: 3 crashes before it confirms", "trial of 3, reverted UD_ERR_CRASHED, runs 2", reverted(board))
    table.row("microcontroller: by a patch, cut half-way", "trial, runs 1", patched(build, board))
