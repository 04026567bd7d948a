"""A server with a CoAP port, a device of another kind for it, and what tests do with both."""
import contextlib
import os
import time

import pytest
from lwm2m_tool import Lwm2mDevice
from server_tool import Server

WAIT_S = 40


@pytest.fixture
def server(tmp_path):
    running = Server(tmp_path / "state", "--listen-coap", "127.0.0.1:0").start()
    yield running
    if running.process.poll() is None:
        running.stop()


def coap(server):
    host, port = server.listen["coap"]["url"].removeprefix("coap://").rsplit(":", 1)
    return host, int(port)


def await_that(what, condition):
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for: {what}")


def device_of(server, name="d1", **more):
    server.add_device(name)
    return Lwm2mDevice(coap(server), name, **more)


def registration(server, name="d1"):
    reply = server.api("GET", f"/api/v1/devices/{name}/lwm2m")
    return reply.json if reply.status == 200 else None


def command(server, name, **spec):
    reply = server.api("POST", f"/api/v1/devices/{name}/commands", spec)
    assert reply.status == 202, reply
    return reply.json["id"]


def ended(server, ident):
    def look():
        found = server.api("GET", f"/api/v1/commands/{ident}").json
        return found if found["state"] not in ("queued", "sent") else None
    return await_that(f"command {ident}", look)


def run(server, name, **spec):
    return ended(server, command(server, name, **spec))


IMAGE = os.urandom(5000)


def foreign(server, *names):
    """A release for devices of a foreign type, and such devices."""
    release = server.foreign_release(IMAGE, type_name="modem", filename="app.bin")
    for name in names or ("d1",):
        reply = server.api("POST", "/api/v1/devices", {"name": name, "type": "modem"})
        assert reply.status == 201, reply
    return release["id"]


def update_all(server, firmwares):
    """Devices with these firmware objects, all at once; how the action of each ended."""
    release = foreign(server, *firmwares)
    with contextlib.ExitStack() as stack:
        for name, firmware in firmwares.items():
            stack.enter_context(Lwm2mDevice(coap(server), name, firmware=firmware)).register()
        actions = dict(zip(firmwares, server.deploy(release, *firmwares)))
        return {name: end_of(server, action) for name, action in actions.items()}


def end_of(server, action):
    return await_that("the end of the action", lambda: (
        lambda a: a if not a["active"] else None)(server.action(action)))


def states(found):
    return [entry["state"] for entry in reversed(found["history"])]
