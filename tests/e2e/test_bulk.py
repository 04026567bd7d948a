"""The same for many devices at once: by filter or by name, in bounded batches, with a line in the audit log for each. Lists in other orders."""
import json
import subprocess
from urllib.parse import quote

import pytest
from server_tool import BUILD
from test_rollouts import Fleet, until
from test_server_people import person

BATCH = 500


@pytest.fixture
def fleet(server):
    return Fleet(server, 4)


def bulk(server, what, body, token=None, status=200):
    reply = server.api("POST", f"/api/v1/bulk/{what}", body, token=token)
    assert reply.status == status, reply
    return reply.json


def names(server, query):
    return [row["name"] for row in server.api("GET", f"/api/v1/devices?limit=500&q={quote(query)}").json["content"]]


def audit(server):
    entries = []
    while True:
        page = server.api("GET", f"/api/v1/audit?limit=500&offset={len(entries)}").json["content"]
        entries += page
        if len(page) < 500:
            return [entry for entry in entries if "/bulk/" in entry["what"]]


def test_polling_without_a_broker_says_that_there_is_none(server):
    server.add_device("a")
    reply = server.api("POST", "/api/v1/bulk/poll", {"devices": ["a"]})
    assert (reply.status, reply.json["errorCode"]) == (409, "UD_ERR_NO_BROKER")
    assert "broker" in reply.json["message"] and "needed" not in reply.json["message"]


def test_a_filter_is_tagged_in_batches_each_with_its_line_in_the_audit_log(fleet):
    server = fleet.server
    for i in range(BATCH + 7):
        server.api("POST", "/api/v1/devices", {"name": f"m{i}"})
    body = {"filter": "name==m*", "tag": "field-test", "count": BATCH + 7}
    first = bulk(server, "tag", body)
    assert first["changed"] == BATCH and first["next"] is not None
    second = bulk(server, "tag", {**body, "after": first["next"]})
    assert second == {"changed": 7, "unchanged": 0, "next": None}
    assert len(names(server, "tag==field-test")) == 500 and server.api("GET", "/api/v1/devices?limit=1&q=tag%3D%3Dfield-test").json["total"] == BATCH + 7
    assert [entry["who"] for entry in audit(server)] == ["admin", "admin"]
    assert '"filter":"name==m*"' in audit(server)[0]["detail"] and f'"changed":{BATCH}' in audit(server)[0]["detail"]
    # and once more, after an answer that was lost: nothing is done twice
    assert bulk(server, "tag", {**body, "after": first["next"]})["next"] is None
    assert bulk(server, "untag", {"filter": "name==m1;tag==field-test", "tag": "field-test"})["changed"] == 1
    assert bulk(server, "untag", {"devices": ["m1"], "tag": "field-test"}) == {"changed": 0, "unchanged": 1, "next": None}
    assert names(server, "name==m1;tag==field-test") == []
    # of those by name the line says which
    assert bulk(server, "untag", {"devices": ["m2", "m3"], "tag": "field-test"})["changed"] == 2
    assert any('"devices":["m2","m3"]' in entry["detail"] for entry in audit(server))


def test_quarantine_and_release_by_filter_hold_and_free_devices(fleet):
    server = fleet.server
    server.deploy(fleet.release, "d0", "d1", "d2")
    assert bulk(server, "quarantine", {"filter": "name=in=(d0,d1)", "reason": "odd traffic", "count": 2})["changed"] == 2
    assert server.api("GET", "/api/v1/devices/d0").json["quarantine"]["reason"] == "odd traffic"
    assert not fleet.offered("d0") and fleet.offered("d2")
    assert bulk(server, "quarantine", {"filter": "name==d*", "reason": "all"}) == {"changed": 2, "unchanged": 2, "next": None}
    assert server.api("GET", "/api/v1/devices/d0").json["quarantine"]["reason"] == "odd traffic"  # not written over
    assert bulk(server, "release", {"filter": "quarantined==true"})["changed"] == 4
    assert names(server, "quarantined==true") == []


def test_a_group_is_moved_and_no_further_than_one_may(fleet):
    server = fleet.server
    assert bulk(server, "group", {"filter": "name=in=(d0,d1)", "group": "eu"})["changed"] == 2
    assert bulk(server, "group", {"filter": "name==d*", "group": "eu"}) == {"changed": 2, "unchanged": 2, "next": None}
    assert bulk(server, "group", {"devices": ["d2", "d3"], "group": ""})["changed"] == 2
    greta = person(server, "greta", "operator", group="eu")
    assert bulk(server, "quarantine", {"filter": "name==d*", "reason": "mine", "count": 2}, token=greta)["changed"] == 2
    assert names(server, "quarantined==true") == ["d0", "d1"]
    assert bulk(server, "release", {"devices": ["d0", "d3"]}, token=greta, status=404)["errorCode"] == "UD_ERR_NOT_FOUND"
    assert names(server, "quarantined==true") == ["d0", "d1"]  # all of the named ones, or none
    assert bulk(server, "group", {"filter": "", "group": "eu/x"}, token=greta, status=403)["errorCode"] == "UD_ERR_GROUP"
    # a tag is the whole tenant's: it is not made by who has one group
    assert bulk(server, "tag", {"filter": "", "tag": "new"}, token=greta, status=404)["errorCode"] == "UD_ERR_NOT_FOUND"
    assert bulk(server, "tag", {"devices": ["d2"], "tag": "new"})["changed"] == 1
    assert bulk(server, "tag", {"filter": "", "tag": "new"}, token=greta)["changed"] == 2
    vera = person(server, "vera", "viewer")
    assert bulk(server, "tag", {"filter": "", "tag": "x"}, token=vera, status=403)["errorCode"]
    assert bulk(server, "quarantine", {"filter": "", "reason": "x"}, token=vera, status=403)["errorCode"]


def test_what_a_bulk_action_cannot_be(fleet):
    server = fleet.server
    for what, body, status, code in (
            ("tag", {"tag": "x"}, 400, "UD_ERR_MISSING"),
            ("tag", {"filter": "name==d*"}, 400, "UD_ERR_MISSING"),
            ("tag", {"filter": "name==d*", "devices": ["d0"], "tag": "x"}, 400, "UD_ERR_SHAPE"),
            ("tag", {"devices": [1], "tag": "x"}, 400, "UD_ERR_SHAPE"),
            ("tag", {"devices": ["d0"] * 501, "tag": "x"}, 429, "UD_ERR_LIMIT"),
            ("tag", {"filter": "nmae==x", "tag": "x"}, 400, "UD_ERR_FILTER_FIELD"),
            ("tag", {"filter": "", "tag": "x", "count": 5}, 409, "UD_ERR_COUNT_MOVED"),
            ("tag", {"filter": "", "tag": "x", "count": 2**63 - 1}, 409, "UD_ERR_COUNT_MOVED"),
            ("tag", {"filter": "", "tag": "x", "after": -1}, 400, "UD_ERR_SHAPE"),
            ("untag", {"filter": "", "tag": "no such"}, 404, "UD_ERR_NOT_FOUND"),
            ("group", {"filter": ""}, 400, "UD_ERR_MISSING"),
            ("group", {"filter": "", "group": "a//b"}, 400, "UD_ERR_SHAPE"),
            ("quarantine", {"filter": "", "reason": ""}, 400, "UD_ERR_NUMBER_RANGE"),
            ("poll", {"filter": ""}, 409, "UD_ERR_NO_BROKER")):
        assert bulk(server, what, body, status=status)["errorCode"] == code, (what, body)
    assert audit(server) == []
    assert bulk(server, "tag", {"filter": "name==nobody", "tag": "x"}) == {"changed": 0, "unchanged": 0, "next": None}


def test_devices_are_listed_in_the_order_that_was_asked_for(fleet):
    server = fleet.server
    bulk(server, "group", {"devices": ["d2"], "group": "a"})
    bulk(server, "group", {"devices": ["d0"], "group": "b"})
    server.deploy(fleet.release, "d1")
    for at, name in enumerate(("d3", "d1", "d0", "d2")):  # who came last
        fleet.devices[name].links()

    def order(sort, more=""):
        reply = server.api("GET", f"/api/v1/devices?sort={sort}{more}")
        assert reply.status == 200, reply
        return [row["name"] for row in reply.json["content"]]
    assert order("name") == ["d0", "d1", "d2", "d3"] and order("-name") == ["d3", "d2", "d1", "d0"]
    assert order("group") == ["d1", "d3", "d2", "d0"] and order("-group") == ["d0", "d2", "d3", "d1"]
    assert order("-assigned")[0] == "d1" and order("-created") == ["d3", "d2", "d1", "d0"]
    until(lambda: order("status"), lambda seen: seen[-1] == "d1")
    assert order("-name", "&limit=2&offset=2") == ["d1", "d0"]
    assert order("-name", "&q=name%3Din%3D(d0,d3)") == ["d3", "d0"]
    assert set(order("lastSeen")) == set(order("runs")) == set(order("type")) == {"d0", "d1", "d2", "d3"}
    for wrong in ("", "nmae", "--name", "name;drop"):
        assert server.api("GET", f"/api/v1/devices?sort={quote(wrong)}").status == 400, wrong


# --- the command

@pytest.fixture
def command(server, tmp_path):
    """updraft bulk, logged in: run(words..., code=0) gives what it printed and what it complained of."""
    (tmp_path / "token").write_text(server.token)
    (tmp_path / "token").chmod(0o600)

    def run(*words, code=0, token=None):
        if token is not None:
            (tmp_path / "other").write_text(token)
            (tmp_path / "other").chmod(0o600)
        done = subprocess.run([str(BUILD / "updraft"), "bulk", *words, "--server", server.listen["people"]["url"], "--token-file",
                               str(tmp_path / ("token" if token is None else "other"))], capture_output=True, text=True, timeout=300)
        assert done.returncode == code, done
        return done.stdout, done.stderr
    return run


def test_the_command_says_what_it_would_do_before_it_does_it(fleet, command):
    server = fleet.server
    tag = ("tag", "--tag", "canary", "--filter", "name=in=(d0,d1,d2)")
    for words in (tag, (*tag, "--dry-run")):
        said, _ = command(*words)
        assert said.startswith('3 devices: each gets the tag "canary".') and said.endswith("Nothing was changed: --yes does it.\n")
    assert names(server, "tag==canary") == [] and audit(server) == []
    said, _ = command(*tag, "--yes")
    assert said.endswith("3 changed, 0 were like that already.\n") and names(server, "tag==canary") == ["d0", "d1", "d2"]
    done = json.loads(command("untag", "--tag", "canary", "d1", "--yes", "--json")[0])
    assert done == {"action": "untag", "count": 1, "atLeast": False, "done": True, "changed": 1, "unchanged": 0}
    asked = json.loads(command("poll", "--filter", "", "--json")[0])
    assert asked == {"action": "poll", "count": 4, "atLeast": False, "done": False, "changed": 0, "unchanged": 0}
    assert names(server, "tag==canary") == ["d0", "d2"]


def test_every_bulk_action_has_its_command(fleet, command):
    server = fleet.server
    assert "3 changed" in command("group", "--group", "north/hall", "--filter", "name=in=(d0,d1,d2)", "--yes")[0]
    assert names(server, "group==north/hall") == ["d0", "d1", "d2"]
    assert "1 changed" in command("group", "--group", "", "d2", "--yes")[0] and names(server, "group==north/hall") == ["d0", "d1"]
    said, _ = command("quarantine", "--reason", "odd \x1b[31mtraffic", "d0", "d3")
    assert said.startswith("2 devices: each is held apart (odd ") and "\x1b" not in said, "nothing that a terminal obeys is printed"
    assert "2 changed" in command("quarantine", "--reason", "odd traffic", "d0", "d3", "--yes")[0]
    assert names(server, "quarantined==true") == ["d0", "d3"]
    assert "1 changed, 1 were like that already" in command("release", "d0", "d1", "--yes")[0]
    assert names(server, "quarantined==true") == ["d3"]
    assert "UD_ERR_NO_BROKER" in command("poll", "--filter", "", "--yes", code=1)[1], "this server has no road to tell devices on"
    assert {entry["what"].rsplit("/", 1)[1] for entry in audit(server)} == {"group", "quarantine", "release"}


def test_the_command_goes_on_from_batch_to_batch(server, command):
    many = [f"n{i:04}" for i in range(BATCH + 3)]
    for name in many:
        server.api("POST", "/api/v1/devices", {"name": name})
    assert f"{BATCH + 3} changed" in command("tag", "--tag", "a", "--filter", "name==n*", "--count", str(BATCH + 3), "--yes")[0]
    assert f"{BATCH + 3} changed" in command("tag", "--tag", "b", *many, "--yes")[0]
    assert server.api("GET", "/api/v1/devices?limit=1&q=tag%3D%3Da%3Btag%3D%3Db").json["total"] == BATCH + 3


def test_the_command_ends_with_the_code_of_what_went_wrong(fleet, command):
    server = fleet.server
    refused = command("tag", "--tag", "x", "--filter", "name==d*", "--count", "400", "--yes", code=1)[1]
    assert "UD_ERR_COUNT_MOVED" in refused and names(server, "tag==x") == []
    assert "UD_ERR_FILTER" in command("tag", "--tag", "x", "--filter", "nosuch==1", code=1)[1]
    assert command("untag", "--tag", "never-made", "d0", "--yes", code=1)
    viewer = person(server, "vera", "viewer")
    assert command("tag", "--tag", "x", "d0", "--yes", code=1, token=viewer) and names(server, "tag==x") == []
    for words in ((), ("paint", "d0"), ("tag", "d0"), ("tag", "--tag", "x"), ("tag", "--tag", "x", "--filter", "", "d0"),
                  ("poll", "--tag", "x", "d0"), ("poll", "--reason", "x", "d0"), ("poll", "d0", "--count", "1"), ("poll", "--filter", "", "--count", "x"),
                  ("poll", "d0", "--yes", "--dry-run"), ("poll", "d0", "--bogus")):
        command(*words, code=2)
