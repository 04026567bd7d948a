"""Devices that nobody added, for which a gateway's token speaks: hawkBit's plug and play, and what keeps it small."""
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from cose_tool import Key
from server_tool import Server

SECRET = "g" * 40
CONFIGS = "/rest/v1/system/configs"
REGISTERS = "authentication.gatewaytoken.registers.enabled"


def started(tmp_path, *flags):
    running = Server(tmp_path / "state", *flags).start()
    put(running, "authentication.gatewaytoken.key", SECRET)
    put(running, "authentication.gatewaytoken.enabled", True)
    return running


@pytest.fixture
def server(tmp_path):
    running = started(tmp_path)
    yield running
    running.stop()


def put(server, name, value, token=None):
    done = server.api("PUT", f"{CONFIGS}/{name}", {"value": value}, token=token)
    assert done.status == 204, done


def poll(server, name, tail="", token=SECRET, tenant="DEFAULT", method="GET", scheme="GatewayToken"):
    return server.call("devices", method, f"/{tenant}/controller/v1/{name}{tail}", headers={"Authorization": f"{scheme} {token}"})


def names(server, token=None):
    return [device["name"] for device in server.api("GET", "/api/v1/devices", token=token).json["content"]]


def test_a_poll_by_the_gateways_token_adds_the_device(server):
    first = poll(server, "sensor-1")
    assert first.status == 200, first
    assert first.json["_links"].keys() == {"configData"}, "it is asked for its attributes"
    device = server.api("GET", "/api/v1/devices/sensor-1").json
    assert (device["status"], device["type"], device["kid"], device["lastSeen"] is None) == ("registered", None, None, False)
    target = server.api("GET", "/rest/v1/targets/sensor-1").json
    assert (target["updateStatus"], target["requestAttributes"]) == ("registered", True)
    done = server.call("devices", "PUT", "/DEFAULT/controller/v1/sensor-1/configData", b'{"data":{"hw":"2"}}',
                       {"Authorization": f"GatewayToken {SECRET}", "Content-Type": "application/json"})
    assert done.status == 200, done
    assert [poll(server, "sensor-1").status, names(server)] == [200, ["sensor-1"]]
    assert server.api("GET", "/api/v1/devices/sensor-1/attributes").json == {"hw": "2"}
    entries = [entry for entry in server.api("GET", "/api/v1/audit").json["content"] if entry["what"] == "registered"]
    assert [(entry["who"], entry["detail"]) for entry in entries] == [("gateway token", '{"path":["sensor-1"]}')]
    metrics = server.call("people", "GET", "/metrics", headers={"Authorization": f"Bearer {server.token}"}).body.decode()
    assert 'updraft_registrations_total{by="gateway",result="added"} 1' in metrics


def test_f4_nothing_else_adds_a_device(server):
    known = server.add_device("known")
    assert [poll(server, "new", token=token, scheme=scheme).status for scheme, token in
            [("GatewayToken", "y" * 40), ("TargetToken", SECRET), ("TargetToken", known.token), ("Bearer", SECRET)]] == [401, 401, 403, 401]
    assert [poll(server, "new", tail).status for tail in ("/confirmationBase", "/deploymentBase/1", "/installedBase/1")] == [401] * 3
    assert poll(server, "new", method="HEAD").status == 401
    assert poll(server, "new", tenant="nowhere").status == 401
    put(server, REGISTERS, False)
    assert poll(server, "new").status == 401
    assert names(server) == ["known"]
    put(server, REGISTERS, True)
    assert poll(server, "new").status == 200


def test_f4_a_gateway_adds_to_its_own_tenant_only(server):
    acme = server.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
    assert poll(server, "a", tenant="acme").status == 401
    put(server, "authentication.gatewaytoken.key", "h" * 40, token=acme)
    put(server, "authentication.gatewaytoken.enabled", True, token=acme)
    assert [poll(server, "a", tenant="acme").status, poll(server, "a", token="h" * 40).status] == [401, 401]
    assert poll(server, "a", token="h" * 40, tenant="acme").status == 200
    assert [names(server), names(server, token=acme)] == [[], ["a"]]


def test_a_removed_device_does_not_come_back_by_itself(server):
    assert poll(server, "lost").status == 200
    server.api("POST", "/api/v1/devices/lost/quarantine", {"reason": "stolen"})
    assert server.api("DELETE", "/api/v1/devices/lost").status == 204
    assert [poll(server, "lost").status, names(server)] == [401, []]
    server.stop()
    server.start()
    assert [poll(server, "lost").status, names(server)] == [401, []], "it was stored"
    server.add_device("lost", key=Key().pem)
    assert poll(server, "lost").status == 401, "it has a key: the gateway does not speak for it"
    assert server.api("DELETE", "/rest/v1/targets/lost").status == 204
    assert poll(server, "lost").status == 401
    server.add_device("lost")
    assert poll(server, "lost").status == 200


def test_a_quarantined_device_stays_so(server):
    assert poll(server, "ill").status == 200
    server.api("POST", "/api/v1/devices/ill/quarantine", {"reason": "odd"})
    assert poll(server, "ill").status == 200
    assert server.api("GET", "/api/v1/devices/ill").json["quarantine"]["reason"] == "odd"


@pytest.mark.parametrize("name", ["%FF%FE", "a%25b", "x" * 257, "%00", "a%0Ab", "a%5Cb", "%C0%AF"])
def test_c5_names_that_can_stand_nowhere_are_not_added(server, name):
    assert poll(server, name).status in (400, 401, 404)
    assert names(server) == []


def test_c5_a_name_is_kept_as_it_was_sent(server):
    name = "räume/1".replace("/", "-") + " <b>"
    assert poll(server, quote(name)).status == 200
    assert [names(server), poll(server, quote(name)).status] == [[name], 200]


def test_so_many_in_a_minute_and_no_more(tmp_path):
    server = started(tmp_path, "--gateway-new-max", "3")
    try:
        acme = server.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
        put(server, "authentication.gatewaytoken.key", SECRET, token=acme)
        put(server, "authentication.gatewaytoken.enabled", True, token=acme)
        replies = []
        while len(replies) < 100 and (not replies or replies[-1].status == 200):
            replies.append(poll(server, f"n{len(replies)}"))
        late = replies.pop()
        assert len(replies) >= 3
        assert (late.status, late.json["errorCode"]) == (429, "UD_ERR_LIMIT")
        assert 1 <= int(late.headers["Retry-After"]) <= 60
        assert poll(server, "n0").status == 200, "who is in stays in"
        assert poll(server, "other", tenant="acme").status == 200, "one tenant's gateways do not use up another's"
    finally:
        server.stop()


@pytest.mark.parametrize("flags, added", [(("--gateway-new-max", "0"), 0), (("--gateway-devices-max", "2"), 2)])
def test_the_servers_file_bounds_it(tmp_path, flags, added):
    server = started(tmp_path, *flags)
    try:
        statuses = [poll(server, f"d{i}").status for i in range(4)]
        assert statuses == [200] * added + [429 if added else 401] * (4 - added)
        assert len(names(server)) == added
        if added:
            assert server.add_device("by-hand") is not None, "people are not bound by it"
    finally:
        server.stop()


def test_many_polls_at_once_add_one_device(server):
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: poll(server, "same").status, range(40)))
    assert set(replies) == {200}
    assert names(server) == ["same"]
