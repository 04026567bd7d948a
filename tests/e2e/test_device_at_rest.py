"""A device whose images rest encrypted (`updraft device init --at-rest`): update, revert and a power cut in the middle of the swap leave
no byte of an image to be read outside the place where it runs."""
import hashlib
import os
import signal
import subprocess

import pytest

from test_device import BUILD, Device, World, wait_for
from test_device_swap import SECTOR, sector_that_differs, shown, where_it_runs

BLOCK = 16
IMAGES = ("app-1", "app-2", "app-3")
STATUS_DEVICE = 66


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    yield world
    world.close()


@pytest.fixture(scope="module")
def telling():
    """What gives an image away; runs of a few values do not."""
    blocks = set()
    for name in IMAGES:
        image = (BUILD / name).read_bytes()
        blocks |= {image[at:at + BLOCK] for at in range(0, len(image) - BLOCK + 1, BLOCK)}
    return {block for block in blocks if len(set(block)) > BLOCK // 2}


def plain_outside(world, device, telling):
    """Addresses outside slot 0 where a block of an image lies in plain. Images start at sectors and move by sectors."""
    start, size = shown(world, device)["components"][0]["slots"][0]
    flash = (device.folder / "flash.bin").read_bytes()
    outside = [*range(0, start, BLOCK), *range(start + size, len(flash), BLOCK)]
    return [at for at in outside if flash[at:at + BLOCK] in telling]


def made(world, name, layout="swap"):
    return Device(world, name, init=("--layout", layout, "--at-rest"))


def test_an_update_leaves_nothing_to_be_read_and_a_crash_puts_the_old_image_back(world, telling):
    device = made(world, "rests").power_on()
    assert shown(world, device)["atRest"] is True
    device.runs(1)
    v3 = world.release("app-3", BUILD / "app-3", 3)
    action = world.ends(world.deploy(v3, device))
    assert (action["state"], action["error"], action["proof"]) == ("reverted", "UD_ERR_CRASHED", "signed"), action
    assert where_it_runs(world, device, "app-1")
    assert plain_outside(world, device, telling) == []
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed", action
    assert where_it_runs(world, device, "app-2")
    device.power_off()
    assert plain_outside(world, device, telling) == []


def test_the_search_finds_an_update_of_a_device_that_does_not_encrypt(world, telling):
    device = Device(world, "does-not", init=("--layout", "swap")).power_on()
    device.runs(1)
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed", action
    device.power_off()
    assert len(plain_outside(world, device, telling)) > 100


def test_an_overwriting_device_keeps_what_was_installed_encrypted(world, telling):
    device = made(world, "rests-overwritten", "overwrite").power_on()
    device.runs(1)
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed", action
    device.power_off()
    assert where_it_runs(world, device, "app-2") and plain_outside(world, device, telling) == []


def test_power_lost_in_the_middle_of_the_swap_leaves_nothing_to_be_read(world, telling):
    sector = sector_that_differs(1)
    device = made(world, "rests-cut").power_on()
    device.runs(1)
    action_id = world.deploy(world.v2, device)
    device.power_off()
    start = shown(world, device)["components"][0]["slots"][0][0] + sector * SECTOR
    preload = {"LD_PRELOAD": str(BUILD / "libpowercut.so"), "POWERCUT_FILE": "flash.bin",
               "POWERCUT_RANGE": f"{start}-{start + SECTOR - 1}"}
    with open(world.folder / f"{device.name}.log", "a") as log:
        chip = subprocess.Popen([BUILD / "updraft-boot", device.folder], stdout=log, stderr=subprocess.STDOUT,
                                env=dict(os.environ, **preload), start_new_session=True)
    assert chip.wait(60) == -signal.SIGKILL
    assert plain_outside(world, device, telling) == [] and not where_it_runs(world, device, "app-2")
    device.power_on()
    assert world.ends(action_id)["state"] == "confirmed"
    device.power_off()
    assert where_it_runs(world, device, "app-2") and plain_outside(world, device, telling) == []


@pytest.mark.parametrize("spoil, says", [("absent", "UD_ERR_NOT_FOUND"), ("exposed", "UD_ERR_EXPOSED"), ("short", "UD_ERR_KEY"),
                                         ("long", "UD_ERR_LIMIT")])
def test_a_device_without_a_secret_of_its_own_starts_nothing(world, spoil, says):
    device = made(world, f"secret-{spoil}")
    secret = device.folder / "at-rest.key"
    assert secret.stat().st_mode & 0o777 == 0o600 and len(secret.read_bytes()) == 32
    before = hashlib.sha256((device.folder / "flash.bin").read_bytes()).digest()
    if spoil == "absent":
        secret.unlink()
    elif spoil == "exposed":
        secret.chmod(0o644)
    else:
        secret.write_bytes(b"k" * {"short": 31, "long": 64}[spoil])
    run = subprocess.run([BUILD / "updraft-boot", device.folder, "--once"], capture_output=True, text=True, timeout=60)
    assert run.returncode == STATUS_DEVICE and f"err={says} " in run.stderr
    assert hashlib.sha256((device.folder / "flash.bin").read_bytes()).digest() == before


@pytest.mark.parametrize("layout", ["ab", "single"])
def test_at_rest_is_for_layouts_whose_images_change_places(world, layout):
    said = world.cli("device", "init", world.path(f"no-{layout}"), "--vendor", "example.com", "--class", "sensor", "--anchor",
                     world.path("author.pub"), "--layout", layout, "--at-rest", check=False)
    assert said.returncode != 0 and "--at-rest" in said.stderr
    assert not (world.folder / f"no-{layout}").exists()
