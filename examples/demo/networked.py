"""The demo's board with a network: an emulated Cortex-M3 that registers over DTLS, and takes an image and a patch over CoAP."""
import sys
from pathlib import Path

from parts import await_that, say

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from mcu_tool import FLASH_BYTES, NETWORK, STATUS_CUT, Chip, write_identity  # noqa: E402  (the folder is known only now)

NAME = "board-1"
CUT_AFTER = 9000  # flash operations of 8 bytes: in the middle of the image
EMULATOR_SEES_US_AT = "10.0.2.2"


class NetBoard:
    """As it leaves manufacture: version 1 installed, its key at the server, a PSK in its identity."""

    name = NAME

    def __init__(self, author, firmware, folder, server):
        self.author, self.firmware, self.folder = author, Path(firmware), Path(folder)
        self.patches = server.state / "patches"
        factory = author.release("board 1.0", "board 1.0", image=self.firmware / "app-net-1.bin", sequence=11)
        author.updraft("device", "init", self.folder, "--vendor", author.vendor, "--class", author.klass, "--anchor",
                       author.public_key(), "--slot-bytes", "262144", "--trial-ms", "60000", "--factory",
                       factory["envelope"], "--image", factory["path"])
        with (self.folder / "flash.bin").open("ab") as flash:  # the chip is larger than what is in use
            flash.write(b"\xff" * (FLASH_BYTES - flash.tell()))
        author.updraft("device", "enrol", NAME, "--key", self.folder / "device.pub")
        key = author.updraft_json("device", "key", NAME, "--psk", NAME)
        write_identity(self.folder, NAME, f"coaps://{EMULATOR_SEES_US_AT}:{server.coaps_port}", NAME,
                       bytes.fromhex(key["key"]))

    def power_on(self, cut=0):
        return Chip(self.firmware / "boot.elf", self.folder, nic=NETWORK, cut=cut)

    def status(self):
        return self.author.updraft_json("status", NAME)

    def await_signed(self, sequence):
        """Until the server has a signed report of this version."""
        running = await_that(f"{NAME} to report {sequence}", lambda: (r := self.status().get("running") or {}).get("sequence") == sequence
                             and r)
        return running["proof"]

    def await_confirmed(self, release):
        action = await_that(f"{NAME}'s action to end", lambda: (a := self.status().get("action") or {}).get("release") == release["id"]
                            and a.get("state") in ("confirmed", "refused", "reverted", "failed") and a)
        return action["state"]


def updated(board, release):
    """Power fails while the update is being written; the next start goes on. @return what happened, and the last chip's lines"""
    with board.power_on(cut=CUT_AFTER) as chip:
        chip.start()
        cut = chip.end() == STATUS_CUT
    with board.power_on() as chip:
        chip.start()
        resumed = int(chip.wait_for("app event=download").get("from", "0"))
        trial = chip.start()
        confirmed = chip.wait_for("app event=confirm").get("err")
        state = board.await_confirmed(release)
        proof = board.await_signed(int(trial.get("sequence", "0")))
    came = "cut, went on" if cut and resumed > 0 else f"cut {cut}, from {resumed}"
    return f"{came}, trial {trial.get('trial')} {confirmed}, {state} {proof}", resumed, chip


def by_blocks(author, board):
    """The server does not have what the board runs, so there is no patch: the image comes whole."""
    release = author.release("board 2.0", "board 2.0", image=board.firmware / "app-net-2.bin", sequence=12)
    author.publish(release)
    with board.power_on() as chip:
        chip.start()
        link = chip.wait_for("app event=link").get("stage")
        proof = board.await_signed(11)
    author.deploy(release, [board])
    happened, resumed, _ = updated(board, release)
    say(f"{NAME}: power lost at byte {resumed} of {release['size']}, in the middle of a flash write")
    return f"{link}, {proof}", happened


def by_patch(author, board):
    """Back to what version 1 was, under a new number: a rollout has the patch made before the board asks."""
    release = author.release("board 3.0", "board 3.0", image=board.firmware / "app-net-1.bin", sequence=13)
    author.publish(release)
    author.updraft("rollout", "create", "boards", "--release", str(release["id"]), "--filter", f"name=={NAME}", "--start", "auto")
    await_that("the patch", lambda: any(file.stat().st_size > 0 for file in board.patches.glob(f"{release['sha256']}-*")))
    happened, resumed, chip = updated(board, release)
    lines = [line for line in chip.lines if line.startswith("app event=patched")]
    if not lines:
        return f"{happened}, whole"
    size, whole = (int(word.split("=")[1]) for word in lines[0].split()[2:4])
    say(f"{NAME}: the patch has {size} bytes, the image {whole}: {whole / size:.0f} times as many; cut at byte {resumed} of the image, and on")
    return f"{happened}, by a patch"


def show_networked(author, server, firmware, folder, table):
    board = NetBoard(author, firmware, folder, server)
    say("a Cortex-M3 in QEMU with a network: lwIP, DTLS by a PSK, CoAP")
    registered, happened = by_blocks(author, board)
    table.row("networked board: registers over DTLS, reports", "up, signed", registered)
    table.row("networked board: 1 to 2 by blocks over CoAP, cut half-way", "cut, went on, trial yes UD_OK, confirmed signed",
              happened)
    table.row("networked board: to 3 by a patch over CoAP, cut half-way",
              "cut, went on, trial yes UD_OK, confirmed signed, by a patch", by_patch(author, board))
