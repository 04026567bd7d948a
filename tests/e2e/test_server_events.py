"""What happened, told live: server-sent events from the outbox, with resume."""
import http.client
import json

import pytest
from server_tool import Server


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
