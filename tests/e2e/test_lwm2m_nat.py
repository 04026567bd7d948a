"""A NAT that forgets: during one download the device's address changes again and again, and the download ends right.

Over plain CoAP the capability in the URI is good from everywhere, under OSCORE the key says who asks: neither notices. A DTLS
session is bound to its address, as no packaged library has connection ids (GnuTLS 3.7 and mbedTLS 2.28 have none): there CoAP's
repetitions must end first, a minute and more, then the device shakes hands again, registers, and goes on at its byte.
bench/coap/nat.c has a hundred such devices, and a minute that is shorter.
"""
import re

import pytest
import test_device
from test_device import BUILD
from test_device_coap import CoapDevice, CoapWorld
from test_lwm2m_oscore import Relay, through

DATAGRAMS = 64  # of the device by one address; an image takes some hundred


class Forgetful(Relay):
    """Each DATAGRAMS-th datagram of the device, or the one `at`, goes out by another address, and nothing comes back by the old one."""

    def __init__(self, server, at=None):
        self.carried, self.moves, self.at = 0, 0, at
        super().__init__(server)

    def loses(self, data, down):
        if not down:
            self.carried += 1
            if self.carried == self.at or (self.at is None and self.carried % DATAGRAMS == 0):
                self.moves += 1
                self.move()
        return False


def behind(relay, folder, listen):
    """A world whose devices find the relay at the address that the server names as its own."""
    relay.server = ("127.0.0.2", relay.port)
    world = CoapWorld(folder, (listen, f"127.0.0.2:{relay.port}", "--coap-host", "127.0.0.1"))
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    return world


@pytest.fixture(scope="module")
def nat(tmp_path_factory):
    """(world, relay)"""
    relay = Forgetful(None)
    world = behind(relay, tmp_path_factory.mktemp("nat"), "--listen-coap")
    yield world, relay
    world.close()
    relay.end()


@pytest.mark.parametrize("security", ["none", "oscore"])
def test_a_download_ends_right_through_a_nat_that_forgets(nat, security):
    world, relay = nat
    device = through(CoapDevice(world, f"nat-{security}", security, ["[lwm2m]", "lifetime_s = 10"]), relay)
    device.power_on()
    device.runs(1)
    before = relay.moves
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed" and action["proof"] == "signed", action
    assert device.runs(2)["running"]["proof"] == "signed"
    assert relay.moves >= before + 3
    starts = [int(n) for n in re.findall(r"event=download .* from=(\d+)", device.log_text())]
    assert starts[0] == 0 and starts == sorted(starts), device.log_text()  # never from an earlier byte
    device.power_off()


def test_over_dtls_a_device_shakes_hands_again_and_goes_on_at_its_byte(tmp_path, monkeypatch):
    """Once in the middle of the download: the device notices when its repetitions end, some 62 to 93 s later."""
    monkeypatch.setattr(test_device, "PATIENCE_S", 240)
    relay = Forgetful(None, at=0)
    world = behind(relay, tmp_path, "--listen-coaps")
    try:
        device = through(CoapDevice(world, "nat-psk", "psk", ["[lwm2m]", "lifetime_s = 3600"]), relay, "coaps")
        device.power_on()
        device.runs(1)
        before = device.registration()
        relay.at = relay.carried + DATAGRAMS
        action = world.ends(world.deploy(world.v2, device))
        assert action["state"] == "confirmed" and action["proof"] == "signed", action
        assert relay.moves == 1
        done = [int(n) for n in re.findall(r"event=download .* done=(\d+)", device.log_text())]
        assert "link=down err=UD_ERR_TIMEOUT" in device.log_text()
        assert done[0] == 0 and done == sorted(done) and len(done) > 2, device.log_text()  # never from an earlier byte
        after = device.registration()
        assert after["address"] != before["address"] and after["security"] == "psk"
        device.power_off()
    finally:
        world.close()
        relay.end()
