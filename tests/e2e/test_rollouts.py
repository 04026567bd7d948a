"""Rollouts over the wire: made, started, limited, stopped; why a device is not updated; quarantine and recall."""
import json
import subprocess
import time
from urllib.parse import quote

import pytest
from server_tool import BUILD, Server

DATA = b"firmware " * 5000
WAIT_S = 30


def until(ask, wanted, wait_s=WAIT_S):
    """Ask until the answer is what is wanted; the server decides by itself, after its commits."""
    deadline = time.monotonic() + wait_s
    while True:
        answer = ask()
        if wanted(answer):
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)


class Fleet:
    def __init__(self, server, count):
        self.server = server
        self.release = server.foreign_release(DATA)["id"]
        self.devices = {f"d{i}": server.add_device(f"d{i}", type="gateway") for i in range(count)}

    def make(self, **body):
        reply = self.server.api("POST", "/api/v1/rollouts", {"name": "r", "release": self.release, **body})
        assert reply.status == 201, reply
        self.id = reply.json["id"]
        return until(self.see, lambda rollout: rollout["state"] != "creating")

    def see(self):
        return self.server.api("GET", f"/api/v1/rollouts/{self.id}").json

    def groups(self):
        return self.server.api("GET", f"/api/v1/rollouts/{self.id}/groups").json["content"]

    def wish(self, verb, status=200):
        reply = self.server.api("POST", f"/api/v1/rollouts/{self.id}/{verb}")
        assert reply.status == status, reply
        return reply.json

    def offered(self, name):
        return "deploymentBase" in self.devices[name].links()

    def wait_offer(self, name):
        until(lambda: self.devices[name].links(), lambda links: "deploymentBase" in links)
        return int(self.devices[name].links()["deploymentBase"].split("?")[0].rsplit("/", 1)[1])

    def end(self, name, finished="success", *details):
        action = self.wait_offer(name)
        assert self.devices[name].feedback(action, "closed", finished, *details).status == 200

    def why(self, name):
        reply = self.server.api("GET", f"/api/v1/devices/{name}/why")
        assert reply.status == 200, reply
        return reply.json


@pytest.fixture
def fleet(server):
    return Fleet(server, 4)


def test_a_rollout_goes_from_group_to_group(fleet):
    rollout = fleet.make(groups=2, filter="name==d*")
    assert rollout["state"] == "ready" and rollout["devices"]["total"] == 4
    assert fleet.why("d0")["answer"] == "not_started"
    fleet.wish("start")
    fleet.wait_offer("d0")
    assert not fleet.offered("d2")
    assert fleet.why("d3")["answer"] == "group"
    fleet.end("d0")
    until(fleet.groups, lambda groups: groups[1]["state"] == "running")  # half of the first group was enough
    for name in ("d1", "d2", "d3"):
        fleet.end(name)
    end = until(fleet.see, lambda rollout: rollout["state"] == "finished")
    assert end["devices"]["claimed"] == 4 and end["devices"]["confirmed"] == 0, "what signs nothing only claims"
    assert fleet.why("d0")["answer"] == "claimed"


def test_failures_stop_it_and_are_named_by_their_error(fleet):
    fleet.make(groups=2, error=10)
    fleet.wish("start")
    fleet.end("d0", "failure", "UD_ERR_SPACE: too large")
    paused = until(fleet.see, lambda rollout: rollout["state"] == "paused")
    assert paused["pausedBy"] == "error limit" and "failures" in paused["next"]
    [cluster] = fleet.server.api("GET", f"/api/v1/rollouts/{fleet.id}/failures").json["content"]
    assert (cluster["error"], cluster["devices"], cluster["example"], cluster["proof"]) == \
        ("UD_ERR_SPACE", 1, "d0", "claimed")
    why = fleet.why("d0")
    assert why["answer"] == "failed" and why["error"] == "UD_ERR_SPACE" and "UD_ERR_SPACE" in why["sentence"]
    assert fleet.why("d2")["answer"] == "paused"
    assert not fleet.offered("d2")
    fleet.wish("resume")
    assert fleet.wait_offer("d1")


def test_failures_are_clustered_by_what_they_share(fleet, updraft):
    odd = 'rev "b"\u202e*'
    for name, hardware in (("d0", odd), ("d1", odd), ("d2", "rev-a")):
        assert fleet.devices[name].call("PUT", "/configData", {"mode": "merge", "data": {"hardware": hardware}}).status == 200
    fleet.make(filter="name==d*", groups=[{"percent": 100, "error": 100}], start="auto")
    assert fleet.server.api("GET", f"/api/v1/rollouts/{fleet.id}/clusters").json["says"]["bold"] == "Nothing failed."
    for name in ("d0", "d1"):
        fleet.end(name, "failure", "UD_ERR_SPACE: does not fit")
    fleet.end("d2", "failure", "no such thing")
    fleet.end("d3", "success")
    until(fleet.see, lambda rollout: rollout["devices"]["failed"] == 3)
    page = fleet.server.api("GET", f"/api/v1/rollouts/{fleet.id}/clusters").json
    assert page["says"]["bold"] == "3 devices failed for two reasons." and (page["failed"], page["looked"]) == (3, 3)
    first, second = page["content"]
    assert (first["devices"], first["error"], first["hardware"], first["hardwareFrom"], first["before"]) == (2, "UD_ERR_SPACE", odd, "attribute", None)
    assert (second["devices"], second["hardware"], second["example"], second["proof"]) == (1, "rev-a", "d2", "claimed")
    # the filter finds these devices and no other, whatever their hardware is called
    assert [row["name"] for row in fleet.server.api("GET", "/api/v1/devices?q=" + quote(first["filter"])).json["content"]] == ["d0", "d1"]
    by_type = fleet.server.api("GET", f"/api/v1/rollouts/{fleet.id}/clusters?hardware=board").json
    assert [(row["hardware"], row["hardwareFrom"], row["devices"]) for row in by_type["content"]] == [("gateway", "type", 2), ("gateway", "type", 1)]
    assert by_type["says"]["lede"] == 'All of them are of type "gateway".'
    assert [row["name"] for row in fleet.server.api("GET", "/api/v1/devices?q=" + quote(by_type["content"][1]["filter"])).json["content"]] == ["d0", "d1", "d2"]
    for wrong in ("", "a b", "x;y", "a'b"):
        assert fleet.server.api("GET", f"/api/v1/rollouts/{fleet.id}/clusters?hardware={quote(wrong)}").status == 400, wrong
    printed = updraft("rollout", "failures", fleet.id)
    assert "3 devices failed for two reasons." in printed and "rev-a" in printed and "UD_ERR_SPACE" in printed and "\u202e" not in printed
    assert json.loads(updraft("rollout", "failures", fleet.id, "--json"))["failed"] == 3
    # next time they are known to have run something
    before, fleet.release = fleet.release, fleet.server.foreign_release(DATA + b"2")["id"]
    fleet.make(name="again", filter="name==d3", start="auto")
    fleet.end("d3", "failure", "UD_ERR_SPACE: does not fit")
    until(fleet.see, lambda rollout: rollout["devices"]["failed"] == 1)
    again = fleet.server.api("GET", f"/api/v1/rollouts/{fleet.id}/clusters").json["content"][0]
    assert again["before"] == {"release": before, "name": "os", "version": "1.0"}


def test_the_course_of_a_rollout_is_there_when_it_has_ended_and_after_a_restart(fleet):
    fleet.make(filter="name==d*", groups=[{"percent": 100, "error": 100}], start="auto")
    for name, how in (("d0", "success"), ("d1", "failure"), ("d2", "success"), ("d3", "success")):
        fleet.end(name, how)
    until(fleet.see, lambda rollout: rollout["state"] == "finished")

    def course():
        return fleet.server.api("GET", f"/api/v1/rollouts/{fleet.id}/course").json["content"]
    points = until(course, lambda seen: seen[-1]["claimed"] == 3)
    assert points[-1] == {"at": points[-1]["at"], "total": 4, "active": 0, "confirmed": 0, "claimed": 3, "failed": 1}
    assert [point["at"] for point in points] == sorted(point["at"] for point in points)
    assert all(a["claimed"] <= b["claimed"] and a["failed"] <= b["failed"] for a, b in zip(points, points[1:]))
    fleet.server.kill()
    fleet.server.start()
    assert course() == points
    assert fleet.server.api("GET", "/api/v1/rollouts/99/course").status == 404


def test_retry_is_a_new_rollout_for_those_that_failed(fleet):
    fleet.make(error=100)
    fleet.wish("retry", 409)
    fleet.wish("start")
    fleet.end("d0", "failure")
    for name in ("d1", "d2", "d3"):
        fleet.end(name)
    until(fleet.see, lambda rollout: rollout["state"] == "finished")
    again = fleet.wish("retry", 201)
    fleet.id = again["id"]
    assert again["name"] == "r_retry"
    assert until(fleet.see, lambda rollout: rollout["state"] == "ready")["devices"]["total"] == 1
    fleet.wish("start")
    fleet.end("d0")
    until(fleet.see, lambda rollout: rollout["state"] == "finished")


def test_a_long_name_is_cut_between_characters_for_its_retry(fleet):
    fleet.make(name="\u00e4" * 64)
    fleet.wish("start")
    for name in fleet.devices:
        fleet.end(name)
    until(fleet.see, lambda rollout: rollout["state"] == "finished")
    first = fleet.wish("retry", 201)["name"]
    second = fleet.wish("retry", 201)["name"]
    assert first.endswith("\u00e4_retry") and second == first + " 2" and "\ufffd" not in second


def test_stopping_cancels_and_tells_what_waits_for_it(fleet):
    fleet.make(groups=2)
    fleet.wish("start")
    action = fleet.wait_offer("d0")
    fleet.wait_offer("d1")
    fleet.wish("stop")
    until(lambda: fleet.devices["d0"].links(), lambda links: "cancelAction" in links)
    assert fleet.why("d0")["answer"] == "canceling"
    assert fleet.devices["d0"].call("GET", fleet.devices["d0"].links()["cancelAction"]).status == 200
    assert fleet.devices["d0"].feedback(action, "closed", "success", cancel=True).status == 200
    links = until(fleet.devices["d1"].links, lambda links: "cancelAction" in links)
    action = int(links["cancelAction"].rsplit("/", 1)[1])
    assert fleet.devices["d1"].feedback(action, "closed", "success", cancel=True).status == 200
    assert until(fleet.see, lambda rollout: rollout["state"] == "stopped")["devices"]["canceled"] == 4


def test_a_shut_window_holds_the_offer_back_and_an_open_one_does_not(fleet):
    year = time.gmtime().tm_year + 2
    fleet.make(devices=["d0"], window={"schedule": f"0 0 1 * * ? {year}", "duration": "01:00:00", "zone": "device"})
    fleet.wish("start")
    assert until(lambda: fleet.why("d0"), lambda why: why["answer"] == "window")["sentence"].startswith("Its window is shut")
    assert "deploymentBase" not in fleet.devices["d0"].links()
    fleet.wish("stop")
    until(lambda: fleet.devices["d0"].links(), lambda links: "cancelAction" in links)
    server = fleet.server
    reply = server.api("POST", "/api/v1/rollouts", {"name": "open", "release": fleet.release, "devices": ["d1"],
                                                    "window": {"schedule": "0 0 * * * ?", "duration": "01:00:00"}})
    fleet.id = reply.json["id"]
    until(fleet.see, lambda rollout: rollout["state"] == "ready")
    fleet.wish("start")
    action = fleet.wait_offer("d1")
    offer = fleet.devices["d1"].call("GET", f"/deploymentBase/{action}").json["deployment"]
    assert offer["maintenanceWindow"] == "available" and offer["update"] == "forced"


def test_soft_timed_and_download_only(fleet):
    for name, force, more, want in (("d0", "soft", {}, ("attempt", "attempt")),
                                    ("d1", "timeforced", {"forceAt": 1}, ("forced", "forced")),
                                    ("d2", "timeforced", {"forceAt": 99999999999999}, ("attempt", "attempt")),
                                    ("d3", "downloadonly", {}, ("forced", "skip"))):
        fleet.make(name=name, devices=[name], force=force, start="auto", **more)
        action = fleet.wait_offer(name)
        offer = fleet.devices[name].call("GET", f"/deploymentBase/{action}").json["deployment"]
        assert (offer["download"], offer["update"]) == want
    assert fleet.devices["d3"].feedback(action, "downloaded", "success").status == 200
    assert until(fleet.see, lambda rollout: rollout["state"] == "finished")["devices"]["claimed"] == 1


def test_the_caller_may_insist_on_the_count_that_they_saw(fleet):
    body = {"name": "counted", "release": fleet.release, "filter": "name==d*", "count": 3}
    reply = fleet.server.api("POST", "/api/v1/rollouts", body)
    assert (reply.status, reply.json["errorCode"]) == (409, "UD_ERR_COUNT_MOVED")
    assert fleet.server.api("POST", "/api/v1/rollouts", {**body, "count": 4}).status == 201


@pytest.mark.parametrize("change, code, says", [
    ({"filter": "nmae==d*"}, "UD_ERR_FILTER_FIELD", "Did you mean name?"),
    ({"filter": "name=lx=d"}, "UD_ERR_FILTER", "Did you mean =lt="),
    ({"groups": 0}, "UD_ERR_NUMBER_RANGE", "groups"),
    ({"groups": 501}, "UD_ERR_NUMBER_RANGE", "groups"),
    ({"groups": [{"percent": 101}]}, "UD_ERR_NUMBER_RANGE", "percent"),
    ({"groups": [7]}, "UD_ERR_SHAPE", "groups"),
    ({"success": "many"}, "UD_ERR_SHAPE", "success"),
    ({"window": {"schedule": "0 0 1 * *", "duration": "01:00:00"}}, "UD_ERR_WINDOW", "window"),
    ({"window": {"schedule": "0 0 1 * * ?", "duration": "01:00:00", "zone": "No/Where"}}, "UD_ERR_WINDOW", "window"),
    ({"start": "time"}, "UD_ERR_NUMBER_RANGE", "startAt"),
    ({"endAt": 5, "startAt": 7}, "UD_ERR_NUMBER_RANGE", "endAt"),
    ({"force": "hard"}, "UD_ERR_SHAPE", "force"),
    ({"weight": 1001}, "UD_ERR_NUMBER_RANGE", "weight"),
    ({"devices": ["d0"], "filter": "name==d0"}, "UD_ERR_CONFLICT", "devices"),
    ({"devices": ["nobody"]}, "UD_ERR_NOT_FOUND", "not there"),
    ({"release": 999}, "UD_ERR_NOT_FOUND", ""),
    ({"name": ""}, "UD_ERR_NUMBER_RANGE", "name"),
])
def test_what_a_rollout_cannot_be(fleet, change, code, says):
    reply = fleet.server.api("POST", "/api/v1/rollouts", {"name": "x", "release": fleet.release, **change})
    assert reply.status in (400, 404, 409) and reply.json["errorCode"] == code, reply
    assert says in reply.json["message"]
    assert fleet.server.api("GET", "/api/v1/rollouts").json["total"] == 0


def test_filters_find_devices_and_say_where_they_are_wrong(fleet):
    server = fleet.server
    fleet.devices["d1"].call("PUT", "/configData", {"mode": "merge", "data": {"hw": "r/2", "timezone": "+05:30"}})

    def names(text):
        reply = server.api("GET", "/api/v1/devices?q=" + quote(text))
        assert reply.status == 200, reply
        assert reply.json["total"] == len(reply.json["content"])
        return [device["name"] for device in reply.json["content"]]
    assert names("attribute.hw=='r/2'") == ["d1"]
    assert names("name==D*;attribute.hw!='r/2'") == ["d0", "d2", "d3"]
    assert names("zone==\"+05:30\"") == ["d1"]
    assert names("status=in=(unknown,registered);type==gateway") == ["d0", "d1", "d2", "d3"]
    assert names("name==\"x' OR '1'='1\"") == []
    reply = server.api("GET", "/api/v1/devices?q=" + quote("name==d*;size=lx=3"))
    assert reply.status == 400 and reply.json["errorCode"] == "UD_ERR_FILTER_FIELD" and reply.json["at"] == 9
    assert server.api("GET", "/api/v1/devices?q=name%3D%3D%00").status == 400
    fleet.devices["d1"].call("PUT", "/configData", {"mode": "replace", "data": {"hw": "r3"}})
    assert names("attribute.hw==r3") == ["d1"] and names("attribute.hw=='r/2'") == []


def test_quarantine_holds_a_device_and_shows_everywhere(fleet):
    server = fleet.server
    assert server.api("POST", "/api/v1/devices/d0/quarantine", {"reason": "odd traffic"}).status == 204
    assert server.api("GET", "/api/v1/devices/d0").json["quarantine"]["reason"] == "odd traffic"
    assert [d["name"] for d in server.api("GET", "/api/v1/devices?q=quarantined%3D%3Dtrue").json["content"]] == ["d0"]
    reply = server.api("POST", f"/api/v1/releases/{fleet.release}/deploy", {"devices": ["d0"]})
    assert (reply.status, reply.json["errorCode"]) == (409, "UD_ERR_QUARANTINED")
    fleet.make(devices=["d0", "d1"], start="auto")
    fleet.wait_offer("d1")
    assert until(lambda: fleet.why("d0"), lambda why: why["answer"] == "quarantined")["sentence"].endswith("odd traffic")
    assert not fleet.offered("d0")
    assert server.api("DELETE", "/api/v1/devices/d0/quarantine").status == 204
    fleet.wait_offer("d0")


def test_in_quarantine_a_device_that_will_not_cancel_gets_nothing_either(fleet):
    server, device = fleet.server, fleet.devices["d0"]
    fleet.make(start="auto")
    action = fleet.wait_offer("d0")
    offer = device.call("GET", f"/deploymentBase/{action}").json
    href = offer["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download"]["href"]
    assert device.call("GET", href, headers={"Range": "bytes=0-99"}).status == 206
    assert server.api("POST", "/api/v1/devices/d0/quarantine", {"reason": "odd traffic"}).status == 204
    assert "cancelAction" in device.links() and device.call("GET", href).status == 404
    assert device.feedback(action, "rejected", "none", "installing already", cancel=True).status == 200
    assert not {"deploymentBase", "confirmationBase", "cancelAction"} & set(device.links())
    assert device.call("GET", f"/deploymentBase/{action}").status == 404
    assert device.call("GET", href, headers={"Range": "bytes=100-199"}).status == 404
    assert server.api("DELETE", "/api/v1/devices/d0/quarantine").status == 204
    assert fleet.wait_offer("d0") == action, "it said that it goes on with it, and now it may"
    assert device.call("GET", href, headers={"Range": "bytes=100-199"}).status == 206


def test_in_quarantine_the_one_release_is_offered_as_soon_as_it_is_named(fleet):
    assert fleet.server.api("POST", "/api/v1/devices/d0/quarantine", {"reason": "odd"}).status == 204
    fleet.make(devices=["d0"], start="auto")
    until(lambda: fleet.why("d0"), lambda why: why["answer"] == "quarantined")
    assert fleet.server.api("POST", "/api/v1/devices/d0/quarantine", {"reason": "odd", "release": fleet.release}).status == 204
    fleet.end("d0")
    until(fleet.see, lambda rollout: rollout["state"] == "finished")
    device = fleet.server.api("GET", "/api/v1/devices/d0").json
    assert device["quarantine"]["reason"] == "odd", "what only claims is not freed by it"


def test_i9_recall_ends_a_download_at_the_next_request(fleet):
    server, device = fleet.server, fleet.devices["d0"]
    fleet.make(start="auto")
    action = fleet.wait_offer("d0")
    offer = device.call("GET", f"/deploymentBase/{action}").json
    href = offer["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download"]["href"]
    assert device.call("GET", href, headers={"Range": "bytes=0-99"}).status == 206
    assert server.api("POST", f"/api/v1/releases/{fleet.release}/recall", {"reason": "bricks"}).status == 204
    assert device.call("GET", href, headers={"Range": "bytes=100-199"}).status in (404, 410)
    until(lambda: device.links(), lambda links: "cancelAction" in links)
    paused = until(fleet.see, lambda rollout: rollout["state"] == "paused")
    assert paused["pausedBy"] == "recall"
    reply = server.api("POST", f"/api/v1/releases/{fleet.release}/deploy", {"devices": ["d3"]})
    assert (reply.status, reply.json["errorCode"]) == (410, "UD_ERR_RECALLED")


def test_downloads_beyond_the_limit_are_told_when_to_come_again(tmp_path):
    with_limits = Server(tmp_path / "state", "--download-rate", "1000").start()
    try:
        fleet = Fleet(with_limits, 2)
        fleet.make(start="auto", bytesPerSecond=0)
        action = fleet.wait_offer("d0")
        offer = fleet.devices["d0"].call("GET", f"/deploymentBase/{action}").json
        href = offer["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download"]["href"]
        assert fleet.devices["d0"].call("GET", href).body == DATA
        late = fleet.devices["d0"].call("GET", href)
        assert late.status == 429 and late.json["errorCode"] == "UD_ERR_RETRY_LATER"
        assert 1 <= int(late.headers["Retry-After"]) <= len(DATA) // 1000 + 1
        assert fleet.devices["d0"].call("GET").status == 200, "polls are not held back"
    finally:
        with_limits.stop()


def test_rollouts_go_on_after_kill_9(server, tmp_path):
    fleet = Fleet(server, 4)
    fleet.make(groups=2)
    fleet.wish("start")
    fleet.end("d0")
    server.kill()
    server.start()
    until(fleet.groups, lambda groups: groups[1]["state"] == "running")
    for name in ("d1", "d2", "d3"):
        fleet.end(name)
    until(fleet.see, lambda rollout: rollout["state"] == "finished")


def test_deleting_a_rollout_frees_its_devices(fleet):
    fleet.make(start="auto")
    fleet.wait_offer("d0")
    assert fleet.server.api("DELETE", f"/api/v1/rollouts/{fleet.id}").status == 204
    until(lambda: fleet.server.api("GET", f"/api/v1/rollouts/{fleet.id}").status, lambda status: status == 404)
    assert set(fleet.devices["d0"].links()) <= {"configData"}
    assert fleet.why("d0")["answer"] == "canceled"


@pytest.fixture
def updraft(fleet):
    """The command, logged in."""
    def run(*words, code=0):
        result = subprocess.run([str(BUILD / "updraft"), *map(str, words), "--server", fleet.server.listen["people"]["url"],
                                 "--token-file", str(fleet.server.state / "admin.token")],
                                capture_output=True, text=True, timeout=60)
        assert result.returncode == code, (words, result.stdout, result.stderr)
        return result.stdout + result.stderr
    return run


def test_the_command_makes_shows_and_steers_rollouts(fleet, updraft, tmp_path):
    assert "is being filled" in updraft("rollout", "create", "cli", "--release", fleet.release, "--filter", "name==d*",
                                        "--groups", 2, "--count", 4)
    fleet.id = 1
    until(fleet.see, lambda rollout: rollout["state"] == "ready")
    assert "running" in updraft("rollout", "start", 1)
    fleet.wait_offer("d0")
    shown = updraft("rollout", "show", 1)
    assert "group-2" in shown and "0 of 4 devices confirmed" in shown
    assert "cli" in updraft("rollout", "list")
    assert "paused" in updraft("rollout", "pause", 1)
    assert "UD_ERR_ROLLOUT_STATE" in updraft("rollout", "approve", 1, code=1)
    assert "is paused (by a person)" in updraft("why", "d3")
    plan = tmp_path / "plan.json"
    plan.write_text('{"groups": [{"name": "canary", "filter": "name==d1", "percent": 100}, {"name": "rest"}]}')
    updraft("rollout", "create", "planned", "--release", fleet.release, "--plan", plan)
    fleet.id = 2
    until(fleet.see, lambda rollout: rollout["state"] == "ready")
    assert [(g["name"], g["devices"]["total"]) for g in fleet.groups()] == [("canary", 1), ("rest", 3)]
    assert "Did you mean" in updraft("rollout", "create", "x", "--release", fleet.release, "--filter", "nmae==x", code=1)
    updraft("rollout", "create", code=2)
    updraft("rollout", "jump", 1, code=2)
    updraft("rollout", "start", 99, code=1)
    assert "Removed" in updraft("rollout", "remove", 2)


def test_a_device_that_was_left_out_is_told_which_type_does_not_fit(fleet, updraft):
    server = fleet.server
    rest = "/rest/v1"
    made = server.api("POST", "/api/v1/device-types", {"name": "door", "foreign": True})
    assert made.status == 201
    server.add_device("d8", type="door")
    server.add_device("d9")
    sets = {kind["key"]: kind["id"] for kind in server.api("GET", f"{rest}/distributionsettypes").json["content"]}
    types = {kind["name"]: kind["id"] for kind in server.api("GET", f"{rest}/targettypes").json["content"]}
    takes = f"{rest}/targettypes/{types['gateway']}/compatibledistributionsettypes"
    assert server.api("POST", takes, [{"id": sets["app"]}]).status == 204
    fleet.make(filter="name==d*", groups=1, start="auto")
    left = {name: until(lambda: fleet.why(name), lambda why: why["answer"] == "skipped") for name in ("d0", "d8", "d9")}
    assert left["d0"]["sentence"] == 'Devices of its type "gateway" take no sets of type "OS only", which the release is.'
    assert left["d0"]["remedy"].startswith("Add that type of set to those that its type takes")
    assert left["d8"]["sentence"] == 'The release is for devices of type "gateway"; this one\'s type is "door".'
    assert left["d8"]["remedy"].startswith("Deploy a release for its type")
    assert "device types marked foreign" in left["d9"]["sentence"]
    said = updraft("why", "d0")
    assert left["d0"]["sentence"] in said and left["d0"]["remedy"] in said
    # what was in the way is gone: that it was left out is still so
    assert server.api("POST", takes, [{"id": sets["os"]}]).status == 204
    now = fleet.why("d0")
    assert now["answer"] == "skipped" and now["sentence"].endswith("now it does.")
    assert server.api("POST", f"/api/v1/releases/{fleet.release}/deploy", {"devices": ["d0"]}).status in (200, 201)
    assert fleet.why("d0")["answer"] not in ("skipped", "not_matched")


def test_the_command_says_why_and_lists_by_filter(fleet, updraft):
    assert "nobody deployed anything" in updraft("why", "d0")
    assert json.loads(updraft("why", "d0", "--json"))["answer"] == "not_matched"
    assert updraft("devices", "--filter", "name=in=(d1,d2)", "--count").strip() == "2"
    listed = updraft("devices", "--filter", "name==d1")
    assert "d1" in listed and "d2" not in listed
    assert "comparison" in updraft("devices", "--filter", "name~x", code=1)
    updraft("quarantine", "d1", "--reason", "odd")
    assert "in quarantine" in updraft("devices", "--filter", "name==d1")
    updraft("quarantine", "d1", "--end")
    updraft("quarantine", "d1", code=2)
    assert "Recalled" in updraft("recall", fleet.release, "--reason", "bricks")
    assert "recalled" in updraft("deploy", fleet.release, "d0", code=1)
