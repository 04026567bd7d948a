"""The agent on a message broker: rung, it fetches over HTTPS; a hostile broker makes it look, and nothing more."""
import json
import re
import time

import pytest
from mqtt_tool import PASSWORD, Broker
from test_device import BUILD, Device, World, wait_for

NEVER_S = "80000"  # between two polls: what happens sooner, the broker did


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    running = Broker(tmp_path_factory.mktemp("mqtt") / "broker", [f"default/{n}" for n in ("rung", "lonely", "steady")] + ["attacker"])
    running.write("acl", (running.folder / "acl").read_text() + "\nuser attacker\ntopic write updraft/#\n")
    yield running.start()
    running.stop()


@pytest.fixture(scope="module")
def world(broker, tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"), ("--patch-image-bytes-max", "0", "--poll-s", NEVER_S, *broker.flags))
    world.v2 = world.release("app-2", BUILD / "app-2", 2)
    yield world
    world.close()


def with_broker(device, broker, **more):
    """Its settings, and its password in a file."""
    device.secret("broker-password", PASSWORD)
    settings = {"url": broker.url, "ca": broker.ca, "password": "broker-password", "spread_s": 0, **more}
    ini = device.folder / "agent.ini"
    ini.write_text(ini.read_text() + "\n[mqtt]\n" + "".join(f"{k} = {v}\n" for k, v in settings.items()))
    return device


def idle(device):
    """It has told what it runs, and polled after it heard the broker."""
    device.runs(1)
    wait_for("the broker", lambda: "event=broker err=UD_OK" in device.log_text())


def test_rung_by_the_broker_it_updates_and_its_report_goes_the_same_way(world, broker):
    device = with_broker(Device(world, "rung"), broker).power_on()
    idle(device)
    action_id = world.deploy(world.v2, device)
    action = world.ends(action_id)
    assert (action["state"], action["proof"]) == ("confirmed", "signed"), action
    assert device.runs(2)["running"]["proof"] == "signed"
    assert "event=notify" in device.log_text()
    wait_for("the report's acknowledgement", lambda: "event=report-ack err=UD_OK" in device.log_text())
    said = [m for entry in action["history"] for m in entry["messages"]]
    assert "MQTT: downloading" in said and "signed report: the release runs and is confirmed" in said, said
    assert PASSWORD not in device.log_text()
    attributes = wait_for("attributes of the new image", lambda: (a := world.get("/api/v1/devices/rung/attributes")).get("fw") == "2" and a)
    assert attributes["slot"] == "1", attributes
    # and a person may have it poll
    assert "event=cmd" not in device.log_text()
    world.post("/api/v1/devices/rung/poll")
    wait_for("the command", lambda: re.search(r"event=cmd id=\d+ err=UD_OK", device.log_text()))
    device.power_off()


def test_without_the_broker_everything_goes_over_https(world, broker):
    device = with_broker(Device(world, "lonely"), broker)
    broker.stop()
    try:
        action_id = world.deploy(world.v2, device)
        device.power_on()
        action = world.ends(action_id)
        assert (action["state"], action["proof"]) == ("confirmed", "signed"), action
        wait_for("its first failure", lambda: "event=broker err=UD_ERR_CONNECT" in device.log_text())
        assert "report-ack" not in device.log_text()
    finally:
        broker.start()
    # and when the broker is back, it is found again: by pauses that grow, so not at once
    wait_for("the broker again", lambda: "event=broker err=UD_OK" in device.log_text())
    device.power_off()


def test_g5_a_hostile_broker_makes_it_look_and_nothing_more(world, broker):
    device = with_broker(Device(world, "steady"), broker).power_on()
    idle(device)
    attacker = broker.client("attacker")
    place = "updraft/v1/default/steady/"

    def lines(word):
        return [line.partition("event=")[2] for line in device.log_text().splitlines() if f"event={word}" in line]

    def say(leaf, payload, retain=False):
        attacker.publish(place + leaf, payload if isinstance(payload, (str, bytes)) else json.dumps(payload), retain)

    top = 1 << 40
    say("notify", {"seq": top, "action": "999", "kind": "update", "manifest": "https://evil.example/x"}, retain=True)
    say("notify", {"seq": top, "action": "999", "kind": "update"})
    say("notify", {"seq": top - 1, "action": "999", "kind": "cancel"})
    say("notify", "[" * 2000)
    wait_for("four notices", lambda: len(lines("notify")) >= 4)
    assert [line.rsplit("err=", 1)[1] for line in lines("notify")[-4:]] == ["UD_OK", "UD_ERR_REPLAY", "UD_ERR_REPLAY", "UD_ERR_PROTOCOL"]
    soon = int((time.time() + 600) * 1000)
    say("cmd", {"id": top, "cmd": "reset", "deadline": soon})
    say("cmd", {"id": top, "cmd": "poll", "deadline": 1700000000000})  # late
    say("cmd", {"id": top, "cmd": "poll", "deadline": soon})
    say("cmd", {"id": top, "cmd": "poll", "deadline": soon})           # twice
    wait_for("four commands", lambda: len(lines("cmd")) >= 4)
    assert [line.rsplit("err=", 1)[1] for line in lines("cmd")] == ["UD_ERR_PROTOCOL", "UD_ERR_REPLAY", "UD_OK", "UD_ERR_REPLAY"]
    # a command that the broker kept is none
    say("cmd", {"id": top + 1, "cmd": "poll", "deadline": soon}, retain=True)
    wait_for("the live one", lambda: len(lines("cmd")) >= 5)
    device.power_off()
    device.power_on()
    wait_for("the kept one, refused", lambda: len(lines("cmd")) >= 6 and "UD_ERR_REPLAY" in lines("cmd")[5])
    # it runs what it ran, and the server knows of no action
    assert device.state()["running"]["sequence"] == 1 and device.state()["action"] is None
    # forged words on its report are not believed: the server is asked itself
    action_id = world.deploy(world.v2, device)
    assert world.ends(action_id)["state"] == "confirmed"
    device.power_off()
