"""hawkBit's newer management operations: who has a set, how it went, taking it back; groups of targets."""
from urllib.parse import quote

import pytest
from server_tool import Server
from test_mgmt_hawkbit import HawkBit
from test_rollouts import until


@pytest.fixture
def hawkbit(tmp_path):
    running = Server(tmp_path / "state").start()
    running.api("POST", "/api/v1/device-types", {"name": "gateway", "foreign": True})
    yield HawkBit(running)
    running.stop()


def kind(hawkbit):
    return hawkbit.get("/targettypes?q=" + quote("name==gateway"))["content"][0]["id"]


def names(page):
    return [target["controllerId"] for target in page["content"]]


def given(hawkbit, *targets):
    """A set, and targets that it was assigned to directly."""
    made = hawkbit.set_of(hawkbit.module("os"))
    devices = [hawkbit.target(name, targetType=kind(hawkbit)) for name in targets]
    hawkbit.call("POST", f"/distributionsets/{made}/assignedTargets", [{"id": name} for name in targets], 200)
    return made, devices


def finish(device):
    action = device.links()["deploymentBase"].split("/")[-1].split("?")[0]
    assert device.feedback(action, "closed", "success").status == 200


def test_who_has_a_set_and_who_runs_it(hawkbit):
    made, (first, second) = given(hawkbit, "t1", "t2")
    hawkbit.target("t3", targetType=kind(hawkbit))
    finish(first)
    assert names(hawkbit.get(f"/distributionsets/{made}/assignedTargets")) == ["t1", "t2"]
    assert names(hawkbit.get(f"/distributionsets/{made}/installedTargets")) == ["t1"]
    assert names(hawkbit.get(f"/distributionsets/{made}/assignedTargets?q=" + quote("name==t2,name==t3"))) == ["t2"]
    assert hawkbit.get(f"/distributionsets/{made}/assignedTargets?limit=1&offset=1")["total"] == 2
    wrong = hawkbit.call("GET", f"/distributionsets/{made}/assignedTargets?q=nmae==x", status=400).json
    assert (wrong["errorCode"], wrong["at"]) == ("UD_ERR_FILTER_FIELD", 0), "its place is that in what was asked"
    for tail in ("assignedTargets", "installedTargets", "statistics", "statistics/rollouts"):
        hawkbit.call("GET", f"/distributionsets/999/{tail}", status=404)
        hawkbit.call("GET", f"/distributionsets/x/{tail}", status=404)


def test_statistics_count_rollouts_direct_actions_and_filters(hawkbit):
    made, (first, second, third) = given(hawkbit, "t1", "t2", "t3")
    place = f"/distributionsets/{made}/statistics"
    finish(first)
    assert second.links()["deploymentBase"]
    action = third.links()["deploymentBase"].split("/")[-1].split("?")[0]
    assert third.feedback(action, "closed", "failure").status == 200
    want = {"RUNNING": 1, "FINISHED": 1, "ERROR": 1, "total": 3}
    assert hawkbit.get(place) == {"actions": want, "totalAutoAssignments": 0}
    assert hawkbit.get(place + "/actions") == {"actions": want}
    assert (hawkbit.get(place + "/rollouts"), hawkbit.get(place + "/autoassignments")) == ({}, {})
    for name in ("r1", "r2"):
        hawkbit.target(name, targetType=kind(hawkbit))
    rollout = hawkbit.call("POST", "/rollouts", {"name": "roll", "targetFilterQuery": "name==r*", "distributionSetId": made}, 201).json["id"]
    until(lambda: hawkbit.get(f"/rollouts/{rollout}")["status"] == "ready", bool)
    assert hawkbit.get(place + "/rollouts") == {"rollouts": {"READY": 1, "total": 1}}
    assert hawkbit.get(place)["actions"] == {**want, "SCHEDULED": 2, "total": 5}
    hawkbit.call("POST", f"/rollouts/{rollout}/start", status=204)
    until(lambda: hawkbit.get(place)["actions"] == {"RUNNING": 3, "FINISHED": 1, "ERROR": 1, "total": 5}, bool)
    [made_filter] = hawkbit.add("/targetfilters", {"name": "f", "query": "name==zzz"})
    made_filter = made_filter["id"]
    hawkbit.call("POST", f"/targetfilters/{made_filter}/autoAssignDS", {"id": made}, 200)
    assert hawkbit.get(place + "/autoassignments") == {"totalAutoAssignments": 1}
    hawkbit.call("DELETE", f"/targetfilters/{made_filter}/autoAssignDS", status=204)
    assert hawkbit.get(place + "/autoassignments") == {}


def test_a_set_that_is_invalidated_is_withdrawn_everywhere(hawkbit):
    made, (first,) = given(hawkbit, "t1")
    late = hawkbit.target("t2", targetType=kind(hawkbit))
    rollout = hawkbit.call("POST", "/rollouts", {"name": "roll", "targetFilterQuery": "name==t2", "distributionSetId": made}, 201).json["id"]
    until(lambda: hawkbit.get(f"/rollouts/{rollout}")["status"] == "ready", bool)
    hawkbit.call("POST", f"/rollouts/{rollout}/start", status=204)
    until(lambda: "deploymentBase" in late.links(), bool)
    [made_filter] = hawkbit.add("/targetfilters", {"name": "f", "query": "name==zzz"})
    made_filter = made_filter["id"]
    hawkbit.call("POST", f"/targetfilters/{made_filter}/autoAssignDS", {"id": made}, 200)
    for body in ({}, {"actionCancelationType": "none"}, {"actionCancelationType": 1}):
        hawkbit.call("POST", f"/distributionsets/{made}/invalidate", body, 400)
    assert hawkbit.get(f"/distributionsets/{made}")["valid"] is True
    hawkbit.call("POST", "/distributionsets/999/invalidate", {"actionCancelationType": "soft"}, 404)
    hawkbit.call("POST", f"/distributionsets/{made}/invalidate", {"actionCancelationType": "soft", "cancelRollouts": True}, 204)
    assert hawkbit.get(f"/distributionsets/{made}")["valid"] is False
    hawkbit.call("GET", f"/targetfilters/{made_filter}/autoAssignDS", status=204)
    until(lambda: "cancelAction" in first.links() and "cancelAction" in late.links(), bool)
    until(lambda: hawkbit.get(f"/rollouts/{rollout}")["status"] in ("stopping", "stopped"), bool)
    hawkbit.target("t3", targetType=kind(hawkbit))
    refused = hawkbit.server.api("POST", f"/rest/v1/distributionsets/{made}/assignedTargets", [{"id": "t3"}])
    assert 400 <= refused.status < 500, refused


def test_a_set_of_more_rollouts_than_are_read_at_once_is_withdrawn_from_all(hawkbit):
    made, _ = given(hawkbit)
    count = 103  # more than ROLLOUTS_AT_ONCE (mgmt_sets.c)
    hawkbit.target("r1", targetType=kind(hawkbit))
    for n in range(count):
        hawkbit.call("POST", "/rollouts", {"name": f"roll {n}", "targetFilterQuery": "name==r1", "distributionSetId": made}, 201)
    ready = {"READY": count, "total": count}
    until(lambda: hawkbit.get(f"/distributionsets/{made}/statistics/rollouts")["rollouts"] == ready, bool)
    hawkbit.call("POST", f"/distributionsets/{made}/invalidate", {"actionCancelationType": "force"}, 204)
    over = {"STOPPED": count, "total": count}
    until(lambda: hawkbit.get(f"/distributionsets/{made}/statistics/rollouts")["rollouts"] == over, bool)


def test_groups_are_listed_filled_and_emptied(hawkbit):
    for name in ("a1", "a2", "b1", "b2"):
        hawkbit.target(name)
    hawkbit.call("PUT", "/targetgroups/Asia/assigned", ["a1", "a2"], 204)
    hawkbit.call("PUT", "/targetgroups/assigned?group=" + quote("Europe/Italy", safe=""), ["b1"], 204)
    hawkbit.call("PUT", "/targetgroups/Europe?q=" + quote("name==b2"), status=204)
    assert hawkbit.get("/targetgroups") == ["Asia", "Europe", "Europe/Italy"]
    assert names(hawkbit.get("/targetgroups/Asia/assigned")) == ["a1", "a2"]
    assert names(hawkbit.get("/targetgroups/Asia/assigned?q=" + quote("name==a2"))) == ["a2"]
    assert names(hawkbit.get("/targetgroups/assigned?group=Europe")) == ["b2"]
    assert names(hawkbit.get("/targetgroups/assigned?group=Europe&subgroups=true")) == ["b1", "b2"]
    assert hawkbit.get("/targets/b1")["group"] == "Europe/Italy"
    hawkbit.call("DELETE", "/targetgroups/assigned", ["a1"], 204)
    hawkbit.call("DELETE", "/targetgroups?q=" + quote("group==Europe"), status=204)
    assert hawkbit.get("/targetgroups") == ["Asia", "Europe/Italy"]


def test_f7_a_groups_name_is_a_name_and_no_filter(hawkbit):
    for n, group in enumerate(('a"b', "a*", "a\\", "x' OR 1=1 --", "ab")):
        hawkbit.target(f"t{n}")
        hawkbit.call("PUT", "/targetgroups/assigned?group=" + quote(group, safe=""), [f"t{n}"], 204)
        assert names(hawkbit.get("/targetgroups/assigned?group=" + quote(group, safe=""))) == [f"t{n}"], group
    assert names(hawkbit.get("/targetgroups/assigned?group=" + quote('zz",group=="ab', safe=""))) == []
    for group in ("", "/a", "a/", "a//b", "x" * 129):
        hawkbit.call("GET", "/targetgroups/assigned?group=" + quote(group, safe=""), status=400)


def test_what_a_call_on_groups_needs(hawkbit):
    hawkbit.target("t1")
    for method, path, body in (("PUT", "/targetgroups/assigned", ["t1"]), ("PUT", "/targetgroups/eu", None),
                               ("DELETE", "/targetgroups", None), ("PUT", "/targetgroups/eu?q=", None),
                               ("PUT", "/targetgroups/eu?q=nmae==x", None), ("PUT", "/targetgroups/eu/assigned", [1]),
                               ("PUT", "/targetgroups/eu/assigned", "t1"), ("GET", "/targetgroups/assigned", None)):
        hawkbit.call(method, path, body, 400)
    hawkbit.call("PUT", "/targetgroups/eu/assigned", ["t1", "nobody"], 404)
    assert hawkbit.get("/targetgroups") == [], "all of them or none"


def test_f1_people_of_a_group_move_its_devices_within_it_only(hawkbit):
    server = hawkbit.server
    for name, group in (("in", "eu"), ("deep", "eu/it"), ("out", "europe")):
        hawkbit.target(name)
        hawkbit.call("PUT", "/targetgroups/assigned?group=" + quote(group, safe=""), [name], 204)
    reply = server.api("POST", "/api/v1/users", {"name": "carla", "service": True, "roles": ["operator"], "group": "eu"})
    assert reply.status == 201, reply
    carla = server.api("POST", "/api/v1/tokens", {"label": "carla", "user": "carla"}).json["token"]

    def call(method, path, body=None):
        return server.api(method, "/rest/v1" + path, body, token=carla)
    assert call("GET", "/targetgroups").json == ["eu", "eu/it"], "another group that begins alike is not named"
    assert call("GET", "/targetgroups/europe/assigned").json["total"] == 0
    assert call("PUT", "/targetgroups/europe/assigned", ["in"]).status == 403
    assert call("PUT", "/targetgroups/eu/assigned", ["out"]).status == 404
    assert call("DELETE", "/targetgroups/assigned", ["in"]).status == 403
    assert call("DELETE", "/targetgroups?q=" + quote("name==in")).status == 403
    assert call("PUT", "/targetgroups/eu?q=" + quote("name==*")).status == 204
    assert sorted(names(hawkbit.get("/targetgroups/eu/assigned"))) == ["deep", "in"]
    assert names(hawkbit.get("/targetgroups/europe/assigned")) == ["out"]


def test_what_was_said_of_an_action_comes_newest_first_and_in_pages(hawkbit):
    _, (device,) = given(hawkbit, "t1")
    action = device.links()["deploymentBase"].split("/")[-1].split("?")[0]
    for n in range(3):
        assert device.feedback(action, "proceeding", "none", f"step {n}", code=n).status == 200
    assert device.feedback(action, "closed", "success", "done").status == 200
    place = f"/targets/t1/actions/{action}/status"
    page = hawkbit.get(place)
    said = [entry for entry in page["content"] if entry["messages"][0] in ("step 0", "step 1", "step 2", "done")]
    assert [entry["messages"] for entry in said] == [["done"], ["step 2"], ["step 1"], ["step 0"]]
    assert [entry.get("code") for entry in said] == [None, 2, 1, 0]
    assert (said[0]["type"], said[1]["type"]) == ("finished", "running")
    assert page["total"] == page["size"] == len(page["content"]) == page["content"][0]["id"]
    assert [hawkbit.get(f"{place}?offset={n}&limit=1")["content"] for n in range(page["total"])] == [[entry] for entry in page["content"]]
    assert hawkbit.get(f"{place}?offset=1000")["content"] == []
    hawkbit.target("t2")
    hawkbit.call("GET", f"/targets/t2/actions/{action}/status", status=404)


def test_a_rollouts_groups_and_their_targets(hawkbit):
    made = hawkbit.set_of(hawkbit.module("os"))
    for n in range(4):
        hawkbit.target(f"r{n}", targetType=kind(hawkbit))
    rollout = hawkbit.call("POST", "/rollouts", {"name": "roll", "targetFilterQuery": "name==r*", "distributionSetId": made, "amountGroups": 2},
                           201).json["id"]
    until(lambda: hawkbit.get(f"/rollouts/{rollout}")["status"] == "ready", bool)
    place = f"/rollouts/{rollout}/deploygroups"
    groups = hawkbit.get(place)["content"]
    assert [hawkbit.get(f"{place}/{group['id']}") for group in groups] == groups
    members = [names(hawkbit.get(f"{place}/{group['id']}/targets")) for group in groups]
    assert [len(group) for group in members] == [2, 2] and sorted(sum(members, [])) == ["r0", "r1", "r2", "r3"]
    assert hawkbit.get(f"{place}/1/targets?limit=1")["total"] == 2
    for tail in ("3", "0", "x", "3/targets"):
        hawkbit.call("GET", f"{place}/{tail}", status=404)
