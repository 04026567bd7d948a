"""What a device's signed reports say beside the outcome, as the server and the command show it."""
import hashlib
import json
import uuid

import pytest

from test_device import BUILD, Device, World, wait_for


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.close()


def test_a_device_says_what_it_runs_and_what_it_can_do(world):
    device = Device(world, "able").power_on()
    device.runs(1)
    said = world.get("/api/v1/devices/able/properties")
    image = (BUILD / "app-1").read_bytes()
    assert [(c["component"], c["digest"], c["size"], c["sequence"]) for c in said["claims"]] == [
        ("app", hashlib.sha256(image).hexdigest(), len(image), 1)]
    can = said["capabilities"]
    assert can["components"] == ["app"]
    assert {"fetch", "image-match", "try-each", "process-dependency"} <= set(can["commands"])
    assert "swap" not in can["commands"]
    assert {"encryption-info", "updraft-patch"} <= set(can["parameters"])
    assert {"ES256", "Ed25519", "HSS-LMS", "A128GCM"} <= set(can["algorithms"])
    shown = world.cli("device", "properties", "able").stdout
    assert "process-dependency" in shown and said["claims"][0]["digest"][:16] in shown
    assert json.loads(world.cli("device", "properties", "able", "--json").stdout) == said


def test_a_device_that_said_nothing_yet_has_no_properties(world):
    world.cli("device", "enrol", "silent", "--code")
    assert world.get("/api/v1/devices/silent/properties") == {
        "name": "silent", "reportedAt": None, "claims": [], "capabilitiesAt": None, "capabilities": None}
    assert "not said" in world.cli("device", "properties", "silent").stdout
    assert world.cli("device", "properties", "nobody", check=False).returncode != 0


def test_a_refusal_says_what_was_compared_with_what(world, tmp_path):
    device = Device(world, "compares").power_on()
    device.runs(1)
    release = world.release("other", BUILD / "app-2", 2, vendor_class="window")
    action = world.ends(world.deploy(release, device))
    assert action["error"] == "UD_ERR_CLASS"
    reports = wait_for("the report", lambda: [
        r for r in world.get("/api/v1/devices/compares/reports")["content"] if r["result"] == "UD_ERR_CLASS"])
    record = reports[0]["records"][-1]
    own = uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, "example.com"), "door-lock")
    assert (record["section"], record["result"], record["measured"]) == (
        "shared", "UD_ERR_CLASS", {"class": own.hex})
    file = tmp_path / "report.cose"
    file.write_bytes(bytes.fromhex(reports[0]["bytes"]))
    seen = json.loads(world.cli("inspect", str(file), "--json").stdout)
    assert seen["kind"] == "report"
    assert seen["content"]["result"]["error"] == "UD_ERR_CLASS"
    assert seen["content"]["result"]["record"]["section"] == "shared"
    measured = [r["measured"] for r in seen["content"]["records"] if "measured" in r]
    assert {"class": record["measured"]["class"], "error": "UD_ERR_CLASS"} in measured


def test_what_a_device_can_do_outlasts_later_reports_that_do_not_say_it(world):
    device = Device(world, "keeps").power_on()
    device.runs(1)
    before = world.get("/api/v1/devices/keeps/properties")
    release = world.release("mine", BUILD / "app-2", 3, vendor_class="gate")
    assert world.ends(world.deploy(release, device))["error"] == "UD_ERR_CLASS"
    after = wait_for("the second report", lambda: (p := world.get("/api/v1/devices/keeps/properties"))
                     ["reportedAt"] > before["reportedAt"] and p)
    newest = world.get("/api/v1/devices/keeps/reports")["content"][0]
    assert newest["capabilities"] is None
    assert (after["capabilities"], after["capabilitiesAt"]) == (before["capabilities"], before["capabilitiesAt"])
