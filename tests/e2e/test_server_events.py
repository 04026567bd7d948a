"""What happened, told live: server-sent events from the outbox, with resume."""
import hashlib
import hmac
import http.client
import http.server
import json
import queue
import re
import threading
import time

import pytest
from server_tool import Server
from test_server_people import person


class Stream:
    """A reader of server-sent events."""

    def __init__(self, server, token=None, last=None, query=""):
        self.connection = server.connection("people")
        headers = {"Authorization": f"Bearer {token or server.token}"}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        self.connection.request("GET", "/api/v1/events" + query, headers=headers)
        self.reply = self.connection.getresponse()

    def next(self):
        """The next event: (id, kind, data). Comments and retry lines are passed over."""
        event = {}
        while True:
            line = self.reply.readline().decode()
            if line == "":
                raise EOFError
            name, _, value = line.rstrip("\n").partition(":")
            if line == "\n":
                if "data" in event:
                    return int(event.get("id", 0)), event.get("event"), json.loads(event["data"])
                event = {}
            elif name:
                event[name] = value.strip()

    def close(self):
        self.connection.close()


def states(stream, count):
    return [event[2]["body"]["state"] for event in (stream.next() for _ in range(count)) if event[1] == "action"]


def test_an_update_is_told_as_it_happens_and_a_reader_takes_up_where_it_was(server):
    release = server.foreign_release(b"x" * 64)["id"]
    device = server.add_device("gate-1", type="gateway")
    stream = Stream(server)
    assert stream.reply.status == 200 and stream.reply.headers["Content-Type"] == "text/event-stream"
    [action] = server.deploy(release, "gate-1")
    first = stream.next()
    assert (first[1], first[2]["device"], first[2]["body"]["action"], first[2]["body"]["state"]) == (
        "action", "gate-1", action, "offered")
    second = stream.next()
    assert second[1] == "change" and second[2]["body"]["what"] == "POST /api/v1/releases/{id}/deploy"
    device.feedback(action, "download", "none")
    assert stream.next()[2]["body"]["state"] == "downloading"
    stream.close()
    for execution in ("downloaded", "proceeding"):
        device.feedback(action, execution, "none")
    device.feedback(action, "proceeding", "none")  # the same state again is no event
    device.feedback(action, "closed", "success")
    again = Stream(server, last=second[0])
    assert states(again, 4) == ["downloading", "downloaded", "installing", "claimed"]
    server.api("POST", "/api/v1/devices", {"name": "later"})
    assert again.next()[2]["body"]["what"] == "POST /api/v1/devices"
    ids = Stream(server, query="?after=0")
    seen = [ids.next()[0] for _ in range(6)]
    assert seen == sorted(set(seen))


def test_what_was_forgotten_is_said_to_be_lost(server):
    server.add_device("a")
    stream = Stream(server, last=999999)
    assert stream.next()[1] == "lost"
    server.add_device("b")
    assert stream.next()[2]["body"]["what"] == "POST /api/v1/devices"
    for wrong in ("x", "-1", "", "9" * 30):
        assert Stream(server, last=wrong).reply.status == 400, wrong


def test_events_of_one_tenant_are_not_told_to_another(server):
    other = server.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
    stream = Stream(server, token=other, query="?after=0")
    server.add_device("ours")
    server.api("POST", "/api/v1/devices", {"name": "theirs"}, token=other)
    event = stream.next()
    assert event[2]["body"]["what"] == "POST /api/v1/devices" and "ours" not in json.dumps(event)


@pytest.mark.parametrize("way", ["the token is taken away", "the person is locked out", "the person is moved"])
def test_a_stream_ends_with_the_right_to_read_it(server, way):
    token = person(server, "vera", "viewer")
    [row] = [row for row in server.api("GET", "/api/v1/tokens?user=vera").json["content"] if row["user"] == "vera"]
    stream = Stream(server, token=token)
    server.add_device("before")
    assert stream.next()[2]["body"]["what"] == "POST /api/v1/devices"
    if way == "the token is taken away":
        assert server.api("DELETE", f"/api/v1/tokens/{row['id']}").status == 204
    else:
        change = {"disabled": True} if way == "the person is locked out" else {"group": "eu"}
        assert server.api("PUT", "/api/v1/users/vera", change).status == 200
    with pytest.raises(EOFError):  # at the latest with the next sign of life
        while True:
            stream.next()
    assert Stream(server, token=token).reply.status == (200 if way == "the person is moved" else 401)


def test_events_of_a_group_are_told_to_its_people_and_those_of_others_never(server):
    release = server.foreign_release(b"x" * 64)["id"]
    devices = {name: server.add_device(name, type="gateway", group=group) for name, group in
               (("in", "eu/berlin"), ("out", "us"), ("near", "eu-west"), ("none", ""))}
    greta = person(server, "greta", "viewer", group="eu")
    stream = Stream(server, token=greta)
    assert stream.reply.status == 200
    everything = Stream(server, query="?after=0")
    for name in ("out", "near", "none", "in"):
        [action] = server.deploy(release, name)
        devices[name].feedback(action, "download", "none")
        assert server.api("POST", f"/api/v1/devices/{name}/quarantine", {"reason": name}).status == 204
    seen = []
    while not (seen and seen[-1][1] == "change"):
        seen.append(stream.next())
    assert {event[2]["device"] for event in seen if event[1] == "action"} == {"in"}
    assert [event[2]["body"]["detail"]["path"] for event in seen if event[1] == "change"] == [["in"]]
    # one that moves is heard of from then on, and nothing of what was before
    assert server.api("PUT", "/api/v1/devices/out/group", {"group": "eu"}).status == 204
    assert stream.next()[2]["body"]["what"] == "PUT /api/v1/devices/{name}/group"
    again = Stream(server, token=greta, query="?after=0")
    heard = [again.next() for _ in range(len(seen) + 1)]
    assert [event[0] for event in heard[:len(seen)]] == [event[0] for event in seen]
    # and one that moves away is not
    assert server.api("PUT", "/api/v1/devices/in/group", {"group": "us"}).status == 204
    assert server.api("DELETE", "/api/v1/devices/in/quarantine").status == 204
    assert server.api("DELETE", "/api/v1/devices/out/quarantine").status == 204
    assert stream.next()[2]["body"]["detail"]["path"] == ["out"]
    stream.close()
    again.close()
    everything.close()


def test_who_hears_little_still_comes_back_to_where_they_were(server):
    """Of others' events they see nothing but how far these went: a reader who comes back does not pass over them again."""
    server.add_device("in", group="eu")
    greta = person(server, "greta", "viewer", group="eu")
    stream = Stream(server, token=greta)
    stream.connection.sock.settimeout(60)
    for i in range(1100):
        server.api("PUT", "/api/v1/filters/mine", {"query": f"name==x{i}"})
    lines = []
    while not (lines and lines[-1].startswith("id:")):
        lines.append(stream.reply.readline().decode())
        assert not lines[-1].startswith(("data:", "event:"))
    assert int(lines[-1].split(":")[1]) >= 1000
    stream.close()


def test_a_refused_change_is_no_event(server):
    stream = Stream(server)
    assert server.api("DELETE", "/api/v1/devices/nobody").status == 404
    server.add_device("a")
    assert stream.next()[2]["body"]["what"] == "POST /api/v1/devices"


def test_a_server_ends_with_streams_open(tmp_path):
    server = Server(tmp_path / "state").start()
    streams = [Stream(server) for _ in range(3)]
    assert server.stop() == 0
    for stream in streams:
        with pytest.raises((EOFError, ConnectionError, http.client.HTTPException)):
            stream.next()


# --- webhooks

class Receiver:
    """Takes webhooks; says no to as many first ones as asked."""

    def __init__(self, refuse=0, port=0):
        self.batches, self.refusals, self.refuse = queue.Queue(), queue.Queue(), refuse
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                refused = outer.refuse > 0
                outer.refuse -= 1 if refused else 0
                self.send_response(503 if refused else 204)
                self.end_headers()
                (outer.refusals if refused else outer.batches).put((self.headers, body))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self, secret, count):
        """The next `count` events, their signatures checked."""
        found = []
        while len(found) < count:
            headers, body = self.batches.get(timeout=60)
            time, given = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["Updraft-Signature"]).groups()
            assert hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest() == given
            found += json.loads(body)["events"]
        return found

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hooking(tmp_path):
    server = Server(tmp_path / "state", "--webhooks-private").start()
    yield server
    if server.process.poll() is None:
        server.stop()


def test_a_webhook_is_told_everything_in_order_and_again_until_it_took_it(hooking):
    receiver = Receiver(refuse=2)
    hook = hooking.api("POST", "/api/v1/webhooks", {"url": receiver.url}).json
    for n in range(20):
        hooking.add_device(f"d-{n}")
    events = receiver.events(hook["secret"], 21)  # that it was added comes first
    ids = [event["id"] for event in events]
    assert ids == sorted(set(ids))
    assert [json.loads(json.dumps(e["body"]))["what"] for e in events] == (
        ["POST /api/v1/webhooks"] + ["POST /api/v1/devices"] * 20)
    assert receiver.refusals.qsize() == 2
    listed = hooking.api("GET", "/api/v1/webhooks").json["content"]
    assert [(h["url"], "secret" in h) for h in listed] == [(receiver.url, False)]
    assert hooking.api("DELETE", f"/api/v1/webhooks/{hook['id']}").status == 204
    assert hooking.api("DELETE", f"/api/v1/webhooks/{hook['id']}").status == 404
    receiver.close()


def test_a_webhook_goes_on_where_it_was_after_the_server_was_killed(hooking):
    receiver = Receiver()
    hook = hooking.api("POST", "/api/v1/webhooks", {"url": receiver.url}).json
    receiver.events(hook["secret"], 1)
    port = receiver.server.server_address[1]
    receiver.close()
    hooking.add_device("while-nobody-hears")
    hooking.kill()
    receiver = Receiver(port=port)
    hooking.start()
    [event] = receiver.events(hook["secret"], 1)
    assert event["body"]["what"] == "POST /api/v1/devices"
    receiver.close()


def test_a_webhook_hears_of_its_own_tenant_only(hooking):
    receiver = Receiver()
    other = hooking.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
    hook = hooking.api("POST", "/api/v1/webhooks", {"url": receiver.url}, token=other).json
    hooking.add_device("ours")
    hooking.api("POST", "/api/v1/devices", {"name": "theirs"}, token=other)
    events = receiver.events(hook["secret"], 2)
    assert [e["body"]["what"] for e in events] == ["POST /api/v1/webhooks", "POST /api/v1/devices"]
    assert hooking.api("GET", "/api/v1/webhooks").json["content"] == []
    receiver.close()


def test_webhooks_go_to_public_addresses_only_unless_told_otherwise(server):
    receiver = Receiver()
    server.api("POST", "/api/v1/webhooks", {"url": receiver.url})
    deadline = time.monotonic() + 60
    while not (listed := server.api("GET", "/api/v1/webhooks").json["content"])[0]["failures"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert listed[0]["error"] and receiver.batches.empty() and receiver.refusals.empty()
    for url in ("ftp://example.com/", "https://user:pw@example.com/", "file:///etc/passwd", "https://", "x"):
        assert server.api("POST", "/api/v1/webhooks", {"url": url}).status == 400, url
    receiver.close()
