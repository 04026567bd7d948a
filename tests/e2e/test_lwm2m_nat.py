"""A NAT that forgets: during one download the device's address changes again and again, and the download ends right.

Over plain CoAP the capability in the URI is good from everywhere, under OSCORE the key says who asks: neither notices. A DTLS
session is bound to its address, as no packaged library has connection ids: there CoAP's repetitions must end first, a minute and more,
then the device shakes hands again and goes on at its byte, as it does when a server begins anew (test_device_coap.py).
"""
import re

import pytest
from test_device import BUILD
from test_device_coap import CoapDevice, CoapWorld
from test_lwm2m_oscore import Relay, through

DATAGRAMS = 64  # of the device by one address; an image takes some hundred


class Forgetful(Relay):
    """Each DATAGRAMS-th datagram of the device goes out by another address, and nothing comes back by the old one."""

    def __init__(self, server):
        self.carried, self.moves = 0, 0
        super().__init__(server)

    def loses(self, data, down):
        if not down:
            self.carried += 1
            if self.carried % DATAGRAMS == 0:
                self.moves += 1
                self.move()
        return False


@pytest.fixture(scope="module")
def nat(tmp_path_factory):
    """A world whose devices find the relay at the address that the server names as its own. (world, relay)"""
    relay = Forgetful(None)
    relay.server = ("127.0.0.2", relay.port)
    world = CoapWorld(tmp_path_factory.mktemp("nat"), ("--listen-coap", f"127.0.0.2:{relay.port}", "--coap-host", "127.0.0.1"))
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
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
