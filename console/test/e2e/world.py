#!/usr/bin/env python3
"""A small world of real parts for the console's tests: a server with TLS, an author, devices with bootloader and agent.

    world.py BUILD      prints one line of JSON when all is up; goes on until its standard input ends

`control` in that line is an address on loopback: POST {"do": ...} there to have something done.
"""
import http.server
import json
import os
import random
import socket
import ssl
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

ROOT = Path(os.environ.get("UPDRAFT_ROOT", Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(ROOT / "examples" / "demo"))
import parts  # noqa: E402

VENDOR, CLASS = "acme.example", "door-controller"
PASSWORD = "twelve letters and more"
HOSTILE = "<img src=x onerror=alert(1)>"
PEOPLE = {"olga": ["operator"], "arno": ["author"], "paul": ["approver"], "vera": ["viewer"], "adam": ["administrator", "trust"]}


def free_port(kind=socket.SOCK_STREAM):
    """One that no outgoing connection is given meanwhile, so that a server can come back to it: below the ephemeral ones."""
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket(type=kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Again(parts.Server):
    """A server that comes back where it was."""

    def start(self):
        self.ports = [free_port(), free_port(), free_port(socket.SOCK_DGRAM)]
        self.devices_url, self.people_url = (f"https://127.0.0.1:{port}" for port in self.ports[:2])
        self.ca, self.token_file = self.state / "ca.pem", self.state / "admin.token"
        self.begin()
        parts.await_that("the server to listen", lambda: (self.state / "listen.json").exists() or self.process.poll() is not None)

    def restart(self):
        self.begin()
        parts.await_that("the server to be back", lambda: self.answers())

    def begin(self):
        self.launch([self.build / "updraftd", "--state", self.state, "--listen-devices", f"127.0.0.1:{self.ports[0]}",
                     "--listen-people", f"127.0.0.1:{self.ports[1]}", "--listen-coaps", f"127.0.0.1:{self.ports[2]}", "--poll-s", "1", "--patch-image-bytes-max", "0"])

    def answers(self):
        try:
            self.api("GET", "/api/v1/whoami")
            return True
        except OSError:
            return False

    def call(self, base, method, path, body, headers):
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        asked = urllib.request.Request(base + path, data, {"Content-Type": "application/json", **headers}, method=method)
        context = ssl.create_default_context(cafile=str(self.ca))
        try:
            with urllib.request.urlopen(asked, context=context, timeout=60) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def api(self, method, path, body=None):
        status, answer = self.call(self.people_url, method, path, body, {"Authorization": f"Bearer {self.token_file.read_text().strip()}"})
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {answer!r}")
        return json.loads(answer) if answer else None


class Meter(parts.Device):
    """A device that speaks LwM2M over DTLS, with a battery and a radio: two files that hold what was measured last."""

    def enrol(self, author):
        author.updraft("device", "enrol", self.name, "--key", self.device / "device.pub")
        key = self.server.api("POST", f"/api/v1/devices/{self.name}/lwm2m-keys", {"mode": "psk", "identity": self.name})["key"]
        secret = self.device / "psk"
        secret.touch(mode=0o600)
        secret.write_text(key + "\n")
        self.measure(battery=80, signal=-67)
        (self.device / "agent.ini").write_text("\n".join([
            "[server]", f"url = coaps://127.0.0.1:{self.server.ports[2]}", f"name = {self.name}", "psk = psk", f"psk_identity = {self.name}",
            "[lwm2m]", "manufacturer = Acme", "model = Meter", "battery = battery", "signal = signal"]) + "\n")

    def measure(self, **numbers):
        for name, number in numbers.items():
            new = self.device / f"{name}.new"
            new.write_text(f"{number}\n")
            new.replace(self.device / name)


class World:
    def __init__(self, build, folder):
        self.folder, self.build, self.fresh = folder, build, None
        self.server = Again(build, folder / "server")
        self.server.start()
        self.author = parts.Author(build, folder / "author", self.server, VENDOR, CLASS)
        self.author.start()
        self.releases = {n: self.author.release(f"app {n}.0", f"{n}.0", image=f"app-{n}", sequence=n) for n in (1, 2, 3)}
        for release in self.releases.values():
            self.author.publish(release)
        self.devices = {}
        for name in ("door-1", "door-2", "door-3"):
            device = parts.Device(name, folder / name, self.server)
            device.manufacture(self.author, self.releases[1], VENDOR, CLASS)
            device.enrol(self.author)
            device.power_on()
            self.devices[name] = device
        for device in self.devices.values():
            device.await_running("1.0")
        for name, roles in PEOPLE.items():
            self.server.api("POST", "/api/v1/users", {"name": name, "roles": roles, "password": PASSWORD})
        self.server.api("POST", "/api/v1/users", {"name": "greta", "roles": ["operator"], "group": "eu", "password": PASSWORD})
        self.hostile()
        # what the browser uploads: an image and its envelope that nobody published yet
        self.upload = self.author.release("app 4.0", "4.0", image="app-2", sequence=4, salt=os.urandom(6 << 20))
        stranger = self.author.stranger()
        self.unknown = stranger.release("rogue 9.0", "9.0", image="app-2", sequence=9)

    def meter(self, name):
        meter = Meter(name, self.folder / name, self.server)
        meter.manufacture(self.author, self.releases[1], VENDOR, CLASS)
        meter.enrol(self.author)
        self.devices[name] = meter
        meter.power_on()
        meter.await_running("1.0")  # a page that is open before it has registered looks again a minute later

    def hostile(self):
        """A device whose every text is an attack on who looks at it."""
        server = self.server
        server.api("POST", "/api/v1/device-types", {"name": "gateway", "foreign": True})
        token = server.api("POST", "/api/v1/devices", {"name": HOSTILE, "type": "gateway", "group": "eu/berlin"})["token"]
        base = f"/DEFAULT/controller/v1/{quote(HOSTILE, safe='')}"
        headers = {"Authorization": f"TargetToken {token}"}
        digest = __import__("hashlib").sha256(b"image").hexdigest()
        server.call(server.people_url, "PUT", f"/api/v1/artifacts/{digest}", b"image",
                    {"Authorization": f"Bearer {server.token_file.read_text().strip()}", "Content-Type": "application/octet-stream"})
        release = server.api("POST", "/api/v1/foreign-releases", {"name": "=cmd|' /C calc'!A0", "version": "<b>1</b>\u202e", "deviceType": "gateway",
                                                                  "artifacts": [{"filename": "<svg onload=alert(1)>.swu", "sha256": digest}]})
        self.foreign = release["id"]
        action = server.api("POST", f"/api/v1/releases/{release['id']}/deploy", {"devices": [HOSTILE]})["actions"][0]["id"]
        server.call(server.devices_url, "PUT", base + "/configData", {"mode": "merge", "data": {"<script>alert(2)</script>": "javascript:alert(3)", "site": "\u202eevil"}}, headers)
        server.call(server.devices_url, "GET", base, None, headers)
        server.call(server.devices_url, "GET", base + f"/deploymentBase/{action}", None, headers)
        status, answer = server.call(server.devices_url, "POST", base + f"/deploymentBase/{action}/feedback", {
            "id": str(action), "time": "20240101T120000", "status": {"execution": "closed", "result": {"finished": "failure"}, "details": ["<img src=y onerror=alert(4)>"]}}, headers)
        assert status == 200, answer

    def about(self):
        return {"people": self.server.people_url, "devices": self.server.devices_url, "password": PASSWORD, "hostile": HOSTILE,
                "build": str(self.build), "token": self.server.token_file.read_text().strip(), "releases": {n: release["id"] for n, release in self.releases.items()}, "foreign": self.foreign,
                "upload": {"envelope": str(self.upload["envelope"]), "image": str(self.upload["path"])},
                "unknown": {"envelope": str(self.unknown["envelope"]), "image": str(self.unknown["path"])}}

    def do(self, what):
        match what["do"]:
            case "api":
                return self.server.api(what["method"], what["path"], what.get("body"))
            case "stop":
                self.server.stop()
            case "start":
                self.server.restart()
            case "power-off":
                self.devices[what["device"]].power_off()
            case "power-on":
                self.devices[what["device"]].power_on()
            case "fresh":  # a server that nobody used yet
                self.fresh = Again(self.build, self.folder / "fresh")
                self.fresh.start()
                return {"people": self.fresh.people_url, "token": self.fresh.token_file.read_text().strip()}
            case "fresh-end":
                self.fresh.stop()
            case "meter":
                self.meter(what["device"])
            case "measure":
                self.devices[what["device"]].measure(**what["numbers"])
            case "starts":
                return self.devices[what["device"]].log().count("event=choose")
        return None

    def end(self):
        for part in [*self.devices.values(), self.server, *([self.fresh] if self.fresh else [])]:
            part.stop()


def control(world):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            try:
                status, answer = 200, world.do(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            except Exception as error:  # the test sees it
                status, answer = 500, str(error)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def main():
    parts.say = lambda text: print(text, file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="updraft-console-") as folder:
        world = None
        try:
            world = World(Path(sys.argv[1]).resolve(), Path(folder))
            print(json.dumps({**world.about(), "control": control(world)}), flush=True)
            sys.stdin.read()
        finally:
            if world:
                world.end()


if __name__ == "__main__":
    main()
