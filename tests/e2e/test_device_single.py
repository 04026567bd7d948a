"""A device with one slot (`updraft device init --layout single`): patches in place that the author signed, power lost while the
bootloader applies one, and the recovery image, which is all that brings such a device back."""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest
from test_device import BUILD, ROOT, Device, World, wait_for

SECTOR = 4096
SLOT_BYTES = 512 << 10


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    world.rescue = world.envelope("rescue.suit", BUILD / "app-1", 1)
    world.v2 = by_patch(world, "v2", "app-1", "app-2", 2)
    yield world
    world.close()


def by_patch(world, name, old, new, sequence):
    """A release as examples/manifests/delta.ini describes it, with a patch in place."""
    folder = world.folder / name
    folder.mkdir()
    shutil.copy(BUILD / old, folder / "app-1.bin")
    shutil.copy(BUILD / new, folder / "app-2.bin")
    world.cli("diff", str(folder / "app-1.bin"), str(folder / "app-2.bin"), "--in-place", f"{SLOT_BYTES},{SECTOR}",
              "--output", str(folder / "app.patch"))
    text = (ROOT / "examples/manifests/delta.ini").read_text()
    (folder / "delta.ini").write_text(text.replace("sequence = 8", f"sequence = {sequence}"))
    envelope = str(folder / "v.suit")
    world.cli("create", str(folder / "delta.ini"), "--output", envelope)
    world.cli("sign", envelope, "--key", world.path("author.key"))
    done = world.cli("publish", envelope, "--payload", str(folder / "app-2.bin"), "--payload", str(folder / "app.patch"),
                     "--name", name, "--version", str(sequence), "--json")
    return str(json.loads(done.stdout)["id"])


def single(world, name):
    return Device(world, name, init=("--layout", "single", "--slot-bytes", str(SLOT_BYTES), "--patch-bytes", "65536",
                                     "--recovery", world.rescue, "--recovery-image", str(BUILD / "app-1")))


def shown(world, device):
    return json.loads(world.cli("device", "show", str(device.folder), "--json").stdout)


def runs_from(world, device):
    return shown(world, device)["components"][0]["slots"][0][0]


def holds(world, device, app):
    """The image lies where images run, byte for byte."""
    offset, image = runs_from(world, device), (BUILD / app).read_bytes()
    return (device.folder / "flash.bin").read_bytes()[offset:offset + len(image)] == image


def test_a_signed_patch_makes_the_new_image_over_the_old_one(world):
    device = single(world, "single").power_on()
    assert shown(world, device)["layout"] == "single"
    device.runs(1)
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed" and action["proof"] == "signed", action
    assert device.runs(2)["running"]["proof"] == "signed"
    assert holds(world, device, "app-2")
    assert re.search(r"event=patched action=\d+ patch=\d+ image=\d+", device.log_text())


@pytest.mark.parametrize("part", [1, 2])
def test_power_lost_while_the_bootloader_applies_is_made_up_for(world, part):
    """A write into a middle and the last sector of the new image is torn, and the chip dies with it."""
    device = single(world, f"single-cut-{part}").power_on()
    device.runs(1)
    action_id = world.deploy(world.v2, device)
    device.power_off()
    last = ((BUILD / "app-2").stat().st_size - 1) // SECTOR
    start = runs_from(world, device) + part * last // 2 * SECTOR
    preload = {"LD_PRELOAD": str(BUILD / "libpowercut.so"), "POWERCUT_FILE": "flash.bin",
               "POWERCUT_RANGE": f"{start}-{start + SECTOR - 1}"}
    with open(world.folder / f"{device.name}.log", "a") as log:
        chip = subprocess.Popen([BUILD / "updraft-boot", device.folder], stdout=log, stderr=subprocess.STDOUT,
                                env=dict(os.environ, **preload), start_new_session=True)  # all of it dies at once
    assert chip.wait(60) == -signal.SIGKILL
    assert not holds(world, device, "app-2")
    device.power_on()
    assert world.ends(action_id)["state"] == "confirmed"
    assert device.runs(2)["running"]["proof"] == "signed"
    assert holds(world, device, "app-2")


def test_an_image_that_crashes_leaves_the_recovery_image_which_takes_a_whole_one(world):
    device = single(world, "single-lost").power_on()
    device.runs(1)
    action = world.ends(world.deploy(by_patch(world, "v3", "app-1", "app-3", 3), device))
    assert action["error"] == "UD_ERR_CRASHED" and action["proof"] == "signed", action
    wait_for("the recovery image", lambda: re.search(r"event=choose slot=2 reason=recovery", device.log_text()))
    whole = world.release("whole", BUILD / "app-2", 4)
    assert world.ends(world.deploy(whole, device))["state"] == "confirmed"
    assert device.runs(4)["running"]["proof"] == "signed"
    assert holds(world, device, "app-2")


def test_what_would_not_come_back_is_not_made(world):
    words = ["device", "init", world.path("none"), "--vendor", "example.com", "--class", "door-lock", "--anchor", world.path("author.pub"),
             "--layout", "single"]
    refused = world.cli(*words, check=False)
    assert refused.returncode != 0 and "UD_ERR_IN_PLACE" in refused.stderr
    assert not (world.folder / "none").exists()
    device = single(world, "single-whole").power_on()
    device.runs(1)
    action = world.ends(world.deploy(world.release("whole-2", BUILD / "app-2", 5), device))
    assert (action["state"], action["error"]) == ("failed", "UD_ERR_IN_PLACE"), action
    assert device.runs(1) and holds(world, device, "app-1")
