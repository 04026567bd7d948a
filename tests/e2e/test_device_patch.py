"""Patches in place of images, from the server's making of them to a device that runs the result."""
import hashlib
import json
import os
import re
import ssl
import urllib.error
import urllib.request

import pytest
from test_device import BUILD, Device, World, wait_for


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, server=())
    world.release("app-1", BUILD / "app-1", 1)  # patches are made between images that the server has
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    yield world
    world.close()


def metrics(world):
    url = world.addresses["people"]["url"] + "/metrics"
    with urllib.request.urlopen(url, context=ssl.create_default_context(cafile=world.ca)) as answer:
        return answer.read().decode()


def metric(world, name):
    return int(re.search(rf"^{re.escape(name)} (\d+)$", metrics(world), re.M)[1])


def updates(world, device):
    device.runs(1)
    assert world.ends(world.deploy(world.v2, device))["state"] == "confirmed"


def made(world):
    wait_for("a patch", lambda: metric(world, 'updraft_patches_total{result="made"}') == 1)


def get(world, device, path, headers=None):
    token = (device.folder / "token").read_text().strip()
    request = urllib.request.Request(
        f"{world.addresses['devices']['url']}/default/controller/v1/{device.name}/{path}",
        headers={"Authorization": f"TargetToken {token}", **(headers or {})})
    try:
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=world.ca)) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, dict(refusal.headers), refusal.read()


def patch_path(world, precursor, profile="p3"):
    artifact = hashlib.sha256((BUILD / "app-2").read_bytes()).hexdigest()
    return f"softwaremodules/{world.v2}/artifacts/{artifact}/from/{precursor}/{profile}"


def test_the_first_device_waits_for_no_patch_and_the_next_one_takes_it(world):
    first = Device(world, "first").power_on()
    updates(world, first)
    assert "event=patched" not in first.log_text()
    made(world)
    second = Device(world, "second").power_on()
    updates(world, second)
    line = re.search(r"event=patched action=\d+ patch=(\d+) image=(\d+)", second.log_text())
    image = os.path.getsize(BUILD / "app-2")
    assert int(line[2]) == image and int(line[1]) < image // 10
    assert metric(world, "updraft_patch_downloads_total") == 1
    assert metric(world, "updraft_patch_saved_bytes_total") == image - int(line[1])
    assert second.runs(2)["running"]["proof"] == "signed"


def test_without_the_old_image_there_is_no_patch_until_somebody_uploads_it(tmp_path):
    world = World(tmp_path, server=())
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    updates(world, Device(world, "first").power_on())
    world.release("app-1", BUILD / "app-1", 1)
    updates(world, Device(world, "second").power_on())
    made(world)
    third = Device(world, "third").power_on()
    updates(world, third)
    assert "event=patched" in third.log_text()
    world.close()


def test_a_device_that_takes_no_patches_gets_none(world):
    updates(world, Device(world, "first").power_on())
    made(world)
    plain = Device(world, "plain")
    settings = plain.folder / "agent.ini"
    settings.write_text(settings.read_text() + "patch_bytes_max = 0\n")
    updates(world, plain.power_on())
    assert metric(world, "updraft_patch_downloads_total") == 0


def test_b9_a_patch_that_was_spoiled_on_the_server_costs_only_time(world):
    updates(world, Device(world, "first").power_on())
    made(world)
    [patch] = (world.folder / "state/patches").iterdir()
    content = bytearray(patch.read_bytes())
    content[len(content) // 2] ^= 0x10
    patch.write_bytes(content)
    second = Device(world, "second").power_on()
    updates(world, second)
    assert "event=patched" not in second.log_text()


def test_a_patch_is_made_only_from_what_the_device_verifiably_runs(world):
    first = Device(world, "first").power_on()
    running = first.runs(1)["running"]["digest"][:16]
    world.cli("deploy", world.v2, first.name)
    first.power_off()
    other = Device(world, "other").power_on()
    other.runs(1)
    assert get(world, first, patch_path(world, running))[0] == 404  # not yet; it is being made
    made(world)
    status, headers, patch = get(world, first, patch_path(world, running))
    assert status == 200 and headers["ETag"].startswith('"') and len(patch) == int(headers["Content-Length"])
    assert get(world, first, patch_path(world, running, "p9"))[2] == patch  # a larger profile takes smaller ones
    part = get(world, first, patch_path(world, running), {"Range": "bytes=5-", "If-Range": headers["ETag"]})
    assert (part[0], part[2]) == (206, patch[5:])
    for path in (patch_path(world, "0" * 16), patch_path(world, running[:15]), patch_path(world, running.upper()),
                 patch_path(world, running, "p"), patch_path(world, running, "p10"), patch_path(world, running, "3"),
                 patch_path(world, "..%2f..%2f")):
        assert get(world, first, path)[0] in (400, 404), path
    assert get(world, other, patch_path(world, running))[0] == 404  # nothing was offered to it
    assert metric(world, 'updraft_patches_total{result="made"}') == 1


def test_a_rollout_has_its_patches_made_ahead_and_says_what_they_saved(world):
    devices = [Device(world, name).power_on() for name in ("one", "two", "three")]
    for device in devices:
        device.runs(1)
    plan = world.folder / "plan.json"
    plan.write_text(json.dumps({"groups": [{"name": "first", "percent": 34, "success": 100, "gate": True},
                                           {"name": "rest", "percent": 100}]}))
    world.cli("rollout", "create", "spring", "--release", world.v2, "--plan", str(plan), "--start", "auto")
    made(world)  # whoever asked first
    [rollout] = world.get("/api/v1/rollouts")["content"]
    wait_for("the gate", lambda: world.get(f"/api/v1/rollouts/{rollout['id']}")["pausedBy"] == "gate")
    world.cli("rollout", "resume", str(rollout["id"]))
    wait_for("its end", lambda: world.get(f"/api/v1/rollouts/{rollout['id']}")["state"] == "finished")
    patched = [re.search(r"event=patched action=\d+ patch=(\d+) image=(\d+)", d.log_text()) for d in devices]
    saved = [int(line[2]) - int(line[1]) for line in patched if line]
    assert len(saved) >= 2  # all but, perhaps, the first group's device
    counted = wait_for("what is counted behind the replies", lambda: (
        p := world.get(f"/api/v1/rollouts/{rollout['id']}")["patches"])["fetched"] >= len(saved) and p)
    assert counted["savedBytes"] >= sum(saved)
    assert f"{counted['savedBytes']} bytes saved" in world.cli("rollout", "show", str(rollout["id"])).stdout


def set_agent(device, *lines):
    settings = device.folder / "agent.ini"
    settings.write_text(settings.read_text() + "".join(line + "\n" for line in lines))


def patched(device):
    return re.search(r"event=patched action=\d+ patch=(\d+) image=(\d+)", device.log_text())


def attributes(world, device):
    return world.get(f"/api/v1/devices/{device.name}/attributes")


def test_each_profile_in_use_has_its_patch_and_an_unknown_one_gets_the_image(world):
    """Three devices in one rollout; they ask when the patches are there, because they have no power until then."""
    profiles = {"big": ["patch_profile = 3"], "small": ["patch_profile = 1"], "plain": ["patch_bytes_max = 0"]}
    devices = {name: Device(world, name) for name in profiles}
    for name, device in devices.items():
        set_agent(device, *profiles[name])
        running = device.power_on().runs(1)["running"]["digest"]
        said = wait_for("what it announces", lambda: attributes(world, device).get("patchProfile") and attributes(world, device))
        assert said["patchProfile"] == {"big": "p3", "small": "p1", "plain": "none"}[name]
        assert said["patchFrom"] == running[:16]
        device.power_off()
    world.cli("rollout", "create", "all", "--release", world.v2, "--start", "auto")
    wait_for("two patches", lambda: metric(world, 'updraft_patches_total{result="made"}') == 2)
    files = {file.name[-3:]: file.stat().st_size for file in (world.folder / "state/patches").iterdir()}
    assert files.keys() == {"-p1", "-p3"}
    for device in devices.values():
        device.power_on().runs(2)
    assert int(patched(devices["big"])[1]) == files["-p3"]
    assert int(patched(devices["small"])[1]) == files["-p1"]
    assert patched(devices["plain"]) is None
    wait_for("its end", lambda: world.get("/api/v1/rollouts")["content"][0]["state"] == "finished")
    assert metric(world, 'updraft_patches_total{result="made"}') == 2  # nobody asked for another


def test_metrics_say_what_a_rollout_saves_while_it_is_under_way(world):
    """A device that never comes keeps the rollout open."""
    device = Device(world, "one").power_on()
    Device(world, "absent")
    device.runs(1)
    wait_for("what it announces", lambda: "patchProfile" in attributes(world, device))
    device.power_off()
    world.cli("rollout", "create", "open", "--release", world.v2, "--start", "auto")
    [rollout] = world.get("/api/v1/rollouts")["content"]
    made(world)
    device.power_on().runs(2)
    saved = int(patched(device)[2]) - int(patched(device)[1])
    label = f'{{rollout="{rollout["id"]}"}}'
    wait_for("the sum", lambda: f"updraft_rollout_patch_saved_bytes_total{label} {saved}\n" in metrics(world))
    assert metric(world, "updraft_rollout_patch_downloads_total" + label) == 1
    world.cli("rollout", "stop", str(rollout["id"]))
    wait_for("its lines to go", lambda: "updraft_rollout_patch" not in metrics(world))


def test_patches_need_no_room_that_they_were_not_given(tmp_path):
    world = World(tmp_path, server=("--patch-bytes-max", "10"))
    world.release("app-1", BUILD / "app-1", 1)  # patches are made between images that the server has
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    updates(world, Device(world, "first").power_on())
    wait_for("a look at it", lambda: metric(world, 'updraft_patches_total{result="useless"}') == 1)
    assert sum(file.stat().st_size for file in (tmp_path / "state/patches").iterdir()) == 0
    updates(world, Device(world, "second").power_on())
    world.close()


def test_patches_count_among_the_downloads_and_a_recall_ends_them(tmp_path):
    world = World(tmp_path, server=("--download-rate", "100"))
    world.release("app-1", BUILD / "app-1", 1)
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    device = Device(world, "first").power_on()
    running = device.runs(1)["running"]["digest"][:16]
    device.power_off()  # what follows is asked in its name
    world.cli("deploy", world.v2, device.name)
    path = patch_path(world, running)
    assert get(world, device, path)[0] == 404  # it is being made
    made(world)
    status, headers, patch = get(world, device, path)
    assert status == 200 and len(patch) == int(headers["Content-Length"])
    status, headers, body = get(world, device, path)
    assert status == 429 and b"UD_ERR_RETRY_LATER" in body and int(headers["Retry-After"]) >= 1
    assert metric(world, "updraft_patch_downloads_total") == 1
    world.cli("recall", world.v2, "--reason", "wrong key")
    assert get(world, device, path)[0] in (404, 409, 410)  # whichever is noticed first: the recall, or the offer's end
    world.close()
