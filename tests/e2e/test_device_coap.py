"""A device folder that speaks CoAP: the device library's LwM2M client against the real server, plain and over DTLS."""
import base64
import json
import re
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest
from cryptography.hazmat.primitives import serialization
from test_device import BUILD, ROOT, SECTOR, Device, World, sectors_in_use, wait_for
from test_device_patch import made, metric
from test_lwm2m_dtls import certificate, pem

IDENTITY = "psk-identity"


class CoapDevice(Device):
    """Device by its LwM2M road. `security`: none, psk, x509, bootstrap, bootstrap-renew, oscore, bootstrap-oscore."""

    def __init__(self, world, name, security="none", settings=(), **how):
        super().__init__(world, name, enrol="key", **how)
        (self.folder / "token").unlink()
        self.security = security
        url = world.addresses["coap" if security in ("none", "oscore") else "coaps"]["url"]
        rows = []
        if security == "oscore":
            key = world.api("POST", f"/api/v1/devices/{name}/lwm2m-keys", {"mode": "oscore", "serverId": "5356", "salt": "0102"})
            self.secret("oscore", f"secret = {key['key']}\nsalt = 0102\nid = {key['kid']}\nserver_id = 5356")
            rows += ["oscore = oscore"]
        if security in ("psk", "bootstrap", "bootstrap-renew", "bootstrap-oscore"):
            more = {"bootstrap": "renew" if security == "bootstrap-renew" else "once"} if security != "psk" else {}
            if security == "bootstrap-oscore":
                more["gives"] = "oscore"
            key = world.api("POST", f"/api/v1/devices/{name}/lwm2m-keys",
                            {"mode": "psk", "identity": f"{IDENTITY}-{name}", **more})
            self.secret("psk", key["key"])
            rows += ["psk = psk", f"psk_identity = {IDENTITY}-{name}"]
            if more:
                rows += ["bootstrap = 1"]
        if security == "x509":
            rows += self.make_certificate()
            url = url.replace("127.0.0.1", "localhost")  # mbedTLS 2.28 compares names, not addresses
        self.write_settings(url, rows, list(settings))

    def make_certificate(self):
        """As the fleet's CA would sign it: the common name is the device's."""
        key, cert = certificate(self.name, self.world.fleet_ca, self.world.fleet_key)
        (self.folder / "own.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        self.secret("own.key", pem(key).decode())
        shutil.copy(self.world.ca, self.folder / "ca.pem")
        return ["ca = ca.pem", "cert = own.pem", "key = own.key"]

    def write_settings(self, url, rows, more):
        self.ini = ["[server]", f"url = {url}", f"name = {self.name}", *rows, *more]
        (self.folder / "agent.ini").write_text("\n".join(self.ini) + "\n")

    def registration(self):
        return self.world.get_or_none(f"/api/v1/devices/{self.name}/lwm2m")

    def is_registered(self):
        return wait_for(f"{self.name} registered", self.registration)


class CoapWorld(World):
    def __init__(self, folder, server=()):
        self.fleet_key, self.fleet_ca = certificate("fleet CA")
        (folder / "fleet.pem").write_bytes(self.fleet_ca.public_bytes(serialization.Encoding.PEM))
        server = ("--coap-ca", str(folder / "fleet.pem"), *server)
        super().__init__(folder, ("--patch-image-bytes-max", "0", "--listen-coap", "127.0.0.1:0", "--listen-coaps",
                                  "127.0.0.1:0", *server))
        self.more = server

    def restart(self, between):
        """Killed, and begun again at the same addresses once `between` has returned."""
        where = {name: self.addresses[name]["url"].split("://")[1] for name in ("devices", "people", "coap", "coaps")}
        self.server.kill()
        self.server.wait()
        between()
        (self.folder / "state/listen.json").unlink()
        self.server = subprocess.Popen(
            [BUILD / "updraftd", "--state", self.folder / "state", "--listen-devices", where["devices"],
             "--listen-people", where["people"], "--poll-s", "1", "--patch-image-bytes-max", "0", "--listen-coap",
             where["coap"], "--listen-coaps", where["coaps"], *self.more], stdout=self.log, stderr=subprocess.STDOUT)
        wait_for("server listening again", lambda: (self.folder / "state/listen.json").exists())

    def api(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.addresses["people"]["url"] + path, data=data, method=method,
                                         headers={"Authorization": f"Bearer {self.token}",
                                                  "Content-Type": "application/json"})
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=self.ca)) as answer:
            return json.load(answer)

    def get_or_none(self, path):
        try:
            return self.get(path)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = CoapWorld(tmp_path_factory.mktemp("world"))
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    yield world
    world.close()


@pytest.mark.parametrize("security", ["none", "psk"])
def test_int_101_and_a_signed_release_is_confirmed_over_coap(world, security):
    device = CoapDevice(world, f"updates-{security}", security).power_on()
    assert device.is_registered()["security"] == {"none": "nosec", "psk": "psk"}[security]
    assert device.runs(1)["running"]["proof"] == "signed"
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed" and action["proof"] == "signed", action
    assert device.runs(2)["running"]["proof"] == "signed"
    assert "app version=2 slot=1 trial=yes" in device.log_text()
    device.power_off()


def test_a_patch_comes_over_coap_once_it_was_made(tmp_path):
    """The first device asks, hears 4.04 and takes the image; the next one takes the patch."""
    world = CoapWorld(tmp_path, ("--patch-image-bytes-max", str(1 << 20)))
    world.release("app-1", BUILD / "app-1", 1)
    release = world.release("app-2", BUILD / "app-2", 2)
    first = CoapDevice(world, "first").power_on()
    first.runs(1)
    assert world.ends(world.deploy(release, first))["state"] == "confirmed"
    assert "event=patched" not in first.log_text()
    made(world)
    second = CoapDevice(world, "second", "psk").power_on()
    second.runs(1)
    assert world.ends(world.deploy(release, second))["state"] == "confirmed"
    line = re.search(r"event=patched action=\d+ patch=(\d+) image=(\d+)", second.log_text())
    assert int(line[1]) * 10 < int(line[2]) == (BUILD / "app-2").stat().st_size
    assert metric(world, "updraft_patch_saved_bytes_total") >= int(line[2]) - int(line[1])  # a lost answer counts anew
    world.close()


def test_a_push_carries_a_patch_to_an_agent_of_ours(world):
    """Inside the signed envelope, which a stock client could not read; nothing that a server made travels by /5/0/0."""
    device = CoapDevice(world, "pushed", "psk").power_on()
    device.runs(1)
    folder = world.folder / "push"
    folder.mkdir()
    for number in (1, 2):
        shutil.copy(BUILD / f"app-{number}", folder / f"app-{number}.bin")
    world.cli("diff", str(folder / "app-1.bin"), str(folder / "app-2.bin"), "--output", str(folder / "app.patch"))
    text = (ROOT / "examples/manifests/delta.ini").read_text().replace("sequence = 8", "sequence = 9")
    (folder / "push.ini").write_text(text.replace("uri = beside:app.patch", "uri = #patch").replace(
        "[shared]", "[integrated patch]\ncontent = file:app.patch\n\n[shared]", 1))
    world.cli("create", str(folder / "push.ini"), "--output", str(folder / "push.suit"))
    world.cli("sign", str(folder / "push.suit"), "--key", world.path("author.key"))
    envelope = base64.b64encode((folder / "push.suit").read_bytes()).decode()
    assert command(world, device, op="write", path="/5/0/0", value={"base64": envelope})["state"] == "done"
    wait_for("State Downloaded", lambda: command(world, device, op="read", path="/5/0/3")["answer"]["values"] == {"/5/0/3": 2})
    assert command(world, device, op="execute", path="/5/0/2")["state"] == "done"
    assert device.runs(9)["running"]["proof"] == "signed"
    assert re.search(r"event=patched action=\d+ patch=\d+ image=\d+", device.log_text())
    device.power_off()


def test_power_lost_during_a_coap_download_resumes_to_the_byte(world):
    device = CoapDevice(world, "resumes", "psk", ["[agent]"])
    device.set_rate(50000)
    device.power_on()
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
    device.power_off()


def test_a_server_that_restarts_in_the_middle_finds_the_download_going_on(tmp_path):
    world = CoapWorld(tmp_path)
    try:
        release = world.release("app-2", BUILD / "app-2", 2)
        device = CoapDevice(world, "waits", "psk", ["[agent]"])
        device.set_rate(100000)
        device.power_on()
        device.runs(1)
        before = sectors_in_use(device)
        action_id = world.deploy(release, device)
        wait_for("20 sectors", lambda: sectors_in_use(device) >= before + 20)
        world.restart(lambda: wait_for("the device to notice", lambda: "link=down err=UD_ERR_CONNECT" in device.log_text()))
        assert world.ends(action_id)["state"] == "confirmed"
    finally:
        world.close()


def test_int_109_a_device_in_queue_mode_sleeps_and_is_updated_when_it_wakes(world):
    device = CoapDevice(world, "sleeps", settings=["[lwm2m]", "lifetime_s = 8", "queue = 1", "awake_s = 2"]).power_on()
    assert device.is_registered()["queueMode"] is True
    device.runs(1)
    wait_for("sleep", lambda: "link=asleep" in device.log_text())
    asleep = device.log_text().count("link=asleep")
    wait_for("an update, and sleep again", lambda: device.log_text().count("link=asleep") > asleep)
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed" and action["proof"] == "signed"
    device.power_off()


def test_int_0_1_a_bootstrap_gives_a_key_that_outlives_power_cuts(world):
    device = CoapDevice(world, "boots-up", "bootstrap").power_on()
    assert device.is_registered()["security"] == "psk"
    device.runs(1)
    account = device.folder / "lwm2m.account"
    assert oct(account.stat().st_mode & 0o777) == "0o600"
    keys = world.get("/api/v1/devices/boots-up/lwm2m-keys")["content"]
    assert [key["bootstrap"] for key in keys] == ["no"], keys  # the key for one time has gone
    device.power_off()
    before = device.registration()["location"]
    device.power_on()
    wait_for("a new registration", lambda: (r := device.registration()) and r["location"] != before)
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed"
    assert device.log_text().count("link=bootstrap") == 1
    device.power_off()


def test_int_5_a_bootstrap_that_the_server_asks_for_changes_the_key(world):
    device = CoapDevice(world, "renewed", "bootstrap-renew").power_on()
    first = device.is_registered()

    def keys():
        """Ids by kind, once there is one of each."""
        found = world.get("/api/v1/devices/renewed/lwm2m-keys")["content"]
        kinds = {key["bootstrap"]: key["id"] for key in found}
        return kinds if len(found) == 2 and sorted(kinds) == ["no", "renew"] else None
    before = wait_for("one key of each kind", keys)
    ident = world.api("POST", "/api/v1/devices/renewed/commands", {"op": "bootstrapTrigger"})["id"]
    again = wait_for("a new registration", lambda: (r := device.registration()) and r["location"] != first["location"] and r)
    assert again["security"] == "psk" and device.log_text().count("link=bootstrap") == 2
    wait_for("its end", lambda: world.get(f"/api/v1/commands/{ident}")["state"] == "done")
    after = wait_for("the former key gone", keys)
    assert after["no"] != before["no"] and after["renew"] == before["renew"]
    device.power_off()


def test_a_certificate_of_the_fleet_serves_as_identity(tmp_path):
    world = CoapWorld(tmp_path, ("--coap-host", "localhost"))
    try:
        release = world.release("app-2", BUILD / "app-2", 2)
        device = CoapDevice(world, "certified", "x509").power_on()
        assert device.is_registered()["security"] == "x509"
        device.runs(1)
        assert world.ends(world.deploy(release, device))["state"] == "confirmed"
        device.power_off()
        stranger = CoapDevice(world, "stranger", "x509")
        shutil.copy(tmp_path / "fleet.pem", stranger.folder / "ca.pem")  # believes another CA: the server is nobody
        stranger.power_on()
        wait_for("a refusal", lambda: "link=down err=UD_ERR_AUTH" in stranger.log_text())
        assert stranger.registration() is None
        stranger.power_off()
    finally:
        world.close()


def test_an_identity_that_nobody_knows_gets_nowhere_and_does_not_stop_the_device(world):
    device = CoapDevice(world, "locked-out", "psk")
    settings = device.folder / "agent.ini"
    settings.write_text(settings.read_text().replace(f"{IDENTITY}-", "nobody-"))
    device.power_on()
    wait_for("a refusal", lambda: "link=down err=UD_ERR_" in device.log_text())
    assert device.registration() is None
    assert device.chip.poll() is None
    device.power_off()


def test_int_103_a_stop_takes_leave_of_the_server(world):
    device = CoapDevice(world, "leaves").power_on()
    device.is_registered()
    device.chip.terminate()
    assert device.chip.wait(60) == 0
    device.chip = None
    wait_for("the registration's end", lambda: device.registration() is None)


def command(world, device, **spec):
    ident = world.api("POST", f"/api/v1/devices/{device.name}/commands", spec)["id"]

    def ended():
        found = world.get(f"/api/v1/commands/{ident}")
        return found if found["state"] not in ("queued", "sent") else None
    return wait_for(f"command {spec}", ended)


def test_int_201_221_223_226_227_229_230_241_260_301_the_server_reads_writes_discovers_and_observes(world):
    device = CoapDevice(world, "managed", "psk", settings=["[lwm2m]", "manufacturer = Acme", "model = Lock"]).power_on()
    device.is_registered()
    running = device.runs(1)["running"]
    assert command(world, device, op="read", path="/3/0/0")["answer"]["values"] == {"/3/0/0": "Acme"}
    values = command(world, device, op="read", path="/3/0")["answer"]["values"]
    assert values["/3/0/1"] == "Lock" and values["/3/0/3"] == "1" and values["/3/0/11/0"] == 0, values
    assert command(world, device, op="read", path="/4/0")["answer"]["values"]["/4/0/4/0"] == "127.0.0.1"
    assert command(world, device, op="read", path="/5/0/9")["answer"]["values"] == {"/5/0/9": 2}
    assert command(world, device, op="read", path="/3/0/99")["state"] == "failed"
    assert command(world, device, op="read", path="/0/0")["state"] == "failed"
    links = command(world, device, op="discover", path="/5")["answer"]["links"]
    assert "</5/0/3>" in links and "</5/0/4>" not in links
    assert command(world, device, op="write", path="/1/0/1", value=400)["state"] == "done"
    wait_for("the new lifetime", lambda: device.registration()["lifetime"] == 400)
    assert command(world, device, op="write", path="/3/0/0", value="Other")["state"] == "failed"
    assert command(world, device, op="write", path="/1/0", values={"2": 1, "3": 60})["state"] == "done"
    composite = command(world, device, op="readComposite", paths=["/1/0/2", "/1/0/3", "/5/0/3"])["answer"]["values"]
    assert composite == {"/1/0/2": 1, "/1/0/3": 60, "/5/0/3": 0}
    assert command(world, device, op="writeComposite", values={"/1/0/2": 0, "/1/0/3": 0})["state"] == "done"
    report = command(world, device, op="read", path="/26241/0")["answer"]["values"]
    assert report["/26241/0/2"] == 1 and report["/26241/0/5"] == 3
    assert base64.b64decode(report["/26241/0/6"]["base64"]).hex() == running["digest"]
    wait_for("its profile among the attributes", lambda: world.get(
        f"/api/v1/devices/{device.name}/attributes").get("patchProfile") == "p3")
    assert base64.b64decode(report["/26241/0/0"]["base64"])[0] == 0xd2  # the signed report itself: COSE_Sign1
    assert running["proof"] == "signed"
    assert command(world, device, op="execute", path="/5/0/2")["state"] == "failed"  # there is nothing to install
    assert command(world, device, op="attributes", path="/1/0/1", query="pmin=0&pmax=1000")["state"] == "done"
    assert command(world, device, op="observe", path="/1/0/1")["state"] == "done"
    assert command(world, device, op="write", path="/1/0/1", value=500)["state"] == "done"

    def newest():
        found = world.get(f"/api/v1/devices/{device.name}/values/newest?path=/1/0/1")["content"]
        return found and found[0]["value"] == 500
    wait_for("the observed value", newest)
    before = device.log_text().count("event=choose")
    assert command(world, device, op="reboot")["state"] == "done"
    wait_for("a restart", lambda: device.log_text().count("event=choose") > before)
    device.power_off()


def test_what_is_measured_in_files_is_told_and_nothing_else_is(world):
    device = CoapDevice(world, "measures", "psk", settings=["[lwm2m]", "battery = battery", "signal = signal"]).power_on()
    device.is_registered()
    for words, value in [(None, None), ("61\n", 61), ("0", 0), ("101\n", None), ("-1\n", None), ("", None), ("full\n", None), ("50 %\n", None),
                         ("9" * 40, None), ("100\n", 100)]:
        if words is not None:
            (device.folder / "battery.new").write_text(words)
            (device.folder / "battery.new").replace(device.folder / "battery")
        read = command(world, device, op="read", path="/3/0/9")
        assert (read["answer"].get("values") or {}).get("/3/0/9") == value, (words, read)
        assert read["state"] == ("failed" if value is None else "done")
    (device.folder / "signal").write_text("-67\n")
    assert command(world, device, op="read", path="/4/0/2")["answer"]["values"] == {"/4/0/2": -67}
    up = command(world, device, op="read", path="/26241/0/7")["answer"]["values"]["/26241/0/7"]
    assert up >= 0 and up % 60 == 0
    device.power_off()


def test_int_261_only_what_crosses_a_limit_or_makes_a_step_is_told(world):
    device = CoapDevice(world, "limits", "psk", settings=["[lwm2m]", "battery = battery"])

    def level(value):
        (device.folder / "battery.new").write_text(f"{value}\n")
        (device.folder / "battery.new").replace(device.folder / "battery")

    def told(path):
        return [v["value"] for v in world.get(f"/api/v1/devices/{device.name}/values?path={path}")["content"]]
    def seen(path):
        return world.get(f"/api/v1/devices/{device.name}/values?path={path}")["total"]
    level(50)
    device.power_on()
    device.is_registered()
    assert command(world, device, op="attributes", path="/3/0/9", query="gt=90&lt=20&st=35")["state"] == "failed"
    assert command(world, device, op="attributes", path="/3/0/9", query="gt=90&lt=20&st=25")["state"] == "done"
    assert command(world, device, op="attributes", path="/3/0/0", query="gt=90")["state"] == "failed"
    assert command(world, device, op="observe", path="/3/0/9")["state"] == "done"
    assert command(world, device, op="observe", path="/3/0/13")["state"] == "done"  # the time: told at each look
    wait_for("the first value", lambda: 50 in told("/3/0/9"))
    level(70)  # neither a limit nor a step
    looks = seen("/3/0/13")
    wait_for("looks at it", lambda: seen("/3/0/13") >= looks + 3)
    level(76)  # a step
    wait_for("the step", lambda: 76 in told("/3/0/9"))
    level(95)  # a limit
    wait_for("the limit", lambda: 95 in told("/3/0/9"))
    assert set(told("/3/0/9")) == {50, 76, 95}
    device.power_off()


def test_int_306_307_values_are_sent_and_the_server_can_mute_them(world):
    device = CoapDevice(world, "tells", "psk", settings=["[lwm2m]", "battery = battery", "send_s = 1"])
    (device.folder / "battery").write_text("61\n")
    device.power_on()
    device.is_registered()

    def told(path):
        return [v["value"] for v in world.get(f"/api/v1/devices/{device.name}/values?path={path}")["content"]]
    wait_for("values by Send", lambda: 61 in told("/3/0/9") and told("/26241/0/7") and told("/5/0/5"))
    assert command(world, device, op="write", path="/1/0/23", value=True)["state"] == "done"
    assert command(world, device, op="read", path="/1/0/23")["answer"]["values"] == {"/1/0/23": True}
    (device.folder / "battery.new").write_text("62\n")
    (device.folder / "battery.new").replace(device.folder / "battery")
    assert command(world, device, op="read", path="/3/0/9")["answer"]["values"] == {"/3/0/9": 62}
    assert command(world, device, op="write", path="/1/0/23", value=False)["state"] == "done"
    wait_for("values again", lambda: 62 in told("/3/0/9"))
    device.power_off()
