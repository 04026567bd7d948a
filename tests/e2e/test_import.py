"""`updraft import hawkbit`: a fleet moves from one server's /rest/v1 to another's, and may be moved again."""
import json
import subprocess
from urllib.parse import quote

import pytest
from server_tool import BUILD, Server
from test_mgmt_hawkbit import HawkBit


@pytest.fixture
def source(tmp_path):
    """A server that speaks hawkBit's API, with something of everything."""
    running = Server(tmp_path / "old").start()
    running.api("POST", "/api/v1/device-types", {"name": "gateway", "foreign": True})
    old = HawkBit(running)
    old.kind = old.get("/targettypes?q=" + quote("name==gateway"))["content"][0]["id"]
    old.modules = [old.module("os-1"), old.module("app-1", "application", ("a.swu", "b.swu"))]
    old.set_of(*old.modules, name="set-1")
    old.add("/targetfilters", {"name": "all", "query": "name==*"})
    [tag] = old.add("/targettags", {"name": 'lab "7"', "colour": "red"})
    for number in range(120):
        old.target(f"t{number}", targetType=old.kind, securityToken=f"secret-of-target-{number:04}")
    for name in ("t3", "t7"):
        old.call("POST", f"/targettags/{tag['id']}/assigned/{name}", status=204)
    yield old
    running.stop()


@pytest.fixture
def target(tmp_path):
    running = Server(tmp_path / "new").start()
    running.api("POST", "/api/v1/device-types", {"name": "gateway", "foreign": True})
    yield running
    running.stop()


def move(source, target, tmp_path, code=0, password=None):
    secret = tmp_path / "secret"
    secret.write_text(password or f"admin:{source.server.token}")
    secret.chmod(0o600)
    run = subprocess.run([str(BUILD / "updraft"), "import", "hawkbit", "--url", source.server.listen["people"]["url"], "--password-file",
                          str(secret), "--folder", str(tmp_path / "downloads"), "--server", target.listen["people"]["url"],
                          "--token-file", str(target.state / "admin.token"), "--json"],
                         capture_output=True, text=True, timeout=120)
    assert run.returncode == code, (run.stdout, run.stderr)
    return json.loads(run.stdout) if run.stdout else run.stderr


def test_a_fleet_moves_with_its_tokens_and_can_be_updated_at_once(source, target, tmp_path):
    report = move(source, target, tmp_path)
    assert report["targets"] == {"new": 120, "there": 0, "failed": 0}
    new = HawkBit(target)
    assert new.get("/targets")["total"] == 120
    assert report["artifacts"] == {"new": 3, "there": 0, "failed": 0}
    assert report["softwaremodules"]["new"] == 2 and report["distributionsets"]["new"] == 1
    tag = quote('tag=="lab \\"7\\""')
    assert [t["controllerId"] for t in new.get(f"/targets?q={tag}")["content"]] == ["t3", "t7"]
    [moved] = new.get("/distributionsets")["content"]
    assert sorted(module["name"] for module in moved["modules"]) == ["app-1", "os-1"]
    assert new.get("/targetfilters")["content"][0]["query"] == "name==*"
    assert not (tmp_path / "downloads").exists()


def test_running_it_again_changes_nothing(source, target, tmp_path):
    move(source, target, tmp_path)
    again = move(source, target, tmp_path)
    assert all(tally["failed"] == 0 for tally in again.values())
    assert {kind: tally["new"] for kind, tally in again.items() if kind != "tags of targets" and tally["new"]} == {}
    assert HawkBit(target).get("/distributionsets")["total"] == 1


def test_a_download_that_was_cut_goes_on_and_a_wrong_one_begins_anew(source, target, tmp_path):
    [first, *_] = source.call("GET", f"/softwaremodules/{source.modules[0]}/artifacts").json
    whole = source.call("GET", f"/softwaremodules/{source.modules[0]}/artifacts/{first['id']}/download").body
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / first["hashes"]["sha256"]).write_bytes(whole[:1000])
    assert move(source, target, tmp_path)["artifacts"] == {"new": 3, "there": 0, "failed": 0}
    reply = target.call("people", "GET", f"/api/v1/artifacts/{first['hashes']['sha256']}",
                        headers={"Authorization": f"Bearer {target.token}"})
    assert reply.body == whole


def test_a_wrong_password_is_said_and_copies_nothing(source, target, tmp_path):
    move(source, target, tmp_path, 3, "admin:wrong-password")
    assert HawkBit(target).get("/targets")["total"] == 0
