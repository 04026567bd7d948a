"""Debian's swupdate (suricatta), unmodified, takes a foreign release from updraftd over HTTPS.

Its build wants signed images, so each test makes an RSA key and a CMS signature as SWUpdate's manual says. It keeps no
state over a restart here (there is no bootloader environment), so the reboot after an install is its second start,
which is told by --confirm that the new software runs.
"""
import hashlib
import os
import signal
import subprocess
import time

import pytest
from conftest import await_that

DESCRIPTION = """software =
{{
    version = "{version}";
    hardware-compatibility: [ "1.0" ];
    files: ( {{ filename = "app.txt"; path = "{target}"; sha256 = "{digest}"; }} );
}};
"""
CONFIG = """globals : {{ verbose = true; }};
suricatta :
{{
    tenant = "default";
    id = "{name}";
    url = "{url}";
    targettoken = "{token}";
    polldelay = 1;
    cafile = "{ca}";
}};
"""
CONFIRM_SUCCESS = "2"
# Larger than pipes and sockets hold: suricatta then learns of a refusal while it still downloads. With a few bytes its
# download is done first, and whether it reports the installer's failure is a race of its own.
BIG_BYTES = 8 << 20


def run(*words, **more):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, **more)


def make_key(folder, name):
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
        "extendedKeyUsage=emailProtection", "-addext", "keyUsage=digitalSignature", "-keyout", key, "-out", cert)
    return key, cert


def make_swu(folder, version, content, target, signer):
    folder.mkdir()
    key, cert = signer
    (folder / "app.txt").write_bytes(content)
    (folder / "sw-description").write_text(
        DESCRIPTION.format(version=version, target=target, digest=hashlib.sha256(content).hexdigest()))
    run("openssl", "cms", "-sign", "-in", folder / "sw-description", "-out", folder / "sw-description.sig", "-signer",
        cert, "-inkey", key, "-outform", "DER", "-nosmimecap", "-binary")
    names = "sw-description\nsw-description.sig\napp.txt\n"
    return run("cpio", "-o", "-H", "crc", cwd=folder, input=names.encode()).stdout


class Client:
    """One swupdate in a folder of its own."""

    def __init__(self, program, folder, server, people, trusted):
        self.program, self.folder, self.trusted = program, folder, trusted
        self.name = "gate-7"
        self.log = folder / "swupdate.log"
        folder.mkdir()
        people.call("POST", "/api/v1/device-types", {"name": "swupdate", "foreign": True})
        token = people.call("POST", "/api/v1/devices", {"name": self.name, "type": "swupdate"})["token"]
        (folder / "swupdate.cfg").write_text(CONFIG.format(
            name=self.name, url=server.listen["devices"]["url"], token=token, ca=server.ca))

    def start(self, *more):
        command = [self.program, "-v", "-f", self.folder / "swupdate.cfg", "-k", self.trusted[1], "-H", "interop:1.0",
                   "-u", " ".join(more)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(w) for w in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env=dict(os.environ, TMPDIR=str(self.folder)), start_new_session=True)

    def stop(self):
        """It is one program of several processes: end them all, and wait for the first."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(20)


def deploy(people, name, version, swu):
    digest = hashlib.sha256(swu).hexdigest()
    people.call("PUT", f"/api/v1/artifacts/{digest}", swu, {"Upload-Length": str(len(swu))})
    release = people.call("POST", "/api/v1/foreign-releases", {
        "name": "gate", "version": version, "deviceType": "swupdate",
        "artifacts": [{"filename": "gate.swu", "sha256": digest}]})
    made = people.call("POST", f"/api/v1/releases/{release['id']}/deploy", {"devices": [name]})
    return made["actions"][0]["id"]


@pytest.fixture
def client(swupdate, tmp_path, server, people):
    made = Client(swupdate, tmp_path / "device", server, people, make_key(tmp_path, "trusted"))
    yield made
    made.stop()


def messages(action):
    return [text for entry in action["history"] for text in entry["messages"]]


def test_swupdate_installs_a_release_and_its_second_start_ends_the_action_as_claimed(client, people, tmp_path):
    target = tmp_path / "installed.txt"
    swu = make_swu(tmp_path / "image", "2.0", b"second version\n", target, client.trusted)
    action = deploy(people, client.name, "2.0", swu)

    def look():
        return people.call("GET", f"/api/v1/actions/{action}")

    client.start()
    await_that("the install", lambda: "All Chunks Installed." in messages(look()), client.process)
    assert target.read_bytes() == b"second version\n"
    assert look()["active"], "before its restart swupdate has not said that it succeeded"

    client.stop()
    client.start("--confirm", CONFIRM_SUCCESS)
    await_that("the end of the action", lambda: not look()["active"], client.process)
    assert look()["state"] == "claimed"
    device = people.call("GET", f"/api/v1/devices/{client.name}")
    assert not device["running"] or device["running"]["proof"] != "signed"


def test_swupdate_refuses_an_image_by_another_key_and_the_server_shows_why(client, people, tmp_path):
    target = tmp_path / "installed.txt"
    stranger = make_key(tmp_path, "stranger")
    swu = make_swu(tmp_path / "image", "3.0", bytes(BIG_BYTES), target, stranger)
    action = deploy(people, client.name, "3.0", swu)

    def ended():
        seen = people.call("GET", f"/api/v1/actions/{action}")
        return None if seen["active"] else seen

    client.start()
    done = await_that("the failure", ended, client.process)
    assert done["state"] == "failed"
    assert any("signature" in text.lower() or "verif" in text.lower() for text in messages(done)), messages(done)
    assert not target.exists()


def test_swupdate_gives_way_to_a_cancel(client, people, tmp_path):
    target = tmp_path / "installed.txt"
    swu = make_swu(tmp_path / "image", "4.0", b"never wanted\n", target, client.trusted)
    action = deploy(people, client.name, "4.0", swu)
    people.call("POST", f"/api/v1/actions/{action}/cancel")
    client.start()
    done = await_that("the cancel", lambda: ended(people, action), client.process)
    assert done["state"] == "canceled"
    assert not target.exists()


def ended(people, action):
    seen = people.call("GET", f"/api/v1/actions/{action}")
    return None if seen["active"] else seen


def test_a_shut_window_is_no_finished_update_for_swupdate(client, people, tmp_path):
    """Told to skip, it would report success: the server holds the offer back instead."""
    target = tmp_path / "installed.txt"
    swu = make_swu(tmp_path / "image", "5.0", b"at night only\n", target, client.trusted)
    digest = hashlib.sha256(swu).hexdigest()
    people.call("PUT", f"/api/v1/artifacts/{digest}", swu, {"Upload-Length": str(len(swu))})
    release = people.call("POST", "/api/v1/foreign-releases", {
        "name": "gate", "version": "5.0", "deviceType": "swupdate", "artifacts": [{"filename": "gate.swu", "sha256": digest}]})
    year = time.gmtime().tm_year + 2
    rollout = people.call("POST", "/api/v1/rollouts", {
        "name": "nightly", "release": release["id"], "filter": f"name=={client.name}", "start": "auto",
        "window": {"schedule": f"0 0 3 * * ? {year}", "duration": "01:00:00", "zone": "device"}})["id"]

    def seen():
        return people.call("GET", f"/api/v1/rollouts/{rollout}")
    await_that("its offer", lambda: seen()["devices"]["active"] == 1)
    first = people.call("GET", f"/api/v1/devices/{client.name}")["lastSeen"]
    client.start()
    await_that("its polls", lambda: (people.call("GET", f"/api/v1/devices/{client.name}")["lastSeen"] or 0) > (first or 0) + 1500,
               client.process)
    assert people.call("GET", f"/api/v1/devices/{client.name}/why")["answer"] == "window"
    assert seen()["devices"]["active"] == 1 and not target.exists()


def test_a_rollout_of_swupdate_ends_by_its_claim(client, people, tmp_path):
    target = tmp_path / "installed.txt"
    swu = make_swu(tmp_path / "image", "6.0", b"sixth version\n", target, client.trusted)
    digest = hashlib.sha256(swu).hexdigest()
    people.call("PUT", f"/api/v1/artifacts/{digest}", swu, {"Upload-Length": str(len(swu))})
    release = people.call("POST", "/api/v1/foreign-releases", {
        "name": "gate", "version": "6.0", "deviceType": "swupdate", "artifacts": [{"filename": "gate.swu", "sha256": digest}]})
    rollout = people.call("POST", "/api/v1/rollouts", {"name": "all", "release": release["id"], "devices": [client.name],
                                                       "start": "auto"})["id"]
    client.start()
    await_that("the install", lambda: target.exists() and target.read_bytes() == b"sixth version\n", client.process)
    action = people.call("GET", f"/api/v1/devices/{client.name}/actions")["content"][0]["id"]
    await_that("its last word", lambda: "All Chunks Installed." in messages(people.call("GET", f"/api/v1/actions/{action}")),
               client.process)
    client.stop()
    client.start("--confirm", CONFIRM_SUCCESS)
    done = await_that("the end", lambda: (lambda r: r if r["state"] == "finished" else None)(
        people.call("GET", f"/api/v1/rollouts/{rollout}")), client.process)
    assert done["devices"]["claimed"] == 1 and done["devices"]["confirmed"] == 0
