"""Attack A11: one of two places does not give what is asked for. The image comes from the other one, and only the image."""
import http.server
import threading

import pytest
from test_device import wait_for, world  # noqa: F401 (a fixture)
from test_device_plain_ddi import plain, signed_app  # noqa: F401 (a fixture)


class Place(http.server.ThreadingHTTPServer):
    """Files by name, or connections that end without a word."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), PlaceHandler)
        self.url = f"http://127.0.0.1:{self.server_port}/files"
        self.how, self.files, self.asked = "gives", {}, []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class PlaceHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server, name = self.server, self.path.rsplit("/", 1)[1]
        server.asked.append((self.path, dict(self.headers)))
        content = server.files.get(name)
        if server.how == "drops":
            self.close_connection = True
        elif content is None:
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)


def drop(server, how):
    """The server goes on with offers and envelopes, and no image comes from it. @return the image's name, and the image"""
    [path] = [path for path in server.files if not path.endswith("manifest.suit")]
    image, handler = server.files.pop(path), server.RequestHandlerClass

    class Dropping(handler):
        def do_GET(self):
            if self.path != path or how == "unknown":
                return super().do_GET()
            self.server.asked.append((path, self.headers.get("Authorization")))
            self.close_connection = True
            if how == "half":
                self.send_response(200)
                self.send_header("Content-Length", str(len(image)))
                self.end_headers()
                self.wfile.write(image[:len(image) // 2])
            return None
    server.RequestHandlerClass = Dropping
    return path.rsplit("/", 1)[1], image


@pytest.fixture
def mirror():
    place = Place()
    yield place
    place.shutdown()
    place.server_close()


def mirrored(device, mirror):
    settings = device.folder / "agent.ini"
    settings.write_text(settings.read_text().replace("[server]\n", f"[server]\nmirror = {mirror.url}\n"))


def ended(server):
    wait_for("the end", server.ends)
    end = server.ends()[0]
    return end["result"]["finished"], end["details"]


@pytest.mark.parametrize("how", ["unknown", "drops", "half"])
def test_a11_what_the_server_does_not_give_comes_from_the_mirror(world, plain, mirror, how):  # noqa: F811
    device, server = plain
    server.offer(*signed_app(world, device, "app-2", 2))
    name, image = drop(server, how)
    mirror.files = {name: image}
    mirrored(device, mirror)
    device.power_on()
    assert ended(server)[0] == "success"
    assert "app version=2 slot=1 trial=yes" in device.log_text()
    assert mirror.asked and all(path == f"/files/{name}" for path, _ in mirror.asked)
    assert not any(header.lower() == "authorization" for _, headers in mirror.asked for header in headers)
    assert any(path.endswith(name) and token for path, token in server.asked)  # the server was asked first


def test_a11_what_the_mirror_does_not_give_comes_from_the_server(world, plain, mirror):  # noqa: F811
    device, server = plain
    server.offer(*signed_app(world, device, "app-2", 2))
    mirror.how = "drops"
    mirrored(device, mirror)
    device.power_on()
    assert ended(server)[0] == "success"


def test_a11_when_neither_gives_it_the_offer_ends_with_the_reason(world, plain, mirror):  # noqa: F811
    device, server = plain
    server.offer(*signed_app(world, device, "app-2", 2))
    drop(server, "unknown")
    mirrored(device, mirror)
    device.power_on()
    assert ended(server) == ("failure", ["UD_ERR_NOT_FOUND"])
    assert mirror.asked and "app version=2" not in device.log_text()


def test_a11_a_mirror_with_other_bytes_is_believed_nothing(world, plain, mirror):  # noqa: F811
    device, server = plain
    server.offer(*signed_app(world, device, "app-2", 2))
    name, image = drop(server, "unknown")
    mirror.files = {name: image[:-1] + bytes([image[-1] ^ 1])}
    mirrored(device, mirror)
    device.power_on()
    assert ended(server) == ("failure", ["UD_ERR_IMAGE_MISMATCH"])
    assert "app version=2" not in device.log_text()
