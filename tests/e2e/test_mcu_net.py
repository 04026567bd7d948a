"""The application that has the network, on an emulated Cortex-M3, against the real server: DTLS, blocks, trial, signed report.

UPDRAFT_MCU names the folder of the firmware; without it these tests are skipped.
"""
import json
import os
from pathlib import Path

import pytest
from mcu_tool import FLASH_BYTES, NETWORK, STATUS_CUT, Chip, write_identity
from test_device import wait_for
from test_device_coap import CoapWorld
from test_device_patch import made, metric

FIRMWARE = Path(os.environ["UPDRAFT_MCU"]) if "UPDRAFT_MCU" in os.environ else None
pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")
KIND = ["--vendor", "example.com", "--class", "sensor"]


class Board:
    """A board as it leaves manufacture: version 1 installed, its key at the server, a PSK in its identity."""

    def __init__(self, world, name, *more):
        self.world, self.name, self.folder = world, name, world.folder / name
        first = world.path(f"{name}-1.suit")
        world.cli("create", "--image", str(FIRMWARE / "app-net-1.bin"), *KIND, "--sequence", "1", "--output", first)
        world.cli("sign", first, "--key", world.path("author.key"))
        world.cli("device", "init", str(self.folder), *KIND, "--anchor", world.path("author.pub"), "--slot-bytes", "262144",
                  "--trial-ms", "60000", *more, "--factory", first, "--image", str(FIRMWARE / "app-net-1.bin"))
        with (self.folder / "flash.bin").open("ab") as flash:  # the chip is larger than what is in use
            flash.write(b"\xff" * (FLASH_BYTES - flash.tell()))
        world.cli("device", "enrol", name, "--key", str(self.folder / "device.pub"), "--json")
        key = world.api("POST", f"/api/v1/devices/{name}/lwm2m-keys", {"mode": "psk", "identity": f"id-{name}"})
        port = world.addresses["coaps"]["url"].rsplit(":", 1)[1]
        write_identity(self.folder, name, f"coaps://10.0.2.2:{port}", f"id-{name}", bytes.fromhex(key["key"]))

    def power_on(self, cut=0):
        return Chip(FIRMWARE / "boot.elf", self.folder, nic=NETWORK, cut=cut)

    def runs(self, sequence):
        return wait_for(f"{self.name} runs {sequence}", lambda: (s := self.world.get(f"/api/v1/devices/{self.name}")) and
                        s.get("running") and s["running"]["sequence"] == sequence and s["running"])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = CoapWorld(tmp_path_factory.mktemp("world"), ("--coap-host", "10.0.2.2"))
    for version in (2, 3):
        setattr(world, f"v{version}", release(world, version))
    yield world
    world.close()


def release(world, version, sequence=None, key="author"):
    sequence = sequence or version
    image, envelope = str(FIRMWARE / f"app-net-{version}.bin"), world.path(f"net-{sequence}.suit")
    world.cli("create", "--image", image, *KIND, "--sequence", str(sequence), "--output", envelope)
    world.cli("sign", envelope, "--key", world.path(f"{key}.key"))
    return str(json.loads(world.cli("publish", envelope, "--payload", image, "--name", f"net-{sequence}", "--version",
                                    str(sequence), "--json").stdout)["id"])


def test_a_board_registers_over_dtls_and_takes_a_release_to_its_signed_report(world):
    board = Board(world, "board")
    with board.power_on() as chip:
        assert chip.start()["version"] == "1"
        assert chip.wait_for("app event=link")["stage"] == "up"
        assert board.runs(1)["proof"] == "signed"
        action = world.deploy(world.v2, board)
        started = chip.start()
        assert started["version"] == "2" and started["trial"] == "yes", chip.lines
        assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
        ended = world.ends(action)
        assert ended["state"] == "confirmed" and ended["proof"] == "signed", ended
        assert board.runs(2)["proof"] == "signed"
    with board.power_on() as chip:
        started = chip.start()
        assert started["version"] == "2" and started["trial"] == "no"


def test_a_board_that_loses_power_in_a_download_goes_on_where_it_was(world):
    board = Board(world, "cut")
    with board.power_on(cut=9000) as chip:  # flash operations, 8 bytes in each: in the middle of the image
        chip.start()
        board.runs(1)
        action = world.deploy(world.v2, board)
        assert chip.end() == STATUS_CUT, chip.lines
    with board.power_on() as chip:
        chip.start()
        assert int(chip.wait_for("app event=download")["from"]) >= 20000, chip.lines
        assert chip.start()["version"] == "2"
        assert world.ends(action)["state"] == "confirmed"


def test_a_board_reports_what_it_came_back_from(world):
    board = Board(world, "reverts")
    with board.power_on() as chip:
        chip.start()
        board.runs(1)
        action = world.deploy(world.v3, board)  # crashes before it confirms
        assert chip.start()["version"] == "3"
        back = chip.start()
        assert back["version"] == "1" and back["outcome"] == "UD_ERR_CRASHED", chip.lines
        ended = world.ends(action)
        assert ended["state"] == "reverted" and ended["proof"] == "signed", ended


def store(world, name, keys, signers, after=None):
    """A trust store of these keys, signed by these roots; the number of its release."""
    (world.folder / f"{name}.ini").write_text("[store]\n" + "".join(f"[key {key}]\n" for key in keys))
    world.cli("trust", "make", f"{name}.ini", "--output", f"{name}.trust", *(("--after", f"{after}.trust") if after else ()))
    for signer in signers:
        world.cli("trust", "sign", f"{name}.trust", "--key", world.path(f"{signer}.key"))
    return str(json.loads(world.cli("publish", f"{name}.trust", "--name", name, "--version", "1", "--json").stdout)["id"])


def with_roots(world):
    """Who may replace the trust of such a board: any two of three."""
    lines = "[roots]\nthreshold = 2\n"
    for name in ("root-a", "root-b", "root-c", "successor"):
        world.keygen(name)
        world.cli("anchor", "add", name, "--key", world.path(f"{name}.pub"))
        lines += f"[key {name}]\n" if name != "successor" else ""
    (world.folder / "roots.ini").write_text(lines)
    world.cli("trust", "make", "roots.ini", "--output", "roots.cbor")
    return ("--roots", world.path("roots.cbor"))


def number_in_force(chip):
    """What the bootloader says at the next start."""
    said = chip.wait_for("boot event=trust")
    assert said.get("outcome") in ("UD_OK", "UD_ABSENT"), chip.lines
    return said["number"]


def test_a_board_takes_trust_stores_over_dtls_until_another_author_is_the_only_one(world):
    board = Board(world, "trusts", *with_roots(world))
    few = store(world, "few", ("author", "successor"), ("root-a",))
    strands = store(world, "strands", ("successor",), ("root-a", "root-b"))
    both = store(world, "both", ("author", "successor"), ("root-a", "root-b"))
    with board.power_on() as chip:
        assert number_in_force(chip) == "0"
        board.runs(1)
        for trust, state, why in ((few, "refused", "UD_ERR_THRESHOLD"), (strands, "failed", "UD_ERR_STRANDED")):
            ended = world.ends(world.deploy(trust, board))  # the image that runs is by the author
            assert (ended["state"], ended["error"], ended["proof"]) == (state, why, "signed"), ended
        action = world.deploy(both, board)
        assert number_in_force(chip) == "1", chip.lines  # it has reset, so that the bootloader decides by it
        ended = world.ends(action)
        assert (ended["state"], ended["proof"]) == ("confirmed", "signed"), ended
        action = world.deploy(release(world, 2, 4, "successor"), board)
        assert chip.wait_for("app version=2")["trial"] == "yes", chip.lines
        assert world.ends(action)["state"] == "confirmed"
        action = world.deploy(store(world, "alone", ("successor",), ("root-b", "root-c"), "both"), board)
        assert number_in_force(chip) == "2", chip.lines
        assert world.ends(action)["state"] == "confirmed"
        ended = world.ends(world.deploy(world.v3, board))
        assert (ended["state"], ended["error"], ended["proof"]) == ("refused", "UD_ERR_UNTRUSTED", "signed"), ended
    with board.power_on() as chip:
        assert number_in_force(chip) == "2"
        assert chip.start()["version"] == "2"


@pytest.fixture
def patches(tmp_path):
    """A server that makes patches, and knows both images."""
    world = CoapWorld(tmp_path, ("--coap-host", "10.0.2.2", "--patch-image-bytes-max", str(1 << 20)))
    release(world, 1)
    world.v2 = release(world, 2)
    yield world
    world.close()


def rollout(world, name):
    world.cli("rollout", "create", name, "--release", world.v2, "--filter", f"name=={name}", "--start", "auto")
    made(world)
    [row] = world.get("/api/v1/rollouts")["content"]
    return row["id"]


def test_a_board_takes_a_patch_over_dtls_loses_power_and_goes_on(patches):
    """The rollout has the patch made while the board has no power, so that it is there when the board asks."""
    world, board = patches, Board(patches, "small")
    whole = (FIRMWARE / "app-net-2.bin").stat().st_size
    with board.power_on() as chip:
        chip.start()
        board.runs(1)
        wait_for("its profile", lambda: world.get(f"/api/v1/devices/{board.name}/attributes").get("patchProfile") == "p3")
    number = rollout(world, board.name)
    with board.power_on(cut=9000) as chip:  # as above; nothing but the patch comes over the air now
        assert chip.start()["version"] == "1"
        assert chip.end() == STATUS_CUT, chip.lines
    with board.power_on() as chip:
        assert chip.start()["version"] == "1"
        assert int(chip.wait_for("app event=download")["from"]) >= 20000, chip.lines
        patched = chip.wait_for("app event=patched")
        assert int(patched["image"]) == whole and int(patched["patch"]) * 20 < whole, patched
        started = chip.start()
        assert started["version"] == "2" and started["trial"] == "yes", chip.lines
        assert board.runs(2)["proof"] == "signed"
        wait_for("its end", lambda: world.get(f"/api/v1/rollouts/{number}")["state"] == "finished")
    assert metric(world, "updraft_patch_downloads_total") >= 1
    saved = world.get(f"/api/v1/rollouts/{number}")["patches"]["savedBytes"]
    assert saved >= whole - int(patched["patch"])  # before the cut and after it


def test_a_board_takes_the_image_when_the_patch_was_spoiled(patches):
    world, board = patches, Board(patches, "spoiled")
    with board.power_on() as chip:
        chip.start()
        board.runs(1)
        wait_for("its profile", lambda: world.get(f"/api/v1/devices/{board.name}/attributes").get("patchProfile") == "p3")
    rollout(world, board.name)
    [file] = (world.folder / "state/patches").iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x10
    file.write_bytes(content)
    with board.power_on() as chip:
        assert chip.start()["version"] == "1"
        assert chip.start()["version"] == "2"
        assert board.runs(2)["proof"] == "signed"
    assert not any("event=patched" in line for line in chip.lines)
