"""The device against a server that speaks plain DDI and nothing of ours, and against one that sends it elsewhere."""
import hashlib
import http.server
import json
import threading
import uuid

import pytest
from test_device import BUILD, Device, wait_for, world  # noqa: F401 (a fixture)

ACTION = 17


class PlainServer(http.server.ThreadingHTTPServer):
    """DDI without signed reports, over HTTP on loopback; remembers every request."""

    daemon_threads = True

    def __init__(self, name):
        super().__init__(("127.0.0.1", 0), Handler)
        self.base = f"/default/controller/v1/{name}"
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files = {}
        self.moved = {}  # path -> where it redirects to
        self.links = {}
        self.asked, self.told, self.attributes = [], [], []
        self.is_open = False
        self.attributes_status = 200
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def offer(self, envelope, image):
        place = f"{self.base}/softwaremodules/1/artifacts"
        self.files[f"{place}/manifest.suit"] = envelope
        self.files[f"{place}/{hashlib.sha256(image).hexdigest()}"] = image
        self.href = f"{self.url}{place}/manifest.suit"
        self.is_open = True

    def poll(self):
        links = dict(self.links)
        if self.is_open:
            links["deploymentBase"] = {"href": f"{self.url}{self.base}/deploymentBase/{ACTION}?c=1"}
        return {"config": {"polling": {"sleep": "00:00:01"}}, "_links": links}

    def deployment(self):
        artifact = {"filename": "manifest.suit", "_links": {"download-http": {"href": self.href}}}
        return {"id": str(ACTION), "deployment": {"download": "forced", "update": "forced", "chunks": [
            {"part": "os", "version": "2", "name": "app", "artifacts": [artifact]}]}}

    def ends(self):
        return [status for path, status in self.told if status["execution"] == "closed"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in [("Content-Length", str(len(body))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        server, path = self.server, self.path.split("?")[0]
        server.asked.append((path, self.headers.get("Authorization")))
        if path in server.moved:
            self.reply(302, headers=[("Location", server.moved[path])])
        elif path == server.base:
            self.reply(200, json.dumps(server.poll()).encode())
        elif path == f"{server.base}/deploymentBase/{ACTION}":
            self.reply(200, json.dumps(server.deployment()).encode())
        elif path in server.files:
            self.reply(200, server.files[path])  # a range is not honoured: allowed, and the device must cope
        else:
            self.reply(404, b'{"errorCode":"hawkbit.server.error.entityNotFound"}')

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = self.server
        if self.path.endswith("/feedback"):
            status = json.loads(body)["status"]
            server.told.append((self.path, status))
            server.is_open = server.is_open and status["execution"] != "closed"
            self.reply(200)
        else:
            self.reply(404, b'{"timestamp":1,"status":404,"error":"Not Found"}')

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.attributes.append(json.loads(body))
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        self.reply(self.server.attributes_status)


@pytest.fixture
def plain(world, request):  # noqa: F811
    """A device of the world's author, configured for a plain server."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    device = Device(world, name, enrol="key")
    server = PlainServer(name)
    settings = device.folder / "agent.ini"
    settings.write_text(settings.read_text().replace(world.addresses["devices"]["url"], server.url))
    yield device, server
    device.power_off()
    server.shutdown()
    server.server_close()


def signed_app(world, device, app, sequence):  # noqa: F811
    image = BUILD / app
    with open(world.envelope(f"{device.name}-{sequence}.suit", image, sequence), "rb") as file:
        return file.read(), image.read_bytes()


def test_an_update_from_a_plain_server_ends_with_its_feedback(world, plain):  # noqa: F811
    device, server = plain
    server.offer(*signed_app(world, device, "app-2", 2))
    device.power_on()
    wait_for("the end", server.ends)
    [(path, _)] = [told for told in server.told if told[1]["execution"] == "closed"]
    assert path == f"{server.base}/deploymentBase/{ACTION}/feedback"
    assert server.ends()[0]["result"]["finished"] == "success"
    assert "app version=2 slot=1 trial=yes" in device.log_text()
    assert "download" in [status["execution"] for _, status in server.told]


def test_a_plain_server_hears_why_an_update_was_refused(world, plain):  # noqa: F811
    device, server = plain
    envelope, image = signed_app(world, device, "app-2", 2)
    server.offer(envelope, image)
    [path] = [path for path in server.files if not path.endswith("manifest.suit")]
    server.files[path] = image[:-1] + bytes([image[-1] ^ 1])
    device.power_on()
    wait_for("the end", server.ends)
    [end] = server.ends()
    assert (end["result"]["finished"], end["details"]) == ("failure", ["UD_ERR_IMAGE_MISMATCH"])
    assert "app version=2" not in device.log_text()


@pytest.mark.parametrize("status", [200, 400, 500])
def test_attributes_are_told_when_asked_for_and_hold_no_update_up(world, plain, status):  # noqa: F811
    device, server = plain
    server.links = {"configData": {"href": f"{server.url}{server.base}/configData"}}
    server.attributes_status = status
    server.offer(*signed_app(world, device, "app-2", 2))
    device.power_on()
    wait_for("the end", server.ends)
    vendor = uuid.uuid5(uuid.NAMESPACE_DNS, "example.com")
    assert server.attributes[0] == {"mode": "replace", "data": {
        "vendorId": vendor.hex, "classId": uuid.uuid5(vendor, "door-lock").hex, "sequence": "1", "patchProfile": "p3",
        "patchFrom": hashlib.sha256((BUILD / "app-1").read_bytes()).hexdigest()[:16]}}
    wait_for("the new sequence", lambda: server.attributes[-1]["data"]["sequence"] == "2")


def test_a_redirect_is_not_followed_and_no_token_goes_there(world, plain):  # noqa: F811
    device, server = plain
    elsewhere = PlainServer(device.name)
    server.offer(*signed_app(world, device, "app-2", 2))
    elsewhere.offer(*signed_app(world, device, "app-2", 2))
    server.moved = {path: elsewhere.url + path for path in [*server.files, f"{server.base}/deploymentBase/{ACTION}"]}
    device.power_on()
    wait_for("a refusal", lambda: "err=UD_ERR_PROTOCOL" in device.log_text())
    del server.moved[f"{server.base}/deploymentBase/{ACTION}"]
    wait_for("a refused download", lambda: server.href.removeprefix(server.url) in [path for path, _ in server.asked])
    device.power_off()
    elsewhere.shutdown()
    elsewhere.server_close()
    assert elsewhere.asked == []
    assert "app version=2" not in device.log_text()


@pytest.mark.parametrize("place", ["cancel", "artifact", "configData"])
def test_a_link_to_another_server_is_not_followed(world, plain, place):  # noqa: F811
    device, server = plain
    elsewhere = PlainServer(device.name)
    envelope = signed_app(world, device, "app-2", 2)
    server.offer(*envelope)
    elsewhere.offer(*envelope)
    if place == "artifact":
        server.href = elsewhere.href
    elif place == "configData":
        server.links = {"configData": {"href": elsewhere.url + f"{elsewhere.base}/configData"}}
    else:
        server.links = {"cancelAction": {"href": elsewhere.url + f"{elsewhere.base}/cancelAction/1"}}
    device.power_on()
    wait_for("a refusal", lambda: "err=UD_ERR_URI" in device.log_text() or server.ends())
    device.power_off()
    elsewhere.shutdown()
    elsewhere.server_close()
    assert elsewhere.asked == []
    assert all(token is not None for _, token in server.asked), "the token goes to its own server"


def test_a_device_set_to_plain_http_elsewhere_does_not_start_its_road(world, plain):  # noqa: F811
    device, server = plain
    settings = device.folder / "agent.ini"
    settings.write_text(settings.read_text().replace(server.url, "http://192.0.2.1:8080"))
    device.power_on()
    wait_for("a refusal", lambda: "part=road err=UD_ERR_CONFIG" in device.log_text())
