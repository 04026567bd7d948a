"""How actions end that nobody ended: a window that does not open again; and news of one that ended long ago."""
import sqlite3
import subprocess
import time

import pytest
from lwm2m_tool import Firmware, Lwm2mDevice
from server_tool import BUILD, Server

PAST = {"schedule": "0 0 3 1 1 ? 1999", "duration": "01:00:00"}
WAIT_S = 60


def until(ask, wanted):
    deadline = time.monotonic() + WAIT_S
    while not wanted(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
    return answer


def why(server, name):
    reply = server.api("GET", f"/api/v1/devices/{name}/why")
    assert reply.status == 200, reply
    return reply.json


def says(server, name):
    """What the command prints about it."""
    result = subprocess.run([str(BUILD / "updraft"), "why", name, "--server", server.listen["people"]["url"],
                             "--token-file", str(server.state / "admin.token")], capture_output=True, text=True, timeout=60)
    return result.stdout + result.stderr


def rollout(server, release, *names, window=PAST):
    reply = server.api("POST", "/api/v1/rollouts", {"name": "once", "release": release["id"], "devices": list(names),
                                                    "start": "auto", "window": window})
    assert reply.status == 201, reply
    return reply.json["id"]


def see(server, ident):
    return server.api("GET", f"/api/v1/rollouts/{ident}").json


@pytest.fixture
def lapsed(server):
    """A device whose action was offered with a window that is over."""
    release = server.foreign_release(b"image " * 100)
    device = server.add_device("d1", type="gateway")
    ident = rollout(server, release, "d1")
    found = until(lambda: why(server, "d1"), lambda found: found["answer"] == "window")
    assert found["sentence"] == "Its window does not open again."
    return server, device, found["action"], ident


def test_a_device_is_told_when_its_window_does_not_open_again(lapsed):
    server, device, action, ident = lapsed
    assert "Its window does not open again." in says(server, "d1")
    links = device.links()
    assert "deploymentBase" not in links, "never offered outside a window"
    assert links["cancelAction"].endswith(f"/cancelAction/{action}"), "told in the very poll"
    found = why(server, "d1")
    assert found["answer"] == "canceling" and found["sentence"].startswith("Its window does not open again: action ")
    assert device.call("GET", links["cancelAction"]).json["cancelAction"]["stopId"] == str(action)
    assert device.feedback(action, "closed", "success", cancel=True).status == 200
    found = why(server, "d1")
    assert (found["answer"], found["sentence"]) == ("canceled", f"Action {action} was canceled, as its window does not open again.")
    assert found["sentence"] in says(server, "d1")
    assert server.action(action)["state"] == "canceled"
    until(lambda: see(server, ident), lambda seen: seen["state"] == "finished" and seen["devices"]["canceled"] == 1)
    assert not {"cancelAction", "deploymentBase"} & set(device.links())


def test_a_device_may_refuse_and_is_asked_once(lapsed):
    server, device, action, _ = lapsed
    assert "cancelAction" in device.links()
    assert device.feedback(action, "rejected", "success", "updating already", cancel=True).status == 200
    for _ in range(3):
        assert not {"cancelAction", "deploymentBase"} & set(device.links())
    assert why(server, "d1")["sentence"] == "Its window does not open again."
    history = server.api("GET", f"/rest/v1/actions/{action}").json
    assert history["active"]
    entries = server.api("GET", f"/rest/v1/targets/d1/actions/{action}/status").json["content"]
    assert sum("Update Server: its window does not open again" in entry["messages"] for entry in entries) == 1
    assert device.feedback(action, "closed", "success").status == 200, "it did go on"
    assert why(server, "d1")["answer"] == "claimed"


def test_what_installs_when_its_window_ends_is_left_alone(lapsed):
    server, device, action, _ = lapsed
    assert device.feedback(action, "proceeding", "none", "writing").status == 200
    assert not {"cancelAction", "deploymentBase"} & set(device.links())
    found = why(server, "d1")
    assert found["answer"] == "under_way", found
    assert [step["evidence"] for step in found["path"] if step["check"] == "window"] == ["Its window is over; the device began before."]


def test_an_action_of_a_device_on_lwm2m_ends_with_its_window(tmp_path):
    server = Server(tmp_path / "state", "--listen-coap", "127.0.0.1:0").start()
    try:
        release = server.foreign_release(b"image " * 100)
        server.add_device("d1", type="gateway")
        host, port = server.listen["coap"]["url"].removeprefix("coap://").rsplit(":", 1)
        firmware = Firmware()
        with Lwm2mDevice((host, int(port)), "d1", firmware=firmware) as device:
            device.register()
            ident = rollout(server, release, "d1")
            found = until(lambda: why(server, "d1"), lambda found: found["answer"] == "canceled")
            assert found["sentence"] == f"Action {found['action']} was canceled, as its window does not open again."
            until(lambda: see(server, ident), lambda seen: seen["state"] == "finished")
        assert not firmware.package and not firmware.uris, "nothing was offered"
    finally:
        server.stop()


def test_a_window_that_is_over_is_no_window_to_assign_with(server):
    release = server.foreign_release(b"image " * 100)
    server.add_device("d1", type="gateway")
    body = [{"id": "d1", "maintenanceWindow": {**PAST, "timezone": "+00:00"}}]
    reply = server.api("POST", f"/rest/v1/distributionsets/{release['id']}/assignedTargets", body)
    assert (reply.status, reply.json["exceptionClass"]) == (400, "UD_ERR_WINDOW")
    body[0]["maintenanceWindow"]["schedule"] = "0 0 3 1 1 ?"
    assert server.api("POST", f"/rest/v1/distributionsets/{release['id']}/assignedTargets", body).json["assigned"] == 1


def test_news_of_an_action_that_ended_more_than_a_day_ago_are_refused(tmp_path):
    """A client that starts again repeats its last word: taken quietly for a day, then it is told that all is over (410)."""
    server = Server(tmp_path / "state", store="sqlite").start()  # its rows are changed behind its back
    release = server.foreign_release(b"image " * 100)
    device = server.add_device("d1", type="gateway")
    [action] = server.deploy(release["id"], "d1")
    assert device.feedback(action, "closed", "success").status == 200
    assert device.feedback(action, "closed", "success").status == 200, "again, at once: SWUpdate would loop for ever on a refusal"
    server.stop()
    database = sqlite3.connect(tmp_path / "state" / "updraft.db")
    assert database.execute("UPDATE action SET updated_ms=updated_ms-25*3600*1000 WHERE id=?", (action,)).rowcount == 1
    database.commit()
    database.close()
    server.start()
    before = server.api("GET", f"/rest/v1/targets/d1/actions/{action}/status").json
    for execution, finished in (("closed", "success"), ("closed", "failure"), ("proceeding", "none"), ("canceled", "none")):
        reply = device.feedback(action, execution, finished)
        assert (reply.status, reply.json["errorCode"]) == (410, "UD_ERR_GONE"), (execution, reply)
    assert device.feedback(action, "closed", "success", cancel=True).status == 410
    assert server.action(action)["state"] == "claimed"
    assert server.api("GET", f"/rest/v1/targets/d1/actions/{action}/status").json == before
    assert set(device.links()) == {"installedBase", "configData"}
    server.stop()
