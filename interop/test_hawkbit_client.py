"""hawkBit's own client library is not on Maven Central as a client (docs/hawkbit.md); this one is written from the same shapes. Its way through a
release: modules, files, set, assignment, rollout, and what became of it."""
import hashlib
import sys
import time

import pytest
from conftest import ROOT
from hawkbit_client import Client, Refused

sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from server_tool import Device, Server  # noqa: E402

DATA = b"an image, more or less " * 4096


def until(ask, wanted, wait_s=60):
    deadline = time.monotonic() + wait_s
    while not wanted(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    return answer


@pytest.fixture
def server(tmp_path):
    running = Server(tmp_path / "state").start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def client(server):
    """The server's only own word: which type of targets takes unsigned sets (docs/hawkbit.md)."""
    assert server.api("POST", "/api/v1/device-types", {"name": "gateway", "foreign": True}).status == 201
    return Client(server.listen["people"]["url"], "DEFAULT\\admin", server.token)


def make_set(client, version):
    [os_module, app] = client.post("softwaremodules", [
        {"name": "os", "version": version, "type": "os", "vendor": "us"},
        {"name": "app", "version": version, "type": "application"}])
    for module, name in ((os_module, "os.swu"), (app, "app.swu")):
        data = DATA + f"{name} {version}".encode()
        stored = client.upload(module["id"], name, data)
        assert stored["hashes"]["sha256"] == hashlib.sha256(data).hexdigest() and stored["size"] == len(data)
        assert [found["id"] for found in client.get(f"softwaremodules/{module['id']}/artifacts")] == [stored["id"]]
    client.post(f"softwaremodules/{app['id']}/metadata", [{"key": "unit", "value": "app.service", "targetVisible": True}])
    [made] = client.post("distributionsets", [{"name": "firmware", "version": version, "type": "os_app",
                                               "modules": [{"id": os_module["id"]}, {"id": app["id"]}]}])
    assert made["complete"] and {module["type"] for module in made["modules"]} == {"os", "application"}
    assert client.follow(made, "self")["id"] == made["id"]
    return made["id"]


def update(device, wanted_version):
    """What DDI clients do: fetch, compare, say so."""
    href = until(device.links, lambda links: "deploymentBase" in links)["deploymentBase"]
    offer = device.call("GET", href).json
    assert {chunk["version"] for chunk in offer["deployment"]["chunks"]} == {wanted_version}
    for chunk in offer["deployment"]["chunks"]:
        for artifact in chunk["artifacts"]:
            body = device.call("GET", artifact["_links"]["download"]["href"]).body
            assert hashlib.sha1(body).hexdigest() == artifact["hashes"]["sha1"]
    assert device.feedback(int(offer["id"]), "closed", "success").status == 200


def test_a_release_goes_its_way_by_hawkbits_words_alone(server, client):
    assert client.get("userinfo")["tenant"] == "DEFAULT"
    [kind] = client.all("targettypes", q="name==gateway")
    made = client.post("targets", [{"controllerId": f"gw-{n}", "name": f"Gateway {n}", "targetType": kind["id"]} for n in range(5)])
    devices = {one["controllerId"]: Device(server, one["controllerId"], one["securityToken"]) for one in made}
    assert [one["controllerId"] for one in client.all("targets", sort="controllerId:ASC")] == sorted(devices)
    [tag] = client.post("targettags", [{"name": "field", "colour": "blue"}])
    for name in list(devices)[1:]:
        client.post(f"targettags/{tag['id']}/assigned/{name}")
    first, second = make_set(client, "1.0"), make_set(client, "2.0")

    # one by hand
    done = client.post(f"distributionsets/{first}/assignedTargets", [{"id": "gw-0", "type": "forced"}])
    assert (done["assigned"], done["alreadyAssigned"], done["total"]) == (1, 0, 1)
    update(devices["gw-0"], "1.0")
    action = client.get(f"actions/{done['assignedActions'][0]['id']}")
    assert (action["status"], action["detailStatus"], action["active"]) == ("finished", "finished", False)
    assert client.get("targets/gw-0/installedDS")["id"] == first
    assert client.post(f"distributionsets/{first}/assignedTargets", [{"id": "gw-0"}])["alreadyAssigned"] == 1

    # the others as a rollout of two groups
    client.put("targets/gw-1", {"description": "on the roof"})
    rollout = client.post("rollouts", {"name": "to 2.0", "targetFilterQuery": "tag==field", "distributionSetId": second, "amountGroups": 2,
                                       "successCondition": {"condition": "THRESHOLD", "expression": "100"}})
    path = f"rollouts/{rollout['id']}"
    assert until(lambda: client.get(path), lambda seen: seen["status"] == "ready")["totalTargets"] == 4
    client.post(path + "/start")
    groups = until(lambda: client.all(path + "/deploygroups"), lambda seen: seen[0]["status"] == "running")
    assert [group["totalTargets"] for group in groups] == [2, 2] and groups[1]["status"] == "scheduled"
    waiting = dict(list(devices.items())[1:])
    while waiting:
        offered = {action["id"] for action in client.all("actions", q="active==true")}
        assert len(offered) <= 2, "one group at a time"
        for name in [name for name, device in waiting.items() if "deploymentBase" in device.links()]:
            update(waiting.pop(name), "2.0")
    seen = until(lambda: client.get(path), lambda seen: seen["status"] == "finished")
    assert seen["totalTargetsPerStatus"]["finished"] == 4
    assert {one["updateStatus"] for one in client.all("targets")} == {"in_sync"}

    # what is refused, as its tools read it
    with pytest.raises(Refused) as refused:
        client.post(path + "/start")
    assert refused.value.status == 400 and refused.value.error["errorCode"]
    with pytest.raises(Refused) as refused:
        client.get("targets", q="nosuchfield==1")
    assert refused.value.status == 400
    with pytest.raises(Refused) as refused:
        client.delete(f"softwaremodules/{client.get(f'distributionsets/{second}')['modules'][0]['id']}")
    assert refused.value.status == 423
