"""A device whose images run from one place and change places (`updraft device init --layout swap`): update, revert, power
cuts in the middle of the swap."""
import json
import os
import re
import signal
import subprocess

import pytest

from test_device import BUILD, Device, World, wait_for

SECTOR = 4096


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    yield world
    world.close()


def shown(world, device):
    return json.loads(world.cli("device", "show", str(device.folder), "--json").stdout)


def where_it_runs(world, device, app):
    """The image lies at the start of slot 0's area, byte for byte."""
    offset, _ = shown(world, device)["components"][0]["slots"][0]
    image = (BUILD / app).read_bytes()
    return (device.folder / "flash.bin").read_bytes()[offset:offset + len(image)] == image


def test_an_update_changes_places_with_the_image_that_ran(world):
    device = Device(world, "swaps", init=("--layout", "swap")).power_on()
    assert shown(world, device)["layout"] == "swap"
    device.runs(1)
    assert where_it_runs(world, device, "app-1")
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed", action
    assert device.runs(2)["running"]["proof"] == "signed"
    device.power_off()
    assert where_it_runs(world, device, "app-2")
    device.power_on()
    wait_for("version 2 after a power cut", lambda: "app version=2 slot=1 trial=no" in device.log_text())


def test_a_version_that_crashes_is_swapped_back_and_the_next_good_one_installs(world):
    device = Device(world, "swaps-back", init=("--layout", "swap")).power_on()
    device.runs(1)
    v3 = world.release("app-3", BUILD / "app-3", 3)
    action = world.ends(world.deploy(v3, device))
    assert (action["state"], action["error"], action["proof"]) == ("reverted", "UD_ERR_CRASHED", "signed"), action
    assert where_it_runs(world, device, "app-1")
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed"
    assert where_it_runs(world, device, "app-2")


def sector_that_differs(nth):
    """Equal sectors are not touched. Which of the two images differ depends on how they were linked."""
    old, new = ((BUILD / app).read_bytes() for app in ("app-1", "app-2"))
    sectors = range(-(-max(len(old), len(new)) // SECTOR))
    differ = [i for i in sectors if old[i * SECTOR:(i + 1) * SECTOR] != new[i * SECTOR:(i + 1) * SECTOR]]
    return differ[nth * (len(differ) - 1) // 2]


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_power_lost_in_the_middle_of_the_swap_is_made_up_for(world, nth):
    """The first write to the first, a middle and the last sector that must change is torn, and the chip dies with it."""
    sector = sector_that_differs(nth)
    device = Device(world, f"swap-cut-{nth}", init=("--layout", "swap")).power_on()
    device.runs(1)
    action_id = world.deploy(world.v2, device)
    device.power_off()
    start = shown(world, device)["components"][0]["slots"][0][0] + sector * SECTOR
    preload = {"LD_PRELOAD": str(BUILD / "libpowercut.so"), "POWERCUT_FILE": "flash.bin",
               "POWERCUT_RANGE": f"{start}-{start + SECTOR - 1}"}
    with open(world.folder / f"{device.name}.log", "a") as log:
        chip = subprocess.Popen([BUILD / "updraft-boot", device.folder], stdout=log, stderr=subprocess.STDOUT,
                                env=dict(os.environ, **preload), start_new_session=True)  # all of it dies at once
    assert chip.wait(60) == -signal.SIGKILL
    before = device.log_text()
    assert "event=choose" in before and not where_it_runs(world, device, "app-2")
    device.power_on()
    assert world.ends(action_id)["state"] == "confirmed"
    assert device.runs(2)["running"]["proof"] == "signed"
    assert where_it_runs(world, device, "app-2")
    after = device.log_text()[len(before):]
    assert re.search(r"event=choose slot=1 reason=trial", after), after


def test_an_overwriting_device_without_a_recovery_image_keeps_the_only_image_it_has(world):
    device = Device(world, "overwrites", init=("--layout", "overwrite")).power_on()
    device.runs(1)
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed", action
    assert where_it_runs(world, device, "app-2")


@pytest.mark.parametrize("more, sequence", [((), 4), (("--at-rest",), 5)], ids=["plain", "at-rest"])
def test_an_overwriting_device_with_a_recovery_image_is_brought_back_by_it(world, more, sequence):
    """What crashed has replaced the only image; the recovery image says so and takes the next release."""
    name = "-".join(("comes-back", *more))
    rescue = world.envelope(f"rescue{name}.suit", BUILD / "app-1", 1)
    device = Device(world, name, init=("--layout", "overwrite", *more, "--recovery", rescue,
                                       "--recovery-image", str(BUILD / "app-1"))).power_on()
    device.runs(1)
    action = world.ends(world.deploy(world.release(name, BUILD / "app-3", sequence), device))
    assert action["error"] == "UD_ERR_CRASHED" and action["proof"] == "signed", action
    wait_for("the recovery image", lambda: re.search(r"event=choose slot=2 reason=recovery", device.log_text()))
    assert world.ends(world.deploy(world.v2, device))["state"] == "confirmed"
    assert device.runs(2)["running"]["proof"] == "signed"
    assert where_it_runs(world, device, "app-2")
