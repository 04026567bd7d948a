"""Devices on DDI: who gets in, and a foreign release's whole way as third-party clients go it."""
import hashlib
import itertools
import signal
import socket
import threading

import pytest
from cose_tool import cbor, uncbor
from server_tool import Server

DATA = b"not really a firmware" * 1000


@pytest.fixture
def gateway(server):
    release = server.foreign_release(DATA)
    device = server.add_device("gw-1", type="gateway")
    return server, device, release["id"]


def test_a_device_gets_in_with_its_own_token_only(server):
    one, two = server.add_device("one"), server.add_device("two")
    assert one.call("GET").status == 200
    headers = {"Authorization": f"TargetToken {one.token}"}
    assert server.call("devices", "GET", two.base, headers=headers).status == 403
    assert server.call("devices", "GET", "/DEFAULT/controller/v1/unknown", headers=headers).status == 403
    assert server.call("devices", "GET", "/other/controller/v1/one", headers=headers).status == 401
    for wrong in ({}, {"Authorization": "TargetToken wrong"}, {"Authorization": f"Bearer {one.token}"},
                  {"Authorization": f"GatewayToken {one.token}"}, {"Authorization": f"TargetToken {one.token}x"},
                  {"Authorization": "TargetToken " + "x" * 5000}):
        assert server.call("devices", "GET", one.base, headers=wrong).status == 401
        assert server.call("devices", "GET", "/DEFAULT/controller/v1/unknown", headers=wrong).status == 401


def test_tenant_is_read_in_any_case(server):
    device = server.add_device("one")
    for tenant in ("default", "DEFAULT", "Default"):
        assert device.call("GET", f"http://x/{tenant}/controller/v1/one").status == 200


def test_a_removed_device_does_not_get_in_again(gateway):
    server, device, release = gateway
    server.deploy(release, "gw-1")
    device.feedback(1, "proceeding", "none", "x")
    assert server.api("DELETE", "/api/v1/devices/gw-1").status == 204
    assert device.call("GET").status == 401
    assert server.api("GET", "/api/v1/actions/1").status == 404
    again = server.add_device("gw-1", type="gateway")
    assert "deploymentBase" not in again.links()


def test_poll_says_when_to_come_again_and_what_to_do(gateway):
    server, device, release = gateway
    poll = device.call("GET").json
    assert poll["config"]["polling"]["sleep"] == "00:05:00"
    assert set(poll["_links"]) == {"configData"}
    [action] = server.deploy(release, "gw-1")
    assert f"/gw-1/deploymentBase/{action}" in device.links()["deploymentBase"]


def test_poll_answers_304_while_nothing_changed(gateway):
    server, device, release = gateway
    etag = device.call("GET").headers["ETag"]
    assert device.call("GET", headers={"If-None-Match": etag}).status == 304
    server.deploy(release, "gw-1")
    assert device.call("GET", headers={"If-None-Match": etag}).status == 200


def test_media_type_is_hal_unless_plain_json_is_asked_for(gateway):
    _, device, _ = gateway
    assert device.call("GET").headers["Content-Type"] == "application/hal+json"
    reply = device.call("GET", headers={"Accept": "application/json;charset=UTF-8"})
    assert reply.headers["Content-Type"] == "application/json"


def test_offer_holds_what_every_known_client_needs(gateway):
    server, device, release = gateway
    [action] = server.deploy(release, "gw-1")
    offer = device.call("GET", device.links()["deploymentBase"]).json
    assert offer["id"] == str(action)
    assert offer["deployment"]["download"] == offer["deployment"]["update"] == "forced"
    [chunk] = offer["deployment"]["chunks"]
    assert (chunk["part"], chunk["name"], chunk["version"]) == ("os", "os", "1.0")
    [artifact] = chunk["artifacts"]
    assert artifact["filename"] == "image.swu" and artifact["size"] == len(DATA)
    assert artifact["hashes"] == {name: hashlib.new(name, DATA).hexdigest() for name in ("sha1", "md5", "sha256")}
    links = artifact["_links"]
    assert set(links) == {"download", "download-http", "md5sum", "md5sum-http"}
    assert device.call("GET", links["download"]["href"]).body == DATA
    assert device.call("GET", links["md5sum"]["href"]).body == \
        f"{artifact['hashes']['md5']}  image.swu".encode()


def swupdate_succeeds(device, action):
    """The order in which suricatta speaks, with its numbers where strings are usual."""
    href = device.links()["deploymentBase"]
    device.call("GET", href)
    for details in (["Installing Update Chunk Artifacts."], ["Installed Chunk."], ["All Chunks Installed."]):
        body = {"id": action, "time": "20240101T120000",
                "status": {"execution": "proceeding", "result": {"finished": "none", "progress": {"cnt": 0, "of": 0}},
                           "details": details}}
        assert device.call("POST", f"/deploymentBase/{action}/feedback", body).status == 200
    body["status"] = {"execution": "closed", "result": {"finished": "success"}, "details": [""]}
    reply = device.call("POST", f"/deploymentBase/{action}/feedback", body)
    assert (reply.status, reply.body) == (200, b"")


def test_foreign_release_ends_as_claimed_never_as_confirmed(gateway):
    server, device, release = gateway
    [action] = server.deploy(release, "gw-1")
    assert server.action(action)["state"] == "offered"
    device.call("PUT", "/configData", {"mode": "replace", "data": {"serial": "1"}, "id": ""})
    swupdate_succeeds(device, action)
    end = server.action(action)
    assert (end["state"], end["active"], end["proof"], end["error"]) == ("claimed", False, "claimed", None)
    assert [entry["state"] for entry in end["history"]][::-1] == \
        ["offered", "retrieved", "installing", "installing", "installing", "claimed"]
    links = device.links()
    assert "deploymentBase" not in links and links["installedBase"].endswith(f"/installedBase/{action}")
    assert "configData" in links, "after a success the device is asked for its attributes again"
    installed = device.call("GET", links["installedBase"]).json
    assert installed["deployment"]["chunks"][0]["artifacts"][0]["filename"] == "image.swu"
    assert server.api("GET", "/api/v1/devices/gw-1").json["running"] is None, "nothing is known that nobody signed"


def test_failure_is_failed_with_its_words(gateway):
    server, device, release = gateway
    [action] = server.deploy(release, "gw-1")
    assert device.feedback(action, "closed", "failure", "ERROR: disk", "UD_ERR_SPACE slot too small").status == 200
    end = server.action(action)
    assert (end["state"], end["error"], end["proof"]) == ("failed", "UD_ERR_SPACE", "claimed")
    assert end["remedy"]
    assert end["history"][0]["messages"] == ["ERROR: disk", "UD_ERR_SPACE slot too small"]
    assert set(device.links()) == {"configData"}
    assert server.deploy(release, "gw-1") != [action], "it can be offered again"


def test_cancel_is_asked_for_acknowledged_and_done(gateway):
    server, device, release = gateway
    [action] = server.deploy(release, "gw-1")
    assert server.api("POST", f"/api/v1/actions/{action}/cancel").json["state"] == "canceling"
    links = device.links()
    assert "deploymentBase" not in links and "?" not in links["cancelAction"]
    assert device.call("GET", f"/deploymentBase/{action}").status == 404
    cancel = device.call("GET", links["cancelAction"]).json
    assert cancel == {"id": str(action), "cancelAction": {"stopId": str(action)}}
    assert device.feedback(action, "closed", "success", cancel=True).status == 200
    assert server.action(action)["state"] == "canceled"
    assert "cancelAction" not in device.links()


def test_a_device_may_refuse_to_stop(gateway):
    server, device, release = gateway
    [action] = server.deploy(release, "gw-1")
    device.feedback(action, "proceeding", "none")
    server.api("POST", f"/api/v1/actions/{action}/cancel")
    assert device.feedback(action, "rejected", "success", "installing already", cancel=True).status == 200
    assert server.action(action)["state"] == "installing"
    assert "deploymentBase" in device.links()
    assert device.feedback(action, "closed", "success", cancel=True).status == 405


def test_a_newer_release_replaces_the_older_one_after_its_cancel(gateway):
    server, device, release = gateway
    newer = server.foreign_release(DATA + b"2")["id"]
    [first] = server.deploy(release, "gw-1")
    [second] = server.deploy(newer, "gw-1")
    assert device.links()["cancelAction"].endswith(f"/cancelAction/{first}")
    device.feedback(first, "closed", "success", cancel=True)
    assert f"/deploymentBase/{second}" in device.links()["deploymentBase"]


def test_the_same_release_twice_is_already_assigned(gateway):
    server, _, release = gateway
    server.deploy(release, "gw-1")
    reply = server.api("POST", f"/api/v1/releases/{release}/deploy", {"devices": ["gw-1"]}).json
    assert reply == {"assigned": 0, "alreadyAssigned": 1, "actions": []}


def test_deploying_is_for_all_or_for_none(gateway):
    server, device, release = gateway
    reply = server.api("POST", f"/api/v1/releases/{release}/deploy", {"devices": ["gw-1", "nobody"]})
    assert reply.status == 404 and "nobody" in reply.json["message"]
    assert "deploymentBase" not in device.links()


def test_foreign_releases_go_to_foreign_types_only(gateway):
    server, _, release = gateway
    server.add_device("signed-only")
    reply = server.api("POST", f"/api/v1/releases/{release}/deploy", {"devices": ["signed-only"]})
    assert (reply.status, reply.json["errorCode"]) == (403, "UD_ERR_NOT_FOREIGN")
    server.api("POST", "/api/v1/device-types", {"name": "strict"})
    reply = server.api("POST", "/api/v1/foreign-releases",
                       {"name": "x", "deviceType": "strict",
                        "artifacts": [{"filename": "a.swu", "sha256": hashlib.sha256(DATA).hexdigest()}]})
    assert (reply.status, reply.json["errorCode"]) == (403, "UD_ERR_NOT_FOREIGN")


def test_late_feedback_on_a_closed_action_changes_nothing(gateway):
    server, device, release = gateway
    [action] = server.deploy(release, "gw-1")
    swupdate_succeeds(device, action)
    assert device.feedback(action, "closed", "failure").status == 200
    assert server.action(action)["state"] == "claimed"


def test_a_device_sees_nothing_of_anothers_action(gateway):
    server, device, release = gateway
    other = server.add_device("gw-2", type="gateway")
    [action] = server.deploy(release, "gw-1")
    offer = device.call("GET", device.links()["deploymentBase"]).json
    href = offer["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download"]["href"]
    assert other.call("GET", f"/deploymentBase/{action}").status == 404
    assert other.feedback(action, "closed", "success").status == 404
    assert other.call("GET", href.replace("gw-1", "gw-2")).status == 404
    assert other.call("GET", href).status == 403
    assert server.action(action)["state"] == "retrieved"


BAD_FEEDBACK = {
    "no status": {}, "unknown execution": {"status": {"execution": "x", "result": {"finished": "none"}}},
    "no result": {"status": {"execution": "closed"}}, "unknown result": {"status": {"execution": "closed", "result": {"finished": "x"}}},
    "details no list": {"status": {"execution": "closed", "result": {"finished": "none"}, "details": "x"}},
    "details no text": {"status": {"execution": "closed", "result": {"finished": "none"}, "details": [1]}},
}


@pytest.mark.parametrize("body", BAD_FEEDBACK.values(), ids=BAD_FEEDBACK.keys())
def test_feedback_of_another_shape_is_400(gateway, body):
    server, device, release = gateway
    [action] = server.deploy(release, "gw-1")
    assert device.call("POST", f"/deploymentBase/{action}/feedback", body).status == 400
    assert server.action(action)["state"] == "offered"


def test_feedback_has_limits(gateway):
    server, device, release = gateway
    [action] = server.deploy(release, "gw-1")
    assert device.feedback(action, "proceeding", "none", *["x"] * 51).status == 429
    assert device.feedback(action, "proceeding", "none", *["x" * 2000] * 20).status == 200
    assert len(server.action(action)["history"][0]["messages"][0]) == 512
    for unknown in ("99", "0", "x", "99999999999", "-1"):
        assert device.feedback(unknown, "proceeding", "none").status == 404


def test_attributes_merge_replace_remove_and_have_limits(server):
    device = server.add_device("one")

    def put(data, **more):
        return device.call("PUT", "/configData", {"data": data, **more}).status
    assert put({"a": "1", "b": "2"}) == 200
    assert "configData" not in device.links()
    assert put({"b": "3"}, mode="merge") == 200
    assert put({"a": ""}, mode="remove") == 200
    assert put({"c": "4"}, mode="replace") == 200
    for bad in ({"a": 1}, {"k" * 129: ""}, {"k": "v" * 129}, []):
        assert put(bad) == 400
    assert put({"a": "1"}, mode="other") == 400
    assert put({f"k{i}": "v" for i in range(101)}) == 429


def test_acknowledged_feedback_survives_kill_9_in_the_middle_of_the_load(tmp_path):
    """Each device writes numbered details as fast as it can; the server dies; every acknowledged number is there."""
    names = [f"gw-{n}" for n in range(6)]
    server = Server(tmp_path / "state").start()
    release = server.foreign_release(DATA)["id"]
    devices = [server.add_device(name, type="gateway").keep_alive() for name in names]
    actions = dict(zip(names, server.deploy(release, *names)))
    acknowledged = {name: -1 for name in names}
    enough = threading.Semaphore(0)

    def load(device):
        for number in itertools.count():
            try:
                if device.feedback(actions[device.name], "proceeding", "none", str(number)).status != 200:
                    return
            except OSError:
                return
            except Exception:  # http.client's own, when the peer is gone
                return
            acknowledged[device.name] = number
            if number == 40:
                enough.release()
            if number == 190:
                return

    threads = [threading.Thread(target=load, args=(device,)) for device in devices]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert enough.acquire(timeout=60)
    server.kill()
    for thread in threads:
        thread.join()
    server.start()
    try:
        for name in names:
            messages = [entry["messages"][0] for entry in server.action(actions[name])["history"]]
            missing = [n for n in range(acknowledged[name] + 1) if str(n) not in messages]
            assert acknowledged[name] >= 40 and not missing, (name, missing)
        assert devices[0].server.add_device("after").call("GET").status == 200
    finally:
        server.stop()


def test_a_full_batch_of_events_leaves_no_request_behind(tmp_path):
    """128 requests are ready at once: libmicrohttpd's own threads then wait for more before they look at any."""
    server = Server(tmp_path / "state", "--threads", "1").start()
    try:
        device = server.add_device("gw-1")
        poll = (f"GET {device.base} HTTP/1.1\r\nHost: a\r\nAuthorization: TargetToken {device.token}\r\n\r\n").encode()
        connections = [socket.create_connection(server.address("devices"), timeout=20) for _ in range(128)]
        for stopped in (False, True):
            if stopped:
                server.process.send_signal(signal.SIGSTOP)
            for connection in connections:
                connection.sendall(poll)
            server.process.send_signal(signal.SIGCONT)
            for connection in connections:
                answer = connection.recv(4096)  # TimeoutError: it was left behind
                assert answer.startswith(b"HTTP/1.1 200 ")
        for connection in connections:
            connection.close()
    finally:
        server.stop()


def test_state_is_the_same_after_a_clean_stop(gateway):
    server, device, release = gateway
    [action] = server.deploy(release, "gw-1")
    device.feedback(action, "proceeding", "none")
    before = server.api("GET", "/api/v1/devices").json
    assert server.stop() == 0
    server.start()
    assert server.api("GET", "/api/v1/devices").json == before
    assert "deploymentBase" in device.links()


def test_cbor_both_ways(server):
    """By Accept and by Content-Type, each alone and both; what is asked and answered is the same as in JSON."""
    device = server.add_device("gw", type="gateway") if server.api("POST", "/api/v1/device-types", {"name": "gateway", "foreign": True}) else None
    release = server.foreign_release(b"y" * 64)["id"]
    [action] = server.deploy(release, "gw")
    both = {"Accept": "application/cbor", "Content-Type": "application/cbor"}

    def ask(path=""):
        reply = device.call("GET", path, headers={"Accept": "application/cbor"})
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/cbor")
        assert reply.headers["ETag"] != device.call("GET", path).headers["ETag"]
        found = uncbor(reply.body)
        assert found == device.call("GET", path).json
        return found

    href = ask()["_links"]["deploymentBase"]["href"]
    path = href.split("/gw", 1)[1]
    assert ask(path)["deployment"]["chunks"][0]["artifacts"][0]["size"] == 64
    assert uncbor(device.call("GET", "/confirmationBase", headers=both).body)["autoConfirm"] == {"active": False}
    assert device.call("PUT", "/configData", cbor({"data": {"hw": "7"}}), both).status == 200
    assert server.api("GET", "/api/v1/devices/gw/attributes").json == {"hw": "7"}
    feedback = {"id": str(action), "status": {"execution": "closed", "result": {"finished": "success"}, "details": ["\u00e4"]}}
    for wrong in (b"", cbor([1]), cbor(feedback)[:-1], cbor({"status": {1: 2}}), b"{}"):
        assert device.call("POST", f"/deploymentBase/{action}/feedback", wrong, both).status == 400, wrong
    assert device.call("POST", f"/deploymentBase/{action}/feedback", cbor(feedback), both).status == 200
    assert server.action(action)["state"] == "claimed"
    # people's listener has JSON only
    reply = server.api("POST", "/api/v1/devices", cbor({"name": "x"}), {"Content-Type": "application/cbor"})
    assert reply.status == 415
