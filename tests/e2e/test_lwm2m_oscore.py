"""OSCORE end to end: the device library's client and the real server, over restarts of both, by keys of an operator and of a
bootstrap. What is on the wire is looked at by a relay between them, which also changes the device's address."""
import socket
import threading

import pytest
from test_device import BUILD, wait_for
from test_device_coap import CoapDevice, CoapWorld


class Relay:
    """Between a device and the server: keeps what comes, may send a datagram again, lose one, or take another address."""

    def __init__(self, server):
        self.server = server
        self.inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inside.bind(("127.0.0.1", 0))
        self.port = self.inside.getsockname()[1]
        self.up, self.down, self.device, self.ended = [], [], None, False
        self.lock = threading.RLock()  # loses() may move
        self.outside = None
        self.move()
        self.thread = threading.Thread(target=self.carry_up)
        self.thread.start()

    def move(self):
        """From here on by another address, as behind a NAT that forgot."""
        outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        outside.bind(("127.0.0.1", 0))
        with self.lock:
            self.outside = outside
        threading.Thread(target=self.carry_down, args=(outside,), daemon=True).start()

    def loses(self, data, down):
        return False

    def carry_up(self):
        self.inside.settimeout(0.2)
        while not self.ended:
            try:
                data, self.device = self.inside.recvfrom(2048)
            except TimeoutError:
                continue
            with self.lock:
                self.up.append(data)
                if not self.loses(data, down=False):
                    self.outside.sendto(data, self.server)

    def carry_down(self, outside):
        outside.settimeout(0.2)
        while not self.ended:
            try:
                data = outside.recv(2048)
            except TimeoutError:
                continue
            if outside is self.outside and self.device is not None:
                self.down.append(data)
                if not self.loses(data, down=True):
                    self.inside.sendto(data, self.device)

    def end(self):
        self.ended = True
        self.thread.join()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = CoapWorld(tmp_path_factory.mktemp("oscore"))
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    yield world
    world.close()


@pytest.fixture
def relay(world):
    host, port = world.addresses["coap"]["url"].split("://")[1].split(":")
    relay = Relay((host, int(port)))
    yield relay
    relay.end()


def read(world, name, path="/3/0/3"):
    ident = world.api("POST", f"/api/v1/devices/{name}/commands", {"op": "read", "path": path})["id"]

    def ended():
        found = world.get(f"/api/v1/commands/{ident}")
        return found if found["state"] not in ("queued", "sent") else None
    found = wait_for(f"{path} of {name}", ended)
    assert found["state"] == "done", found
    return found["answer"]["values"][path]


def through(device, relay, scheme="coap"):
    device.ini = [row if not row.startswith("url = ") else f"url = {scheme}://127.0.0.1:{relay.port}" for row in device.ini]
    (device.folder / "agent.ini").write_text("\n".join(device.ini) + "\n")
    return device


def test_a_signed_release_is_confirmed_under_oscore(world):
    device = CoapDevice(world, "guarded", "oscore").power_on()
    assert device.is_registered()["security"] == "oscore"
    assert device.runs(1)["running"]["proof"] == "signed"
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed" and action["proof"] == "signed", action
    device.power_off()


def test_nothing_readable_passes_and_an_address_may_change_at_any_time(world, relay):
    device = through(CoapDevice(world, "moves", "oscore", ["[lwm2m]", "lifetime_s = 20", "manufacturer = Readable"]), relay)
    device.power_on()
    first = device.is_registered()
    assert read(world, "moves", "/3/0/0") == "Readable"
    relay.move()  # the next Update comes from there: no handshake, no new registration
    moved = wait_for("the other address", lambda: (lambda found: found if found["address"] != first["address"] else None)(
        device.registration()))
    assert moved["location"] == first["location"]
    assert read(world, "moves", "/3/0/0") == "Readable"
    passed = b"".join(relay.up)
    assert b"Readable" not in passed and b"moves" not in passed and b"rd" + first["location"][4:].encode() not in passed
    assert len(relay.up) > 4
    device.power_off()


@pytest.fixture(scope="module")
def overheard(tmp_path_factory):
    """A world whose devices find relays at the addresses that the server names as its own. (world, relay of each listener)"""
    relays = {"coap": Relay(None), "coaps": Relay(None)}
    where = {name: ("127.0.0.2", relay.port) for name, relay in relays.items()}
    listen = [word for name, (host, port) in where.items() for word in (f"--listen-{name}", f"{host}:{port}")]
    world = CoapWorld(tmp_path_factory.mktemp("overheard"), (*listen, "--coap-host", "127.0.0.1"))
    for name, relay in relays.items():
        relay.server = where[name]
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    yield world, relays
    world.close()
    for relay in relays.values():
        relay.end()


@pytest.mark.parametrize("security, listener, readable", [("none", "coap", True), ("oscore", "coap", False), ("psk", "coaps", False)])
def test_b13_a_protected_road_shows_nothing_of_the_manifest(overheard, security, listener, readable):
    world, relays = overheard
    relay = relays[listener]
    relay.move()  # an address of its own: the device before had another
    relay.down.clear()
    device = CoapDevice(world, f"shows-{security}", security)
    device.ini = [row.replace("127.0.0.2", "127.0.0.1") for row in device.ini]
    (device.folder / "agent.ini").write_text("\n".join(device.ini) + "\n")
    device.power_on()
    assert device.runs(1)["running"]["proof"] == "signed"
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed", (action, device.log_text())
    device.power_off()
    passed = b"".join(relay.down)
    envelope = (world.folder / "app-2.suit").read_bytes()
    assert len(passed) > len(envelope)
    assert any(envelope[at:at + 16] in passed for at in range(len(envelope) - 16)) == readable


def test_G3_what_was_recorded_is_not_taken_again_also_not_after_a_restart_of_the_server(world, relay):
    device = through(CoapDevice(world, "recorded", "oscore"), relay).power_on()
    device.is_registered()
    record = list(relay.up)
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.settimeout(30)
    before = device.registration()

    def send_all():
        for data in record:
            if len(data) > 4 and data[0] >> 4 & 3 == 0:  # confirmable requests
                stranger.sendto(data, relay.server)
                yield stranger.recv(2048)
    for answer in send_all():
        assert answer[1] in (0x81, 0x80), answer  # 4.01, 4.00; and unprotected, so no answer to its content
    assert device.registration() == before
    world.restart(lambda: None)
    for answer in send_all():  # nothing is known of what was taken: an Echo is asked for, which a recording has not
        assert answer[1] in (0x44, 0x81), answer
    assert device.registration() == before
    assert read(world, "recorded", "/3/0/3") == "1"  # and the device is asked without waiting for it to come
    device.power_off()


def test_values_are_observed_under_oscore(world):
    device = CoapDevice(world, "observed", "oscore").power_on()
    device.is_registered()
    world.api("POST", "/api/v1/devices/observed/commands", {"op": "attributes", "path": "/3/0/13", "query": "pmin=1&pmax=1"})
    world.api("POST", "/api/v1/devices/observed/commands", {"op": "observe", "path": "/3/0/13"})  # the time: always another
    wait_for("three values", lambda: world.get("/api/v1/devices/observed/values?path=/3/0/13")["total"] >= 3)
    ident = world.api("POST", "/api/v1/devices/observed/commands", {"op": "unobserve", "path": "/3/0/13"})["id"]
    wait_for("its end", lambda: world.get(f"/api/v1/commands/{ident}")["state"] == "done")
    device.power_off()


def test_both_sides_go_on_after_restarts(world):
    device = CoapDevice(world, "restarts", "oscore", ["[lwm2m]", "lifetime_s = 20"]).power_on()
    device.is_registered()
    number = int((device.folder / "oscore.number").read_text())
    device.power_off()
    world.restart(lambda: None)
    device.power_on()
    wait_for("the number reserved again", lambda: int((device.folder / "oscore.number").read_text()) > number)
    assert read(world, "restarts") == "1"
    device.power_off()


def test_a_bootstrap_gives_an_oscore_key(world):
    device = CoapDevice(world, "given", "bootstrap-oscore").power_on()
    assert device.is_registered()["security"] == "oscore"
    keys = wait_for("the old keys gone", lambda: (lambda found: found if len(found) == 1 else None)(
        world.get("/api/v1/devices/given/lwm2m-keys")["content"]))
    assert keys[0]["mode"] == "oscore" and len(keys[0]["kid"]) == 10
    assert device.runs(1)["running"]["proof"] == "signed"
    device.power_off()
    device.power_on()  # with what was kept
    assert read(world, "given") == "1"
    device.power_off()


def test_unprotected_requests_get_nothing_from_a_device_with_a_key(world):
    world.api("POST", "/api/v1/devices", {"name": "has-key"})
    world.api("POST", "/api/v1/devices/has-key/lwm2m-keys", {"mode": "oscore"})
    device = CoapDevice(world, "no-key", "none")
    device.ini = [row.replace("name = no-key", "name = has-key") for row in device.ini]
    (device.folder / "agent.ini").write_text("\n".join(device.ini) + "\n")
    device.power_on()
    wait_for("a refusal", lambda: "err=UD_ERR_AUTH" in device.log_text())
    assert world.get_or_none("/api/v1/devices/has-key/lwm2m") is None
    device.power_off()
