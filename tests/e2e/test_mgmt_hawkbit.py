"""hawkBit's management API as its tools speak it, and the description of every operation."""
import base64
import hashlib
import json
import time
from urllib.parse import quote

import pytest
from server_tool import Device

DATA = b"module bytes " * 999
REST = "/rest/v1"


def until(ask, wanted, wait_s=30):
    deadline = time.monotonic() + wait_s
    while not wanted(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
    return answer


class HawkBit:
    def __init__(self, server):
        self.server = server
        self.basic = base64.b64encode(f"DEFAULT\\admin:{server.token}".encode()).decode()

    def call(self, method, path, body=None, status=None):
        headers = {"Authorization": f"Basic {self.basic}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        reply = self.server.call("people", method, REST + path, body, headers)
        assert status is None or reply.status == status, reply
        return reply

    def add(self, path, *bodies):
        return self.call("POST", path, list(bodies), 201).json

    def get(self, path):
        return self.call("GET", path, status=200).json

    def target(self, name, **more):
        [made] = self.add("/targets", {"controllerId": name, "name": name, **more})
        return Device(self.server, name, made["securityToken"])

    def set_of(self, *modules, name="set"):
        [made] = self.add("/distributionsets", {"name": name, "version": "1", "type": "os_app",
                                                "modules": [{"id": module} for module in modules]})
        return made["id"]

    def module(self, name, kind="os", files=("image.swu",)):
        [made] = self.add("/softwaremodules", {"name": name, "version": "1.2", "type": kind})
        for filename in files:
            digest = self.server.upload(DATA + filename.encode() + name.encode())
            self.call("POST", f"/softwaremodules/{made['id']}/artifacts", {"filename": filename, "sha256": digest}, 201)
        return made["id"]


@pytest.fixture
def hawkbit(server):
    server.api("POST", "/api/v1/device-types", {"name": "gateway", "foreign": True})
    return HawkBit(server)


ENTITIES = [("targettags", {"name": "t", "colour": "red"}, {"description": "d"}),
            ("distributionsettags", {"name": "t"}, {"name": "u"}),
            ("softwaremoduletypes", {"key": "fpga", "name": "FPGA", "maxAssignments": 1}, {"description": "d"}),
            ("distributionsettypes", {"key": "fpgas", "name": "FPGAs"}, {"description": "d"}),
            ("targettypes", {"name": "meter"}, {"description": "d"}),
            ("targetfilters", {"name": "f", "query": "name==a*"}, {"query": "name==b*"}),
            ("softwaremodules", {"name": "m", "version": "1", "type": "os"}, {"vendor": "v"}),
            ("distributionsets", {"name": "d", "version": "1"}, {"description": "d"})]


@pytest.mark.parametrize("name, body, change", ENTITIES, ids=[name for name, _, _ in ENTITIES])
def test_entities_are_made_listed_changed_and_removed(hawkbit, name, body, change):
    before = hawkbit.get(f"/{name}")["total"]
    [made] = hawkbit.add(f"/{name}", body)
    assert body.items() <= made.items() and made["createdBy"] == "admin"
    assert made["_links"]["self"]["href"].endswith(f"/rest/v1/{name}/{made['id']}")
    assert hawkbit.get(f"/{name}/{made['id']}") == made
    listed = hawkbit.get(f"/{name}?sort=id:DESC&limit=1&q=" + quote(f"id=={made['id']}"))
    assert (listed["total"], listed["size"], listed["content"]) == (1, 1, [made])
    assert hawkbit.get(f"/{name}")["total"] == before + 1
    assert change.items() <= hawkbit.call("PUT", f"/{name}/{made['id']}", change, 200).json.items()
    again = hawkbit.call("POST", f"/{name}", [body])
    if name not in ("distributionsettags", "distributionsets"):
        assert again.status == 409 and again.json["errorCode"] == "hawkbit.server.error.repo.entitiyAlreayExists"
    assert hawkbit.call("DELETE", f"/{name}/{made['id']}").status == 204
    gone = hawkbit.call("GET", f"/{name}/{made['id']}")
    assert gone.status == 404 and gone.json["errorCode"] == "hawkbit.server.error.repo.entitiyNotFound"


def test_what_hawkbit_refuses_is_refused(hawkbit):
    for path, body in (("/targettags", [{"colour": "red"}]), ("/targettags", [{"name": ""}]), ("/targettags", [{"name": "x" * 129}]),
                       ("/targettags", [{"name": 5}]), ("/targetfilters", [{"name": "f", "query": "nmae==x"}]),
                       ("/targets", [{"controllerId": "a/b"}]), ("/targets", [{"name": "x"}]), ("/targettags", "x"),
                       ("/targets", [{"controllerId": "t", "securityToken": "short"}])):
        assert hawkbit.call("POST", path, body).status == 400, (path, body)
    for query in ("q=" + quote("name==a,"), "sort=colour:SIDEWAYS", "sort=nothing:ASC", "limit=501", "offset=-1"):
        assert hawkbit.call("GET", "/targettags?" + query).status == 400, query
    assert hawkbit.server.call("people", "GET", "/rest/v1/targets").status == 401
    wrong = base64.b64encode(b"admin:admin").decode()
    assert hawkbit.server.call("people", "GET", "/rest/v1/targets", headers={"Authorization": f"Basic {wrong}"}).status == 401
    assert hawkbit.get("/userinfo") == {"tenant": "DEFAULT", "username": "admin"}


def test_a_set_of_two_modules_reaches_a_device_in_two_chunks(hawkbit):
    kind = hawkbit.get("/targettypes?q=" + quote("name==gateway"))["content"][0]["id"]
    device = hawkbit.target("gw", targetType=kind)
    os_module = hawkbit.module("os-1")
    app = hawkbit.module("app-1", "application", ("a.swu", "b.swu"))
    hawkbit.call("POST", f"/softwaremodules/{app}/metadata", [{"key": "seen", "value": "yes", "targetVisible": True},
                                                              {"key": "hidden", "value": "no"}], 201)
    ds = hawkbit.set_of(os_module, app)
    assert hawkbit.get("/targets/gw")["updateStatus"] == "registered" or device.call("GET").status == 200
    assert hawkbit.call("GET", "/targets/gw/assignedDS").status == 204
    done = hawkbit.call("POST", f"/distributionsets/{ds}/assignedTargets", [{"id": "gw", "type": "soft"}], 200).json
    assert (done["assigned"], done["total"]) == (1, 1)
    action = done["assignedActions"][0]["id"]
    again = hawkbit.call("POST", f"/distributionsets/{ds}/assignedTargets", [{"id": "gw"}], 200).json
    assert (again["assigned"], again["alreadyAssigned"]) == (0, 1)
    assert hawkbit.get("/targets/gw/assignedDS")["id"] == ds
    offer = device.call("GET", device.links()["deploymentBase"]).json["deployment"]
    assert offer["download"] == "attempt"
    assert [(chunk["part"], len(chunk["artifacts"])) for chunk in offer["chunks"]] == [("os", 1), ("bApp", 2)]
    assert offer["chunks"][1]["metadata"] == [{"key": "seen", "value": "yes"}]
    for chunk in offer["chunks"]:
        for artifact in chunk["artifacts"]:
            body = device.call("GET", artifact["_links"]["download"]["href"]).body
            assert hashlib.sha1(body).hexdigest() == artifact["hashes"]["sha1"]
            assert device.call("GET", artifact["_links"]["md5sum"]["href"]).body.split()[0].decode() == artifact["hashes"]["md5"]
    other = hawkbit.target("other", targetType=kind)
    href = offer["chunks"][0]["artifacts"][0]["_links"]["download"]["href"].replace("/gw/", "/other/")
    assert other.call("GET", href).status == 404, "F4: not what it was offered"
    assert hawkbit.call("POST", f"/distributionsets/{ds}/assignedSM", [{"id": app}]).status == 423
    assert device.feedback(action, "closed", "success").status == 200
    seen = hawkbit.get(f"/targets/gw/actions/{action}")
    assert (seen["status"], seen["detailStatus"], seen["active"]) == ("finished", "finished", False)
    assert hawkbit.get("/targets/gw")["updateStatus"] == "in_sync"
    assert hawkbit.get("/targets/gw/installedDS")["id"] == ds


def test_a_target_whose_type_is_not_foreign_is_given_no_set(hawkbit):
    hawkbit.target("plain")
    ds = hawkbit.set_of(hawkbit.module("os-1"))
    reply = hawkbit.call("POST", f"/distributionsets/{ds}/assignedTargets", [{"id": "plain"}])
    assert reply.status == 403 and reply.json["exceptionClass"] == "UD_ERR_NOT_FOREIGN"


def test_consent_from_the_devices_side_and_from_a_person(hawkbit):
    kind = hawkbit.get("/targettypes?q=" + quote("name==gateway"))["content"][0]["id"]
    ds = hawkbit.set_of(hawkbit.module("os-1"))
    for name in ("one", "two"):
        device = hawkbit.target(name, targetType=kind)
        done = hawkbit.call("POST", f"/targets/{name}/assignedDS", {"id": ds, "confirmationRequired": True}, 200).json
        action = done["assignedActions"][0]["id"]
        assert hawkbit.get(f"/actions/{action}")["detailStatus"] == "wait_for_confirmation"
        links = device.links()
        assert "deploymentBase" not in links and links["confirmationBase"].split("?")[0].endswith(f"/{action}")
        assert device.call("GET", links["confirmationBase"]).json["confirmation"]["chunks"]
        assert device.call("GET", f"/deploymentBase/{action}").status == 404
        base = device.call("GET", "/confirmationBase").json
        assert base["autoConfirm"] == {"active": False} and "confirmationBase" in base["_links"]
        denied = {"confirmation": "denied", "details": ["not now"]}
        assert device.call("POST", f"/confirmationBase/{action}/feedback", denied).status == 200
        assert "deploymentBase" not in device.links()
        if name == "one":
            assert device.call("POST", f"/confirmationBase/{action}/feedback", {"confirmation": "confirmed"}).status == 200
        else:
            assert hawkbit.call("PUT", f"/targets/{name}/actions/{action}/confirmation", {"confirmation": "confirmed"}).status == 204
        assert "deploymentBase" in device.links()
        assert device.call("POST", f"/confirmationBase/{action}/feedback", {"confirmation": "confirmed"}).status == 410
        assert device.call("POST", f"/confirmationBase/{action}/feedback", {"confirmation": "perhaps"}).status == 400


def test_cancel_and_quit_as_hawkbit_does(hawkbit):
    kind = hawkbit.get("/targettypes?q=" + quote("name==gateway"))["content"][0]["id"]
    device = hawkbit.target("gw", targetType=kind)
    ds = hawkbit.set_of(hawkbit.module("os-1"))
    action = hawkbit.call("POST", "/targets/gw/assignedDS", {"id": ds}, 200).json["assignedActions"][0]["id"]
    assert hawkbit.call("DELETE", f"/targets/gw/actions/{action}?force=true").status == 405, "only after a normal cancel"
    assert hawkbit.call("DELETE", f"/targets/gw/actions/{action}").status == 204
    assert "cancelAction" in device.links()
    assert hawkbit.get(f"/actions/{action}")["detailStatus"] == "canceling"
    assert hawkbit.call("DELETE", f"/targets/gw/actions/{action}?force=true").status == 204
    assert "cancelAction" not in device.links()
    assert hawkbit.get(f"/actions/{action}")["detailStatus"] == "canceled"
    assert hawkbit.call("DELETE", f"/targets/gw/actions/{action}").status == 405


def test_tags_metadata_and_filters_of_targets(hawkbit):
    for name in ("a1", "a2", "b1"):
        hawkbit.target(name)
    [tag] = hawkbit.add("/targettags", {"name": "lab"})
    assert hawkbit.call("POST", f"/targettags/{tag['id']}/assigned/a1").status == 204
    assert hawkbit.call("POST", f"/targettags/{tag['id']}/assigned/nobody").status == 404
    hawkbit.call("POST", "/targets/a2/metadata", [{"key": "room", "value": "7"}], 201)
    assert hawkbit.get("/targets/a2/metadata/room")["value"] == "7"
    assert hawkbit.call("PUT", "/targets/a2/metadata/room", {"value": "8"}).status == 204
    assert hawkbit.get("/targets/a2/metadata")["content"][0]["value"] == "8"
    assert hawkbit.call("DELETE", "/targets/a2/metadata/room").status == 204
    assert hawkbit.call("GET", "/targets/a2/metadata/room").status == 404

    def names(text, more=""):
        return [t["controllerId"] for t in hawkbit.get("/targets?q=" + quote(text) + more)["content"]]
    assert names("tag==lab") == ["a1"]
    assert names("controllerid==a*", "&sort=controllerId:DESC") == ["a2", "a1"]
    assert names("updatestatus==unknown;name!=a*") == ["b1"]
    assert hawkbit.call("DELETE", f"/targettags/{tag['id']}/assigned/a1").status == 204
    assert names("tag==lab") == []


def test_rollouts_in_hawkbits_shape(hawkbit):
    kind = hawkbit.get("/targettypes?q=" + quote("name==gateway"))["content"][0]["id"]
    devices = {name: hawkbit.target(name, targetType=kind) for name in ("r1", "r2", "r3", "r4")}
    ds = hawkbit.set_of(hawkbit.module("os-1"))
    body = {"name": "spring", "targetFilterQuery": "controllerId==r*", "distributionSetId": ds, "amountGroups": 2,
            "successCondition": {"condition": "THRESHOLD", "expression": "50"},
            "errorCondition": {"condition": "THRESHOLD", "expression": "100"}, "type": "forced"}
    made = hawkbit.call("POST", "/rollouts", body, 201).json
    path = f"/rollouts/{made['id']}"
    ready = until(lambda: hawkbit.get(path), lambda rollout: rollout["status"] == "ready")
    assert (ready["totalTargets"], ready["totalGroups"]) == (4, 2)
    assert hawkbit.call("POST", path + "/pause").status == 400
    assert hawkbit.call("POST", path + "/start").status == 204
    until(lambda: hawkbit.get(path), lambda rollout: rollout["totalTargetsPerStatus"]["running"] == 2)
    for name in ("r1", "r2", "r3", "r4"):
        until(devices[name].links, lambda links: "deploymentBase" in links)
        action = devices[name].links()["deploymentBase"].split("?")[0].rsplit("/", 1)[1]
        assert devices[name].feedback(action, "closed", "success").status == 200
    end = until(lambda: hawkbit.get(path), lambda rollout: rollout["status"] == "finished")
    assert end["totalTargetsPerStatus"]["finished"] == 4
    groups = hawkbit.get(path + "/deploygroups")["content"]
    assert [group["status"] for group in groups] == ["finished", "finished"]
    assert groups[0]["successCondition"] == {"condition": "THRESHOLD", "expression": "50"}
    assert hawkbit.call("POST", "/rollouts", {**body, "name": "x", "targetFilterQuery": ""}).status == 400
    assert hawkbit.call("POST", "/rollouts", {**body, "name": "x", "groups": [{"name": "g"}]}).status == 400
    assert hawkbit.get("/rollouts?q=" + quote("status==finished"))["total"] == 1
    assert hawkbit.call("DELETE", path).status == 204
    until(lambda: hawkbit.call("GET", path).status, lambda status: status == 404)


def test_a_filter_assigns_by_itself_now_and_later(hawkbit):
    server = hawkbit.server
    release = server.foreign_release(b"auto")["id"]
    first = server.add_device("auto-1", type="gateway")
    made = hawkbit.call("POST", "/targetfilters", {"name": "autos", "query": "name==auto-*"}).json
    filter_id = (made[0] if isinstance(made, list) else made)["id"]
    path = f"/targetfilters/{filter_id}/autoAssignDS"
    assert hawkbit.call("GET", path).status == 204
    begun = hawkbit.call("POST", path, {"id": release, "type": "soft", "weight": 7})
    assert begun.status == 200, begun
    assert (begun.json["autoAssignDistributionSet"], begun.json["autoAssignActionType"], begun.json["autoAssignWeight"]) == (release, "soft", 7)
    assert hawkbit.get(path)["id"] == release
    until(first.links, lambda links: "deploymentBase" in links)
    later = server.add_device("auto-2", type="gateway")
    until(later.links, lambda links: "deploymentBase" in links)
    other = server.add_device("manual", type="gateway")
    # another set takes the first one's place; then none
    second = server.api("POST", "/api/v1/foreign-releases", {"name": "os", "version": "2.0", "deviceType": "gateway",
                        "artifacts": [{"filename": "b.swu", "sha256": server.upload(b"auto 2")}]}).json["id"]
    assert hawkbit.call("POST", path, {"id": second}).json["autoAssignDistributionSet"] == second
    assert hawkbit.call("DELETE", path).status == 204
    assert hawkbit.call("GET", path).status == 204
    assert "autoAssignDistributionSet" not in hawkbit.get(f"/targetfilters/{filter_id}")
    assert all(rollout["status"] in ("stopping", "stopped") for rollout in hawkbit.get("/rollouts")["content"])
    assert "deploymentBase" not in other.links()
    for wrong in ({}, {"id": "x"}, {"id": release, "type": "timeforced"}, {"id": release, "weight": 1001}):
        assert hawkbit.call("POST", path, wrong).status == 400, wrong
    assert hawkbit.call("POST", path, {"id": 99999}).status == 404
    assert hawkbit.call("POST", "/targetfilters/99999/autoAssignDS", {"id": release}).status == 404


def test_settings_are_shown_as_they_are(hawkbit):
    settings = hawkbit.get("/system/configs")
    assert settings["pollingTime"] == {"value": "00:05:00", "global": True}
    assert settings["authentication.gatewaytoken.enabled"]["value"] is False
    assert hawkbit.get("/system/configs/pollingTime") == settings["pollingTime"]
    assert hawkbit.call("GET", "/system/configs/nothing").status == 404
    assert settings["default.ds.type"] == {"value": None, "global": True}


def test_every_route_is_described_and_every_operation_answers(hawkbit):
    server = hawkbit.server
    described = server.call("people", "GET", "/api/v1/openapi.json").json
    assert described["openapi"] == "3.1.0"
    ids = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids)) and len(ids) > 100
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            names = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
            assert names == [part[1:-1] for part in path.split("/") if part.startswith("{")], path
            assert "2XX" not in operation["responses"], f"{method} {path} has no row in src/server/api_schema_table.c"
            place = path
            for name in names:
                place = place.replace("{" + name + "}", "1")
            body = next(iter(operation.get("requestBody", {}).get("content", {"": None})))
            reply = server.api(method.upper(), place, b"{}" if body else None, {"Content-Type": body} if body else {})
            assert reply.status < 500 and reply.status != 405 or "cancelable" in str(reply.body), (method, path, reply)
    devices = server.call("people", "GET", "/api/v1/openapi.json?listener=devices").json
    assert "/{tenant}/controller/v1/{name}/deploymentBase/{action}/feedback" in devices["paths"]


def gateway(hawkbit):
    return hawkbit.get("/targettypes?q=" + quote("name==gateway"))["content"][0]["id"]


def test_actions_of_all_targets_by_filter(hawkbit):
    kind = gateway(hawkbit)
    one, two = hawkbit.set_of(hawkbit.module("os-1"), name="one"), hawkbit.set_of(hawkbit.module("os-2"), name="two")
    device = hawkbit.target("gw-1", targetType=kind)
    hawkbit.target("gw-2", targetType=kind)
    [first] = hawkbit.call("POST", "/targets/gw-1/assignedDS", {"id": one}, 200).json["assignedActions"]
    [second] = hawkbit.call("POST", "/targets/gw-2/assignedDS", {"id": two, "weight": 7}, 200).json["assignedActions"]
    assert device.feedback(first["id"], "closed", "success").status == 200

    def ids(query="", **more):
        tail = "&".join(f"{key}={quote(value)}" for key, value in {"q": query, **more}.items() if value)
        answer = hawkbit.get("/actions" + ("?" + tail if tail else ""))
        assert answer["size"] == len(answer["content"]) <= answer["total"]
        return [action["id"] for action in answer["content"]]

    both = [first["id"], second["id"]]
    assert ids() == both and ids(sort="id:DESC") == both[::-1] and ids(limit="1", offset="1") == both[1:]
    for query, wanted in (("active==true", both[1:]), ("status==finished", both[:1]), ("status==pending", both[1:]),
                          ("target.controllerId==gw-1", both[:1]), ("distributionSet.name==two", both[1:]),
                          (f"distributionSet.id=={one}", both[:1]), ("weight=le=10", both[1:]), ("rollout.id==99", []),
                          ("target.controllerId==gw-*;active==false", both[:1])):
        assert ids(query) == wanted, query
    assert hawkbit.call("GET", "/actions?q=" + quote("secret==1")).status == 400
    assert hawkbit.call("GET", "/actions?sort=weight:ASC").status == 400


def test_a_target_is_changed(hawkbit):
    kind = gateway(hawkbit)
    device = hawkbit.target("gw")
    assert device.call("PUT", "/configData", {"data": {"hw": "1"}}).status == 200
    body = {"name": "Roof, left", "description": "by the chimney", "targetType": kind, "group": "eu/berlin",
            "securityToken": "a" * 32, "requestAttributes": True}
    seen = hawkbit.call("PUT", "/targets/gw", body, 200).json
    assert (seen["name"], seen["description"], seen["targetTypeName"], seen["group"]) == (
        "Roof, left", "by the chimney", "gateway", "eu/berlin")
    assert device.call("GET").status == 401, "its old token"
    device.token = "a" * 32
    assert "configData" in device.links()
    # what is not named stays
    assert hawkbit.call("PUT", "/targets/gw", {"description": ""}, 200).json["name"] == "Roof, left"
    assert hawkbit.get("/targets/gw")["description"] == "" and hawkbit.get("/targets")["content"][0]["name"] == "Roof, left"
    for wrong in ({"securityToken": "short"}, {"name": 1}, {"targetType": "x"}, {"name": "n" * 129}):
        assert hawkbit.call("PUT", "/targets/gw", wrong).status == 400, wrong
    assert hawkbit.call("PUT", "/targets/gw", {"targetType": 999}).status == 404
    assert hawkbit.call("PUT", "/targets/nobody", {"name": "x"}).status == 404


def test_who_confirms_by_itself_is_asked_no_more(hawkbit):
    kind = gateway(hawkbit)
    ds, later = hawkbit.set_of(hawkbit.module("os-1"), name="one"), hawkbit.set_of(hawkbit.module("os-2"), name="two")
    for name in ("by-person", "by-device"):
        device = hawkbit.target(name, targetType=kind)
        state = hawkbit.get(f"/targets/{name}/autoConfirm")
        assert state["active"] is False and "activate" in state["_links"]
        hawkbit.call("POST", f"/targets/{name}/assignedDS", {"id": ds, "confirmationRequired": True}, 200)
        assert "confirmationBase" in device.links()
        asked = {"initiator": "anna", "remark": "all year"}
        activate = f"/targets/{name}/autoConfirm/activate"
        if name == "by-person":
            assert hawkbit.call("POST", activate, asked).status == 204
        else:
            assert "activateAutoConfirm" in device.call("GET", "/confirmationBase").json["_links"]
            assert device.call("POST", "/confirmationBase/activateAutoConfirm", asked).status == 200
            assert device.call("POST", "/confirmationBase/activateAutoConfirm").status == 409
        assert hawkbit.call("POST", activate, asked).status == 409
        assert "deploymentBase" in device.links(), "what waited is confirmed with it"
        base = device.call("GET", "/confirmationBase").json
        assert (base["autoConfirm"]["active"], base["autoConfirm"]["initiator"], base["autoConfirm"]["remark"]) == (True, "anna", "all year")
        assert "deactivateAutoConfirm" in base["_links"] and hawkbit.get(f"/targets/{name}/autoConfirm")["activatedAt"] > 0
        action = hawkbit.get(f"/targets/{name}/actions")["content"][0]["id"]
        assert device.feedback(action, "closed", "success").status == 200
        hawkbit.call("POST", f"/targets/{name}/assignedDS", {"id": later, "confirmationRequired": True}, 200)
        assert "deploymentBase" in device.links()
        action = hawkbit.get(f"/targets/{name}/actions")["content"][0]["id"]
        assert device.feedback(action, "closed", "failure").status == 200
        if name == "by-person":
            assert hawkbit.call("POST", f"/targets/{name}/autoConfirm/deactivate").status == 204
        else:
            assert device.call("POST", "/confirmationBase/deactivateAutoConfirm").status == 200
        assert hawkbit.get(f"/targets/{name}/autoConfirm")["active"] is False
        hawkbit.call("POST", f"/targets/{name}/assignedDS", {"id": later, "confirmationRequired": True}, 200)
        assert "confirmationBase" in device.links()
    # a new device of the same name, or number, is asked again
    hawkbit.call("POST", "/targets/by-person/autoConfirm/activate", {}, 204)
    hawkbit.call("DELETE", "/targets/by-person", status=204)
    hawkbit.target("by-person", targetType=kind)
    assert hawkbit.get("/targets/by-person/autoConfirm")["active"] is False


def test_a_device_says_what_was_installed_by_other_means(hawkbit):
    kind = gateway(hawkbit)
    ds, other = hawkbit.set_of(hawkbit.module("os-1"), name="one"), hawkbit.set_of(hawkbit.module("os-2"), name="two")
    device = hawkbit.target("gw", targetType=kind)

    def say(name, version="1", of=device):
        return of.call("PUT", "/installedBase", {"name": name, "version": version}).status

    assert say("one") == 201 and say("one") == 200
    assert hawkbit.get("/targets/gw/installedDS")["id"] == ds
    [action] = hawkbit.get("/targets/gw/actions")["content"]
    assert (action["detailStatus"], action["active"]) == ("finished", False)
    assert "installedBase" in device.links()
    assert say("one", "2") == 404 and say("three") == 404
    assert device.call("PUT", "/installedBase", {"name": "one"}).status == 400
    hawkbit.call("POST", "/targets/gw/assignedDS", {"id": other}, 200)
    assert say("one") == 409, "it is to answer the offer first"
    assert say("two") == 201 and "deploymentBase" not in device.links()
    assert hawkbit.get("/targets/gw/installedDS")["id"] == other
    assert say("one", of=hawkbit.target("plain")) == 403, "P3: its type takes signed releases only"


def test_what_was_given_to_a_device_is_not_taken_apart(hawkbit):
    kind = gateway(hawkbit)
    module, spare = hawkbit.module("os-1"), hawkbit.module("os-2")
    ds = hawkbit.set_of(module)
    device = hawkbit.target("gw", targetType=kind)
    [artifact] = hawkbit.get(f"/softwaremodules/{module}/artifacts")
    hawkbit.call("POST", "/targets/gw/assignedDS", {"id": ds}, 200)
    more = {"filename": "more.swu", "sha256": hawkbit.server.upload(b"more")}
    assert hawkbit.call("POST", f"/softwaremodules/{module}/artifacts", more).status == 423
    assert hawkbit.call("DELETE", f"/softwaremodules/{module}/artifacts/{artifact['id']}").status == 423
    assert hawkbit.call("DELETE", f"/softwaremodules/{module}").status == 423
    href = device.call("GET", device.links()["deploymentBase"]).json["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download"]["href"]
    assert device.call("GET", href).status == 200
    [free] = hawkbit.get(f"/softwaremodules/{spare}/artifacts")
    assert hawkbit.call("DELETE", f"/softwaremodules/{spare}/artifacts/{free['id']}").status == 204
    assert hawkbit.call("DELETE", f"/softwaremodules/{spare}").status == 204


def form(*parts, boundary="ud-boundary"):
    """Body and headers of a form; a part is (name, filename or None, content)."""
    body = b"".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
                    + (f'; filename="{filename}"\r\nContent-Type: application/octet-stream'.encode() if filename else b"")
                    + b"\r\n\r\n" + content + b"\r\n" for name, filename, content in parts)
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def test_an_artifact_comes_as_a_form_as_hawkbits_tools_send_it(hawkbit, tmp_path):
    kind = gateway(hawkbit)
    module = hawkbit.module("os-1", files=())
    data = bytes(range(256)) * 1200 + b"\r\n--ud-boundar\r\n"
    sums = {f"{name}sum": hashlib.new(name, data).hexdigest() for name in ("sha256", "sha1", "md5")}
    path = f"{REST}/softwaremodules/{module}/artifacts"

    def send(*parts, query="", to=path):
        body, headers = form(*parts)
        return hawkbit.server.api("POST", to + query, body, headers)

    reply = send(("file", "image.swu", data))
    assert reply.status == 201, reply
    assert reply.json["providedFilename"] == "image.swu" and reply.json["size"] == len(data)
    assert reply.json["hashes"] == {name.removesuffix("sum"): value for name, value in sums.items()}
    assert hawkbit.get(f"/softwaremodules/{module}/artifacts") == [reply.json]
    body = hawkbit.server.api("GET", f"{path}/{reply.json['id']}/download").body
    assert body == data
    # name and sums as parts, before or behind the file, or in the query
    assert send(("sha1sum", None, sums["sha1sum"].encode()), ("file", "x", data), ("filename", None, b"b.swu"),
                ("md5sum", None, sums["md5sum"].encode())).json["filename"] == "b.swu"
    assert send(("file", "x", data), query=f"?filename=c.swu&sha256sum={sums['sha256sum']}").json["filename"] == "c.swu"
    for wrong in ([("file", "d.swu", data), ("sha256sum", None, b"0" * 64)], [("file", "d.swu", data), ("md5sum", None, b"00")],
                  [("sha1sum", None, b"z" * 40), ("file", "d.swu", data)], [("other", None, b"")], [("file", "../d.swu", data)],
                  [("file", "", data)], [("file", "d.swu", data), ("file", "e.swu", data)], [("filename", None, b"n" * 129)]):
        assert send(*wrong).status == 400, wrong[0][0]
    body, headers = form(("file", "d.swu", data))
    assert hawkbit.server.api("POST", path, body[:-20], headers).status == 400, "cut"
    assert hawkbit.server.api("POST", path, body, {"Content-Type": "multipart/form-data"}).status == 415
    assert send(("file", "d.swu", data), to=f"{REST}/softwaremodules/999999/artifacts").status == 404
    assert [found["filename"] for found in hawkbit.get(f"/softwaremodules/{module}/artifacts")] == ["b.swu", "c.swu", "image.swu"]
    assert list((hawkbit.server.state / "uploads").iterdir()) == [], "nothing is left of what came to nothing"
    device = hawkbit.target("gw", targetType=kind)
    hawkbit.call("POST", "/targets/gw/assignedDS", {"id": hawkbit.set_of(module)}, 200)
    offer = device.call("GET", device.links()["deploymentBase"]).json["deployment"]["chunks"][0]["artifacts"]
    assert device.call("GET", offer[0]["_links"]["download"]["href"]).body == data


def test_types_say_what_goes_together(hawkbit):
    kind = gateway(hawkbit)
    hawkbit.target("gw", targetType=kind)
    os_1, os_2, app = hawkbit.module("os-1"), hawkbit.module("os-2"), hawkbit.module("app-1", kind="application")

    def make(name, kind, *modules):
        return hawkbit.call("POST", "/distributionsets", [{"name": name, "version": "1", "type": kind,
                                                           "modules": [{"id": module} for module in modules]}])

    def modules(ds):
        return [found["id"] for found in hawkbit.get(f"/distributionsets/{ds}/assignedSM")["content"]]

    def assign(ds):
        return hawkbit.call("POST", "/targets/gw/assignedDS", {"id": ds})

    # a module's type has a place in the set's, or not
    refused = make("os-only", "os", app)
    assert refused.status == 400 and refused.json["exceptionClass"] == "UD_ERR_TYPES"
    [ds] = [made["id"] for made in make("both", "os_app", app).json]
    # what must be there is asked for
    assert hawkbit.get(f"/distributionsets/{ds}")["complete"] is False
    assert assign(ds).json["exceptionClass"] == "UD_ERR_SET_INCOMPLETE" and assign(ds).status == 400
    hawkbit.call("POST", f"/distributionsets/{ds}/assignedSM", [{"id": os_1}], 200)
    assert hawkbit.get(f"/distributionsets/{ds}")["complete"] is True and modules(ds) == [os_1, app]
    # one os at most: the new one takes its place; again is the same
    hawkbit.call("POST", f"/distributionsets/{ds}/assignedSM", [{"id": os_2}], 200)
    hawkbit.call("POST", f"/distributionsets/{ds}/assignedSM", [{"id": os_2}], 200)
    assert modules(ds) == [os_2, app]
    # a target's type that names sets' types takes no others, whoever offers
    types = {found["key"]: found["id"] for found in hawkbit.get("/distributionsettypes")["content"]}
    takes = f"/targettypes/{kind}/compatibledistributionsettypes"
    hawkbit.call("POST", takes, [{"id": types["app"]}], 204)
    assert assign(ds).status == 400 and assign(ds).json["exceptionClass"] == "UD_ERR_TYPES"
    reply = hawkbit.server.api("POST", f"/api/v1/releases/{ds}/deploy", {"devices": ["gw"]})
    assert reply.status == 400 and reply.json["errorCode"] == "UD_ERR_TYPES"
    hawkbit.call("POST", takes, [{"id": types["os_app"]}], 204)
    assert [found["key"] for found in hawkbit.get(takes)] == ["os_app", "app"]
    assert assign(ds).json["assigned"] == 1
    # a type of one's own: as it says
    [own] = hawkbit.add("/distributionsettypes", {"key": "own", "name": "Own"})
    assert make("free", "own", app, os_1).status == 201, "it names none: it takes all"
    [module_type] = [found["id"] for found in hawkbit.get("/softwaremoduletypes")["content"] if found["key"] == "application"]
    hawkbit.call("POST", f"/distributionsettypes/{own['id']}/mandatorymoduletypes", {"id": module_type}, 204)
    assert make("bound", "own", os_1).status == 400 and make("bound", "own", app).status == 201
    hawkbit.call("DELETE", f"/distributionsettypes/{own['id']}/mandatorymoduletypes/{module_type}", status=204)
    assert hawkbit.call("DELETE", f"/distributionsettypes/{own['id']}/mandatorymoduletypes/{module_type}").status == 404
    assert hawkbit.call("POST", takes, [{"id": 9999}]).status == 404 and hawkbit.call("POST", takes, [{}]).status == 400
