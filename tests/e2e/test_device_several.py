"""A device of several components (`updraft device init --component ... --component ...`): they switch together or not at all (attack D13)."""
import json
import os
import shutil
import signal
import subprocess

import pytest

from test_device import BUILD, Device, World, wait_for

COMPONENTS = ("app", "radio", "table")
DESCRIPTION = """
[manifest]
vendor = example.com
class = door-lock
sequence = {sequence}

[component app]
image = app.bin
start = yes

[component radio]
image = radio.bin
start = no

[component table]
image = table.bin
start = no
"""


def parts_of(version):
    """The application, and two that are only data: one is much like the one before, one is not."""
    radio = bytearray(b"radio firmware, the same in most places " * 300)
    radio[9000:9007] = b"v%06d" % version
    return {"app": (BUILD / f"app-{version}").read_bytes(), "radio": bytes(radio),
            "table": bytes((i * i * version) % 251 for i in range(5000 + 1000 * version))}


class Worlds(World):
    def make(self, version):
        """Signed, beside its images."""
        folder = self.folder / f"pair-{version}"
        folder.mkdir()
        for name, data in parts_of(version).items():
            (folder / f"{name}.bin").write_bytes(data)
        (folder / "pair.ini").write_text(DESCRIPTION.format(sequence=version))
        self.cli("create", str(folder / "pair.ini"), "--output", str(folder / "pair.suit"))
        self.cli("sign", str(folder / "pair.suit"), "--key", self.path("author.key"))
        return folder

    def publish(self, version):
        folder = self.make(version)
        payloads = [word for name in COMPONENTS for word in ("--payload", str(folder / f"{name}.bin"))]
        answer = self.cli("publish", str(folder / "pair.suit"), *payloads, "--name", f"pair-{version}", "--version",
                          str(version), "--json")
        return str(json.loads(answer.stdout)["id"])


class Several(Device):
    def __init__(self, world, name, layout):
        self.world, self.name, self.folder, self.chip = world, name, world.folder / name, None
        images = [word for part in COMPONENTS for word in ("--image", str(world.first / f"{part}.bin"))]
        components = [word for part in COMPONENTS for word in ("--component", part)]
        world.cli("device", "init", str(self.folder), "--vendor", "example.com", "--class", "door-lock", "--anchor",
                  world.path("author.pub"), "--server", world.addresses["devices"]["url"], "--ca", world.ca, "--poll", "1",
                  *components, "--factory", str(world.first / "pair.suit"), *images, "--layout", layout)
        self.enrol("code")
        world.boots.append(self)

    def shown(self):
        return json.loads(self.world.cli("device", "show", str(self.folder), "--json").stdout)


def versions_where_they_run(device, flash, slot):
    """Of each component, the version whose image lies where `slot` runs from; looked at from outside."""
    found = []
    for name, component in zip(COMPONENTS, device.shown()["components"], strict=True):
        offset = component["slots"][slot][0]
        found.append([v for v in (1, 2) if flash[offset:].startswith(parts_of(v)[name])])
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = Worlds(tmp_path_factory.mktemp("world"))
    world.first = world.make(1)
    world.v2 = world.publish(2)
    yield world
    world.close()


@pytest.mark.parametrize("layout", ["ab", "swap"])
def test_three_components_are_installed_tried_and_confirmed_together(world, layout):
    device = Several(world, f"several-{layout}", layout).power_on()
    assert [one["id"] for one in device.shown()["components"]] == list(COMPONENTS)
    device.runs(1)
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed", action
    assert device.runs(2)["running"]["proof"] == "signed"
    device.power_off()
    flash = (device.folder / "flash.bin").read_bytes()
    assert versions_where_they_run(device, flash, 1 if layout == "ab" else 0) == [[2], [2], [2]]


def test_one_component_that_was_changed_keeps_all_of_them_from_being_started(world):
    device = Several(world, "several-bad", "ab")
    with open(device.folder / "flash.bin", "r+b") as flash:
        flash.seek(device.shown()["components"][2]["slots"][0][0] + 4000)
        flash.write(b"changed")
    chip = subprocess.run([BUILD / "updraft-boot", device.folder, "--once"], capture_output=True, text=True, timeout=60)
    assert chip.returncode == 69 and "UD_ERR_IMAGE_MISMATCH" in chip.stderr


def boot_until(device, folder, log, cut_after=None):
    """Power on; until power fails in a write to the journal, or the bootloader has chosen. @return its choice, or None"""
    journal, size = device.shown()["journal"]
    env = dict(os.environ)
    if cut_after is not None:
        env |= {"LD_PRELOAD": str(BUILD / "libpowercut.so"), "POWERCUT_FILE": "flash.bin", "POWERCUT_PROGRAM": "updraft-boot",
                "POWERCUT_RANGE": f"{journal}-{journal + size - 1}", "POWERCUT_AFTER": str(cut_after)}
    with open(log, "w") as out:
        chip = subprocess.Popen([BUILD / "updraft-boot", folder], stdout=out, stderr=subprocess.STDOUT, env=env,
                                start_new_session=True)

    def chosen():
        return [line for line in log.read_text().splitlines() if "event=choose" in line]
    try:
        wait_for("a choice or a power cut", lambda: chosen() or chip.poll() is not None)
    finally:
        if chip.poll() is None:
            os.killpg(chip.pid, signal.SIGKILL)
        status = chip.wait()
    assert status == -signal.SIGKILL, log.read_text()
    return (chosen() or [None])[0]


def test_d13_wherever_power_fails_in_the_journal_of_a_swap_all_components_switch_or_none(world, tmp_path):
    """Each write of the bootloader to its journal is torn, the one that lets all components switch among them."""
    device = Several(world, "several-cut", "swap").power_on()
    device.runs(1)
    device.power_off()
    world.deploy(world.v2, device)
    journal, size = device.shown()["journal"]
    preload = {"LD_PRELOAD": str(BUILD / "libpowercut.so"), "POWERCUT_FILE": "flash.bin", "POWERCUT_PROGRAM": "updraft-boot",
               "POWERCUT_RANGE": f"{journal}-{journal + size - 1}"}
    with open(world.folder / f"{device.name}.log", "a") as log:
        chip = subprocess.Popen([BUILD / "updraft-boot", device.folder], stdout=log, stderr=subprocess.STDOUT,
                                env=dict(os.environ, **preload), start_new_session=True)
    assert chip.wait(60) == -signal.SIGKILL  # installed, and the bootloader's first word about it is torn
    ends, cuts = set(), 0
    while True:
        folder = tmp_path / str(cuts)
        shutil.copytree(device.folder, folder)
        if boot_until(device, folder, tmp_path / "cut.log", cuts) is not None:
            break
        choice = boot_until(device, folder, tmp_path / "log")
        runs = versions_where_they_run(device, (folder / "flash.bin").read_bytes(), 0)
        assert choice is not None and runs in ([[1]] * 3, [[2]] * 3), f"after {cuts} writes: {choice} {runs}"
        assert f"sequence={runs[0][0]} " in choice
        ends.add(runs[0][0])
        shutil.rmtree(folder)
        cuts += 1
    assert cuts >= 3 and ends == {1, 2}, (cuts, ends)
