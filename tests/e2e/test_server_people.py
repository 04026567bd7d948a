"""Who may do what: roles, tenants, groups of devices, four eyes, sessions, wrong attempts, the audit log."""
import hashlib
import json
import re
import sqlite3
import struct
from pathlib import Path

import pytest
from server_tool import ROOT, Device, Reply, Server
from test_rollouts import until

# What each role may, written down a second time on purpose: a slip in the server's own table shows here.
RIGHTS = {
    "viewer": {"SELF", "READ"},
    "author": {"SELF", "READ", "UPLOAD"},
    "approver": {"SELF", "READ", "APPROVE"},
    "operator": {"SELF", "READ", "DEPLOY", "DEVICES"},
    "trust": {"SELF", "READ", "TRUST"},
    "administrator": {"SELF", "READ", "PEOPLE", "SETTINGS", "AUDIT"},
}
PASSWORD = "correct horse battery"


def operations():
    """Every route of the people's listener: (method, path, right, keeps to the group)."""
    text = (ROOT / "src/server/routes.c").read_text()
    bases = {name: re.search(rf'#define {name} "([^"]+)"', text)[1] for name in ("API", "REST")}
    rows = re.findall(r'\{UD_LISTEN_PEOPLE,\s*"(\w+)",\s*(\w+)?\s*"([^"]*)",\s*([^,]+),', text)
    found = []
    for method, prefix, path, auth in rows:
        right = re.search(r"UD_(?:MAY|AUTH)_(\w+)", auth)[1]
        found.append((method, bases.get(prefix, "") + path, right, "UD_IN_GROUP" in auth))
    assert len(found) == text.count("UD_LISTEN_PEOPLE,"), "every row is understood"
    return found


def person(server, name, *roles, token=None, **more):
    """A service of these roles; its token."""
    reply = server.api("POST", "/api/v1/users", {"name": name, "service": True, "roles": list(roles), **more}, token=token)
    assert reply.status == 201, reply
    reply = server.api("POST", "/api/v1/tokens", {"label": name, "user": name}, token=token)
    assert reply.status == 201, reply
    return reply.json["token"]


def user(server, name, *roles):
    reply = server.api("POST", "/api/v1/users", {"name": name, "roles": list(roles), "password": PASSWORD})
    assert reply.status == 201, reply


def call(server, token, method, path, body=b"{}"):
    """A request with a body that is JSON, as far as the method has one."""
    headers = {"Content-Type": "application/json"} if method in ("POST", "PUT") else {}
    if path == "/api/v1/events":  # has no end
        connection = server.connection("people")
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"})
        reply = connection.getresponse()
        result = Reply(reply.status, reply.headers, b"" if reply.status == 200 else reply.read())
        connection.close()
        return result
    return server.api(method, path, body if headers else None, headers, token=token)


def error_of(reply):
    """Our name of it; hawkBit's resources have their own beside."""
    return reply.json.get("exceptionClass") or reply.json["errorCode"]


def refused_by_right(reply):
    return reply.status == 403 and error_of(reply) == "UD_ERR_FORBIDDEN"


def test_f1_every_operation_asks_every_role_for_its_right(tmp_path):
    server = Server(tmp_path / "state", "--wrong-secrets-max", "1000000").start()
    tokens = {role: person(server, f"a-{role}", role) for role in RIGHTS}
    for method, path, right, _ in operations():
        # names that nothing has: what is admitted changes nothing
        path = path.replace("{name}", "nobody").replace("{sha256}", "0" * 64).replace("{kid}", "0" * 64)
        path = re.sub(r"\{\w+\}", "999999", path)
        if right == "NONE" or (method, path) == ("DELETE", "/api/v1/session"):
            continue
        assert call(server, "x" * 44, method, path).status == 401, (method, path)
        for role, token in tokens.items():
            reply = call(server, token, method, path)
            assert reply.status != 401, (method, path, role, reply)
            if method != "HEAD" and (reply.body or right not in RIGHTS[role]):
                assert refused_by_right(reply) == (right not in RIGHTS[role]), (method, path, role, reply)
            elif right not in RIGHTS[role]:
                assert reply.status == 403
    server.stop()


@pytest.fixture
def other(server):
    """A second tenant: its owner's token."""
    reply = server.api("POST", "/api/v1/tenants", {"name": "acme"})
    assert reply.status == 201, reply
    return reply.json["token"]


# hawkBit's resources whose path names something of the caller's own, whatever the word
OWN = ("/rest/v1/system/configs/{key}", "/rest/v1/targetgroups/{group}")


def of_hawkbit(server, release, action):
    """One of each of hawkBit's resources, with something below it: what the parameters of their paths are to be."""
    def add(path, body):
        reply = server.api("POST", "/rest/v1/" + path, [body])
        assert reply.status in (200, 201, 204), (path, reply)
        return reply.json[0]["id"] if reply.body and isinstance(reply.json, list) else None
    made = {name: add(name, body) for name, body in (
        ("targettags", {"name": "t"}), ("distributionsettags", {"name": "t"}), ("targettypes", {"name": "pump"}),
        ("softwaremoduletypes", {"key": "fw", "name": "fw"}), ("distributionsettypes", {"key": "fw", "name": "fw"}),
        ("targetfilters", {"name": "f", "query": "name==x"}), ("softwaremodules", {"name": "m", "version": "1", "type": "os"}))}
    pair = {"key": "k", "value": "v"}
    for owner in (f"softwaremodules/{made['softwaremodules']}", f"distributionsets/{release}", "targets/gate-1"):
        add(owner + "/metadata", pair)
    module = f"/rest/v1/softwaremodules/{made['softwaremodules']}/artifacts"
    reply = server.api("POST", module, {"filename": "a.bin", "sha256": hashlib.sha256(b"x" * 100).hexdigest()})
    assert reply.status == 201, reply
    add(f"distributionsettypes/{made['distributionsettypes']}/mandatorymoduletypes", {"id": made["softwaremoduletypes"]})
    add(f"targettypes/{made['targettypes']}/compatibledistributionsettypes", {"id": made["distributionsettypes"]})
    add(f"targettags/{made['targettags']}/assigned", "gate-1")
    add(f"distributionsettags/{made['distributionsettags']}/assigned", release)
    assert server.api("POST", f"/rest/v1/targetfilters/{made['targetfilters']}/autoAssignDS", {"id": release}).status == 200
    reply = server.api("POST", "/rest/v1/rollouts", {"name": "r", "distributionSetId": release, "targetFilterQuery": "name==x"})
    assert reply.status == 201, reply
    first = {**made, "targets": "gate-1", "distributionsets": release, "actions": action, "rollouts": reply.json["id"]}
    more = {"action": action, "artifact": server.api("GET", module).json[0]["id"], "key": "k", "group": 1, "name": "gate-1", "set": release,
            "module": made["softwaremodules"], "type": made["softwaremoduletypes"]}

    def real(path):
        words = path.split("/")
        words[4:5] = [str(first[words[3]]) if word.startswith("{") else word for word in words[4:5]]
        return "/".join(str(more[word[1:-1]]) if word.startswith("{") else word for word in words)
    return real


def test_f1_f2_no_operation_reaches_into_another_tenant(server, other):
    lock = server.add_device("lock-1")
    release = server.foreign_release(b"x" * 100)["id"]
    server.api("POST", "/api/v1/devices", {"name": "gate-1", "type": "gateway"})
    [action] = server.deploy(release, "gate-1")
    person(server, "secret-user", "operator")
    tokens = server.api("GET", "/api/v1/tokens").json["content"]
    digest = hashlib.sha256(b"x" * 100).hexdigest()
    of_path = of_hawkbit(server, release, action)

    def everything():
        for made in server.api("GET", "/rest/v1/rollouts").json["content"]:  # until nothing moves by itself: one waits for a person, one runs
            at_rest = ("ready", "scheduled") if made["name"] == "r" else ("running", "running")
            place = f"/rest/v1/rollouts/{made['id']}"
            until(lambda: (server.api("GET", place).json["status"], server.api("GET", place + "/deploygroups/1").json["status"]),  # noqa: B023
                  lambda seen: seen == at_rest)  # noqa: B023
        paths = ["/api/v1/devices", "/api/v1/releases", "/api/v1/users", "/api/v1/tokens"]
        paths += [of_path(path) for method, path, right, _ in operations() if method == "GET" and right == "READ" and path.startswith("/rest/")
                  and not path.startswith(OWN) and not path.endswith("/download")]
        replies = {path: server.api("GET", path) for path in paths}
        return {path: re.sub(rb'"lastModifiedAt":\d+', b"", reply.body) for path, reply in replies.items() if reply.status == 200}
    before = everything()
    assert len(before) > 50
    values = {"/devices": "lock-1", "/releases": str(release), "/actions": str(action), "/users": "secret-user",
              "/tokens": str(tokens[-1]["id"]), "/artifacts": digest, "/anchors": "0" * 64}
    bodies = {"/api/v1/releases/{id}/deploy": {"devices": ["lock-1"]}, "/api/v1/devices/{name}/group": {"group": "x"},
              "/api/v1/users/{name}": {"disabled": True}, "/api/v1/tokens": {"label": "a", "user": "secret-user"}}
    # what would do something, were the thing theirs
    rich = {"id": release, "name": "stolen", "description": "stolen", "controllerId": "gate-1", "key": "k", "value": "stolen", "query": "name==y",
            "forceType": "forced", "confirmation": "denied", "actionCancelationType": "soft", "filename": "b.bin", "sha256": digest}
    checked = 0
    for method, path, right, _ in operations():
        if right in ("NONE", "TENANTS") or path == "/api/v1/session" or path.startswith(OWN):
            continue
        resource = next((value for prefix, value in values.items() if path.startswith("/api/v1" + prefix)), "1")
        rest = path.startswith("/rest/")
        real = of_path(path) if rest and "{" in path else re.sub(r"\{\w+\}", resource, path)
        body = json.dumps(rich if rest and "{" in path else bodies.get(path, {})).encode()
        reply = call(server, other, method, real, body)
        if "{" in path:
            checked += 1
            if (method, path) == ("PUT", "/api/v1/artifacts/{sha256}"):
                assert reply.status != 200
                continue
            assert reply.status in (400, 403, 404, 415), (method, path, reply)
        elif method == "GET":
            for word in (b"lock-1", b"gate-1", b"secret-user", digest.encode()):
                assert word not in reply.body, (path, reply)
    assert checked > 130
    assert before == everything()
    # only the default tenant's owner makes tenants
    assert refused_by_right(server.api("POST", "/api/v1/tenants", {"name": "b"}, token=other))
    assert refused_by_right(server.api("GET", "/api/v1/tenants", token=other))
    assert lock.call("GET").status == 200


def test_tenants_share_names_and_neither_sees_the_other(server, other):
    ours = server.add_device("lock-1")
    reply = server.api("POST", "/api/v1/devices", {"name": "lock-1"}, token=other)
    theirs = Device(server, "lock-1", reply.json["token"])
    theirs.base = "/AcMe/controller/v1/lock-1"
    assert theirs.call("GET").status == 200 and ours.call("GET").status == 200
    theirs.base, ours.base = ours.base, theirs.base
    assert theirs.call("GET").status == 403 and ours.call("GET").status == 403
    ours.base = "/nobody/controller/v1/lock-1"
    assert ours.call("GET").status == 401
    assert server.api("POST", "/api/v1/tenants", {"name": "ACME"}).status == 409
    assert server.api("POST", "/api/v1/tenants", {"name": "a/b"}).status == 400


def test_f3_nobody_raises_their_own_rights(server):
    admin = person(server, "boss", "administrator")
    for change in ({"roles": ["administrator", "operator"]}, {"group": ""}, {"disabled": False}, {"subject": "x"}):
        assert refused_by_right(server.api("PUT", "/api/v1/users/boss", change, token=admin)), change
    # an administrator makes no owner, and changes none
    assert refused_by_right(server.api("POST", "/api/v1/users", {"name": "o", "roles": ["owner"]}, token=admin))
    assert refused_by_right(server.api("PUT", "/api/v1/users/admin", {"roles": ["viewer"]}, token=admin))
    assert refused_by_right(server.api("DELETE", "/api/v1/users/admin", token=admin))
    assert refused_by_right(server.api("POST", "/api/v1/tokens", {"label": "o", "user": "admin"}, token=admin))
    # a token has no more than its person, and a person without the right makes none for others
    viewer = person(server, "eve", "viewer")
    assert refused_by_right(server.api("POST", "/api/v1/tokens", {"label": "t", "roles": ["operator"]}, token=viewer))
    assert refused_by_right(server.api("POST", "/api/v1/tokens", {"label": "t", "user": "boss"}, token=viewer))
    listed = server.api("GET", "/api/v1/tokens", token=viewer).json["content"]
    assert [t["user"] for t in listed] == ["eve"]
    foreign = [t["id"] for t in server.api("GET", "/api/v1/tokens").json["content"] if t["user"] == "boss"]
    assert server.api("DELETE", f"/api/v1/tokens/{foreign[0]}", token=viewer).status == 404


def test_author_and_operator_are_two_people(server):
    reply = server.api("POST", "/api/v1/users", {"name": "both", "roles": ["author", "operator"], "service": True})
    assert (reply.status, reply.json["errorCode"]) == (403, "UD_ERR_SEPARATION")
    person(server, "one", "author")
    reply = server.api("PUT", "/api/v1/users/one", {"roles": ["operator", "author"]})
    assert (reply.status, reply.json["errorCode"]) == (403, "UD_ERR_SEPARATION")


def test_a_token_and_its_person_can_be_limited_and_ended(server):
    token = person(server, "robot", "author", "approver")
    reply = server.api("POST", "/api/v1/tokens", {"label": "less", "roles": ["author"], "days": 1}, token=token)
    less = reply.json["token"]
    assert server.api("GET", "/api/v1/whoami", token=less).json["roles"] == ["author"]
    assert refused_by_right(server.api("POST", "/api/v1/releases/1/approvals", token=less))
    assert server.api("POST", "/api/v1/releases/1/approvals", token=token).status == 404
    # a role taken from the person is gone from every token
    reply = server.api("POST", "/api/v1/tokens", {"label": "longer"}, token=less)  # makes nothing that has or lasts more
    assert reply.json["roles"] == ["author"]
    ends = {t["label"]: t["expiresAt"] for t in server.api("GET", "/api/v1/tokens").json["content"]}
    assert ends["longer"] == ends["less"] and ends["robot"] is None
    server.api("PUT", "/api/v1/users/robot", {"roles": ["viewer"]})
    assert refused_by_right(server.api("GET", "/api/v1/whoami", token=less))
    assert refused_by_right(server.api("GET", "/api/v1/devices", token=less))
    server.api("PUT", "/api/v1/users/robot", {"disabled": True})
    assert server.api("GET", "/api/v1/whoami", token=token).status == 401
    server.api("PUT", "/api/v1/users/robot", {"disabled": False})
    assert server.api("GET", "/api/v1/whoami", token=token).status == 200
    assert server.api("DELETE", "/api/v1/users/robot").status == 204
    assert server.api("GET", "/api/v1/whoami", token=token).status == 401


def test_a_token_ends_at_its_time(tmp_path):
    server = Server(tmp_path / "state", store="sqlite").start()  # its rows are changed behind its back
    reply = server.api("POST", "/api/v1/tokens", {"label": "short", "days": 1})
    token = reply.json["token"]
    assert server.api("GET", "/api/v1/whoami", token=token).status == 200
    server.stop()
    database = sqlite3.connect(tmp_path / "state" / "updraft.db")
    database.execute("UPDATE token SET expires_ms=1 WHERE name='short'")
    database.commit()
    database.close()
    server.start()
    reply = server.api("GET", "/api/v1/whoami", token=token)
    assert (reply.status, reply.json["errorCode"]) == (401, "UD_ERR_EXPIRED")
    server.stop()


def test_four_eyes_before_a_release_is_delivered(server):
    author = person(server, "ann", "author", "approver")
    approver = person(server, "bob", "approver")
    operator = person(server, "oscar", "operator")
    data = b"firmware" * 10
    server.api("POST", "/api/v1/device-types", {"name": "gateway", "foreign": True})
    server.add_device("gate-1", type="gateway")
    digest = hashlib.sha256(data).hexdigest()
    assert server.api("PUT", f"/api/v1/artifacts/{digest}", data, token=author).status == 201
    release = server.api("POST", "/api/v1/foreign-releases",
                         {"name": "os", "version": "1", "deviceType": "gateway",
                          "artifacts": [{"filename": "a", "sha256": digest}]}, token=author).json["id"]
    deploy = lambda token: server.api("POST", f"/api/v1/releases/{release}/deploy", {"devices": ["gate-1"]}, token=token)
    assert server.api("PUT", "/api/v1/policy", {"approvals": 1}).json == {"approvals": 1}
    assert deploy(operator).json["errorCode"] == "UD_ERR_APPROVAL"
    # who uploaded it does not approve it
    reply = server.api("POST", f"/api/v1/releases/{release}/approvals", token=author)
    assert (reply.status, reply.json["errorCode"]) == (403, "UD_ERR_SEPARATION")
    assert deploy(operator).json["errorCode"] == "UD_ERR_APPROVAL"
    assert server.api("POST", f"/api/v1/releases/{release}/approvals", token=approver).status == 204
    assert server.api("POST", f"/api/v1/releases/{release}/approvals", token=approver).status == 204
    listed = server.api("GET", f"/api/v1/releases/{release}/approvals", token=operator).json
    assert [a["user"] for a in listed["content"]] == ["bob"]
    # the same approver twice is one approval
    server.api("PUT", "/api/v1/policy", {"approvals": 2})
    assert deploy(operator).json["errorCode"] == "UD_ERR_APPROVAL"
    server.api("PUT", "/api/v1/policy", {"approvals": 1})
    assert deploy(operator).status == 200


def test_four_eyes_are_four_over_hawkbits_api_too(server):
    ann, carl = (person(server, name, "author", "approver") for name in ("ann", "carl"))
    bob, oscar = person(server, "bob", "approver"), person(server, "oscar", "operator")
    server.api("POST", "/api/v1/device-types", {"name": "gateway", "foreign": True})
    server.add_device("gate-1", type="gateway")
    digests = [hashlib.sha256(data).hexdigest() for data in (b"one" * 10, b"two" * 10)]
    for data, digest in zip((b"one" * 10, b"two" * 10), digests):
        assert server.api("PUT", f"/api/v1/artifacts/{digest}", data, token=ann).status == 201

    def rest(token, path, body, status):
        reply = server.api("POST", "/rest/v1" + path, body, token=token)
        assert reply.status == status, reply
        return reply.json if reply.body else None
    module = rest(ann, "/softwaremodules", [{"name": "m", "version": "1", "type": "os"}], 201)[0]["id"]
    rest(ann, f"/softwaremodules/{module}/artifacts", {"filename": "a", "sha256": digests[0]}, 201)
    release = rest(carl, "/distributionsets", [{"name": "s", "version": "1", "type": "os", "modules": [{"id": module}]}], 201)[0]["id"]
    approvals = f"/api/v1/releases/{release}/approvals"
    deploy = lambda: server.api("POST", f"/api/v1/releases/{release}/deploy", {"devices": ["gate-1"]}, token=oscar)
    server.api("PUT", "/api/v1/policy", {"approvals": 1})
    for hand in (ann, carl):  # who made its module, and who made the set
        reply = server.api("POST", approvals, token=hand)
        assert (reply.status, reply.json["errorCode"]) == (403, "UD_ERR_SEPARATION")
    assert server.api("POST", approvals, token=bob).status == 204
    # what was approved is what is delivered: another content asks again
    rest(ann, f"/softwaremodules/{module}/artifacts", {"filename": "b", "sha256": digests[1]}, 201)
    assert server.api("GET", approvals, token=oscar).json["content"] == []
    assert deploy().json["errorCode"] == "UD_ERR_APPROVAL"
    assert server.api("POST", approvals, token=bob).status == 204
    assert server.api("DELETE", f"/rest/v1/distributionsets/{release}/assignedSM/{module}", token=carl).status in (200, 204)
    assert deploy().json["errorCode"] == "UD_ERR_APPROVAL"
    rest(carl, f"/distributionsets/{release}/assignedSM", [{"id": module}], 200)
    assert deploy().json["errorCode"] == "UD_ERR_APPROVAL"
    assert server.api("POST", approvals, token=bob).status == 204
    # ... and in a rollout, before anything was given, it stays
    body = {"name": "r", "release": release, "filter": "name==gate-1", "approval": True}
    rollout = server.api("POST", "/api/v1/rollouts", body, token=oscar).json["id"]
    assert rest(ann, f"/softwaremodules/{module}/artifacts", {"filename": "c", "sha256": digests[1]}, 423)["errorCode"]
    assert server.api("DELETE", f"/rest/v1/softwaremodules/{module}", token=ann).status == 423
    until(lambda: server.api("GET", f"/api/v1/rollouts/{rollout}").json["state"], lambda state: state == "waiting_for_approval")
    for place in ("/api/v1", "/rest/v1"):
        for hand in (ann, carl):
            reply = server.api("POST", f"{place}/rollouts/{rollout}/approve", token=hand)
            assert reply.status == 403 and b"UD_ERR_SEPARATION" in reply.body, reply
    assert server.api("POST", f"/rest/v1/rollouts/{rollout}/approve", token=bob).status == 204
    assert server.api("POST", f"/api/v1/rollouts/{rollout}/start", token=oscar).status == 200


def test_who_uploaded_does_not_start_the_delivery_where_four_eyes_are_asked_for(server):
    release = server.foreign_release(b"z" * 50)["id"]  # by the owner, who could do both
    server.add_device("gate-1", type="gateway")
    approver = person(server, "bob", "approver")
    server.api("PUT", "/api/v1/policy", {"approvals": 1})
    assert server.api("POST", f"/api/v1/releases/{release}/approvals", token=approver).status == 204
    reply = server.api("POST", f"/api/v1/releases/{release}/deploy", {"devices": ["gate-1"]})
    assert (reply.status, reply.json["errorCode"]) == (403, "UD_ERR_SEPARATION")


def test_people_of_a_group_see_and_change_its_devices_only(server):
    server.api("POST", "/api/v1/device-types", {"name": "gateway", "foreign": True})
    for name, group in (("b-1", "eu/berlin"), ("p-1", "eu/paris"), ("t-1", "asia/tokyo"), ("x-1", "eu-west"), ("n-1", "")):
        server.add_device(name, type="gateway", group=group)
    release = server.foreign_release(b"q" * 64)["id"]
    local = person(server, "lena", "operator", group="eu")
    names = [d["name"] for d in server.api("GET", "/api/v1/devices", token=local).json["content"]]
    assert names == ["b-1", "p-1"]
    assert server.api("GET", "/api/v1/devices?limit=1", token=local).json["total"] == 2
    [hidden] = server.deploy(release, "t-1")
    [shown] = server.deploy(release, "b-1")
    for method, path in (("GET", ""), ("GET", "/actions"), ("GET", "/reports"), ("DELETE", "")):
        assert server.api(method, f"/api/v1/devices/t-1{path}", token=local).status == 404, (method, path)
    assert server.api("GET", f"/api/v1/actions/{hidden}", token=local).status == 404
    assert server.api("POST", f"/api/v1/actions/{hidden}/cancel", token=local).status == 404
    assert server.api("GET", f"/api/v1/actions/{shown}", token=local).status == 200
    reply = server.api("POST", f"/api/v1/releases/{release}/deploy", {"devices": ["p-1", "x-1"]}, token=local)
    assert reply.status == 404
    assert server.api("GET", "/api/v1/devices/p-1", token=local).json["action"] is None
    assert server.api("POST", f"/api/v1/releases/{release}/deploy", {"devices": ["p-1"]}, token=local).status == 200
    # a new device joins the group; another group is refused; moving devices is for people of all groups
    assert server.api("POST", "/api/v1/devices", {"name": "new"}, token=local).status == 201
    assert server.api("GET", "/api/v1/devices/new").json["group"] == "eu"
    reply = server.api("POST", "/api/v1/devices", {"name": "far", "group": "asia"}, token=local)
    assert (reply.status, reply.json["errorCode"]) == (403, "UD_ERR_GROUP")
    reply = server.api("PUT", "/api/v1/devices/p-1/group", {"group": "asia"}, token=local)
    assert (reply.status, reply.json["errorCode"]) == (403, "UD_ERR_GROUP")
    assert server.api("PUT", "/api/v1/devices/t-1/group", {"group": "eu/rome"}).status == 204
    assert server.api("GET", "/api/v1/devices/t-1", token=local).status == 200


def test_an_operation_that_does_not_keep_to_groups_refuses_people_who_have_one(server):
    for role in RIGHTS:
        token = person(server, f"g-{role}", role, group="eu")
        for method, path, right, in_group in operations():
            if right not in RIGHTS[role] or in_group:
                continue
            reply = call(server, token, method, re.sub(r"\{\w+\}", "1", path))
            assert error_of(reply) == "UD_ERR_GROUP", (role, method, path, reply)


def test_f2_no_operation_reaches_a_device_of_another_group(server):
    """All operations whose path names a device, or an action of one."""
    release = server.foreign_release(b"x" * 100)["id"]
    server.api("POST", "/api/v1/devices", {"name": "gate-1", "type": "gateway", "group": "us"})
    [action] = server.deploy(release, "gate-1")
    of_path = of_hawkbit(server, release, action)
    tokens = [person(server, f"g-{role}", role, group="eu") for role in ("viewer", "operator")]
    rich = {"id": release, "name": "stolen", "key": "k", "value": "stolen", "forceType": "forced", "confirmation": "denied", "reason": "stolen",
            "zone": "UTC", "mode": "psk", "identity": "x", "op": "read", "path": "/3/0/0"}
    checked = set()
    for method, path, right, in_group in operations():
        if not in_group or not re.search(r"/(devices|targets|assigned|actions)/\{", path):
            continue
        real = of_path(path) if path.startswith("/rest/") else re.sub(r"\{\w+\}", str(action) if "/actions/" in path else "gate-1", path)
        if "/distributionsettags/" in path:
            continue
        for token in tokens:
            reply = call(server, token, method, real, json.dumps(rich).encode())
            no_road = path.endswith(("/commands", "/poll")) and reply.status == 409  # the server speaks neither CoAP nor MQTT
            assert (reply.status in (400, 403, 404, 415) or no_road) and b"gate-1" not in reply.body, (method, path, reply)
            if reply.status == 404:
                checked.add((method, path))
    assert len(checked) > 40, len(checked)
    seen = server.api("GET", "/rest/v1/targets/gate-1").json
    assert (seen["name"], seen["group"], seen["updateStatus"]) == ("gate-1", "us", "pending")
    assert server.api("GET", f"/rest/v1/actions/{action}").json["detailStatus"] == "running"
    assert server.api("GET", "/rest/v1/targets/gate-1/metadata/k").json["value"] == "v"
    assert [tag["name"] for tag in server.api("GET", "/rest/v1/targets/gate-1/tags").json] == ["t"]


# --- sessions

def login(server, name, password=PASSWORD, **more):
    return server.call("people", "POST", "/api/v1/session", json.dumps({"user": name, "password": password, **more}),
                       {"Content-Type": "application/json", **more.pop("headers", {})})


def cookie_of(reply):
    return reply.headers["Set-Cookie"].split(";")[0]


def test_f8_a_session_changes_nothing_without_the_token_of_its_own_page(server):
    user(server, "carol", "operator")
    reply = login(server, "carol")
    assert reply.status == 201
    cookie, csrf = cookie_of(reply), reply.json["csrf"]
    attributes = {part.strip().lower() for part in reply.headers["Set-Cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    send = lambda method, path, body=None, **headers: server.call(
        "people", method, path, body, {"Cookie": cookie, "Content-Type": "application/json", **headers})
    assert send("GET", "/api/v1/devices").status == 200
    assert send("GET", "/api/v1/whoami").json["csrf"] == csrf
    for wrong in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": csrf[:-1]}):
        reply = send("POST", "/api/v1/devices", json.dumps({"name": "d"}), **wrong)
        assert (reply.status, reply.json["errorCode"]) == (403, "UD_ERR_CSRF"), wrong
    assert send("POST", "/api/v1/devices", json.dumps({"name": "d"}), **{"X-CSRF-Token": csrf}).status == 201
    # another session's token does not fit
    other = login(server, "carol").json["csrf"]
    assert send("DELETE", "/api/v1/devices/d", **{"X-CSRF-Token": other}).json["errorCode"] == "UD_ERR_CSRF"
    assert send("DELETE", "/api/v1/session", **{"X-CSRF-Token": csrf}).status == 204
    assert send("GET", "/api/v1/whoami").status == 401


def test_f8_a_login_takes_over_no_session_that_was_there_before(server):
    user(server, "carol", "viewer")
    planted = "updraft=" + "A" * 44
    reply = server.call("people", "POST", "/api/v1/session", json.dumps({"user": "carol", "password": PASSWORD}),
                        {"Content-Type": "application/json", "Cookie": planted})
    assert reply.status == 201 and cookie_of(reply) != planted
    assert server.call("people", "GET", "/api/v1/whoami", None, {"Cookie": planted}).status == 401


def test_sessions_end_when_the_person_changes(server):
    user(server, "carol", "operator")
    cookie = cookie_of(login(server, "carol"))
    who = lambda: server.call("people", "GET", "/api/v1/whoami", None, {"Cookie": cookie}).status
    assert who() == 200
    server.api("PUT", "/api/v1/users/carol", {"password": "another long password"})
    assert who() == 401
    assert login(server, "carol").status == 401
    assert login(server, "carol", "another long password").status == 201


def test_over_tls_the_cookie_is_for_tls_and_this_host_only(tls_server):
    user(tls_server, "carol", "viewer")
    header = login(tls_server, "carol").headers["Set-Cookie"]
    assert header.startswith("__Host-updraft=") and "; Secure" in header


def test_wrong_passwords_lock_the_account_for_that_address_and_say_how_long(server):
    user(server, "carol", "viewer")
    for _ in range(10):
        assert login(server, "carol", "wrong password!").json["errorCode"] == "UD_ERR_AUTH"
    reply = login(server, "carol")
    assert (reply.status, reply.json["errorCode"]) == (429, "UD_ERR_LOCKED")
    assert 0 < int(reply.headers["Retry-After"]) <= 900
    # an unknown name is answered in the same words
    for _ in range(10):
        assert login(server, "nobody", "wrong password!").json["errorCode"] == "UD_ERR_AUTH"
    assert login(server, "nobody").status == 429
    user(server, "dave", "viewer")
    assert login(server, "dave").status == 201


def test_wrong_tokens_from_one_address_are_answered_only_so_often(tmp_path):
    server = Server(tmp_path / "state", "--wrong-secrets-max", "5").start()
    for _ in range(5):
        assert server.api("GET", "/api/v1/whoami", token="y" * 44).status == 401
    reply = server.api("GET", "/api/v1/whoami")  # even the right one: who guesses learns nothing more
    assert (reply.status, reply.json["errorCode"]) == (429, "UD_ERR_LOCKED")
    server.stop()


def test_f10_a_new_server_has_no_password_and_one_secret_that_only_its_file_knows(server):
    users = server.api("GET", "/api/v1/users").json["content"]
    assert [(u["name"], u["service"], u["password"]) for u in users] == [("admin", True, False)]
    for password in ("admin", "updraft", "password", ""):
        assert login(server, "admin", password).status in (400, 401)
    assert (server.state / "admin.token").stat().st_mode & 0o777 == 0o600
    assert server.token not in server.log_text()


def test_short_and_long_passwords_are_refused(server):
    for password in ("short", "x" * 129, ""):
        reply = server.api("POST", "/api/v1/users", {"name": "p", "roles": ["viewer"], "password": password})
        assert reply.status == 400, password
    stored = b"".join(p.read_bytes() for p in server.state.glob("updraft.db*"))
    assert PASSWORD.encode() not in stored
    user(server, "carol", "viewer")
    stored = b"".join(p.read_bytes() for p in server.state.glob("updraft.db*"))
    assert PASSWORD.encode() not in stored


# --- the audit log

def entry_hash(entry, before):
    text = before + struct.pack(">qqq", entry["tenant"], entry["n"], entry["at"])
    for name in ("who", "what", "detail"):
        value = entry[name].encode()
        text += struct.pack(">I", len(value)) + value
    return hashlib.sha256(text).digest()


def chain(entries, before=bytes(32)):
    """The number of the first entry that does not fit; None when all do."""
    for number, entry in enumerate(entries, 1):
        before = entry_hash(entry, before)
        if entry["n"] != number or before.hex() != entry["hash"]:
            return number
    return None


def test_every_change_of_a_person_is_in_the_audit_log_and_the_chain_holds(server):
    user(server, "carol", "operator")
    reply = login(server, "carol")
    server.add_device("lock-1")
    server.api("DELETE", "/api/v1/devices/nobody")  # refused: not in the log
    server.api("DELETE", "/api/v1/devices/lock-1")
    log = server.api("GET", "/api/v1/audit?limit=500").json["content"]
    assert [(e["who"], e["what"]) for e in log] == [
        ("admin", "POST /api/v1/users"), ("carol", "POST /api/v1/session"),
        ("admin", "POST /api/v1/devices"), ("admin", "DELETE /api/v1/devices/{name}")]
    assert json.loads(log[-1]["detail"])["path"] == ["lock-1"]
    assert PASSWORD not in json.dumps(log) and reply.json["csrf"] not in json.dumps(log)
    assert chain(log) is None


@pytest.mark.parametrize("change", ["UPDATE audit SET who='eve' WHERE n=2", "DELETE FROM audit WHERE n=2",
                                    "UPDATE audit SET at_ms=at_ms+1 WHERE n=3", "UPDATE audit SET n=9 WHERE n=1"])
def test_f14_an_entry_that_was_changed_or_removed_breaks_the_chain(tmp_path, change):
    server = Server(tmp_path / "state", store="sqlite").start()
    for n in range(4):
        server.add_device(f"d-{n}")
    assert chain(server.api("GET", "/api/v1/audit").json["content"]) is None
    server.stop()
    database = sqlite3.connect(tmp_path / "state" / "updraft.db")
    database.execute(change)
    database.commit()
    database.close()
    server.start()
    assert chain(server.api("GET", "/api/v1/audit").json["content"]) is not None
    server.stop()
