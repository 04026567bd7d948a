"""Debian's swupdate (suricatta), unmodified, takes a foreign release from updraftd over HTTPS.

Its build wants signed images, so each test makes an RSA key and a CMS signature as SWUpdate's manual says. It keeps no
state over a restart here (there is no bootloader environment), so the reboot after an install is its second start,
which is told by --confirm that the new software runs.
"""
import hashlib
import os
import signal
import subprocess

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
