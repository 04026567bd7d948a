"""Downloads by Q-Block2 (RFC 9177) end to end: the device library's client and the real server, with a relay between them that
loses blocks and requests by their number, so that every run loses the same ones."""
import pytest
from lwm2m_tool import CON, GET, NON, Q_BLOCK2, Message
from test_device import BUILD
from test_device_coap import CoapDevice, CoapWorld
from test_lwm2m_oscore import Relay


class LossyRelay(Relay):
    """Every ninth block that comes unasked for, and every sixth request by NON, is lost."""

    def __init__(self, server):
        self.blocks = self.requests = self.lost = 0
        super().__init__(server)

    def loses(self, data, down):
        message = Message.parse(data)
        if message.kind != NON or not message.all(Q_BLOCK2):
            return False
        if down:
            self.blocks += 1
            gone = self.blocks % 9 == 0
        else:
            self.requests += 1
            gone = self.requests % 6 == 0
        self.lost += gone
        return gone


@pytest.fixture
def world(tmp_path):
    relay = LossyRelay(None)
    where = ("127.0.0.2", relay.port)
    world = CoapWorld(tmp_path, ("--listen-coap", f"127.0.0.2:{relay.port}", "--coap-host", "127.0.0.1"))
    relay.server = where
    world.relay = relay
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    yield world
    world.close()
    relay.end()


def by_way_of(device):
    device.ini = [row.replace("127.0.0.2", "127.0.0.1") for row in device.ini]
    (device.folder / "agent.ini").write_text("\n".join(device.ini) + "\n")
    return device


def gets(relay, kind):
    return [m for m in map(Message.parse, relay.up) if m.code == GET and m.kind == kind and m.all(Q_BLOCK2)]


def test_a_release_comes_by_q_block2_over_a_link_that_loses(world):
    device = by_way_of(CoapDevice(world, "robust", "none", ["[lwm2m]", "robust = 1"])).power_on()
    assert device.runs(1)["running"]["proof"] == "signed"
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed" and action["proof"] == "signed", (action, device.log_text())
    device.power_off()
    relay = world.relay
    assert relay.lost > 10
    assert gets(relay, CON)
    asked = [[int.from_bytes(v, "big") for v in m.all(Q_BLOCK2)] for m in gets(relay, NON)]
    assert any(values[0] & 8 and values[0] >> 4 and (values[0] >> 4) % 10 == 0 for values in asked)  # a set
    assert any(not values[0] & 8 for values in asked)  # what was missing of one


def test_without_the_setting_blocks_come_one_by_one(world):
    device = by_way_of(CoapDevice(world, "plain", "none")).power_on()
    assert device.runs(1)["running"]["proof"] == "signed"
    action = world.ends(world.deploy(world.v2, device))
    assert action["state"] == "confirmed", (action, device.log_text())
    device.power_off()
    assert not gets(world.relay, CON) and not gets(world.relay, NON)
