"""What the console opens with: sentences, what needs a person, versions by day, refused reports, filters of people."""
import sqlite3
import subprocess
import time
from urllib.parse import quote

import pytest
from cose_tool import Key, report
from server_tool import BUILD, Server
from test_rollouts import DATA, Fleet, until
from test_server_people import person
from test_server_reports import Field

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def fleet(server):
    return Fleet(server, 4)


@pytest.fixture
def field(server, tmp_path):
    return Field(server, tmp_path)


def overview(server, token=None):
    reply = server.api("GET", "/api/v1/overview", token=token)
    assert reply.status == 200, reply
    return reply.json


def todo(server, token=None):
    return {item["id"]: item for item in overview(server, token)["todo"]}


def says(server, *path, q=""):
    reply = server.api("GET", "/api/v1/says/" + "/".join(map(str, path)) + (f"?q={q}" if q else ""))
    assert reply.status == 200, reply
    return reply.json


def test_an_empty_server_says_what_to_do_first(server):
    page = overview(server)
    assert page["says"]["bold"] == "No device is registered yet."
    assert page["devices"]["total"] == 0 and page["todo"] == [] and page["rollouts"] == []
    assert says(server, "releases")["bold"] == "No release is here yet."
    assert says(server, "rollouts")["bold"] == "No rollout yet."
    assert says(server, "devices")["bold"] == "No device is registered yet."


def test_the_overview_counts_every_device_once(fleet):
    page = overview(fleet.server)
    assert page["devices"]["total"] == page["devices"]["unknown"] == 4
    assert page["reach"] == {"within": page["reach"]["within"], "reachable": 0, "silent": 0, "never": 4}
    fleet.make(filter="name==d*", groups=1, start="auto")
    fleet.end("d0", "success")
    fleet.end("d1", "failure", "UD_ERR_SPACE: does not fit")
    fleet.wait_offer("d2")
    page = until(lambda: overview(fleet.server), lambda seen: seen["devices"]["claimed"] == 1)
    # three have come by polling; how soon "came" reaches the store is the server's matter
    counts = page["devices"]
    assert (counts["claimed"], counts["failed"], counts["confirmed"]) == (1, 1, 0)
    assert counts["updating"] == 2
    assert sum(count for name, count in counts.items() if name != "total") == counts["total"] == 4
    assert sum(page["actions"].values()) == 2
    assert page["reach"]["reachable"] == 3
    assert [rollout["id"] for rollout in page["rollouts"]] == [fleet.id]


def test_a_rollout_that_stopped_itself_needs_a_person_and_can_be_put_off(fleet):
    fleet.make(filter="name==d*", groups=[{"percent": 50, "error": 10}, {"percent": 100}], start="auto")
    fleet.end("d0", "failure")
    fleet.end("d1", "failure")
    until(fleet.see, lambda rollout: rollout["pausedBy"] == "error limit")  # by the first of them, perhaps
    item = until(lambda: todo(fleet.server)[f"rollout-stopped-{fleet.id}"], lambda item: item["why"].startswith("2 of 2"))
    assert item["what"] == 'Rollout "r" stopped itself'
    assert item["why"] == "2 of 2 devices of group 1 failed or left it: 100 %, limit 10.0 %. Nobody else is offered it."
    assert (item["page"], item["of"], item["action"], item["may"]) == ("rollout", str(fleet.id), "See the cause", True)
    assert todo(fleet.server)["failed"]["of"] == "status==failed;quarantined==false"
    assert overview(fleet.server)["says"]["bold"] == "Two things need a person."
    assert says(fleet.server, "rollouts", fleet.id)["bold"] == "It stopped itself: too many failed."
    until_ms = int(time.time() * 1000) + DAY_MS
    path = f"/api/v1/todo/rollout-stopped-{fleet.id}/snooze"
    assert fleet.server.api("PUT", path, {"until": until_ms}).status == 204
    page = overview(fleet.server)
    assert page["says"]["bold"] == "One thing needs a person." and page["snoozed"] == 1
    assert todo(fleet.server)[f"rollout-stopped-{fleet.id}"]["snoozedUntil"] == until_ms
    assert fleet.server.api("PUT", path, {"until": None}).status == 204
    assert overview(fleet.server)["snoozed"] == 0
    for wrong in ({}, {"until": "tomorrow"}, {"until": 5}, {"until": until_ms + 100 * DAY_MS}):
        assert fleet.server.api("PUT", path, wrong).status == 400, wrong


def test_approvals_tokens_and_webhooks_need_those_who_may(fleet):
    server = fleet.server
    assert server.api("PUT", "/api/v1/policy", {"approvals": 1}).status == 200
    assert server.api("POST", "/api/v1/tokens", {"label": "ci", "days": 12}).status == 201
    items = todo(server)
    assert items["release-approval"]["what"] == "Release os 1.0 waits for approval"
    assert items["release-approval"]["of"] == str(fleet.release)
    assert items["tokens-end"]["what"] in ('Token "ci" ends in 12 days', 'Token "ci" ends in 11 days')  # a moment has passed
    viewer = person(server, "vera", "viewer")
    seen = todo(server, viewer)
    assert "tokens-end" not in seen  # about others' tokens a viewer hears nothing
    assert seen["release-approval"]["may"] is False
    assert says(server, "releases")["bold"] == "One release; one waits for approval."
    assert says(server, "releases", fleet.release)["bold"] == "It has 0 of 1 approvals."


def test_a_drifted_device_is_named_with_a_filter_that_finds_it(field):
    server = field.server
    action = field.deploy()
    nonce = field.nonce(action)
    assert field.send(field.make(nonce=nonce)).status == 200
    assert overview(server)["devices"]["confirmed"] == 1
    assert says(server, "releases", field.release["id"])["bold"] == "1 device runs it,"
    assert field.send(field.make(image=b"something else", sequence=9)).status == 200
    item = todo(server)["drifted"]
    assert item["what"] == "1 device drifted"
    found = server.api("GET", f"/api/v1/devices?q={item['of']}").json
    assert [device["name"] for device in found["content"]] == ["lock-1"]
    assert says(server, "devices", "lock-1")["bold"] == server.api("GET", "/api/v1/devices/lock-1/why").json["sentence"]


def test_devices_say_how_many_fit_a_filter(fleet):
    assert says(fleet.server, "devices", q="name==d*") == {
        "bold": "4 devices fit this filter,", "rest": "of 4.", "lede": None}
    assert says(fleet.server, "devices", q="name==x")["bold"] == "No device fits."
    wrong = fleet.server.api("GET", "/api/v1/says/devices?q=name=lx=4")
    assert wrong.status == 400 and wrong.json["at"] == 4 and "Did you mean" in wrong.json["message"]
    for page in ("nothing", "overview/1", "devices/nobody", "rollouts/99", "releases/x"):
        assert fleet.server.api("GET", "/api/v1/says/" + page).status == 404, page


# --- what the fleet runs, by day

def test_versions_are_kept_by_day(tmp_path):
    server = Server(tmp_path / "state").start()
    field = Field(server, tmp_path)
    server.add_device("other")
    assert field.send(field.make(nonce=field.nonce(field.deploy()))).status == 200
    versions = server.api("GET", "/api/v1/versions?days=5").json
    assert versions["days"] == 5 and versions["from"] % DAY_MS == 0
    now = {entry["kind"]: entry for entry in versions["content"]}
    assert now["signed"]["version"] == "1.0" and now["signed"]["now"] == 1
    assert now["unknown"]["now"] == 1 and now["unknown"]["release"] is None
    if Server.store_of is None:  # as if all of this had been three days ago
        server.stop()
        with sqlite3.connect(server.state / "updraft.db") as database:
            database.execute("UPDATE runs_by_day SET day=day-3")
        server.start()
        assert field.send(field.make(image=b"else", sequence=9)).status == 200
        content = server.api("GET", "/api/v1/versions?days=5").json["content"]
        # a midnight may lie between that report and this question
        assert {entry["kind"]: (entry["devices"][0], entry["devices"][3], entry["now"]) for entry in content} == {
            "signed": (0, 1, 0), "unknown": (0, 1, 1), "other": (0, 0, 1)}
    for wrong in ("0", "401", "x"):
        assert server.api("GET", f"/api/v1/versions?days={wrong}").status == 400
    server.stop()


# --- refused reports

def test_e7_two_devices_with_one_key_are_seen_and_said(field):
    """A copy of a device counts its reports from where the key was taken: whoever comes second at a number is heard of."""
    assert field.send(field.make(counter=1000)).status == 200
    assert "reports-refused" not in todo(field.server)
    assert field.send(field.make(counter=1003, size=7)).status == 200  # the copy, at work somewhere else
    for counter in (1001, 1002, 1003):  # and the device itself goes on
        assert field.send(field.make(counter=counter)).json["errorCode"] == "UD_ERR_COUNTER"
    item = todo(field.server)["reports-refused"]
    assert item["what"] == "Reports of 1 device were refused today" and "somebody else" in item["why"]
    [row] = field.server.api("GET", "/api/v1/devices/lock-1/refused-reports").json["content"]
    assert (row["device"], row["error"], row["times"]) == ("lock-1", "UD_ERR_COUNTER", 3)


def test_refused_reports_are_kept_and_listed(field):
    server = field.server
    good = field.make()
    flipped = good[:-1] + bytes([good[-1] ^ 1])
    assert field.send(flipped).status == 403
    assert field.send(field.make(key=Key())).status == 403
    assert field.send(field.make(nonce=b"x" * 16)).status == 409
    assert field.send(field.make(nonce=b"y" * 16)).status == 409
    assert field.send(b"junk").status == 400
    page = server.api("GET", "/api/v1/refused-reports").json
    kept = {row["error"]: row for row in page["content"]}
    assert page["total"] == len(page["content"]) == len(kept) == 4
    assert [kept[error]["times"] for error in ("UD_ERR_SIGNATURE", "UD_ERR_IDENTITY", "UD_ERR_NONCE")] == [1, 1, 2]
    assert kept["UD_ERR_SIGNATURE"]["bytes"] == flipped.hex()
    assert all(row["device"] == "lock-1" and row["remedy"] and row["first"] <= row["last"] for row in kept.values())
    of_device = server.api("GET", "/api/v1/devices/lock-1/refused-reports").json
    assert of_device["content"] == page["content"]
    assert todo(server)["reports-refused"]["what"] == "Reports of 1 device were refused today"
    assert "one device sent a report that was refused" in says(server, "security")["bold"].lower()
    # nothing was believed
    assert field.running() is None
    assert server.api("GET", "/api/v1/devices/nobody/refused-reports").status == 404


# --- the command says the same

@pytest.fixture
def updraft(server, tmp_path):
    """The command, logged in."""
    (tmp_path / "token").write_text(server.token)
    (tmp_path / "token").chmod(0o600)

    def run(*words):
        done = subprocess.run([str(BUILD / "updraft"), *words, "--server", server.listen["people"]["url"], "--token-file",
                               str(tmp_path / "token")], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout
    return run


def test_the_command_says_what_the_page_says(field, updraft):
    server = field.server
    assert field.send(field.make(key=Key())).status == 403
    for page in ("overview", "devices", "releases", "rollouts", "security", "devices/lock-1", f"releases/{field.release['id']}"):
        said = says(server, page)
        words = said["bold"] + (" " + said["rest"] if said["rest"] else "")
        assert updraft("says", *page.split("/")).splitlines()[0] == words
    said = says(server, "devices", q="name==lock-1")
    assert updraft("says", "devices", "--filter", "name==lock-1").startswith(said["bold"])
    printed = updraft("overview")
    assert printed.splitlines()[0].startswith(overview(server)["says"]["bold"])
    assert "Reports of 1 device were refused today" in printed
    assert "lock-1                    1       UD_ERR_IDENTITY: " in updraft("refused", "lock-1")
    assert updraft("refused") == updraft("refused", "lock-1")


# --- filters of people

def test_filters_are_a_persons_own(server):
    anna, boris = person(server, "anna", "viewer"), person(server, "boris", "viewer")
    assert server.api("PUT", "/api/v1/filters/mine", {"query": "status==failed"}, token=anna).status == 204
    assert server.api("PUT", "/api/v1/filters/mine", {"query": "status==drifted"}, token=anna).status == 204
    assert server.api("POST", "/rest/v1/targetfilters", {"name": "all gates", "query": "name==gate*"}).status == 201

    def listed(token):
        return [(row["name"], row["query"], row["shared"]) for row in
                server.api("GET", "/api/v1/filters", token=token).json["content"]]
    assert listed(anna) == [("mine", "status==drifted", False), ("all gates", "name==gate*", True)]
    assert listed(boris) == [("all gates", "name==gate*", True)]
    wrong = server.api("PUT", "/api/v1/filters/bad", {"query": "statu==failed"}, token=anna)
    assert wrong.status == 400 and wrong.json["at"] == 0 and "Did you mean status" in wrong.json["message"]
    assert server.api("PUT", "/api/v1/filters/bad", {}, token=anna).status == 400
    assert server.api("DELETE", "/api/v1/filters/mine", token=boris).status == 404
    assert server.api("DELETE", "/api/v1/filters/mine", token=anna).status == 204
    assert listed(anna) == [("all gates", "name==gate*", True)]


# --- before a rollout starts

def forecast(fleet, status=200, **body):
    reply = fleet.server.api("POST", "/api/v1/rollouts/forecast", {"release": fleet.release, **body})
    assert reply.status == status, reply
    return reply.json


def test_a_forecast_counts_before_anything_exists(fleet):
    fleet.server.add_device("plain")  # of no foreign type: it would be skipped
    seen = forecast(fleet, filter="name==*", groups=[{"size": 1, "error": 0}, {"percent": 100, "gate": True}])
    assert seen["count"] == 5 and seen["devices"]["notForIt"] == 1 and seen["devices"]["never"] == 5
    assert seen["devices"]["exact"] is True and seen["basis"] == "assumed"
    assert [(group["devices"], group["opensAt"], group["stopsAbove"]) for group in seen["groups"]] == [(1, 1, 0), (3, 2, 1)]
    assert seen["bytes"] == {"each": len(DATA), "total": 4 * len(DATA)}
    assert seen["says"]["bold"].startswith("4 devices, done in about ")
    assert seen["examples"] == ["d0", "d1", "d2", "d3", "plain"]
    assert seen["endAt"] > seen["startAt"] and seen["late"] is False
    assert fleet.server.api("GET", "/api/v1/rollouts").json["total"] == 0
    # and the rollout that is made is the one that was shown
    made = fleet.make(filter="name==*", groups=[{"size": 1, "error": 0}, {"percent": 100, "gate": True}], count=seen["count"])
    assert made["devices"]["total"] == seen["count"]
    assert [group["devices"]["total"] for group in fleet.groups()] == [1, 4]


def test_a_forecast_says_who_has_it_already_and_who_is_busy(fleet):
    fleet.make(filter="name==d*", groups=1, start="auto")
    fleet.end("d0")
    until(lambda: forecast(fleet, filter="name==d*")["devices"], lambda fit: fit["runsIt"] == 1 and fit["busy"] == 3)
    assert forecast(fleet, devices=["d0", "d1"])["devices"]["matched"] == 2
    assert fleet.server.api("POST", "/api/v1/devices/d2/quarantine", {"reason": "opened"}).status == 204
    assert forecast(fleet, filter="name==d*")["devices"]["quarantined"] == 1


def test_the_command_forecasts_in_the_same_words(fleet, updraft):
    printed = updraft("rollout", "forecast", "spring", "--release", str(fleet.release), "--filter", "name==d*", "--groups", "2")
    said = forecast(fleet, filter="name==d*", groups=2)["says"]
    assert printed.startswith(f"{said['bold']} {said['rest']}")
    assert "group 2: 2 devices; 1 open the next one, more than 1 failures stop it" in printed
    assert fleet.server.api("GET", "/api/v1/rollouts").json["total"] == 0


def test_a_forecast_refuses_what_a_rollout_would(fleet):
    assert forecast(fleet, 400, filter="nam==x")["errorCode"] == "UD_ERR_FILTER_FIELD"
    assert forecast(fleet, 400, groups=0)["errorCode"]
    assert forecast(fleet, 404, devices=["nobody"])["errorCode"] == "UD_ERR_NOT_FOUND"
    assert fleet.server.api("POST", "/api/v1/rollouts/forecast", {"release": 99}).status == 404
    nothing = forecast(fleet, filter="name==x")
    assert nothing["says"]["bold"] == "No device would get it."
    shut = forecast(fleet, filter="name==d*", window={"schedule": "0 0 3 1 1 ? 1999", "duration": "01:00:00"})
    assert shut["endAt"] is None and "no end in sight" in shut["says"]["bold"]


# --- completions

def complete(server, text, at=None):
    reply = server.api("GET", f"/api/v1/completions?q={quote(text)}" + (f"&at={at}" if at is not None else ""))
    assert reply.status == 200, reply
    return reply.json


def test_completions_offer_what_is_there(fleet):
    server = fleet.server
    for name, hw in (("d0", "r1"), ("d1", "r2"), ("d2", "r2"), ("d3", "b 7")):
        data = {"mode": "merge", "data": {"hw": hw, "battery": "5"}}
        assert fleet.devices[name].call("PUT", "/configData", data).status == 200
    fields = complete(server, "")
    assert fields["kind"] == "field" and fields["content"][0] == {"text": "name", "means": "the device's name", "devices": None}
    assert [entry["text"] for entry in complete(server, "ba")["content"]] == ["attribute.battery"]
    assert [entry["text"] for entry in complete(server, "attribute.h")["content"]] == ["attribute.hw"]
    assert [entry["text"] for entry in complete(server, "status=")["content"]][:2] == ["==", "=lt="]
    values = complete(server, "attribute.hw==")
    assert values["kind"] == "value" and values["from"] == values["to"] == 14
    assert [(entry["text"], entry["devices"]) for entry in values["content"]] == [("r2", 2), ('"b 7"', 1), ("r1", 1)]
    assert complete(server, "status==f")["content"] == [{"text": "failed", "means": None, "devices": 0}]
    assert [entry["text"] for entry in complete(server, "type==g")["content"]] == ["gateway"]
    assert [entry["text"] for entry in complete(server, "name==d")["content"]] == ["d0", "d1", "d2", "d3"]
    assert [entry["text"] for entry in complete(server, "name==d0 ")["content"]] == [";", ","]
    assert complete(server, "status==error;name==x", at=3)["content"][0]["text"] == "status"
    # whatever is taken gives a filter that the server understands
    for field in (entry["text"] for entry in complete(server, "")["content"] if entry["text"] != "attribute."):
        for value in complete(server, field + "==")["content"]:
            assert server.api("GET", "/api/v1/devices?q=" + quote(f"{field}=={value['text']}")).status == 200, (field, value)
    for wrong in ("at=5", "q=a&at=2", "q=a&at=x", "q=" + "a" * 1025):
        assert server.api("GET", "/api/v1/completions?" + wrong).status == 400, wrong


# --- hostile strings

HOSTILE = ['"><img src=x onerror=alert(1)>', "=HYPERLINK(1)", "</script><script>", "\u202eevil", "a'; DROP TABLE device; --"]


def test_f5_hostile_strings_come_back_as_text_and_nothing_else(server, updraft):
    """Names and attributes are anything: answers are JSON and say so, and the command prints no control characters."""
    data = {f"k{n}": text for n, text in enumerate(HOSTILE)}
    data["escape"] = "\x1b[2J red"
    for text in HOSTILE:
        if "/" not in text:
            assert server.add_device(text).call("PUT", "/configData", {"mode": "merge", "data": data}).status == 200
    name = quote(HOSTILE[0], safe="")
    for path in ("/api/v1/devices", f"/api/v1/devices/{name}", f"/api/v1/devices/{name}/attributes", f"/api/v1/devices/{name}/why",
                 f"/api/v1/says/devices/{name}", "/api/v1/overview", "/api/v1/completions?q=name==",
                 "/api/v1/completions?q=attribute.k0==", "/rest/v1/targets"):
        reply = server.api("GET", path)
        assert reply.status == 200, (path, reply)
        assert reply.headers["Content-Type"].split(";")[0] in ("application/json", "application/hal+json"), path
        assert reply.headers["X-Content-Type-Options"] == "nosniff", path
    assert server.api("GET", f"/api/v1/devices/{name}/attributes").json == data
    assert server.api("GET", f"/api/v1/devices/{name}").json["name"] == HOSTILE[0]
    printed = updraft("devices") + updraft("why", HOSTILE[0])
    assert "\x1b" not in printed and "\u202e" not in printed
    # a value that is taken from a completion is a value again
    [value] = [entry["text"] for entry in complete(server, "name==a'")["content"]]
    found = server.api("GET", "/api/v1/devices?q=" + quote("name==" + value)).json["content"]
    assert [device["name"] for device in found] == [HOSTILE[4]]


def test_the_forecast_for_everybody_is_that_of_a_filter_that_everybody_meets(fleet):
    server = fleet.server
    server.api("POST", "/api/v1/devices", {"name": "other"})  # of no type: a foreign release is not for it
    server.deploy(fleet.release, "d0", "d1")
    fleet.end("d0")
    fleet.wait_offer("d1")
    server.api("POST", "/api/v1/devices/d3/quarantine", {"reason": "odd"})

    def fit(query):
        reply = server.api("POST", "/api/v1/rollouts/forecast", {"release": fleet.release, **query})
        assert reply.status == 200, reply
        return reply.json["devices"]
    assert fit({}) == {"matched": 5, "exact": True, "runsIt": 1, "notForIt": 1, "quarantined": 1, "busy": 1, "silent": 0, "never": fit({})["never"]}
    # who came is in memory first, so the two are the same when that has reached the store
    until(lambda: fit({}) == fit({"filter": "name==*"}), lambda same: same)
