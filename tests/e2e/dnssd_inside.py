"""Run by test_dnssd.py, each test in a network of its own (network_tool.py) with the address 10.77.0.1 and no daemon yet."""
import os
import subprocess
from pathlib import Path

import pytest
from network_tool import ADDRESS, Avahi
from test_device import BUILD, Device, World, wait_for
from test_device_coap import CoapDevice, CoapWorld
from test_device_patch import metric

NAMES = ("--name", f"updates.test,{ADDRESS}")
DEVICE_REQUESTS = 'updraft_requests_total{listener="devices"}'
NOBODY = "https://127.0.0.1:9"  # the discard port: refused at once


@pytest.fixture
def avahi():
    running = Avahi(Path(os.environ["UPDRAFT_TEST_NETWORK"]))
    yield running
    if running.process is not None:
        running.stop()


class Announced:
    """A server whose devices' listener is open to the network."""

    def __init__(self, world_class, folder, *more, name="Updraft Berlin", listen=f"{ADDRESS}:0"):
        self.world = world_class(folder, ("--patch-image-bytes-max", "0", *NAMES, "--listen-devices", listen, "--announce", name, *more))

    def log_text(self):
        self.world.log.flush()
        return (self.world.folder / "server.log").read_text()

    def said(self, what):
        return wait_for(what, lambda: what in self.log_text())


@pytest.fixture
def server(tmp_path):
    running = Announced(World, tmp_path)
    yield running
    running.world.close()


def set_url(device, url, *more):
    """The configured address; `more` are further lines of [server]."""
    settings = device.folder / "agent.ini"
    lines = [line for line in settings.read_text().splitlines() if not line.startswith("url =")]
    at = lines.index("[server]") + 1
    settings.write_text("\n".join([*lines[:at], f"url = {url}", *more, *lines[at:]]) + "\n")


def test_a_device_whose_address_is_silent_finds_its_server_and_is_updated(server, avahi):
    world = server.world
    avahi.start()
    server.said('event=announce name="Updraft Berlin"')
    device = Device(world, "finds", enrol="key")
    set_url(device, NOBODY, "discover = 1")
    device.power_on().runs(1)
    assert f"event=discover address={ADDRESS} port={world.addresses['devices']['url'].rsplit(':', 1)[1]}" in device.log_text()
    action = world.ends(world.deploy(world.release("app-2", BUILD / "app-2", 2), device))
    assert (action["state"], action["proof"]) == ("confirmed", "signed"), action


def test_the_configured_address_comes_first(server, avahi):
    avahi.start()
    server.said('event=announce name="Updraft Berlin"')
    device = Device(server.world, "first", enrol="key")
    set_url(device, server.world.addresses["devices"]["url"], "discover = 1")
    device.power_on().runs(1)
    assert "event=discover" not in device.log_text()


def test_without_the_setting_nothing_is_looked_up(server, avahi):
    avahi.start()
    server.said('event=announce name="Updraft Berlin"')
    device = Device(server.world, "off", enrol="key")
    set_url(device, NOBODY)
    device.power_on()
    wait_for("a poll that failed", lambda: "err=UD_ERR_CONNECT" in device.log_text())
    assert "event=discover" not in device.log_text() and not server.world.get("/api/v1/devices/off").get("running")


def test_a_server_by_another_authority_gets_no_word_and_the_next_is_tried(server, avahi, tmp_path):
    """Whoever answers first: the stranger is announced before the own server, and is told apart by its certificate."""
    avahi.start()
    (tmp_path / "other").mkdir()
    stranger = Announced(World, tmp_path / "other", name="A stranger")
    stranger.said('event=announce name="A stranger"')
    server.said('event=announce name="Updraft Berlin"')
    device = Device(server.world, "careful", enrol="key")
    set_url(device, NOBODY, "discover = 1")
    device.power_on().runs(1)
    assert metric(server.world, DEVICE_REQUESTS) > 0
    server.world.server.kill()  # and later, with the stranger alone: refused by its certificate, round after round
    server.world.server.wait()
    before = device.log_text()
    strange = f"port={stranger.world.addresses['devices']['url'].rsplit(':', 1)[1]}"
    wait_for("the stranger was tried", lambda: strange in device.log_text()[len(before):])
    wait_for("and refused", lambda: "err=UD_ERR_CONNECT" in device.log_text()[len(before):])
    assert metric(stranger.world, DEVICE_REQUESTS) == 0
    device.power_off()
    stranger.world.close()
    server.world.server = stranger.world.server  # close() looks how it ended


def test_a_server_that_comes_back_at_another_port_is_found_again(server, avahi):
    world = server.world
    avahi.start()
    server.said('event=announce name="Updraft Berlin"')
    device = Device(world, "follows", enrol="key")
    set_url(device, world.addresses["devices"]["url"], "discover = 1")
    device.power_on().runs(1)
    world.server.terminate()
    world.server.wait()
    (world.folder / "state/listen.json").unlink()
    people = world.addresses["people"]["url"].split("://")[1]
    world.server = subprocess.Popen([BUILD / "updraftd", "--state", world.folder / "state", "--listen-devices", f"{ADDRESS}:0", "--listen-people",
                                     people, "--poll-s", "1", "--announce", "Moved", *NAMES], stdout=world.log, stderr=subprocess.STDOUT)
    wait_for("server listening again", lambda: (world.folder / "state/listen.json").exists())
    action = world.ends(world.deploy(world.release("app-2", BUILD / "app-2", 2), device))
    assert action["state"] == "confirmed", action
    assert "event=discover address=" in device.log_text()


def test_without_a_daemon_the_log_says_so_once_and_all_else_is_as_ever(server, avahi):
    """And when the daemon comes, goes and comes again, the server is announced again."""
    server.said('event=announce error=UD_ERR_DNS_SD')
    device = Device(server.world, "alone", enrol="key")
    set_url(device, server.world.addresses["devices"]["url"], "discover = 1")
    device.power_on().runs(1)
    assert server.log_text().count("event=announce") == 1
    avahi.start()
    server.said('event=announce name="Updraft Berlin"')
    avahi.stop()
    wait_for("daemon missed", lambda: server.log_text().count("event=announce error=UD_ERR_DNS_SD") == 2)
    avahi.start()
    wait_for("announced again", lambda: server.log_text().count('event=announce name="Updraft Berlin"') == 2)


def test_a_device_without_a_daemon_says_so_and_keeps_to_its_address(server):
    device = Device(server.world, "deaf", enrol="key")
    set_url(device, NOBODY, "discover = 1")
    device.power_on()
    wait_for("a look-up that failed", lambda: "event=discover type=_updraft._tcp err=UD_ERR_DNS_SD" in device.log_text())
    wait_for("the poll's own error", lambda: "err=UD_ERR_CONNECT" in device.log_text())


def test_a_name_that_is_taken_is_changed(server, avahi, tmp_path):
    avahi.start()
    server.said('event=announce name="Updraft Berlin"')
    (tmp_path / "other").mkdir()
    second = Announced(World, tmp_path / "other")
    second.said('event=announce name="Updraft Berlin #2"')
    second.world.close()


def test_loopback_addresses_are_not_announced(avahi, tmp_path):
    avahi.start()
    running = Announced(World, tmp_path, listen="127.0.0.1:0")
    device = Device(running.world, "elsewhere", enrol="key")
    set_url(device, NOBODY, "discover = 1")
    device.power_on()
    wait_for("nobody found", lambda: "event=discover type=_updraft._tcp err=UD_ERR_NOT_FOUND" in device.log_text())
    assert "event=announce name" not in running.log_text()
    running.world.close()


def coap_world(folder, *more):
    return CoapWorld(folder, ("--listen-devices", "127.0.0.1:0", "--listen-coap", f"{ADDRESS}:0", "--listen-coaps", f"{ADDRESS}:0",
                              "--coap-host", "127.0.0.1", *NAMES, "--announce", "Constrained", *more))


def registers_by_discovery(folder, avahi, security, scheme):
    avahi.start()
    world = coap_world(folder)
    wait_for("announced", lambda: 'event=announce name=Constrained' in (folder / "server.log").read_text())
    device = CoapDevice(world, f"by-{security}", security)
    host = "localhost" if security == "x509" else "127.0.0.1"
    set_url(device, f"{scheme}://{host}:9", "discover = 1")
    device.power_on()
    device.is_registered()
    port = world.addresses[scheme]["url"].rsplit(":", 1)[1]
    assert f"event=discover address={ADDRESS} port={port}" in device.log_text()
    device.runs(1)
    world.close()


def test_a_lwm2m_device_with_a_psk_finds_its_server(avahi, tmp_path):
    registers_by_discovery(tmp_path, avahi, "psk", "coaps")


def test_a_lwm2m_device_with_a_certificate_finds_its_server(avahi, tmp_path):
    registers_by_discovery(tmp_path, avahi, "x509", "coaps")


def test_a_lwm2m_device_under_oscore_finds_its_server(avahi, tmp_path):
    registers_by_discovery(tmp_path, avahi, "oscore", "coap")


def test_a_road_that_proves_no_server_refuses_to_discover(avahi, tmp_path):
    world = coap_world(tmp_path)
    device = CoapDevice(world, "plain", "none")
    set_url(device, world.addresses["coap"]["url"], "discover = 1")
    device.power_on()
    wait_for("refused", lambda: "event=open part=road err=UD_ERR_CONFIG" in device.log_text())
    world.close()
