"""MQTT with a real mosquitto over TLS: events and notices out of the outbox, progress and signed reports in, nobody for another."""
import hashlib
import json
import subprocess
import time

import pytest
from cose_tool import Key, report
from mqtt_tool import PASSWORD, Broker
from server_tool import BUILD, Server

PATIENCE_S = 60


def until(what):
    end = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < end, "it did not become so"
        time.sleep(0.02)
    return found


@pytest.fixture
def broker(tmp_path):
    running = Broker(tmp_path / "broker", ["default/d1", "default/d2", "default/gate%201"]).start()
    yield running
    running.stop()


@pytest.fixture
def server(broker, tmp_path):
    running = Server(tmp_path / "state", *broker.flags).start()
    yield running
    if running.process.poll() is None:
        running.stop()


def topic(device, leaf):
    return f"updraft/v1/default/{device}/{leaf}"


def events(client, kind="action"):
    """Bodies of events as they came, by the device's name."""
    return [(m["device"], m["body"]) for at, payload, _ in client.messages
            if at.startswith(f"updraft/v1-events/default/{kind}") and (m := json.loads(payload))]


def history(server, action):
    """Oldest first."""
    return [m for entry in reversed(server.action(action)["history"]) for m in entry["messages"]]


def test_events_and_notices_come_out_of_the_outbox(server, broker):
    watcher = broker.client("watcher").subscribe("updraft/#")
    release = server.foreign_release(b"x" * 64)["id"]
    device = server.add_device("gate 1", type="gateway")
    [action] = server.deploy(release, "gate 1")
    place = topic("gate%201", "notify")
    [notice] = watcher.until(lambda: watcher.on(place))
    notice = json.loads(notice)
    assert notice["action"] == str(action) and notice["kind"] == "update" and notice["type"] == "forced", notice
    assert device.call("GET", notice["manifest"].removeprefix("/default/controller/v1/gate%201")).status == 200, notice
    watcher.until(lambda: ("gate 1", "retrieved") in [(d, b["state"]) for d, b in events(watcher)])
    # whoever comes later finds it retained, and in its own topic only
    late = broker.client("default/gate%201").subscribe(place)
    assert late.until(lambda: late.messages)[0][2] is True
    server.api("POST", f"/api/v1/actions/{action}/cancel")
    canceled = json.loads(watcher.until(lambda: watcher.on(place)[1:])[0])
    assert canceled["kind"] == "cancel" and canceled["seq"] > notice["seq"], canceled
    assert device.feedback(action, "closed", "success", cancel=True).status == 200
    watcher.until(lambda: watcher.on(place)[-1] == b"")  # nothing to look for: cleared
    later = broker.client("watcher").subscribe(place, topic("none", "notify"))
    later.subscribe("updraft/v1/none")  # answered behind whatever was retained
    assert later.messages == []
    ids = [json.loads(p)["id"] for at, p, _ in watcher.messages if at.startswith("updraft/v1-events/")]
    assert ids == sorted(ids) and len(ids) == len(set(ids))


def test_only_the_signed_report_confirms_and_it_is_answered_behind_its_commit(server, broker):
    key, stranger = Key(), Key()
    server.add_device("d1", key=key.pem)
    server.add_device("d2", key=stranger.pem)
    device = broker.client("default/d1").subscribe(topic("d1", "report/ack"))
    acks = lambda: [json.loads(p) for p in device.on(topic("d1", "report/ack"))]
    good = report(key, b"\1" * 32, b"\2" * 32, sequence=7, counter=1)
    device.publish(topic("d1", "report"), report(stranger, b"\1" * 32, b"\2" * 32, sequence=9, counter=5))
    assert device.until(acks)[0]["error"] == "UD_ERR_IDENTITY"
    assert server.api("GET", "/api/v1/devices/d1").json.get("running") is None
    device.publish(topic("d1", "report"), good)
    device.until(lambda: len(acks()) == 2)
    assert acks()[1]["error"] == "UD_OK"
    running = server.api("GET", "/api/v1/devices/d1").json["running"]  # committed already
    assert (running["sequence"], running["proof"]) == (7, "signed")
    older = report(key, b"\1" * 32, b"\2" * 32, sequence=6, counter=1)
    for body in (good, older, b"", b"x" * 4000):  # QoS 1 may bring it twice
        device.publish(topic("d1", "report"), body)
    device.until(lambda: len(acks()) == 5)
    said = {a["report"]: a["error"] for a in acks()[2:]}
    assert said == {hashlib.sha256(good).hexdigest(): "UD_OK", hashlib.sha256(older).hexdigest(): "UD_ERR_COUNTER",
                    hashlib.sha256(b"").hexdigest(): "UD_ERR_TRUNCATED"}
    assert server.api("GET", "/api/v1/devices/d1").json["running"]["sequence"] == 7
    until(lambda: "UD_ERR_TOO_LARGE" in server.log_text())


def test_status_is_progress_only(server, broker):
    release = server.foreign_release(b"x" * 64)["id"]
    server.add_device("d1", type="gateway")
    [action] = server.deploy(release, "d1")
    device = broker.client("default/d1")

    def say(seq, state, **more):
        device.publish(topic("d1", "status"), json.dumps({"action": str(action), "seq": seq, "state": state, **more}))

    say(1, "downloading", pct=10)
    until(lambda: server.action(action)["state"] == "downloading")
    say(4, "installing")
    until(lambda: server.action(action)["state"] == "installing")
    say(3, "downloaded")                                      # out of order
    say(4, "installing")                                      # twice
    say(5, "downloading", pct=20)                             # newer, but an earlier state: the later one stays
    say(6, "failed", msg="UD_ERR_SPACE", code=64)             # words: an unsigned message ends nothing
    say(7, "confirmed")                                       # no such word
    device.publish(topic("d1", "status"), b"{" * 4000)
    device.publish(topic("d1", "status"), json.dumps({"action": "99", "seq": 1, "state": "failed"}))
    say(8, "rebooting")
    until(lambda: server.action(action)["state"] == "trial")
    seen = server.action(action)
    assert seen["active"] is True
    said = [m for m in history(server, action) if m.startswith("MQTT: ")]
    assert said == ["MQTT: downloading", "MQTT: installing", "MQTT: failed: UD_ERR_SPACE", "MQTT: rebooting"]


def test_a_person_makes_a_device_poll_and_hears_its_answer(server, broker):
    server.add_device("d1")
    device = broker.client("default/d1").subscribe(topic("d1", "cmd"))
    watcher = broker.client("watcher").subscribe("updraft/v1-events/#")
    reply = server.api("POST", "/api/v1/devices/d1/poll")
    assert reply.status == 202, reply
    command = json.loads(device.until(lambda: device.on(topic("d1", "cmd")))[0])
    assert command == {"id": reply.json["id"], "cmd": "poll", "deadline": reply.json["deadline"]}
    device.publish(topic("d1", "cmd/ack"), json.dumps({"id": command["id"] + 1, "error": "UD_OK"}))  # never asked
    for _ in range(3):
        device.publish(topic("d1", "cmd/ack"), json.dumps({"id": command["id"], "error": "UD_OK"}))
    watcher.until(lambda: events(watcher, "polled"))
    second = server.api("POST", "/api/v1/devices/d1/poll").json["id"]
    device.until(lambda: len(device.on(topic("d1", "cmd"))) == 2)
    device.publish(topic("d1", "cmd/ack"), json.dumps({"id": second, "error": "UD_ERR_REPLAY"}))
    watcher.until(lambda: len(events(watcher, "polled")) >= 2)  # in the order of what was published
    assert events(watcher, "polled") == [("d1", {"poll": command["id"], "taken": True}),
                                         ("d1", {"poll": second, "taken": False})]
    assert server.api("POST", "/api/v1/devices/nobody/poll").status == 404


def test_many_devices_are_made_to_poll_at_once(server, broker):
    for name in ("d1", "d2", "e1"):
        server.add_device(name)
    ears = {name: broker.client(f"default/{name}").subscribe(topic(name, "cmd")) for name in ("d1", "d2")}
    reply = server.api("POST", "/api/v1/bulk/poll", {"filter": "name==d*", "count": 2})
    assert (reply.status, reply.json) == (200, {"changed": 2, "unchanged": 0, "next": None})
    for name, ear in ears.items():
        assert json.loads(ear.until(lambda: ear.on(topic(name, "cmd")))[0])["cmd"] == "poll"


def test_attributes_and_presence(server, broker):
    server.add_device("d1")
    assert server.api("GET", "/api/v1/devices/d1").json.get("lastSeen") in (None, 0)
    device = broker.client("default/d1", will=(topic("d1", "online"), '{"online":false}'))
    device.publish(topic("d1", "attrs"), '{"fw":"3","slot":"1"}', retain=True)
    device.publish(topic("d1", "online"), '{"online":true,"boot":"normal"}', retain=True)
    until(lambda: server.api("GET", "/api/v1/devices/d1/attributes").json == {"fw": "3", "slot": "1"})
    until(lambda: server.api("GET", "/api/v1/devices/d1").json.get("lastSeen"))
    device.close(politely=False)


def test_g5_nobody_speaks_for_another_or_hears_another(server, broker):
    key = Key()
    release = server.foreign_release(b"x" * 64)["id"]
    server.add_device("d1", type="gateway")
    server.add_device("d2", key=key.pem, type="gateway")
    [action] = server.deploy(release, "d2")
    watcher = broker.client("watcher").subscribe("updraft/#")
    watcher.until(lambda: watcher.on(topic("d2", "notify")))
    evil = broker.client("default/d1")
    # every topic of another device, of the server, of the events, and of no pattern's shape
    for leaf in ("notify", "cmd", "report/ack", "status", "report", "attrs", "online", "cmd/ack"):
        evil.publish(topic("d2", leaf), '{"action":"%d","seq":1,"state":"installing"}' % action)
        evil.publish(topic("+", leaf).replace("+", "%2B"), "x")
    for leaf in ("notify", "cmd", "report/ack"):
        evil.publish(topic("d1", leaf), '{"seq":99999999,"kind":"none"}', retain=True)  # the server's part of its own
    evil.publish("updraft/v1-events/default/action/d2", "{}")
    evil.publish("updraft/v1/default/d1", "x")
    evil.publish("updraft/v1/default/d1/status/x", "x")
    evil.publish("$SYS/broker/version", "x")
    will = broker.client("default/d1", will=(topic("d2", "status"), '{"action":"%d","seq":2,"state":"installing"}' % action))
    evil.until_closed()          # one name is one client: that ended its own first connection
    will.close(politely=False)   # and this one's will is for another device's topic
    evil = broker.client("default/d1")
    evil.publish(topic("d1", "status"), "the end")
    watcher.until(lambda: watcher.on(topic("d1", "status")))
    foreign = [(at, p) for at, p, _ in watcher.messages if p == b"x" or b"installing" in p or b"99999999" in p or p == b"{}"]
    assert foreign == []
    assert server.action(action)["state"] == "offered"
    # it hears nothing but its own, whatever it asks for
    ear = broker.client("default/d1").subscribe("#", "updraft/#", "updraft/v1/+/+/notify", topic("d2", "notify"), "updraft/v1-events/#")
    server.deploy(release, "d1")
    ear.until(lambda: ear.on(topic("d1", "notify")))
    assert {at for at, _, _ in ear.messages} <= {topic("d1", leaf) for leaf in ("notify", "cmd", "report/ack")}
    # another's client id ends nobody's connection
    victim = broker.client("default/d2").subscribe(topic("d2", "cmd"))
    broker.client("default/d1", client_id="default/d2")
    server.api("POST", "/api/v1/devices/d2/poll")
    victim.until(lambda: victim.on(topic("d2", "cmd")))
    assert broker.client("default/d1", password="guess").code != 0
    assert broker.client("stranger").code != 0


def test_names_that_are_no_devices_here_are_refused(server, broker):
    broker.write("acl", (broker.folder / "acl").read_text() + "\nuser gateway\ntopic write updraft/#\n")
    broker.add_user("gateway")
    server.add_device("d1")
    def connect():
        client = broker.client("gateway")
        return client if client.code == 0 else client.close(politely=False)
    gateway = until(connect)
    places = ["updraft/v1/default/nobody/status", "updraft/v1/DEFAULT/d1/status", "updraft/v1/nowhere/d1/status",
              "updraft/v1/default/%641/status"]
    for place in places:
        gateway.publish(place, '{"action":"1","seq":1,"state":"installing"}')
    for place in places:
        until(lambda: f"topic={place} error=UD_ERR_TOPIC" in server.log_text())


def test_a_broker_that_restarts_or_is_away_costs_no_event(server, broker):
    watcher = broker.client("watcher", clean=False).subscribe("updraft/v1-events/#")
    server.add_device("d1")
    server.api("POST", "/api/v1/devices/d1/poll")
    watcher.until(lambda: len(events(watcher, "poll/")) == 1)
    watcher.close()
    broker.stop()
    ids = [server.api("POST", "/api/v1/devices/d1/poll").json["id"] for _ in range(120)]
    broker.start()
    again = broker.client("watcher", clean=False)
    def seen():
        return [json.loads(p)["id"] for at, p, _ in again.messages if "/poll/" in at]
    again.until(lambda: set(ids) <= set(seen()))
    first = list(dict.fromkeys(seen()))
    assert first == sorted(first)


def test_several_servers_tell_it_once_and_a_death_costs_nothing(postgres, broker, tmp_path):
    url = postgres.database()
    one = Server(tmp_path / "s0", *broker.flags, store=url).start()
    (tmp_path / "s1").mkdir(mode=0o700)
    (tmp_path / "s1" / "admin.token").write_text(one.token)
    other = Server(tmp_path / "s1", *broker.flags, store=url).start()
    try:
        watcher = broker.client("watcher").subscribe("updraft/v1-events/#")
        told = until(lambda: [s for s in (one, other) if "event=broker" in s.log_text()])
        teller, survivor = (one, other) if told[0] is one else (other, one)
        fence = lambda: postgres.sql("SELECT fence FROM lease WHERE name='mqtt'", f"updraft{postgres.made}")
        before = fence()
        one.add_device("d1")
        ids = [server.api("POST", "/api/v1/devices/d1/poll").json["id"] for _ in range(10) for server in (one, other)]
        seen = lambda: [json.loads(p)["id"] for at, p, _ in watcher.messages if "/poll/" in at]
        watcher.until(lambda: set(ids) <= set(seen()))
        if fence() == before:  # nobody else took it over meanwhile
            assert seen() == sorted(ids)  # in order, each once
        teller.kill()
        ids += [survivor.api("POST", "/api/v1/devices/d1/poll").json["id"] for _ in range(10)]
        watcher.until(lambda: set(ids) <= set(seen()))
        first = list(dict.fromkeys(seen()))
        assert first == sorted(ids)
        assert fence() > before
    finally:
        for server in (one, other):
            if server.process.poll() is None:
                server.kill()


def test_secrets_stay_in_files_that_nobody_else_can_read(broker, tmp_path):
    open_file = broker.folder / "open"
    broker.write("open", PASSWORD)
    open_file.chmod(0o644)
    flags = [f if f != str(broker.folder / "password") else str(open_file) for f in broker.flags]
    for wrong in (flags, ("--mqtt-broker", "mqtt://broker.example"), ("--mqtt-broker", "mqtts://localhost", "--mqtt-ca", "/nowhere")):
        (tmp_path / "state").mkdir(mode=0o700, exist_ok=True)
        done = subprocess.run([BUILD / "updraftd", "--state", tmp_path / "state", "--insecure-http", "--listen-devices", "127.0.0.1:0",
                               "--listen-people", "127.0.0.1:0", *wrong], capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode != 0 and "mqtt-broker" in done.stderr, done.stderr
        assert ("UD_ERR_EXPOSED" if wrong is flags else "UD_ERR_CONFIG") in done.stderr, done.stderr


def test_a_server_that_the_broker_does_not_know_says_so_and_goes_on(broker, tmp_path):
    broker.write("other", "wrong\n")
    flags = [f if f != str(broker.folder / "password") else str(broker.folder / "other") for f in broker.flags]
    server = Server(tmp_path / "state", *flags).start()
    until(lambda: "UD_ERR_BROKER" in server.log_text())
    assert server.api("GET", "/api/v1/whoami").status == 200
    server.stop()
    stranger = Broker(tmp_path / "stranger").start()  # another certificate under the same name
    flags = [f if f != stranger.url else f for f in ("--mqtt-broker", stranger.url, "--mqtt-ca", str(broker.ca))]
    server = Server(tmp_path / "state", *flags).start()
    until(lambda: "error=UD_ERR_TLS" in server.log_text())
    server.stop()
    stranger.stop()
