"""What real DDI clients send and read, beside the straight way: traps that each has met."""
import http.client
import threading

import pytest

DATA = b"image " * 5000


@pytest.fixture
def offered(server):
    release = server.foreign_release(DATA)
    device = server.add_device("gw", type="gateway")
    [action] = server.deploy(release["id"], "gw")
    return server, device, action


def feedback(device, action, body):
    return device.call("POST", f"/deploymentBase/{action}/feedback", body)


STATUS = {"execution": "proceeding", "result": {"finished": "none"}}


@pytest.mark.parametrize("more", [
    {"id": 5}, {"id": "5"}, {"id": ""}, {"id": None}, {"id": {"x": []}}, {},
    {"time": 20240101, "timestamp": 1704067200000}, {"time": [], "anything": {"deep": [1, {"x": None}]}}, {"timestamp": "20240101T120000"},
], ids=range(9))
def test_what_clients_add_to_feedback_is_not_looked_at(offered, more):
    """SWUpdate sends a number, rauc a text, hara an ISO time; none of it says anything."""
    _, device, action = offered
    assert feedback(device, action, {**more, "status": STATUS}).status == 200


@pytest.mark.parametrize("progress", [{"cnt": 0, "of": 0}, {"cnt": 2, "of": 5}, {"cnt": 5, "of": 2}, {"cnt": -1, "of": "x"}, None, []], ids=range(6))
def test_progress_of_nothing_divides_by_nothing(offered, progress):
    _, device, action = offered
    status = {"execution": "proceeding", "result": {"finished": "none", "progress": progress}}
    assert feedback(device, action, {"status": status}).status == 200


def test_the_history_is_told_to_who_asks_for_it(offered):
    """hara asks with -1: all of it; without the question it is not there."""
    _, device, action = offered
    for word in ("one", "two", "three"):
        assert feedback(device, action, {"status": {**STATUS, "details": [word]}}).status == 200

    def history(query):
        return device.call("GET", f"/deploymentBase/{action}{query}").json.get("actionHistory")
    assert history("") is None and history("?actionHistory=0") is None
    everything = history("?c=1&actionHistory=-1")["messages"]
    assert [word for word in everything if word in ("one", "two", "three")] == ["three", "two", "one"]
    assert history("?actionHistory=1")["messages"] == everything[:1]
    assert history("?actionHistory=2")["messages"] == everything[:2]
    assert history("?actionHistory=999999999999")["messages"] == everything, "more than there is"


def test_the_mark_in_the_link_is_opaque(offered):
    _, device, action = offered
    for query in ("?c=-2127183556", "?c=", "?c=x&c=y", "?unknown=1"):
        assert device.call("GET", f"/deploymentBase/{action}{query}").status == 200


def test_a_cancel_link_takes_feedback_behind_it(offered):
    """SWUpdate appends /feedback to the very link, so it has no query; ids are texts of digits that fit 31 bits."""
    server, device, action = offered
    assert device.call("GET", f"/deploymentBase/{action}").json["id"] == str(action) and 0 < action < 2**31
    assert server.api("POST", f"/api/v1/actions/{action}/cancel").status in (200, 202, 204)
    link = device.links()["cancelAction"]
    assert "?" not in link
    asked = device.call("GET", link).json
    assert asked == {"id": str(action), "cancelAction": {"stopId": str(action)}}
    body = {"id": action, "status": {"execution": "closed", "result": {"finished": "success"}}}
    assert device.call("POST", link + "/feedback", body).status == 200
    assert server.action(action)["state"] == "canceled"


def test_a_device_polls_while_it_downloads(offered):
    """SWUpdate does, on a second connection: neither waits for the other."""
    server, device, action = offered
    href = device.call("GET", f"/deploymentBase/{action}").json["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]["href"]
    host, port = server.address("devices")
    slow = http.client.HTTPConnection(host, port, timeout=60)
    path = "/" + href.split("/", 3)[3]
    slow.request("GET", path, headers={"Authorization": f"TargetToken {device.token}"})
    reply = slow.getresponse()
    first = reply.read(10)
    polled = []
    thread = threading.Thread(target=lambda: polled.append(device.call("GET").status))
    thread.start()
    thread.join(60)
    assert polled == [200]
    assert first + reply.read() == DATA
    slow.close()


def test_every_success_is_exactly_200(offered):
    """rauc-hawkbit-updater takes anything else for an error."""
    server, device, action = offered
    assert device.call("PUT", "/configData", {"data": {"a": "b"}}).status == 200
    assert feedback(device, action, {"status": STATUS}).status == 200
    assert feedback(device, action, {"status": {"execution": "closed", "result": {"finished": "success"}}}).status == 200
    assert device.call("PUT", "/configData", {"mode": "replace", "id": "", "time": "20240101T000000", "data": {"a": "c"},
                                              "status": {"result": {"finished": "success"}, "execution": "closed", "details": [""]}}).status == 200
