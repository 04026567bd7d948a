"""hawkBit's management API: tags of many at once, a target's type and tags, forcing, rollouts renamed and retried."""
import re
from urllib.parse import quote

import pytest
from server_tool import ROOT
from test_mgmt_hawkbit import HawkBit, hawkbit, until  # noqa: F401: a fixture
from test_server_people import person

REST = "/rest/v1"


@pytest.fixture
def kind(hawkbit):  # noqa: F811
    return hawkbit.get("/targettypes?q=" + quote("name==gateway"))["content"][0]["id"]


def names(listed):
    return sorted(target["controllerId"] for target in listed["content"])


def test_target_tags_are_given_and_taken_as_lists(hawkbit):  # noqa: F811
    for name in ("a", "b", "c"):
        hawkbit.target(name)
    [alarm] = hawkbit.add("/targettags", {"name": "fire * \"alarm\"", "colour": "red"})
    [other] = hawkbit.add("/targettags", {"name": "other"})
    place = f"/targettags/{alarm['id']}/assigned"
    assert names(hawkbit.get(place)) == [] and hawkbit.get("/targets/a/tags") == []
    hawkbit.call("POST", place, ["a", "c"], 204)
    hawkbit.call("POST", place, ["a"], 204)
    hawkbit.call("POST", f"/targettags/{other['id']}/assigned", [{"controllerId": "a"}], 204)
    assert names(hawkbit.get(place)) == ["a", "c"] and hawkbit.get(place)["total"] == 2
    assert names(hawkbit.get(place + "?limit=1&offset=1")) == ["c"]
    assert names(hawkbit.get(place + "?q=" + quote("name==c,name==b"))) == ["c"]
    assert hawkbit.get("/targets/a/tags") == [hawkbit.get(f"/targettags/{alarm['id']}"), hawkbit.get(f"/targettags/{other['id']}")]
    assert names(hawkbit.get("/targets?q=" + quote(f"tag.id=={other['id']}"))) == ["a"]
    hawkbit.call("DELETE", place, ["a", "b"], 204)
    assert names(hawkbit.get(place)) == ["c"]
    assert [tag["name"] for tag in hawkbit.get("/targets/a/tags")] == ["other"]
    hawkbit.call("DELETE", place + "/b", status=404)
    hawkbit.call("DELETE", place + "/c", status=204)
    hawkbit.call("POST", place + "/c", status=204)
    assert names(hawkbit.get(place)) == ["c"]


def test_a_list_with_a_mistake_changes_nothing(hawkbit):  # noqa: F811
    hawkbit.target("a")
    module = hawkbit.module("m")
    dist = hawkbit.set_of(module)
    [tag] = hawkbit.add("/targettags", {"name": "t"})
    [of_set] = hawkbit.add("/distributionsettags", {"name": "t"})
    place, sets = f"/targettags/{tag['id']}/assigned", f"/distributionsettags/{of_set['id']}/assigned"
    for path, good, wrong, status in ((place, "a", "nobody", 404), (place, "a", 5, 400), (place, "a", {"id": 1}, 400),
                                      (sets, dist, 999999, 404), (sets, dist, "a", 400), (sets, dist, -1, 404), (sets, dist, None, 400)):
        hawkbit.call("POST", path, [good, wrong], status)
        assert hawkbit.get(path)["total"] == 0
    assert hawkbit.call("POST", place, ["a"] * 5001).status == 429
    assert hawkbit.call("POST", place, "a").status == 400
    for path in (f"/targettags/{of_set['id'] + 100}/assigned", "/distributionsettags/999/assigned", "/targettags/x/assigned"):
        hawkbit.call("GET", path, status=404)
        hawkbit.call("POST", path, [], 404)


def test_distribution_set_tags_are_as_full_as_those_of_targets(hawkbit):  # noqa: F811
    sets = [hawkbit.set_of(hawkbit.module(f"m{i}"), name=f"set{i}") for i in range(3)]
    [tag] = hawkbit.add("/distributionsettags", {"name": "ready", "colour": "green"})
    [other] = hawkbit.add("/distributionsettags", {"name": "other"})
    place = f"/distributionsettags/{tag['id']}/assigned"
    hawkbit.call("POST", place, [sets[0], {"id": sets[2]}], 204)
    hawkbit.call("POST", f"/distributionsettags/{other['id']}/assigned/{sets[1]}", status=204)
    listed = hawkbit.get(place)
    assert [found["id"] for found in listed["content"]] == [sets[0], sets[2]]
    assert listed["content"][0] == hawkbit.get(f"/distributionsets/{sets[0]}")
    assert [found["id"] for found in hawkbit.get(place + "?sort=id:DESC&limit=1")["content"]] == [sets[2]]
    assert [found["id"] for found in hawkbit.get(place + "?q=" + quote("name==set2"))["content"]] == [sets[2]]
    for query, found in (("tag==ready", [sets[0], sets[2]]), ("tag.name==other", [sets[1]]), (f"tag.id=={tag['id']}", [sets[0], sets[2]])):
        assert [one["id"] for one in hawkbit.get("/distributionsets?q=" + quote(query))["content"]] == found, query
    hawkbit.call("DELETE", place, sets, 204)
    assert hawkbit.get(place)["total"] == 0
    hawkbit.call("DELETE", f"{place}/{sets[0]}", status=404)


def test_one_kind_of_tag_is_not_changed_as_the_other(hawkbit):  # noqa: F811
    """Both stand in one table."""
    [of_set] = hawkbit.add("/distributionsettags", {"name": "s"})
    [of_target] = hawkbit.add("/targettags", {"name": "t"})
    for name, ident in (("targettags", of_set["id"]), ("distributionsettags", of_target["id"])):
        hawkbit.call("GET", f"/{name}/{ident}", status=404)
        hawkbit.call("GET", f"/{name}/{ident}/assigned", status=404)
        hawkbit.call("PUT", f"/{name}/{ident}", {"description": "other"}, 404)
        hawkbit.call("DELETE", f"/{name}/{ident}", status=404)
    assert hawkbit.get(f"/distributionsettags/{of_set['id']}") == of_set and hawkbit.get(f"/targettags/{of_target['id']}") == of_target


def test_a_targets_type_is_a_resource(hawkbit, kind):  # noqa: F811
    hawkbit.target("a")
    assert "targetType" not in hawkbit.get("/targets/a")
    hawkbit.call("POST", "/targets/a/targettype", {"id": kind}, 204)
    assert (hawkbit.get("/targets/a")["targetType"], hawkbit.get("/targets/a")["targetTypeName"]) == (kind, "gateway")
    for body, status in (({}, 400), ({"id": "x"}, 400), ({"id": 0}, 400), ({"id": 999999}, 404)):
        hawkbit.call("POST", "/targets/a/targettype", body, status)
    assert hawkbit.get("/targets/a")["targetType"] == kind
    hawkbit.call("DELETE", "/targets/a/targettype", status=204)
    assert "targetType" not in hawkbit.get("/targets/a")
    hawkbit.call("DELETE", "/targets/nobody/targettype", status=404)


def test_a_target_says_whether_it_confirms_by_itself(hawkbit):  # noqa: F811
    hawkbit.target("a")
    hawkbit.target("b")
    for verb, active in (("activate", True), ("deactivate", False)):
        hawkbit.call("POST", f"/targets/a/autoConfirm/{verb}", {} if active else None, 204)
        assert hawkbit.get("/targets/a")["autoConfirmActive"] == active
        assert {one["controllerId"]: one["autoConfirmActive"] for one in hawkbit.get("/targets")["content"]} == {"a": active, "b": False}


def test_a_soft_action_becomes_forced(hawkbit, kind):  # noqa: F811
    device = hawkbit.target("a", targetType=kind)
    dist = hawkbit.set_of(hawkbit.module("m"))
    [action] = hawkbit.call("POST", "/targets/a/assignedDS", {"id": dist, "type": "soft"}, 200).json["assignedActions"]
    path = f"/targets/a/actions/{action['id']}"
    before = device.links()["deploymentBase"]
    assert device.call("GET", before).json["deployment"]["update"] == "attempt"
    for wrong in ({"forceType": "soft"}, {"forceType": 5}, {}):
        hawkbit.call("PUT", path, wrong, 400)
    assert hawkbit.call("PUT", path, {"forceType": "forced"}, 200).json["forceType"] == "forced"
    after = device.links()["deploymentBase"]
    assert after != before, "the mark in the link has changed"
    assert device.call("GET", after).json["deployment"]["update"] == "forced"
    entries = hawkbit.get(path + "/status")["total"]
    assert hawkbit.call("PUT", path, {"forceType": "forced"}, 200).json["forceType"] == "forced"
    assert hawkbit.get(path + "/status")["total"] == entries, "again changes nothing"
    assert device.feedback(action["id"], "closed", "success").status == 200
    hawkbit.call("PUT", path, {"forceType": "forced"}, 409)
    hawkbit.call("PUT", "/targets/a/actions/999999", {"forceType": "forced"}, 404)


def test_what_was_installed_offline_is_a_record_and_no_offer(hawkbit, kind):  # noqa: F811
    device = hawkbit.target("a", targetType=kind)
    hawkbit.target("signed")
    dist, newer = hawkbit.set_of(hawkbit.module("m")), hawkbit.set_of(hawkbit.module("n"), name="newer")
    done = hawkbit.call("POST", f"/distributionsets/{dist}/assignedTargets?offline=true", [{"id": "a"}], 200).json
    assert (done["assigned"], done["total"]) == (1, 1)
    action = hawkbit.get(f"/actions/{done['assignedActions'][0]['id']}")
    assert (action["active"], action["detailStatus"]) == (False, "finished")
    assert hawkbit.get("/targets/a/installedDS")["id"] == dist == hawkbit.get("/targets/a/assignedDS")["id"]
    assert hawkbit.get("/targets/a")["updateStatus"] == "in_sync"
    assert "deploymentBase" not in device.links()
    again = hawkbit.call("POST", "/targets/a/assignedDS?offline=true", {"id": dist}, 200).json
    assert (again["assigned"], again["alreadyAssigned"]) == (0, 1)
    assert hawkbit.call("POST", "/targets/signed/assignedDS?offline=true", {"id": dist}).status >= 400, "no claim for what signs"
    assert hawkbit.call("POST", "/targets/a/assignedDS", {"id": newer}, 200).json["assigned"] == 1
    assert hawkbit.call("POST", "/targets/a/assignedDS?offline=true", {"id": dist}).status == 409, "another one is under way"
    assert "deploymentBase" in device.links()
    assert hawkbit.call("POST", "/targets/a/assignedDS?offline=true", {"id": newer}, 200).json["assigned"] == 1
    assert hawkbit.get("/targets/a/installedDS")["id"] == newer and "deploymentBase" not in device.links()


def rollout(hawkbit, dist, name, query):  # noqa: F811
    made = hawkbit.call("POST", "/rollouts", {"name": name, "distributionSetId": dist, "targetFilterQuery": query, "amountGroups": 1}, 201).json
    return f"/rollouts/{made['id']}"


def test_a_rollout_is_renamed_and_nothing_else_of_it_changes(hawkbit, kind):  # noqa: F811
    hawkbit.target("a", targetType=kind)
    dist = hawkbit.set_of(hawkbit.module("m"))
    path, other = rollout(hawkbit, dist, "first", "name==a"), rollout(hawkbit, dist, "second", "name==a")
    for made in (path, other):
        until(lambda: hawkbit.get(made), lambda seen: seen["status"] == "ready")  # noqa: B023
    before = hawkbit.get(path)
    after = hawkbit.call("PUT", path, {"name": "renamed", "description": "why"}, 200).json
    changed = {key for key in after if after[key] != before[key]}
    assert changed <= {"name", "description", "lastModifiedAt"} and (after["name"], after["description"]) == ("renamed", "why")
    assert hawkbit.call("PUT", path, {"name": "second"}).status == 409
    assert hawkbit.call("PUT", path, {"name": 5}).status == 400
    assert hawkbit.call("PUT", path, {"name": "x" * 300}).status == 400
    assert hawkbit.call("PUT", path, {"description": ""}, 200).json["description"] == ""
    assert hawkbit.get(path)["name"] == "renamed"
    hawkbit.call("PUT", "/rollouts/999999", {"name": "x"}, 404)


def test_a_rollout_is_retried_for_those_that_failed(hawkbit, kind):  # noqa: F811
    devices = {name: hawkbit.target(name, targetType=kind) for name in ("r1", "r2", "r3")}
    dist = hawkbit.set_of(hawkbit.module("m"))
    path = rollout(hawkbit, dist, "first", "name==r*")
    until(lambda: hawkbit.get(path), lambda seen: seen["status"] == "ready")
    hawkbit.call("POST", path + "/retry", status=400)
    hawkbit.call("POST", path + "/start", status=204)
    for name, finished in (("r1", "success"), ("r2", "failure"), ("r3", "success")):
        links = until(devices[name].links, lambda links: "deploymentBase" in links)
        action = int(links["deploymentBase"].split("?")[0].rsplit("/", 1)[1])
        assert devices[name].feedback(action, "closed", finished).status == 200
    until(lambda: hawkbit.get(path), lambda seen: seen["status"] == "finished")
    made = hawkbit.call("POST", path + "/retry", status=201).json
    assert (made["name"], made["distributionSetId"]) == ("first_retry", dist)
    again = f"/rollouts/{made['id']}"
    ready = until(lambda: hawkbit.get(again), lambda seen: seen["status"] == "ready")
    assert ready["totalTargets"] == 1 and names(hawkbit.get(again + "/deploygroups/1/targets")) == ["r2"]
    assert [hawkbit.call("POST", path + "/retry", status=201).json["name"] for _ in range(2)] == ["first_retry 2", "first_retry 3"]
    assert hawkbit.call("DELETE", again).status in (200, 204)
    until(lambda: hawkbit.call("GET", again).status, lambda status: status == 404)
    assert hawkbit.call("POST", path + "/retry", status=201).json["name"] == "first_retry", "it is free again"
    hawkbit.call("POST", "/rollouts/999999/retry", status=404)


def test_which_filters_assign_a_set_by_themselves(hawkbit, kind):  # noqa: F811
    hawkbit.target("a", targetType=kind)
    dist, other = hawkbit.set_of(hawkbit.module("m")), hawkbit.set_of(hawkbit.module("n"), name="other")
    ids = [hawkbit.add("/targetfilters", {"name": f"f{i}", "query": "name==zz*"})[0]["id"] for i in range(3)]
    path = f"/distributionsets/{dist}/autoAssignTargetFilters"
    assert hawkbit.get(path)["content"] == []
    for ident, given in ((ids[0], dist), (ids[1], other), (ids[2], dist)):
        body = {"id": given, "type": "soft", "weight": 7, "confirmationRequired": True}
        made = hawkbit.call("POST", f"/targetfilters/{ident}/autoAssignDS", body, 200).json
        assert (made["autoAssignDistributionSet"], made["autoAssignActionType"], made["autoAssignWeight"], made["confirmationRequired"]) == (given, "soft", 7, True)
    assert [found["id"] for found in hawkbit.get(path)["content"]] == [ids[0], ids[2]]
    assert hawkbit.get(path)["content"][0] == hawkbit.get(f"/targetfilters/{ids[0]}")
    assert [found["id"] for found in hawkbit.get(path + "?q=" + quote("name==f2"))["content"]] == [ids[2]]
    for query, found in (("autoassigndistributionset.name==other", [ids[1]]), ("autoassigndistributionset.version==1", ids),
                         (f"autoAssignDistributionSet.id=={dist}", [ids[0], ids[2]])):
        assert [one["id"] for one in hawkbit.get("/targetfilters?q=" + quote(query))["content"]] == found, query
    hawkbit.call("DELETE", f"/targetfilters/{ids[0]}/autoAssignDS", status=204)
    assert [found["id"] for found in hawkbit.get(path)["content"]] == [ids[2]]
    hawkbit.call("GET", "/distributionsets/999999/autoAssignTargetFilters", status=404)


def test_actions_of_a_target_are_filtered_and_sorted(hawkbit, kind):  # noqa: F811
    devices = {name: hawkbit.target(name, targetType=kind) for name in ("a", "b")}
    sets = [hawkbit.set_of(hawkbit.module(f"m{i}"), name=f"set{i}") for i in range(3)]
    made = []
    for dist in sets:
        for name, device in devices.items():
            [action] = hawkbit.call("POST", f"/targets/{name}/assignedDS", {"id": dist, "type": "soft"}, 200).json["assignedActions"]
            if dist != sets[2]:
                assert device.feedback(action["id"], "closed", "success").status == 200
            if name == "a":
                made.append(action["id"])

    def ids(query=""):
        return [action["id"] for action in hawkbit.get("/targets/a/actions" + query)["content"]]
    assert ids() == ids("?sort=ID:DESC") == made[::-1] and ids("?sort=id:ASC") == made
    assert ids("?q=" + quote("active==true")) == made[2:]
    assert ids("?q=" + quote("status==finished,distributionset.name==set2")) == made[::-1]
    assert ids("?q=" + quote(f"distributionset.id=={sets[1]}")) == made[1:2]
    assert ids("?limit=1&offset=1") == made[1:2] and hawkbit.get("/targets/a/actions?limit=1")["total"] == 3
    assert ids("?q=" + quote("target.controllerId==b")) == [], "the other's are not there, whatever is asked"
    for wrong in ("?sort=weight:ASC", "?q=nothing==1", "?q=(("):
        hawkbit.call("GET", "/targets/a/actions" + wrong, status=400)
    hawkbit.call("GET", "/targets/nobody/actions", status=404)


def test_fields_of_filters_that_hawkbit_has(hawkbit, kind):  # noqa: F811
    hawkbit.add("/targets", {"controllerId": "a", "description": "on the roof"}, {"controllerId": "b", "description": "below"})
    hawkbit.call("POST", "/targets/a/metadata", [{"key": "floor", "value": "7"}, {"key": "Floor", "value": "8"}], 201)
    hawkbit.call("POST", "/targets/b/metadata", [{"key": "floor", "value": "0"}], 201)
    for query, found in (("metadata.floor==7", ["a"]), ("metadata.floor=in=(0,7)", ["a", "b"]), ("metadata.roof==7", []),
                         ("description==*roof", ["a"]), ("metadata.floor==*;description==below", ["b"])):
        assert names(hawkbit.get("/targets?q=" + quote(query))) == found, query
    one, two = hawkbit.set_of(hawkbit.module("boot"), name="one"), hawkbit.set_of(hawkbit.module("app", "application"), name="two")
    hawkbit.call("POST", f"/distributionsets/{two}/invalidate", {"actionCancelationType": "soft"}, 204)
    for query, found in (("module.name==boot", [one]), ("module.name==*", [one, two]), ("valid==true", [one]), ("valid==false", [two])):
        assert [dist["id"] for dist in hawkbit.get("/distributionsets?q=" + quote(query))["content"]] == found, query
    path = f"/rollouts/{hawkbit.call('POST', '/rollouts', {'name': 'r', 'distributionSetId': one, 'targetFilterQuery': 'metadata.floor==7'}, 201).json['id']}"
    ready = until(lambda: hawkbit.get(path), lambda seen: seen["status"] == "ready")
    assert ready["totalTargets"] == 1 and names(hawkbit.get(path + "/deploygroups/1/targets")) == ["a"], "walked in the order of ids, too"


def test_a_target_is_made_in_its_group(hawkbit):  # noqa: F811
    server = hawkbit.server
    [made] = hawkbit.add("/targets", {"controllerId": "a", "name": "first", "group": "eu/berlin"})
    assert made["name"] == "first" and hawkbit.get("/targets/a")["group"] == "eu/berlin"
    for wrong in ("/eu", "eu/", "eu//berlin", "x" * 500, 5):
        hawkbit.call("POST", "/targets", [{"controllerId": "b", "group": wrong}], 400)
        hawkbit.call("PUT", "/targets/a", {"group": wrong}, 400)
    assert hawkbit.get("/targets/a")["group"] == "eu/berlin"
    eve = person(server, "eve", "operator", group="eu")
    for name, group, status in (("b", {}, 201), ("c", {"group": "eu/rome"}, 201), ("d", {"group": "us"}, 403), ("e", {"group": "europe"}, 403)):
        assert server.api("POST", REST + "/targets", [{"controllerId": name, **group}], token=eve).status == status, name
    assert [hawkbit.get(f"/targets/{name}")["group"] for name in ("b", "c")] == ["eu", "eu/rome"]


def test_everyone_is_told_their_tenant(hawkbit):  # noqa: F811
    token = hawkbit.server.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
    assert hawkbit.server.api("GET", REST + "/userinfo", token=token).json["tenant"] == "acme"
    assert hawkbit.get("/userinfo")["tenant"] == "DEFAULT"


# What hawkBit's management API, version 1, has in 2026. docs/hawkbit.md says why the last ones are not here.
OPERATIONS = """
GET POST /targets
GET PUT DELETE /targets/{}
GET /targets/{}/attributes
GET POST /targets/{}/metadata
GET PUT DELETE /targets/{}/metadata/{}
GET POST /targets/{}/assignedDS
GET /targets/{}/installedDS
GET /targets/{}/tags
POST DELETE /targets/{}/targettype
GET /targets/{}/autoConfirm
POST /targets/{}/autoConfirm/activate
POST /targets/{}/autoConfirm/deactivate
GET /targets/{}/actions
GET PUT DELETE /targets/{}/actions/{}
GET /targets/{}/actions/{}/status
PUT /targets/{}/actions/{}/confirmation
GET /actions
GET /actions/{}
GET POST /softwaremodules
GET PUT DELETE /softwaremodules/{}
GET POST /softwaremodules/{}/metadata
GET PUT DELETE /softwaremodules/{}/metadata/{}
GET POST /softwaremodules/{}/artifacts
GET DELETE /softwaremodules/{}/artifacts/{}
GET /softwaremodules/{}/artifacts/{}/download
GET POST /softwaremoduletypes
GET PUT DELETE /softwaremoduletypes/{}
GET POST /distributionsets
GET PUT DELETE /distributionsets/{}
GET POST /distributionsets/{}/metadata
GET PUT DELETE /distributionsets/{}/metadata/{}
GET POST /distributionsets/{}/assignedSM
DELETE /distributionsets/{}/assignedSM/{}
GET POST /distributionsets/{}/assignedTargets
GET /distributionsets/{}/installedTargets
GET /distributionsets/{}/autoAssignTargetFilters
GET /distributionsets/{}/statistics
GET /distributionsets/{}/statistics/rollouts
GET /distributionsets/{}/statistics/actions
GET /distributionsets/{}/statistics/autoassignments
POST /distributionsets/{}/invalidate
GET POST /distributionsettypes
GET PUT DELETE /distributionsettypes/{}
GET POST /distributionsettypes/{}/mandatorymoduletypes
DELETE /distributionsettypes/{}/mandatorymoduletypes/{}
GET POST /distributionsettypes/{}/optionalmoduletypes
DELETE /distributionsettypes/{}/optionalmoduletypes/{}
GET POST /targettypes
GET PUT DELETE /targettypes/{}
GET POST /targettypes/{}/compatibledistributionsettypes
DELETE /targettypes/{}/compatibledistributionsettypes/{}
GET POST /targettags
GET PUT DELETE /targettags/{}
GET POST DELETE /targettags/{}/assigned
POST DELETE /targettags/{}/assigned/{}
GET POST /distributionsettags
GET PUT DELETE /distributionsettags/{}
GET POST DELETE /distributionsettags/{}/assigned
POST DELETE /distributionsettags/{}/assigned/{}
GET /targetgroups
GET PUT DELETE /targetgroups/assigned
GET PUT /targetgroups/{}/assigned
PUT /targetgroups/{}
GET POST /targetfilters
GET PUT DELETE /targetfilters/{}
GET POST DELETE /targetfilters/{}/autoAssignDS
GET POST /rollouts
GET PUT DELETE /rollouts/{}
POST /rollouts/{}/start
POST /rollouts/{}/pause
POST /rollouts/{}/resume
POST /rollouts/{}/stop
POST /rollouts/{}/approve
POST /rollouts/{}/deny
POST /rollouts/{}/retry
POST /rollouts/{}/triggerNextGroup
GET /rollouts/{}/deploygroups
GET /rollouts/{}/deploygroups/{}
GET /rollouts/{}/deploygroups/{}/targets
GET PUT /system/configs
GET PUT DELETE /system/configs/{}
GET /userinfo
"""
NOT_HERE = {("GET", "/autoassignments"), ("POST", "/autoassignments"), ("GET", "/autoassignments/{}"), ("PUT", "/autoassignments/{}"),
            ("DELETE", "/autoassignments/{}"), ("GET", "/distributionsets/{}/autoAssignments"),
            ("DELETE", "/actions"), ("DELETE", "/actions/{}"), ("DELETE", "/targets/{}/actions")}


def test_what_hawkbit_has_is_here(document):
    ours = {(method, re.sub(r"\{\w+\}", "{}", path.removeprefix(REST))) for method, path in document.operations if path.startswith(REST)}
    theirs = {(method, line.split()[-1]) for line in OPERATIONS.strip().splitlines() for method in line.split()[:-1]}
    assert not theirs - ours and not NOT_HERE & ours
    # DELETE of all that meet a filter is ours; all else that is served at its place is hawkBit's
    assert ours - theirs == {("PUT", "/targetgroups"), ("DELETE", "/targetgroups")}
    page = (ROOT / "docs/hawkbit.md").read_text()
    told = page[page.index("**What hawkBit has and this has not,**"):page.index("**Moving here.**")]
    words = re.findall(r"`([^`]+)`", told)
    for _, path in NOT_HERE:
        assert path[1:].replace("{}", "{id}") in words or path[1:].removesuffix("/{}") in words, path


def test_f2_none_of_it_reaches_another_tenant_or_group(hawkbit, kind):  # noqa: F811
    server = hawkbit.server
    hawkbit.target("ours", targetType=kind)
    server.api("POST", "/api/v1/devices", {"name": "far", "type": "gateway", "group": "us"})
    server.api("POST", "/api/v1/devices", {"name": "near", "type": "gateway", "group": "eu/berlin"})
    dist = hawkbit.set_of(hawkbit.module("m"))
    [tag] = hawkbit.add("/targettags", {"name": "t"})
    [of_set] = hawkbit.add("/distributionsettags", {"name": "s"})
    hawkbit.call("POST", f"/targettags/{tag['id']}/assigned", ["ours", "far", "near"], 204)
    hawkbit.call("POST", f"/distributionsettags/{of_set['id']}/assigned", [dist], 204)
    [action] = hawkbit.call("POST", "/targets/far/assignedDS", {"id": dist, "type": "soft"}, 200).json["assignedActions"]
    path = rollout(hawkbit, dist, "first", "name==zz")
    until(lambda: hawkbit.get(path), lambda seen: seen["status"] != "creating")

    acme = server.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
    theirs = {word: server.api("POST", f"{REST}/{word}", [{"name": "x"}], token=acme).json[0]["id"] for word in ("targettags", "distributionsettags")}
    server.api("POST", "/api/v1/devices", {"name": "stranger"}, token=acme)
    for method, where, body in (
            ("GET", f"/targettags/{tag['id']}/assigned", None), ("POST", f"/targettags/{tag['id']}/assigned", ["stranger"]),
            ("DELETE", f"/targettags/{tag['id']}/assigned", []), ("POST", f"/targettags/{tag['id']}/assigned/stranger", None),
            ("POST", f"/targettags/{theirs['targettags']}/assigned", ["ours"]), ("DELETE", f"/targettags/{theirs['targettags']}/assigned", ["ours"]),
            ("GET", f"/distributionsettags/{of_set['id']}/assigned", None), ("POST", f"/distributionsettags/{of_set['id']}/assigned", []),
            ("POST", f"/distributionsettags/{theirs['distributionsettags']}/assigned", [dist]),
            ("POST", f"/distributionsettags/{theirs['distributionsettags']}/assigned/{dist}", None),
            ("GET", "/targets/ours/tags", None), ("POST", "/targets/ours/targettype", {"id": kind}), ("DELETE", "/targets/ours/targettype", None),
            ("POST", "/targets/stranger/targettype", {"id": kind}), ("PUT", f"/targets/far/actions/{action['id']}", {"forceType": "forced"}),
            ("PUT", f"/targets/stranger/actions/{action['id']}", {"forceType": "forced"}), ("PUT", path, {"name": "stolen"}),
            ("POST", path + "/retry", None), ("GET", f"/distributionsets/{dist}/autoAssignTargetFilters", None)):
        reply = server.api(method, REST + where, body, token=acme)
        assert reply.status == 404, (method, where, reply)
    for query in (f"tag.id=={tag['id']}", f"tag.id!={tag['id']}"):
        found = server.api("GET", f"{REST}/targets?q=" + quote(query), token=acme).json
        assert set(names(found)) <= {"stranger"}, found

    eve = person(server, "eve", "operator")
    assert server.api("PUT", "/api/v1/users/eve", {"group": "eu"}).status in (200, 204)
    place = f"{REST}/targettags/{tag['id']}/assigned"
    assert names(server.api("GET", place, token=eve).json) == ["near"]
    for method, where, body in (("POST", place, ["near", "far"]), ("DELETE", place, ["far"]), ("POST", place + "/far", None),
                                ("GET", f"{REST}/targets/far/tags", None), ("POST", f"{REST}/targets/far/targettype", {"id": kind}),
                                ("PUT", f"{REST}/targets/far/actions/{action['id']}", {"forceType": "forced"}),
                                ("PUT", f"{REST}/targets/near/actions/{action['id']}", {"forceType": "forced"})):
        reply = server.api(method, where, body, token=eve)
        assert reply.status == 404, (method, where, reply)
    for method, where, body in (("PUT", REST + path, {"name": "x"}), ("POST", REST + path + "/retry", None),
                                ("POST", f"{REST}/distributionsettags/{of_set['id']}/assigned", [dist])):
        assert server.api(method, where, body, token=eve).status == 403, where
    assert server.api("DELETE", place, ["near"], token=eve).status == 204
    assert names(hawkbit.get(f"/targettags/{tag['id']}/assigned")) == ["far", "ours"]
    assert [found["id"] for found in hawkbit.get(f"/distributionsettags/{of_set['id']}/assigned")["content"]] == [dist]
    assert hawkbit.get(f"/actions/{action['id']}")["forceType"] == "soft"
    assert hawkbit.get(path)["name"] == "first"
