"""rauc-hawkbit (Python package index, 0.2.0), another DDI client, unmodified: takes foreign releases from updraftd over HTTPS.

What it is strict about and others are not: the links' very shape (it takes them apart by patterns), MD5 sums, 200 as the only
success. Its installer, RAUC on D-Bus, is stood in for: what is tested is what it says to the server.
"""
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, await_that

FOLDER = ROOT / "interop/rauc_hawkbit"


@pytest.fixture(scope="session")
def rauc_python(build) -> Path:
    wanted = (FOLDER / "requirements.txt").read_text()
    folder = build.parent / "rauc-hawkbit"
    done = folder / "installed.txt"
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
        pip = [folder / "bin/pip", "install", "-q", "--disable-pip-version-check"]
        # without what it asks for: gbulb is for D-Bus, which is stood in for
        for words in (["-r", FOLDER / "requirements.txt"], ["--no-deps", "rauc-hawkbit==0.2.0"]):
            got = subprocess.run([*pip, *words], capture_output=True, text=True)
            if got.returncode != 0:
                pytest.skip(f"rauc-hawkbit is not to be had: {got.stderr.strip().splitlines()[-1]}")
        done.write_text(wanted)
    return folder / "bin/python"


class Device:
    def __init__(self, python, folder, server, people):
        self.python, self.folder, self.server, self.people, self.process = python, folder, server, people, None
        folder.mkdir()
        people.call("POST", "/api/v1/device-types", {"name": "rauc", "foreign": True})
        self.token = people.call("POST", "/api/v1/devices", {"name": "panel-3", "type": "rauc"})["token"]

    def start(self):
        with (self.folder / "client.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.python, FOLDER / "device.py", self.server.listen["devices"]["url"].replace("127.0.0.1", "localhost"),
                 str(self.server.ca), "panel-3", self.token, str(self.folder / "bundle.raucb")], stdout=log, stderr=log)
        return self

    def deploy(self, content, version):
        digest = hashlib.sha256(content).hexdigest()
        self.people.call("PUT", f"/api/v1/artifacts/{digest}", content, {"Upload-Length": str(len(content))})
        release = self.people.call("POST", "/api/v1/foreign-releases", {
            "name": "panel", "version": version, "deviceType": "rauc", "artifacts": [{"filename": "panel.raucb", "sha256": digest}]})
        return self.people.call("POST", f"/api/v1/releases/{release['id']}/deploy", {"devices": ["panel-3"]})["actions"][0]["id"]

    def ends(self, action):
        return await_that("the action's end", lambda: (a := self.people.call("GET", f"/api/v1/actions/{action}")) and
                          not a["active"] and a)

    def said(self, action):
        return [m for entry in action["history"] for m in entry["messages"]]


@pytest.fixture
def device(rauc_python, tmp_path, server, people):
    made = Device(rauc_python, tmp_path / "device", server, people)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()


def test_an_install_is_claimed_and_its_attributes_are_known(device):
    action = device.deploy(b"good" + b"\7" * 300_000, "1")
    device.start()
    ended = device.ends(action)
    assert (ended["state"], ended["proof"]) == ("claimed", "claimed"), ended
    assert "Verifying signature" in device.said(ended)
    assert "Rauc bundle update completed with result: 0" in device.said(ended)
    assert device.people.call("GET", "/api/v1/devices/panel-3/attributes")["MAC"] == "02:00:00:00:00:01"
    assert device.process.wait(30) == 0


def test_a_bundle_that_its_installer_refuses_fails_with_its_words(device):
    action = device.deploy(b"evil" + b"\7" * 1000, "1")
    device.start()
    ended = device.ends(action)
    assert ended["state"] == "failed", ended
    assert "signature verification failed" in device.said(ended)


def test_a_cancel_that_it_rejects_leaves_the_action_to_go_on(device):
    action = device.deploy(b"good" + b"\7" * 1000, "1")
    device.people.call("POST", f"/api/v1/actions/{action}/cancel")
    device.start()
    await_that("its refusal", lambda: "Cancelling not supported" in device.said(device.people.call("GET", f"/api/v1/actions/{action}")),
               device.process)
    assert device.people.call("GET", f"/api/v1/actions/{action}")["state"] != "canceled"
