"""Every operation that the OpenAPI document names is exercised, and its answer is as described (conftest.py compares)."""
import hashlib
import json
import time
from urllib.parse import quote

import pytest
from api_document import Document
from server_tool import Server
from test_rollouts import until
from test_server_people import PASSWORD, user
from test_server_reports import Field

# answered as described elsewhere: in these tests, by the same comparison
ELSEWHERE = {
    ("GET", "/api/v1/login"): "interop: an identity provider",
    ("GET", "/api/v1/login/callback"): "interop: an identity provider",
    ("GET", "/api/v1/events"): "test_server_events.py: it has no end",
    ("POST", "/api/v1/devices/{name}/poll"): "test_mqtt.py: a broker",
    ("POST", "/api/v1/bulk/poll"): "test_mqtt.py: a broker",
    ("GET", "/api/v1/devices/{name}/lwm2m"): "test_lwm2m.py: a registered client",
}


class Walk:
    """Calls that must succeed, and which operations they were."""

    def __init__(self, server, document):
        self.server, self.document, self.done = server, document, set()

    def __call__(self, method, path, body=None, headers=None, status=None, token=None):
        reply = self.server.api(method, path, body, headers, token=token)
        assert reply.status == status if status else 200 <= reply.status < 300, (method, path, reply)
        self.done.add((method, self.document.find(method, path)[0]))
        return json.loads(reply.body) if reply.body and "json" in (reply.headers.get("Content-Type") or "") else reply


@pytest.fixture
def server(tmp_path):
    """With CoAP, so that commands have somewhere to go."""
    running = Server(tmp_path / "state", "--listen-coap", "127.0.0.1:0").start()
    yield running
    running.stop()


@pytest.fixture
def walk(server, document):
    return Walk(server, document)


def people(walk, server):
    walk("GET", "/health")
    walk("GET", "/metrics")
    walk("GET", "/api/v1/openapi.json")
    walk("GET", "/api/v1/whoami")
    walk("GET", "/api/v1/server")
    user(server, "carol", "operator")
    reply = server.call("people", "POST", "/api/v1/session", json.dumps({"user": "carol", "password": PASSWORD}),
                        {"Content-Type": "application/json"})
    assert reply.status == 201, reply
    session = {"Cookie": reply.headers["Set-Cookie"].split(";")[0], "X-CSRF-Token": reply.json["csrf"], "Authorization": ""}
    walk.done.add(("POST", "/api/v1/session"))
    walk("POST", "/api/v1/session/codes")
    walk("DELETE", "/api/v1/session", headers=session)
    walk("POST", "/api/v1/users", {"name": "dave", "service": True, "roles": ["viewer"]})
    walk("GET", "/api/v1/users")
    walk("GET", "/api/v1/users/dave")
    walk("PUT", "/api/v1/users/dave", {"disabled": True})
    walk("DELETE", "/api/v1/users/dave")
    token = walk("POST", "/api/v1/tokens", {"label": "ci", "days": 3})
    walk("GET", "/api/v1/tokens")
    walk("DELETE", f"/api/v1/tokens/{token['id']}")
    walk("POST", "/api/v1/tenants", {"name": "acme"})
    walk("GET", "/api/v1/tenants")
    walk("PUT", "/api/v1/policy", {"approvals": 0})
    walk("GET", "/api/v1/policy")
    hook = walk("POST", "/api/v1/webhooks", {"url": "https://example.com/hook"})
    walk("GET", "/api/v1/webhooks")
    walk("DELETE", f"/api/v1/webhooks/{hook['id']}")
    walk("GET", "/api/v1/audit")


def releases(walk, server, field):
    anchors = walk("GET", "/api/v1/anchors")["content"]
    data = b"firmware " * 50
    digest = hashlib.sha256(data).hexdigest()
    walk("PUT", f"/api/v1/artifacts/{digest}", data)
    walk("HEAD", f"/api/v1/artifacts/{digest}")
    walk("GET", f"/api/v1/artifacts/{digest}")
    image = b"image 5"
    server.upload(image)
    walk("POST", "/api/v1/releases?name=app&version=5", field.author.release(image, 5),
         {"Content-Type": "application/suit-envelope+cose"})
    walk("POST", "/api/v1/device-types", {"name": "gateway", "foreign": True})
    walk("GET", "/api/v1/device-types")
    foreign = walk("POST", "/api/v1/foreign-releases", {"name": "os", "version": "1", "deviceType": "gateway",
                                                        "artifacts": [{"filename": "a.swu", "sha256": digest}]})["id"]
    walk("GET", "/api/v1/releases")
    walk("GET", f"/api/v1/releases/{foreign}")
    walk("GET", f"/api/v1/releases/{field.release['id']}/envelope")
    reply = server.api("POST", "/api/v1/users", {"name": "ann", "service": True, "roles": ["approver"]})
    assert reply.status == 201
    approver = server.api("POST", "/api/v1/tokens", {"label": "ann", "user": "ann"}).json["token"]
    walk("POST", f"/api/v1/releases/{foreign}/approvals", token=approver)
    walk("GET", f"/api/v1/releases/{foreign}/approvals")
    walk("POST", "/api/v1/anchors", {"name": "second", "key": field.key.pem})
    second = [anchor for anchor in walk("GET", "/api/v1/anchors")["content"] if anchor not in anchors][0]
    walk("DELETE", f"/api/v1/anchors/{second['kid']}")
    return foreign


def devices(walk, server, field, foreign):
    for name in ("g1", "g2", "g3", "g4"):
        walk("POST", "/api/v1/devices", {"name": name, "type": "gateway"})
    walk("GET", "/api/v1/devices?q=" + quote("name==g*"))
    walk("PUT", "/api/v1/devices/g1/group", {"group": "eu/berlin"})
    walk("PUT", "/api/v1/devices/g1/zone", {"zone": "Europe/Berlin"})
    walk("POST", "/api/v1/devices/g1/quarantine", {"reason": "opened"})
    walk("GET", "/api/v1/devices/g1")
    walk("DELETE", "/api/v1/devices/g1/quarantine")
    action = walk("POST", f"/api/v1/releases/{foreign}/deploy", {"devices": ["g1"]})["actions"][0]["id"]
    walk("GET", f"/api/v1/actions/{action}")
    walk("POST", f"/api/v1/actions/{action}/cancel")
    walk("GET", "/api/v1/devices/g1/actions")
    walk("GET", "/api/v1/devices/g1/attributes")
    walk("GET", "/api/v1/devices/g1/why")
    assert field.send(field.make()).status == 200
    assert field.send(field.make(nonce=b"x" * 16)).status == 409
    walk("GET", "/api/v1/devices/lock-1/reports")
    walk("GET", "/api/v1/devices/lock-1/properties")
    walk("GET", "/api/v1/devices/lock-1/refused-reports")
    walk("GET", "/api/v1/refused-reports")
    key = walk("POST", "/api/v1/devices/g1/lwm2m-keys", {"mode": "psk", "identity": "g1"})
    walk("GET", "/api/v1/devices/g1/lwm2m-keys")
    walk("DELETE", f"/api/v1/devices/g1/lwm2m-keys/{key['id']}")
    command = walk("POST", "/api/v1/devices/g1/commands", {"op": "read", "path": "/3/0/0"})
    walk("GET", "/api/v1/devices/g1/commands")
    walk("GET", f"/api/v1/commands/{command['id']}")
    walk("POST", f"/api/v1/commands/{command['id']}/cancel")
    walk("GET", "/api/v1/devices/g1/values")
    walk("GET", "/api/v1/devices/g1/values/newest")


def rollouts(walk, server, foreign):
    body = {"name": "a", "release": foreign, "filter": "name==g2", "groups": 2, "approval": True}
    walk("POST", "/api/v1/rollouts/forecast", body)
    rollout = walk("POST", "/api/v1/rollouts", body)["id"]
    path = f"/api/v1/rollouts/{rollout}"

    def state(wanted):
        until(lambda: walk("GET", path), lambda seen: seen["state"] == wanted)
    state("waiting_for_approval")
    reply = server.api("POST", "/api/v1/users", {"name": "eve", "service": True, "roles": ["approver"]})
    assert reply.status == 201
    approver = server.api("POST", "/api/v1/tokens", {"label": "eve", "user": "eve"}).json["token"]
    walk("POST", path + "/deny?remark=wait", token=approver)
    walk("POST", path + "/approve", token=approver)
    walk("POST", path + "/start")
    walk("GET", "/api/v1/rollouts")
    for tail in ("/groups", "/devices", "/failures", "/clusters", "/course"):
        walk("GET", path + tail)
    walk("POST", path + "/pause")
    walk("POST", path + "/resume")
    walk("POST", path + "/next")
    walk("POST", path + "/stop")

    def quit_and_look():  # its offer, if there was one, is being canceled sooner or later; no device answers here
        for action in server.api("GET", "/api/v1/devices/g2/actions").json["content"]:
            server.api("DELETE", f"/rest/v1/targets/g2/actions/{action['id']}?force=true")
        return walk("GET", path)
    until(quit_and_look, lambda seen: seen["state"] == "stopped")
    retry = walk("POST", path + "/retry")["id"]
    walk("DELETE", f"/api/v1/rollouts/{retry}")
    walk("GET", "/api/v1/overview")
    walk("PUT", "/api/v1/todo/drifted/snooze", {"until": int(time.time() * 1000) + 3600 * 1000})
    walk("GET", "/api/v1/says/overview")
    walk("GET", "/api/v1/says/rollouts/" + str(rollout))
    walk("GET", "/api/v1/versions")
    walk("GET", "/api/v1/completions?q=na")
    walk("PUT", "/api/v1/filters/mine", {"query": "name==g*"})
    walk("GET", "/api/v1/filters")
    walk("DELETE", "/api/v1/filters/mine")


ENTITIES = {
    "targettags": {"name": "alarm"}, "distributionsettags": {"name": "ready"}, "targettypes": {"name": "pump"},
    "targetfilters": {"name": "all", "query": "name==*"},
    "softwaremoduletypes": {"key": "fw", "name": "Firmware"}, "distributionsettypes": {"key": "fws", "name": "Sets"},
    "softwaremodules": {"name": "mod", "version": "1", "type": "os"},
    "distributionsets": {"name": "set", "version": "1", "type": "os"},
}


def metadata(walk, place):
    walk("POST", place + "/metadata", [{"key": "k", "value": "v"}])
    walk("GET", place + "/metadata")
    walk("GET", place + "/metadata/k")
    walk("PUT", place + "/metadata/k", {"key": "k", "value": "w"})
    walk("DELETE", place + "/metadata/k")


def hawkbit(walk, server):
    walk("GET", "/rest/v1/userinfo")
    ids = {}
    for name, body in ENTITIES.items():
        made = walk("POST", f"/rest/v1/{name}", [body])
        ids[name] = made[0]["id"]
        walk("GET", f"/rest/v1/{name}")
        walk("GET", f"/rest/v1/{name}/{ids[name]}")
        walk("PUT", f"/rest/v1/{name}/{ids[name]}", {"name": "all"} if name == "targetfilters" else {"description": "d"})
    for left, word, right in (("distributionsettypes", "mandatorymoduletypes", "softwaremoduletypes"),
                              ("distributionsettypes", "optionalmoduletypes", "softwaremoduletypes"),
                              ("targettypes", "compatibledistributionsettypes", "distributionsettypes")):
        types = f"/rest/v1/{left}/{ids[left]}/{word}"
        walk("POST", types, [{"id": ids[right]}])
        assert [found["id"] for found in walk("GET", types)] == [ids[right]]
        walk("DELETE", f"{types}/{ids[right]}")
    module, dist = f"/rest/v1/softwaremodules/{ids['softwaremodules']}", f"/rest/v1/distributionsets/{ids['distributionsets']}"
    metadata(walk, module)
    metadata(walk, dist)
    data = b"module"
    walk("POST", module + "/artifacts", {"filename": "a.bin", "sha256": server.upload(data)})
    artifact = walk("GET", module + "/artifacts")[0]["id"]
    walk("GET", f"{module}/artifacts/{artifact}")
    walk("GET", f"{module}/artifacts/{artifact}/download")
    walk("POST", dist + "/assignedSM", [{"id": ids["softwaremodules"]}])
    walk("GET", dist + "/assignedSM")
    gateway = [kind for kind in walk("GET", "/rest/v1/targettypes")["content"] if kind["name"] == "gateway"][0]["id"]
    for name in ("t1", "t2", "t3"):
        walk("POST", "/rest/v1/targets", [{"controllerId": name, "targetType": gateway}])
    walk("GET", "/rest/v1/targets")
    walk("GET", "/rest/v1/targets/t1")
    walk("PUT", "/rest/v1/targets/t1", {"name": "first", "description": "of three", "requestAttributes": True})
    walk("GET", "/rest/v1/targets/t1/autoConfirm")
    walk("POST", "/rest/v1/targets/t1/autoConfirm/activate", {"initiator": "ann"})
    walk("GET", "/rest/v1/targets/t1/autoConfirm")
    walk("POST", "/rest/v1/targets/t1/autoConfirm/deactivate")
    metadata(walk, "/rest/v1/targets/t1")
    walk("GET", "/rest/v1/targets/t1/attributes")
    walk("POST", f"/rest/v1/targettags/{ids['targettags']}/assigned/t1")
    walk("DELETE", f"/rest/v1/targettags/{ids['targettags']}/assigned/t1")
    for name, one in (("targettags", "t1"), ("distributionsettags", ids["distributionsets"])):
        tagged = f"/rest/v1/{name}/{ids[name]}/assigned"
        walk("POST", tagged, [one])
        assert walk("GET", tagged)["total"] == 1
        walk("DELETE", tagged, [one])
        walk("POST", f"{tagged}/{one}")
        walk("GET", "/rest/v1/targets/t1/tags")
        walk("DELETE", f"{tagged}/{one}")
    walk("DELETE", "/rest/v1/targets/t1/targettype")
    walk("POST", "/rest/v1/targets/t1/targettype", {"id": gateway})
    walk("POST", "/rest/v1/targets/t1/assignedDS", {"id": ids["distributionsets"], "type": "forced"})
    walk("POST", dist + "/assignedTargets", [{"id": "t2", "confirmationRequired": True}])
    walk("GET", "/rest/v1/targets/t1/assignedDS")
    walk("GET", "/rest/v1/targets/t1/installedDS")
    action = walk("GET", "/rest/v1/targets/t1/actions")["content"][0]["id"]
    walk("GET", f"/rest/v1/targets/t1/actions/{action}")
    walk("PUT", f"/rest/v1/targets/t1/actions/{action}", {"forceType": "forced"})
    walk("GET", f"/rest/v1/targets/t1/actions/{action}/status")
    walk("GET", "/rest/v1/actions?q=" + quote("active==true"))
    walk("GET", f"/rest/v1/actions/{action}")
    walk("DELETE", f"/rest/v1/targets/t1/actions/{action}")
    waiting = walk("GET", "/rest/v1/targets/t2/actions")["content"][0]["id"]
    walk("PUT", f"/rest/v1/targets/t2/actions/{waiting}/confirmation", {"confirmation": "confirmed"})
    hawkbit_rollouts(walk, server, ids["distributionsets"])
    hawkbit_filters(walk, ids)
    other = walk("POST", "/rest/v1/softwaremodules", [{"name": "other", "version": "1", "type": "os"}])[0]["id"]
    spare = walk("POST", "/rest/v1/distributionsets", [{"name": "spare", "version": "1", "type": "os"}])[0]["id"]
    walk("POST", f"/rest/v1/softwaremodules/{other}/artifacts", {"filename": "b.bin", "sha256": server.upload(b"b")})
    extra = walk("GET", f"/rest/v1/softwaremodules/{other}/artifacts")[0]["id"]
    walk("DELETE", f"/rest/v1/softwaremodules/{other}/artifacts/{extra}")
    walk("POST", f"/rest/v1/distributionsets/{spare}/assignedSM", [{"id": other}])
    walk("DELETE", f"/rest/v1/distributionsets/{spare}/assignedSM/{other}")
    for tail in ("assignedTargets", "installedTargets", "statistics", "statistics/rollouts", "statistics/actions", "statistics/autoassignments"):
        walk("GET", f"/rest/v1/distributionsets/{ids['distributionsets']}/{tail}")
    walk("POST", f"/rest/v1/distributionsets/{spare}/invalidate", {"actionCancelationType": "soft"})
    walk("DELETE", f"/rest/v1/distributionsets/{spare}")
    walk("PUT", "/rest/v1/targetgroups/eu/assigned", ["t1"])
    walk("PUT", "/rest/v1/targetgroups/assigned?group=eu", ["t1"])
    walk("PUT", "/rest/v1/targetgroups/eu?q=" + quote("name==t1"))
    walk("PUT", "/rest/v1/targetgroups?group=eu&q=" + quote("name==t1"))
    assert walk("GET", "/rest/v1/targetgroups") == ["eu", "eu/berlin"]
    walk("GET", "/rest/v1/targetgroups/eu/assigned")
    walk("GET", "/rest/v1/targetgroups/assigned?group=eu&subgroups=true")
    walk("DELETE", "/rest/v1/targetgroups/assigned", ["t1"])
    walk("DELETE", "/rest/v1/targetgroups?q=" + quote("name==t1"))
    walk("DELETE", f"/rest/v1/softwaremodules/{other}")
    for name in ("targettags", "distributionsettags", "targettypes", "targetfilters", "softwaremoduletypes", "distributionsettypes"):
        walk("DELETE", f"/rest/v1/{name}/{ids[name]}")
    walk("DELETE", "/rest/v1/targets/t3")


def bulk(walk):
    some = {"filter": "name==g*"}
    walk("POST", "/api/v1/bulk/tag", {**some, "tag": "bulk", "count": None})
    walk("POST", "/api/v1/bulk/untag", {"devices": ["g4"], "tag": "bulk"})
    walk("POST", "/api/v1/bulk/group", {"devices": ["g4"], "group": "eu"})
    walk("POST", "/api/v1/bulk/quarantine", {"devices": ["g4"], "reason": "odd"})
    walk("POST", "/api/v1/bulk/release", {"devices": ["g4"]})


def hawkbit_filters(walk, ids):
    path = f"/rest/v1/targetfilters/{ids['targetfilters']}/autoAssignDS"
    walk("GET", path, status=204)
    walk("POST", path, {"id": ids["distributionsets"], "weight": 7})
    walk("GET", path, status=200)
    assert walk("GET", f"/rest/v1/distributionsets/{ids['distributionsets']}/autoAssignTargetFilters")["total"] == 1
    walk("DELETE", path)
    walk("GET", "/rest/v1/system/configs")
    walk("GET", "/rest/v1/system/configs/pollingTime")
    walk("PUT", "/rest/v1/system/configs/pollingTime", {"value": "00:06:00"})
    walk("PUT", "/rest/v1/system/configs", {"pollingTime": "00:06:00", "rollout.approval.enabled": False})
    walk("DELETE", "/rest/v1/system/configs/pollingTime")


def hawkbit_rollouts(walk, server, dist):
    def make(name):
        rollout = walk("POST", "/rest/v1/rollouts", {"name": name, "distributionSetId": dist, "targetFilterQuery": "name==t3,name==g3",
                                                     "amountGroups": 2})["id"]
        until(lambda: walk("GET", f"/rest/v1/rollouts/{rollout}"), lambda seen: seen["status"] != "creating")
        return f"/rest/v1/rollouts/{rollout}"
    path = make("h1")
    walk("GET", "/rest/v1/rollouts")
    walk("GET", path + "/deploygroups")
    walk("GET", path + "/deploygroups/1")
    walk("GET", path + "/deploygroups/1/targets")
    walk("PUT", path, {"name": "h1, renamed"})
    for verb in ("start", "pause", "resume", "triggerNextGroup", "stop"):
        walk("POST", f"{path}/{verb}")
    spare = make("h4")
    walk("POST", spare + "/stop")
    until(lambda: walk("GET", spare), lambda seen: seen["status"] == "stopped")
    walk("POST", spare + "/retry")
    walk("DELETE", make("h2"))
    waits = walk("POST", "/api/v1/rollouts", {"name": "h3", "release": dist, "filter": "name==t3", "approval": True})["id"]
    until(lambda: walk("GET", f"/rest/v1/rollouts/{waits}"), lambda seen: seen["status"] == "waiting_for_approval")
    reply = server.api("POST", "/api/v1/users", {"name": "fay", "service": True, "roles": ["approver"]})
    assert reply.status == 201
    approver = server.api("POST", "/api/v1/tokens", {"label": "fay", "user": "fay"}).json["token"]
    walk("POST", f"/rest/v1/rollouts/{waits}/deny", token=approver)
    walk("POST", f"/rest/v1/rollouts/{waits}/approve", token=approver)


def test_every_documented_operation_answers_as_it_is_described(walk, server, document, tmp_path):
    field = Field(server, tmp_path)
    people(walk, server)
    foreign = releases(walk, server, field)
    devices(walk, server, field, foreign)
    rollouts(walk, server, foreign)
    hawkbit(walk, server)
    walk("POST", f"/api/v1/releases/{foreign}/recall", {"reason": "wrong key"})
    image = b"image 9"
    server.upload(image)
    assert server.api("POST", "/api/v1/releases?name=app&version=9", field.author.release(field.image, 9),
                      {"Content-Type": "application/suit-envelope+cose"}).status == 201
    walk("GET", f"/api/v1/releases/{field.release['id']}/way-back")
    bulk(walk)
    walk("DELETE", "/api/v1/devices/g4")
    missing = set(document.operations) - walk.done - set(ELSEWHERE)
    assert not missing, sorted(missing)
    assert walk.done <= document.answered


def test_the_comparison_notices_what_is_not_described(server):
    described = json.loads(server.call("people", "GET", "/api/v1/openapi.json").body)
    del described["components"]["schemas"]["Policy"]["properties"]["approvals"]
    reply = server.api("GET", "/api/v1/policy")
    with pytest.raises(AssertionError, match="approvals"):
        Document(described).check("GET", "/api/v1/policy", None, reply)
    described["components"]["schemas"]["Policy"]["properties"]["approvals"] = {"type": "string"}
    with pytest.raises(AssertionError, match="is not of type 'string'"):
        Document(described).check("GET", "/api/v1/policy", None, reply)
    del described["paths"]["/api/v1/policy"]["get"]["responses"]["200"]
    with pytest.raises(AssertionError, match="not described"):
        Document(described).check("GET", "/api/v1/policy", None, reply)
