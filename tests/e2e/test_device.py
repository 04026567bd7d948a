"""A device folder against the real server: enrolment, update, power cuts, revert, refusals, cancel."""
import hashlib
import json
import os
import re
import signal
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("UPDRAFT_BUILD", ROOT / "build/release"))
SECTOR = 4096  # as `updraft device init` lays out by default
ERASED = b"\xff" * SECTOR
PATIENCE_S = 60  # an upper bound for what is awaited, never a measurement
FINAL = {"confirmed", "claimed", "refused", "reverted", "failed", "canceled"}


def wait_for(what, look):
    """The first truthy value of look(), which is asked again until PATIENCE_S are over."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        value = look()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {PATIENCE_S} s")


class World:
    """One server, one author, and what they need."""

    def __init__(self, folder: Path, server=("--patch-image-bytes-max", "0")):
        """Images come whole, so that tests know what travels; test_device_patch.py is about patches."""
        self.folder = folder
        self.env = dict(os.environ, UPDRAFT_PROFILE=str(folder / "profile.ini"))
        self.log = open(folder / "server.log", "w")
        self.server = subprocess.Popen(
            [BUILD / "updraftd", "--state", folder / "state", "--listen-devices", "127.0.0.1:0",
             "--listen-people", "127.0.0.1:0", "--poll-s", "1", *server],
            stdout=self.log, stderr=subprocess.STDOUT)
        wait_for("server listening", lambda: (folder / "state/listen.json").exists())
        self.addresses = json.loads((folder / "state/listen.json").read_text())
        self.ca = str(folder / "state/ca.pem")
        self.token = (folder / "state/admin.token").read_text().strip()
        self.cli("login", "--server", self.addresses["people"]["url"], "--ca", self.ca,
                 "--token-file", str(folder / "state/admin.token"))
        self.keygen("author")
        self.cli("anchor", "add", "author", "--key", self.path("author.pub"))
        self.boots = []

    def path(self, name):
        return str(self.folder / name)

    def cli(self, *words, check=True):
        result = subprocess.run([BUILD / "updraft", *words], env=self.env, cwd=self.folder, capture_output=True,
                                text=True, timeout=PATIENCE_S)
        assert not check or result.returncode == 0, f"{words}: {result.stdout}{result.stderr}"
        return result

    def keygen(self, name):
        self.cli("keygen", "--output", self.path(name))

    def get(self, path):
        request = urllib.request.Request(self.addresses["people"]["url"] + path,
                                         headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=self.ca)) as answer:
            return json.load(answer)

    def post(self, path):
        request = urllib.request.Request(self.addresses["people"]["url"] + path, data=b"", method="POST",
                                         headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=self.ca)) as answer:
            return answer.status

    def envelope(self, name, app, sequence, vendor_class="door-lock", key="author", keys=(), more=()):
        self.cli("create", "--image", str(app), "--vendor", "example.com", "--class", vendor_class,
                 "--sequence", str(sequence), "--output", self.path(name), *more)
        for one in keys or [key]:
            self.cli("sign", self.path(name), "--key", self.path(one + ".key"))
        return self.path(name)

    def release(self, name, app, sequence, **how):
        envelope = self.envelope(name + ".suit", app, sequence, **how)
        result = self.cli("publish", envelope, "--payload", str(app), "--name", name, "--version", str(sequence),
                          "--json")
        return str(json.loads(result.stdout)["id"])

    def deploy(self, release, device):
        actions = json.loads(self.cli("deploy", release, device.name, "--json").stdout)["actions"]
        return actions[0]["id"]

    def action(self, action_id):
        return self.get(f"/api/v1/actions/{action_id}")

    def ends(self, action_id):
        return wait_for(f"end of action {action_id}",
                        lambda: (a := self.action(action_id))["state"] in FINAL and a)

    def close(self):
        for boot in self.boots:
            boot.power_off()
        self.server.send_signal(signal.SIGTERM)
        assert self.server.wait(PATIENCE_S) == 0
        self.log.close()


class Device:
    """A device folder, and its chip while it has power."""

    def __init__(self, world, name, enrol="code", **how):
        self.world = world
        self.name = name
        self.folder = world.folder / name
        self.chip = None
        factory = world.envelope(f"{name}-factory.suit", BUILD / "app-1", 1, keys=how.get("keys", ()))
        world.cli("device", "init", str(self.folder), "--vendor", "example.com", "--class",
                  "door-lock", "--anchor", world.path("author.pub"), "--server", world.addresses["devices"]["url"],
                  "--ca", world.ca, "--poll", "1", "--factory", factory, "--image", str(BUILD / "app-1"),
                  "--trial-ms", str(how.get("trial_ms", 60000)), *how.get("init", ()))
        self.enrol(enrol)
        if "rate_max" in how:
            self.set_rate(how["rate_max"])
        world.boots.append(self)

    def set_rate(self, rate_max):
        settings = self.folder / "agent.ini"
        lines = [line for line in settings.read_text().splitlines() if not line.startswith("rate_max")]
        settings.write_text("\n".join(lines + [f"rate_max = {rate_max}", ""]))

    def enrol(self, how):
        if how == "code":
            answer = json.loads(self.world.cli("device", "enrol", self.name, "--code", "--json").stdout)
            self.secret("code", answer["code"])
            settings = self.folder / "agent.ini"
            settings.write_text(settings.read_text().replace("token = token", "token = token\nenrol_code = code"))
        else:
            answer = json.loads(self.world.cli("device", "enrol", self.name, "--key",
                                               str(self.folder / "device.pub"), "--json").stdout)
            self.secret("token", answer["token"])

    def secret(self, name, text):
        with open(os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text + "\n")

    def log_text(self):
        return (self.world.folder / f"{self.name}.log").read_text()

    def power_on(self, environment=()):
        log = open(self.world.folder / f"{self.name}.log", "a")
        self.chip = subprocess.Popen([BUILD / "updraft-boot", self.folder], stdout=log, stderr=subprocess.STDOUT,
                                     env=os.environ | dict(environment))
        log.close()
        return self

    def power_off(self):
        """At once: no program hears of it."""
        if self.chip is not None:
            self.chip.kill()
            self.chip.wait()
            self.chip = None

    def state(self):
        return self.world.get(f"/api/v1/devices/{self.name}")

    def runs(self, sequence):
        return wait_for(f"{self.name} runs {sequence}",
                        lambda: (s := self.state()).get("running") and s["running"]["sequence"] == sequence and s)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    yield world
    world.close()


def test_a_device_enrols_with_its_code_and_says_what_it_runs(world):
    device = Device(world, "enrols").power_on()
    running = device.runs(1)["running"]
    assert running["proof"] == "signed"
    assert oct((device.folder / "token").stat().st_mode & 0o777) == "0o600"
    assert not (device.folder / "code").exists()
    token = (device.folder / "token").read_text().strip()
    assert token not in device.log_text()
    assert token not in (world.folder / "server.log").read_text()
    device.power_off()
    device.power_on().runs(1)  # and the token serves after a power cut


def test_an_update_is_confirmed_by_a_signed_report_of_the_running_image(world):
    device = Device(world, "updates", enrol="key").power_on()
    device.runs(1)
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed", action
    assert device.runs(2)["running"]["proof"] == "signed"
    assert "app version=2 slot=1 trial=yes" in device.log_text()
    device.power_off()
    device.power_on()
    wait_for("version 2 after a power cut", lambda: "app version=2 slot=1 trial=no" in device.log_text())


def test_a_stop_ends_the_chip_and_its_image_cleanly(world):
    device = Device(world, "stops").power_on()
    device.runs(1)
    device.chip.send_signal(signal.SIGTERM)
    assert device.chip.wait(PATIENCE_S) == 0
    assert "event=end how=stopped" in device.log_text()
    device.chip = None


def downloading(world, action_id):
    """A download that is under way: some bytes are here, not all."""
    def look():
        action = world.action(action_id)
        assert action["state"] not in FINAL, action
        return action["state"] == "downloading"
    wait_for("download under way", look)


def sectors_in_use(device):
    flash = (device.folder / "flash.bin").read_bytes()
    return sum(flash[at:at + SECTOR] != ERASED for at in range(0, len(flash), SECTOR))


def test_power_lost_during_the_download_resumes_to_the_byte(world):
    device = Device(world, "resumes", rate_max=100000).power_on()
    device.runs(1)
    before = sectors_in_use(device)
    action_id = world.deploy(world.v2, device)
    wait_for("20 sectors", lambda: sectors_in_use(device) >= before + 20)
    device.power_off()
    device.set_rate(0)
    device.power_on()
    assert world.ends(action_id)["state"] == "confirmed"
    starts = [int(n) for n in re.findall(r"event=download .* from=(\d+)", device.log_text())]
    assert starts[0] == 0 and starts[-1] >= 15 * SECTOR, device.log_text()  # some sectors are the journal's


def test_power_may_fail_again_and_again(world):
    device = Device(world, "flickers", rate_max=300000)
    action_id = world.deploy(world.v2, device)
    for _ in range(6):
        device.power_on()
        start = device.log_text().count("event=choose")
        wait_for("a start", lambda: device.log_text().count("event=choose") > start or
                 world.action(action_id)["state"] in FINAL)
        time.sleep(0.4)  # somewhere in the download: where does not matter
        device.power_off()
    device.set_rate(0)
    device.power_on()
    state = world.ends(action_id)["state"]
    assert state in ("confirmed", "reverted")  # a cut in the middle of the trial counts as its loss
    device.runs(2 if state == "confirmed" else 1)


def test_a_version_that_crashes_is_reverted_and_the_server_says_why(world):
    device = Device(world, "crashes").power_on()
    device.runs(1)
    v3 = world.release("app-3", BUILD / "app-3", 3)
    action = world.ends(world.deploy(v3, device))
    assert (action["state"], action["error"], action["proof"]) == ("reverted", "UD_ERR_CRASHED", "signed"), action
    assert device.runs(1)["running"]["bootReason"] == "reverted"
    action = world.ends(world.deploy(world.v2, device))  # and the next good one goes in
    assert action["state"] == "confirmed"


def test_a_genuine_older_release_is_refused(world):
    device = Device(world, "newer").power_on()
    assert world.ends(world.deploy(world.v2, device))["state"] == "confirmed"
    v1 = world.release("app-1-again", BUILD / "app-1", 1)
    action = world.ends(world.deploy(v1, device))
    assert (action["state"], action["error"]) == ("refused", "UD_ERR_STALE"), action
    device.runs(2)


def test_a_release_for_another_class_is_refused(world):
    device = Device(world, "other-class").power_on()
    release = world.release("gate", BUILD / "app-2", 9, vendor_class="gate-opener")
    action = world.ends(world.deploy(release, device))
    assert (action["state"], action["error"]) == ("refused", "UD_ERR_CLASS"), action
    device.runs(1)


def test_an_author_whom_only_the_server_trusts_is_refused_by_the_device(world):
    device = Device(world, "unknown-key").power_on()
    world.keygen("intruder")
    world.cli("anchor", "add", "intruder", "--key", world.path("intruder.pub"))
    release = world.release("intruder", BUILD / "app-2", 9, key="intruder")
    action = world.ends(world.deploy(release, device))
    assert (action["state"], action["error"]) == ("refused", "UD_ERR_UNTRUSTED"), action
    device.runs(1)


def test_two_signatures_are_needed_where_the_device_says_so(world):
    world.keygen("approver")
    world.cli("anchor", "add", "approver", "--key", world.path("approver.pub"))
    device = Device(world, "two-keys", keys=("author", "approver"),
                    init=("--anchor", world.path("approver.pub"), "--threshold", "2")).power_on()
    device.runs(1)
    action = world.ends(world.deploy(world.v2, device))  # good for the server, which has no threshold of the device
    assert (action["state"], action["error"]) == ("refused", "UD_ERR_THRESHOLD"), action
    device.runs(1)
    both = world.release("both", BUILD / "app-2", 5, keys=("author", "approver"))
    action = world.ends(world.deploy(both, device))
    assert (action["state"], action["proof"]) == ("confirmed", "signed"), action
    device.runs(5)


def small_image(folder, becomes):
    """A program small enough for an envelope; it goes on as `becomes`."""
    source = folder / "small.c"
    source.write_text('#include <unistd.h>\n'
                      f'int main(void) {{ return execl("{becomes}", "{becomes}", (char *)0); }}\n')
    subprocess.run(["cc", "-Os", "-s", "-o", folder / "small", source], check=True)
    return folder / "small"


def test_an_image_inside_its_envelope_runs_on_the_device(world):
    device = Device(world, "integrated", init=("--envelope-bytes", "65536")).power_on()
    device.runs(1)
    image = small_image(world.folder, BUILD / "app-2")
    envelope = world.envelope("integrated.suit", image, 6, more=("--integrated",))
    release = json.loads(world.cli("publish", envelope, "--name", "integrated", "--json").stdout)
    assert [artifact["filename"] for artifact in release["artifacts"]] == ["manifest.suit"]
    action = world.ends(world.deploy(str(release["id"]), device))
    assert (action["state"], action["proof"]) == ("confirmed", "signed"), action
    assert device.runs(6)["running"]["digest"] == hashlib.sha256(image.read_bytes()).hexdigest()


def test_an_image_altered_in_the_servers_storage_is_refused_by_the_device(world):
    device = Device(world, "tampered").power_on()
    altered = world.folder / "app-altered"
    altered.write_bytes((BUILD / "app-2").read_bytes() + b"\n")
    release = world.release("altered", altered, 8)
    digest = subprocess.run(["sha256sum", altered], capture_output=True, text=True, check=True).stdout.split()[0]
    stored = next((world.folder / "state/artifacts").rglob(f"*{digest[2:]}*"))
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.chmod(0o600)
    stored.write_bytes(content)
    action = world.ends(world.deploy(release, device))
    assert (action["state"], action["error"]) == ("refused", "UD_ERR_IMAGE_MISMATCH"), action
    device.runs(1)


def test_a_cancel_during_the_download_is_acknowledged(world):
    device = Device(world, "cancels", rate_max=50000).power_on()
    device.runs(1)
    action_id = world.deploy(world.v2, device)
    downloading(world, action_id)
    world.post(f"/api/v1/actions/{action_id}/cancel")
    assert world.ends(action_id)["state"] == "canceled"
    device.set_rate(0)
    device.power_off()
    device.power_on()
    assert world.ends(world.deploy(world.v2, device))["state"] == "confirmed"


def test_a_server_with_another_certificate_gets_no_token(world):
    device = Device(world, "wrong-ca")
    other = world.folder / "other-ca.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/CN=other", "-keyout", world.folder / "other-ca.key", "-out", other, "-days", "1"],
                   check=True, capture_output=True)
    settings = device.folder / "agent.ini"
    settings.write_text(settings.read_text().replace(world.ca, str(other)))
    device.power_on()
    wait_for("a refusal", lambda: "err=UD_ERR_TLS" in device.log_text())
    assert (device.folder / "code").exists()
    settings.write_text(settings.read_text().replace(str(other), world.ca))
    device.power_off()
    device.power_on().runs(1)


def test_a_folder_that_is_not_a_device_is_named(world):
    result = subprocess.run([BUILD / "updraft-boot", world.folder / "nothing"], capture_output=True, text=True)
    assert result.returncode == 66
    assert "UD_ERR_NOT_FOUND" in result.stderr
    assert subprocess.run([BUILD / "updraft-boot"], capture_output=True).returncode == 64
