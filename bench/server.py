"""updraftd under measurement: start, fill with devices and a release, and the requests that devices send."""
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from common import http_request

TENANT = "default"
START_S = 300  # of a server that loads a million devices, on a busy machine


class People:
    """One keep-alive connection to the management listener."""

    def __init__(self, server: "Updraftd"):
        place = urlsplit(server.listen["people"]["url"])
        if place.scheme == "https":
            context = ssl.create_default_context(cafile=str(server.ca))
            self.connection = http.client.HTTPSConnection(place.hostname, place.port, context=context, timeout=60)
        else:
            self.connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
        self.token = (server.state / "admin.token").read_text().strip()

    def call(self, method: str, path: str, body=None, headers=None):
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        head = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if data is not None and not isinstance(body, bytes):
            head["Content-Type"] = "application/json"
        self.connection.request(method, path, data, head)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"bench: {method} {path}: {answer.status} {text[:300]!r}")
        return json.loads(text) if text else None


class Updraftd:
    def __init__(self, program: Path, state: Path, plain: bool = False, store: str = "sqlite"):
        self.state = state
        state.mkdir(parents=True, exist_ok=True)
        (state / "listen.json").unlink(missing_ok=True)
        command = [program, "--state", state, "--listen-devices", "127.0.0.1:0", "--listen-people", "127.0.0.1:0",
                   "--log-level", "1"] + (["--insecure-http"] if plain else [])
        self.process = subprocess.Popen([str(w) for w in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        env={**os.environ, "UPDRAFTD_STORE": store})
        end = time.monotonic() + START_S
        while not (state / "listen.json").exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit("bench: updraftd did not start")
            time.sleep(0.02)
        self.listen = json.loads((state / "listen.json").read_text())

    @property
    def ca(self) -> Path:
        return self.state / "ca.pem"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def device_port(self) -> int:
        return urlsplit(self.listen["devices"]["url"]).port

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def register(self, count: int) -> dict[str, str]:
        """Device name -> token. Several connections, so that registrations share commits."""
        People(self).call("POST", "/api/v1/device-types", {"name": "bench", "foreign": True})

        def some(names: list[str]) -> dict[str, str]:
            people = People(self)
            return {name: people.call("POST", "/api/v1/devices", {"name": name, "type": "bench"})["token"]
                    for name in names}

        names = [f"bench-{i:05}" for i in range(count)]
        tokens: dict[str, str] = {}
        with ThreadPoolExecutor(16) as pool:
            for part in pool.map(some, [names[i::16] for i in range(16)]):
                tokens.update(part)
        return tokens

    def release(self, size: int) -> tuple[int, str]:
        """Upload random bytes as a foreign release. (release id, SHA-256)"""
        content = os.urandom(size)
        digest = hashlib.sha256(content).hexdigest()
        people = People(self)
        people.call("PUT", f"/api/v1/artifacts/{digest}", content, {"Upload-Length": str(size)})
        made = people.call("POST", "/api/v1/foreign-releases",
                           {"name": "bench", "version": str(size), "deviceType": "bench",
                            "artifacts": [{"filename": "bench.swu", "sha256": digest}]})
        return made["id"], digest

    def deploy(self, release: int, devices: list[str]) -> dict[str, int]:
        """Device name -> action id."""
        people = People(self)
        actions = {}
        for start in range(0, len(devices), 100):
            made = people.call("POST", f"/api/v1/releases/{release}/deploy", {"devices": devices[start : start + 100]})
            actions.update({a["device"]: int(a["id"]) for a in made["actions"]})
        return actions


def device_get(name: str, token: str, rest: str = "") -> bytes:
    return http_request("GET", f"/{TENANT}/controller/v1/{name}{rest}", "localhost",
                        {"Authorization": f"TargetToken {token}", "Accept": "application/json"})


def feedback(name: str, token: str, action: int) -> bytes:
    body = json.dumps({"id": str(action), "time": "20260101T000000",
                       "status": {"execution": "proceeding", "result": {"finished": "none", "progress": {"cnt": 1, "of": 2}},
                                  "details": ["Installing Update Chunk Artifacts."]}}).encode()
    return http_request("POST", f"/{TENANT}/controller/v1/{name}/deploymentBase/{action}/feedback", "localhost",
                        {"Authorization": f"TargetToken {token}", "Content-Type": "application/json"}, body)
