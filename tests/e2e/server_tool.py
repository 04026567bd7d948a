"""Start updraftd, speak to it as a person, as a device, and byte by byte."""
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("UPDRAFT_BUILD", ROOT / "build" / "release"))
START_S = 60


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Server:
    """One updraftd on free ports. `state` may be used again by another Server after this one ended."""

    device_document = None  # the same for the devices' listener
    document = None  # api_document.Document: every answer of the people's listener is compared with it (conftest.py)
    store_of = None  # called with the state folder: the store to use where none is given (conftest.py)

    def __init__(self, state, *flags, tls=False, preexec=None, program=None, store=None):
        self.state, self.tls = Path(state), tls
        self.command = [str(program or BUILD / "updraftd"), "--state", str(state), "--listen-devices", "127.0.0.1:0",
                        "--listen-people", "127.0.0.1:0", *([] if tls else ["--insecure-http"]), *flags]
        self.preexec = preexec
        self.process = None
        store = store or (Server.store_of and Server.store_of(self.state))
        self.environment = {**os.environ, "UPDRAFTD_STORE": store} if store else None

    def start(self, await_coap=True):
        """Where several servers can share one store, CoAP comes with the lease: of a server that was killed, when that ends."""
        listen = self.state / "listen.json"
        listen.unlink(missing_ok=True)
        self.log = open(self.state.parent / (self.state.name + ".log"), "ab")
        self.process = subprocess.Popen(self.command, stderr=self.log, stdout=self.log, preexec_fn=self.preexec,
                                        env=self.environment)
        deadline = time.monotonic() + START_S
        while not listen.exists() or (await_coap and not self.has_coap(json.loads(listen.read_text()))):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("updraftd did not start:\n" + self.log_text())
            time.sleep(0.01)
        self.listen = json.loads(listen.read_text())
        self.token = (self.state / "admin.token").read_text().strip()
        return self

    def has_coap(self, listen):
        return all(key in listen for key in ("coap", "coaps") if f"--listen-{key}" in self.command)

    def log_text(self):
        return (self.state.parent / (self.state.name + ".log")).read_text(errors="replace")

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=20)
        self.log.close()
        return code

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def address(self, listener):
        url = urlsplit(self.listen[listener]["url"])
        return url.hostname, url.port

    def connection(self, listener):
        host, port = self.address(listener)
        if not self.tls:
            return http.client.HTTPConnection(host, port, timeout=30)
        return http.client.HTTPSConnection(host, port, timeout=30,
                                           context=ssl.create_default_context(cafile=self.listen["ca"]))

    def call(self, listener, method, path, body=None, headers=None, connection=None):
        own = connection is None
        connection = connection or self.connection(listener)
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        result = Reply(reply.status, reply.headers, reply.read())
        if own:
            connection.close()
        if listener == "people" and Server.document:
            Server.document.check(method, path, body, result)
        if listener == "devices" and Server.device_document:
            Server.device_document.check(method, path, body, result)
        return result

    def api(self, method, path, body=None, headers=None, token=None):
        headers = {"Authorization": f"Bearer {token or self.token}", **(headers or {})}
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        return self.call("people", method, path, body, headers)

    def raw(self, listener, data, wait_s=10):
        """Send bytes, read until the server closes or falls silent."""
        with socket.create_connection(self.address(listener), timeout=wait_s) as sock:
            sock.sendall(data)
            received = b""
            try:
                while chunk := sock.recv(65536):
                    received += chunk
            except TimeoutError:
                pass
            return received

    # --- what tests set up again and again

    def upload(self, data):
        import hashlib
        digest = hashlib.sha256(data).hexdigest()
        reply = self.api("PUT", f"/api/v1/artifacts/{digest}", data)
        assert reply.status == 201, reply
        return digest

    def add_device(self, name, **more):
        reply = self.api("POST", "/api/v1/devices", {"name": name, **more})
        assert reply.status == 201, reply
        return Device(self, name, reply.json.get("token"))

    def foreign_release(self, data, type_name="gateway", filename="image.swu"):
        self.api("POST", "/api/v1/device-types", {"name": type_name, "foreign": True})
        reply = self.api("POST", "/api/v1/foreign-releases",
                         {"name": "os", "version": "1.0", "deviceType": type_name,
                          "artifacts": [{"filename": filename, "sha256": self.upload(data)}]})
        assert reply.status == 201, reply
        return reply.json

    def deploy(self, release, *names):
        reply = self.api("POST", f"/api/v1/releases/{release}/deploy", {"devices": list(names)})
        assert reply.status == 200, reply
        return [action["id"] for action in reply.json["actions"]]

    def action(self, action):
        return self.api("GET", f"/api/v1/actions/{action}").json


class Device:
    """A device on DDI."""

    def __init__(self, server, name, token):
        self.server, self.name, self.token = server, name, token
        self.base = f"/DEFAULT/controller/v1/{quote(name, safe='')}"
        self.connection = None

    def keep_alive(self):
        self.connection = self.server.connection("devices")
        return self

    def call(self, method, path="", body=None, headers=None):
        headers = {"Authorization": f"TargetToken {self.token}", **(headers or {})}
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if path.startswith("http"):
            url = urlsplit(path)
            path = url.path + ("?" + url.query if url.query else "")
        else:
            path = self.base + path
        return self.server.call("devices", method, path, body, headers, self.connection)

    def links(self):
        reply = self.call("GET")
        assert reply.status == 200, reply
        return {name: link["href"] for name, link in reply.json["_links"].items()}

    def feedback(self, action, execution, finished, *details, cancel=False, **more):
        place = "cancelAction" if cancel else "deploymentBase"
        return self.call("POST", f"/{place}/{action}/feedback",
                         {"id": str(action), "time": "20240101T120000",
                          "status": {"execution": execution, "result": {"finished": finished},
                                     "details": list(details), **more}})
