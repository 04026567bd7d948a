"""hawkBit's system/configs: what a tenant sets for itself holds at once, for it alone, and is in the audit log."""
import json
import time
from urllib.parse import quote

import pytest
from cose_tool import Key
from server_tool import Device, Server
from test_author_net import Person
from test_mgmt_hawkbit import HawkBit

CONFIGS = "/rest/v1/system/configs"
SECRET = "g" * 40


@pytest.fixture
def hawkbit(server):
    server.api("POST", "/api/v1/device-types", {"name": "gateway", "foreign": True})
    return HawkBit(server)


def put(server, name, value, status=204, **more):
    reply = server.api("PUT", f"{CONFIGS}/{name}", {"value": value}, **more)
    assert reply.status == status, reply
    return reply


def value(server, name):
    return server.api("GET", f"{CONFIGS}/{name}").json["value"]


def sleep(device):
    reply = device.call("GET")
    assert reply.status == 200, reply
    return reply.json["config"]["polling"]["sleep"]


def test_a_polling_time_holds_at_the_next_poll_and_until_it_is_removed(server):
    device = server.add_device("d")
    assert sleep(device) == "00:05:00"
    put(server, "pollingTime", "00:07:00")
    assert sleep(device) == "00:07:00"
    shown = server.api("GET", f"{CONFIGS}/pollingTime").json
    assert (shown["value"], shown["global"], shown["createdBy"], shown["lastModifiedBy"]) == ("00:07:00", False, "admin", "admin")
    put(server, "pollingTime", "PT1H")
    assert sleep(device) == "01:00:00"
    again = server.api("GET", f"{CONFIGS}/pollingTime").json
    assert again["createdAt"] == shown["createdAt"] and again["lastModifiedAt"] >= shown["lastModifiedAt"]
    # the ETag covers it: a client that asks with the old one hears of the new interval
    etag = device.call("GET").headers["ETag"]
    assert device.call("GET", headers={"If-None-Match": etag}).status == 304
    put(server, "pollingTime", "00:01:00")
    assert device.call("GET", headers={"If-None-Match": etag}).status == 200
    assert server.api("DELETE", f"{CONFIGS}/pollingTime").status == 204
    assert server.api("GET", f"{CONFIGS}/pollingTime").json == {"value": "00:05:00", "global": True}
    assert sleep(device) == "00:05:00"
    assert server.api("DELETE", f"{CONFIGS}/pollingTime").status == 204


def test_settings_outlive_a_restart(tmp_path):
    running = Server(tmp_path / "state").start()
    device = running.add_device("d")
    put(running, "pollingTime", "00:07:00")
    running.kill()
    running.start()
    try:
        assert sleep(Device(running, "d", device.token)) == "00:07:00"
    finally:
        running.stop()


def test_several_settings_are_set_whole_or_not_at_all(server):
    assert server.api("PUT", CONFIGS, {"pollingTime": "00:10:00", "maintenanceWindowPollCount": 5,
                                       "rollout.approval.enabled": {"value": True, "global": True}}).status == 204
    assert [value(server, name) for name in ("pollingTime", "maintenanceWindowPollCount", "rollout.approval.enabled")] == ["00:10:00", 5, True]
    for wrong in ({"pollingTime": "00:20:00", "rollout.approval.enabled": "yes"}, {"pollingTime": "00:20:00", "no.such": True},
                  {"pollingTime": "00:20:00", "default.ds.type": 999}, {"pollingTime": None}, {"pollingTime": {}}):
        assert server.api("PUT", CONFIGS, wrong).status in (400, 404), wrong
    assert value(server, "pollingTime") == "00:10:00"


@pytest.mark.parametrize("name, wrong", [
    ("pollingTime", ["", 5, True, None, [], "00:00:29", "24:00:00", "1:00:00:00", "00:05:00~51%", "00:05:00, nmae==x -> 00:01:00",
                     "00:05:00, name==x -> 00:00:10", "00:05:00, name==x", "00:05:00, name==x,",
                     "00:05:00" + ", name==x -> 00:01:00" * 17, "00:05:00, name==" + "x" * 1024 + " -> 00:01:00", "00:05:00\n", "00:05:00\0"]),
    ("pollingOverdueTime", ["", 5, "x", "500:00:00:00", True]),
    ("maintenanceWindowPollCount", [0, -1, 1001, "5", 1.5, True]),
    ("rollout.approval.enabled", ["true", 1, None, "yes"]),
    ("authentication.gatewaytoken.key", ["short", 5, "x" * 129, ""]),
    ("authentication.header.authority", ["", 5, None, "x" * 320, "a\nb", "a\0b"]),
    ("authentication.header.enabled", [True]),  # this server's file names no CA of devices
    ("default.ds.type", [0, -1, 99999, "os", True]),
    ("multi.assignments.enabled", [True, "x"]),
    ("anonymous.download.enabled", [True]),
    ("implicit.lock.enabled", [False])])
def test_types_and_ranges_are_checked_and_what_cannot_be_is_said(server, name, wrong):
    before = server.api("GET", CONFIGS).json
    for each in wrong:
        reply = put(server, name, each, status=400)
        assert reply.json["errorCode"].startswith("hawkbit.server.error.") and reply.json["message"], each
    assert server.api("PUT", f"{CONFIGS}/{name}", {"vaule": 1}).status == 400
    assert server.api("GET", CONFIGS).json == before


def test_unknown_names_are_not_found_and_fixed_ones_take_what_they_are(server):
    for method, body in (("GET", None), ("PUT", {"value": True}), ("DELETE", None)):
        assert server.api(method, f"{CONFIGS}/no.such.setting", body).status == 404
    put(server, "multi.assignments.enabled", False)
    shown = server.api("GET", f"{CONFIGS}/multi.assignments.enabled").json
    assert shown["global"] is True and shown["fixed"]


def test_settings_are_for_administrators_of_their_own_tenant(server):
    acme = server.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
    for roles in (["viewer"], ["operator"], ["author"], ["approver"], ["trust"]):
        server.api("POST", "/api/v1/users", {"name": roles[0], "service": True, "roles": roles})
        token = server.api("POST", "/api/v1/tokens", {"label": "t", "user": roles[0]}).json["token"]
        put(server, "pollingTime", "00:09:00", status=403, token=token)
        assert server.api("PUT", CONFIGS, {"pollingTime": "00:09:00"}, token=token).status == 403
        assert server.api("DELETE", f"{CONFIGS}/pollingTime", token=token).status == 403
        assert server.api("GET", CONFIGS, token=token).status == 200
    put(server, "pollingTime", "00:09:00", token=acme)
    assert value(server, "pollingTime") == "00:05:00"
    made = server.api("POST", "/api/v1/devices", {"name": "a"}, token=acme).json
    theirs = Device(server, "a", made["token"])
    theirs.base = "/acme/controller/v1/a"
    assert (sleep(theirs), sleep(server.add_device("d"))) == ("00:09:00", "00:05:00")


def test_every_change_is_in_the_audit_log_without_its_secret(server):
    put(server, "pollingTime", "00:09:00")
    put(server, "authentication.gatewaytoken.key", SECRET)
    assert server.api("DELETE", f"{CONFIGS}/pollingTime").status == 204
    log = server.api("GET", "/api/v1/audit?limit=500").json["content"]
    changes = [(entry["what"].split()[0], json.loads(entry["detail"])) for entry in log if "/system/configs" in entry["what"]]
    assert [method for method, _ in changes] == ["PUT", "PUT", "DELETE"]
    assert [detail["path"] for _, detail in changes] == [["pollingTime"], ["authentication.gatewaytoken.key"], ["pollingTime"]]
    assert changes[0][1]["what"] == {"pollingTime": "00:09:00"}
    assert changes[1][1]["what"] == {"authentication.gatewaytoken.key": "(secret)"}
    assert SECRET not in json.dumps(log)
    assert SECRET not in json.dumps(server.api("GET", CONFIGS).json)
    assert server.api("GET", f"{CONFIGS}/authentication.gatewaytoken.key").json["value"] is None


def test_devices_tokens_can_be_shut_out_and_let_in_again(server):
    device = server.add_device("d")
    put(server, "authentication.targettoken.enabled", False)
    assert device.call("GET").status == 401
    put(server, "authentication.targettoken.enabled", True)
    assert device.call("GET").status == 200


def test_a_gateways_token_of_the_tenants_own(server):
    acme = server.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
    server.add_device("plain")
    server.add_device("locked", key=Key().pem)
    server.api("POST", "/api/v1/devices", {"name": "plain"}, token=acme)

    def status(name, token=SECRET, tenant="DEFAULT"):
        return server.call("devices", "GET", f"/{tenant}/controller/v1/{name}", headers={"Authorization": f"GatewayToken {token}"}).status
    assert status("plain") == 401
    put(server, "authentication.gatewaytoken.key", SECRET)
    assert status("plain") == 401, "a key alone opens nothing"
    put(server, "authentication.gatewaytoken.enabled", True)
    assert [status("plain"), status("locked"), status("plain", tenant="acme")] == [200, 401, 401]
    put(server, "authentication.gatewaytoken.key", "h" * 40)
    assert [status("plain"), status("plain", "h" * 40)] == [401, 200]
    put(server, "authentication.gatewaytoken.enabled", False)
    assert status("plain", "h" * 40) == 401
    put(server, "authentication.gatewaytoken.key", SECRET, token=acme)
    put(server, "authentication.gatewaytoken.enabled", True, token=acme)
    assert [status("plain", tenant="acme"), status("plain")] == [200, 401]


def assigned(hawkbit, name, module, **terms):
    target = hawkbit.target(name, targetType=hawkbit.get("/targettypes")["content"][0]["id"])
    hawkbit.call("POST", f"/targets/{name}/assignedDS", {"id": hawkbit.set_of(module, name=name), **terms}, 200)
    return target


def test_consent_is_asked_for_by_the_tenants_setting(hawkbit):
    server, module = hawkbit.server, hawkbit.module("os")
    assert "deploymentBase" in assigned(hawkbit, "t0", module).links(), "nobody asked for consent"
    put(server, "user.confirmation.flow.enabled", True)
    assert "confirmationBase" in assigned(hawkbit, "t1", module).links(), "as hawkBit: unless it says no"
    assert "deploymentBase" in assigned(hawkbit, "t2", module, confirmationRequired=False).links()
    put(server, "user.confirmation.flow.enabled", False)
    assert "deploymentBase" in assigned(hawkbit, "t3", module, confirmationRequired=True).links()


def test_a_new_action_ends_the_one_before_at_once_where_the_tenant_says_so(hawkbit):
    server, module = hawkbit.server, hawkbit.module("os")
    target = assigned(hawkbit, "t", module)
    second = hawkbit.set_of(module, name="second")
    third = hawkbit.set_of(module, name="third")
    hawkbit.call("POST", "/targets/t/assignedDS", {"id": second}, 200)
    links = target.links()
    assert "cancelAction" in links, "the device has the word"
    put(server, "repository.actions.autoclose.enabled", True)
    hawkbit.call("POST", "/targets/t/assignedDS", {"id": third}, 200)
    assert "deploymentBase" in target.links()
    actions = sorted(hawkbit.get("/targets/t/actions")["content"], key=lambda action: action["id"])
    assert [action["active"] for action in actions] == [False, False, True]
    assert [action["detailStatus"] for action in actions[:2]] == ["canceled", "canceled"]


def test_rollouts_wait_for_approval_where_the_tenant_says_so(hawkbit):
    server, module = hawkbit.server, hawkbit.module("os")
    release = hawkbit.set_of(module)
    put(server, "rollout.approval.enabled", True)
    ours = server.api("POST", "/api/v1/rollouts", {"name": "ours", "release": release, "filter": "name==t*"}).json
    theirs = hawkbit.call("POST", "/rollouts", {"name": "theirs", "distributionSetId": release, "targetFilterQuery": "name==t*"}, 201).json
    for rollout in (ours, theirs):
        assert server.api("GET", f"/api/v1/rollouts/{rollout['id']}").json["approval"] is True
    put(server, "rollout.approval.enabled", False)
    asked = server.api("POST", "/api/v1/rollouts", {"name": "asked", "release": release, "filter": "name==t*", "approval": True}).json
    assert asked["approval"] is True, "who asks for it still gets it"
    put(server, "auto.assignment.approval.enabled", True)
    saved = hawkbit.add("/targetfilters", {"name": "all", "query": "name==t*"})[0]["id"]
    assert hawkbit.call("POST", f"/targetfilters/{saved}/autoAssignDS", {"id": release}).status in (200, 201)
    [by_itself] = [r for r in server.api("GET", "/api/v1/rollouts").json["content"] if r["name"].startswith("all, ")]
    assert by_itself["approval"] is True


def test_sets_without_a_type_get_the_tenants_usual_one(hawkbit):
    server = hawkbit.server
    made = hawkbit.add("/distributionsets", {"name": "a", "version": "1"})[0]
    assert made["type"] == ""
    [os_app] = [kind for kind in hawkbit.get("/distributionsettypes")["content"] if kind["key"] == "os_app"]
    put(server, "default.ds.type", os_app["id"])
    assert hawkbit.add("/distributionsets", {"name": "b", "version": "1"})[0]["type"] == "os_app"
    assert hawkbit.add("/distributionsets", {"name": "c", "version": "1", "type": "os"})[0]["type"] == "os"


def test_a_new_tenant_begins_with_the_usual_types(server):
    acme = server.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
    keys = {name: sorted(kind["key"] for kind in server.api("GET", f"/rest/v1/{name}", token=acme).json["content"])
            for name in ("softwaremoduletypes", "distributionsettypes")}
    assert keys == {"softwaremoduletypes": ["application", "os"], "distributionsettypes": ["app", "os", "os_app"]}
    [os_app] = [kind["id"] for kind in server.api("GET", "/rest/v1/distributionsettypes", token=acme).json["content"] if kind["key"] == "os_app"]
    place = f"/rest/v1/distributionsettypes/{os_app}"
    assert [kind["key"] for kind in server.api("GET", place + "/mandatorymoduletypes", token=acme).json] == ["os"]
    assert [kind["key"] for kind in server.api("GET", place + "/optionalmoduletypes", token=acme).json] == ["application"]
    # its own set type is not the other's: another tenant cannot be pointed at it
    put(server, "default.ds.type", os_app, status=400)


def test_devices_poll_by_the_first_filter_that_they_meet(server):
    put(server, "pollingTime", "01:00:00, group == 'eu' -> 00:02:00, (name==b,attribute.power==battery) -> PT12H, name==c -> 00:03:00~0%")
    a, b, c, d = (server.add_device(name) for name in "abcd")
    assert [sleep(device) for device in (a, b, c, d)] == ["01:00:00", "12:00:00", "00:03:00", "01:00:00"]
    # at the next poll after a change of the device
    assert server.api("PUT", "/api/v1/devices/a/group", {"group": "eu"}).status in (200, 204)
    assert server.api("PUT", "/api/v1/devices/b/group", {"group": "eu"}).status in (200, 204)
    assert [sleep(device) for device in (a, b)] == ["00:02:00", "00:02:00"], "the first one counts"
    assert d.call("PUT", "/configData", {"data": {"power": "battery"}}).status == 200
    assert sleep(d) == "12:00:00"
    # and of the line
    put(server, "pollingTime", "01:00:00, name==a -> 00:04:00")
    assert [sleep(device) for device in (a, b, c, d)] == ["00:04:00", "01:00:00", "01:00:00", "01:00:00"]
    put(server, "pollingTime", "00:30:00")
    assert [sleep(device) for device in (a, d)] == ["00:30:00", "00:30:00"]


def test_an_interval_keeps_devices_apart_by_its_jitter(server):
    put(server, "pollingTime", "01:00:00~10%, group == 'eu' -> 00:10:00~50%")
    for group, low, high in ((None, 54 * 60, 66 * 60), ("eu", 300, 900)):
        told = []
        for n in range(12):
            device = server.add_device(f"{group}-{n}", **({"group": group} if group else {}))
            told.append(sleep(device))
            assert sleep(device) == told[-1], "the same at each poll"
        seconds = [sum(int(part) * unit for part, unit in zip(text.split(":"), (3600, 60, 1))) for text in told]
        assert all(low <= s <= high for s in seconds) and len(set(seconds)) > 3, seconds


def test_a_target_is_overdue_by_what_it_was_told(hawkbit):
    server = hawkbit.server
    put(server, "pollingTime", "01:00:00, name==t -> 00:02:00")
    target = hawkbit.target("t")
    assert sleep(target) == "00:02:00"
    status = hawkbit.get("/targets/t")["pollStatus"]
    assert status["nextExpectedRequestAt"] - status["lastRequestAt"] == 120_000 and status["overdue"] is False


def test_settings_by_command(tls_server, tmp_path):
    person = Person(tls_server, tmp_path / "person").login()
    listed = person.good("settings", "list")
    assert "pollingTime" in listed and "(here always: " in listed
    person.good("settings", "set", "pollingTime", "00:10:00~10%, group == 'eu' -> 00:02:00")
    assert "00:10:00~10%, group == 'eu' -> 00:02:00  (set by admin)" in person.good("settings", "get", "pollingTime")
    person.good("settings", "set", "maintenanceWindowPollCount", "7")
    person.good("settings", "set", "rollout.approval.enabled", "true")
    shown = person.json("settings", "list")
    assert (shown["maintenanceWindowPollCount"]["value"], shown["rollout.approval.enabled"]["value"]) == (7, True)
    person.bad(2, "settings", "set", "authentication.gatewaytoken.key", SECRET)
    person.good("settings", "set", "authentication.gatewaytoken.key", "--value-file", person.secret("gateway", SECRET + "\n"))
    person.good("settings", "reset", "pollingTime")
    assert person.json("settings", "get", "pollingTime") == {"value": "00:05:00", "global": True}
    assert "at character" in person.bad(1, "settings", "set", "pollingTime", "24:00:00")
    person.bad(1, "settings", "get", "no.such")
    person.bad(2, "settings", "get")
    person.bad(2, "settings", "set", "pollingTime")


def test_overdue_in_filters_follows_the_tenants_settings(tmp_path):
    """By created, which every device has; the file's interval is a second, so that nobody waits long."""
    server = Server(tmp_path / "state", "--poll-s", "1").start()
    try:
        acme = server.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
        put(server, "pollingOverdueTime", "10:00:00", token=acme)
        for token in (None, acme):
            assert server.api("POST", "/api/v1/devices", {"name": "old"}, token=token).status == 201

        def overdue(place, field, token=None):
            return len(server.api("GET", f"{place}?q=" + quote(field + "=lt=${overdue_ts}"), token=token).json["content"])
        put(server, "pollingOverdueTime", "00:00:01")
        deadline = time.monotonic() + 60
        while not (overdue("/api/v1/devices", "created") and overdue("/rest/v1/targets", "createdat")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert overdue("/api/v1/devices", "created", acme) == 0, "another tenant's own"
        put(server, "pollingOverdueTime", "10:00:00")
        assert overdue("/api/v1/devices", "created") == 0
    finally:
        server.stop()
