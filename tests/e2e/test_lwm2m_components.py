"""Rollouts to devices whose firmware has several components: object 33629, by a device in Python."""
import contextlib
import os

import pytest
from components_tool import OBJECT, Component, Components
from lwm2m_steps import await_that, coap, end_of, server, states  # noqa: F401 (server is a fixture)
from lwm2m_tool import POST, PUT, Firmware, Lwm2mDevice
from server_tool import Server
from test_mgmt_hawkbit import DATA, HawkBit

APPLICATION, MODEM = os.urandom(5000), os.urandom(3000)
FILES = {"application-2.0.bin": APPLICATION, "modem.bin": MODEM}


def release(server, files=None, name="components"):
    reply = server.api("POST", "/api/v1/foreign-releases", {
        "name": name, "version": "1.0", "deviceType": "tracker",
        "artifacts": [{"filename": filename, "sha256": server.upload(data)} for filename, data in (files or FILES).items()]})
    assert reply.status == 201, reply
    return reply.json["id"]


def add(server, *names):
    server.api("POST", "/api/v1/device-types", {"name": "tracker", "foreign": True})
    for name in names:
        assert server.api("POST", "/api/v1/devices", {"name": name, "type": "tracker"}).status == 201


def two(**more):
    """`application` and `modem` say what is special of that component, the rest is of both."""
    special = [more.pop("application", {}), more.pop("modem", {})]
    common = {key: more.pop(key) for key in ("method", "protocols") if key in more}
    return Components(Component("Application", **{**common, **special[0]}), Component("modem", **{**common, **special[1]}), **more)


def update_all(server, devices, *what):
    """Devices with these components, all at once; how the action of each ended."""
    add(server, *devices)
    ident = release(server, *what)
    with contextlib.ExitStack() as stack:
        for name, components in devices.items():
            stack.enter_context(Lwm2mDevice(coap(server), name, firmware=components)).register()
        actions = dict(zip(devices, server.deploy(ident, *devices)))
        return {name: end_of(server, action) for name, action in actions.items()}


def words_of(found):
    return [message for entry in found["history"] for message in entry["messages"]]


def writes(device, instance):
    return [r for r in device.requests if r.code == PUT and r.path.startswith(f"/{OBJECT}/{instance}/") and r.payload not in (b"", b"\0")]


def test_components_are_transferred_one_by_one_and_switch_together(server):
    devices = {"pull": two(method=0), "push": two(method=1), "both": two(), "no-protocols": two(protocols=None),
               "each-its-own": two(application={"method": 0}, modem={"method": 1}),
               "an-old-job": two(modem={"stuck": True}), "result-not-kept": two(keep_result=False, application={"version": "1.0"}),
               "object-alone": two(listed=False)}
    for name, found in update_all(server, devices).items():
        components = devices[name]
        assert found["state"] == "claimed" and found["proof"] == "claimed", (name, found)
        assert components.components[0].package == APPLICATION and components.components[1].package == MODEM, name
        # nobody holds a part of an old job when the first one comes, and the second one comes when the first is whole
        assert all(states[1] == 0 if instance == 0 else states[0] == 2 for instance, states in components.begun), components.begun
        assert components.executed == [(0, "0='</33629/1>'")], name
        assert components.installed == [["Application", "modem"]], name
        assert "downloading" in states(found) and "installing" in states(found), (name, states(found))
        words = " ".join(words_of(found))
        assert "Application: package" in words and "modem: package" in words, words


def test_components_that_fail_are_named_with_their_reason(server):
    cases = {"update": (two(modem={"verdict": 8}), "UD_ERR_DEVICE_FAILED", "Application: not updated; modem: the update failed"),
             "integrity": (two(application={"result_of": 5}), "UD_ERR_DIGEST", "Application: integrity check"),
             "lost": (two(modem={"result_of": 4}), "UD_ERR_CONNECT", "modem: connection lost"),
             "conflict": (two(modem={"result_of": 12, "conflicts": [0]}), "UD_ERR_COMPONENT_CONFLICT",
                          "modem: its package conflicts with what another component holds (Application)"),
             "dependency": (two(application={"verdict": 13, "conflicts": [1]}), "UD_ERR_COMPONENT_NEEDS",
                            "Application: it needs another component to be updated before it or with it (modem)"),
             "both": (two(application={"verdict": 8}, modem={"verdict": 5}), "UD_ERR_DEVICE_FAILED",
                      "Application: the update failed; modem: integrity check of the package failed"),
             "refused": (two(arguments="never"), "UD_ERR_DEVICE_FAILED", "the device refused to update"),
             "refused-with-reason": (two(arguments="needs", application={"conflicts": [1]}), "UD_ERR_COMPONENT_NEEDS",
                                     "updated before it or with it (modem); modem: not updated"),
             "result-not-kept": (two(modem={"verdict": 8}, keep_result=False), "UD_ERR_DEVICE_FAILED", "modem: not updated"),
             "protocol": (two(modem={"method": 0, "protocols": (3,)}), "UD_ERR_ALGORITHM", "modem: the device pulls by protocols")}
    ends = update_all(server, {name: components for name, (components, _, _) in cases.items()})
    for name, (components, error, words) in cases.items():
        assert ends[name]["state"] == "failed" and ends[name]["error"] == error, (name, ends[name])
        assert any(words in said for said in words_of(ends[name])), (name, words_of(ends[name]))
        assert components.installed == [], name
        await_that(f"nothing half done stays on {name}",
                   lambda components=components: all(c.state == 0 for c in components.components.values()))
    assert len(cases["lost"][0].components[1].uris) == 4 and len(cases["lost"][0].components[0].uris) == 1
    assert cases["integrity"][0].components[1].uris == []  # one that is broken ends it
    assert [len(cases[name][0].executed) for name in ("integrity", "conflict", "protocol")] == [0, 0, 0]


def test_a_release_for_some_components_leaves_the_others_alone(server):
    """Also one that an operator left downloaded: argument 0 without a value is for this instance and no other."""
    components = Components(Component("modem boot"), Component("modem"), Component("application"))
    components.components[2].state = 2
    with Lwm2mDevice(coap(server), "d1", firmware=components) as device:
        add(server, "d1")
        device.register()
        action = server.deploy(release(server, {"modem-boot_7.bin": b"boot" * 100}), "d1")[0]
        assert end_of(server, action)["state"] == "claimed"
        assert components.components[0].package == b"boot" * 100
        assert components.executed == [(0, "0")] and components.installed == [["modem boot"]]
        assert components.components[2].state == 2
        assert writes(device, 1) == writes(device, 2) == []
        newest = server.api("GET", "/api/v1/devices/d1/values/newest").json
        assert {v["path"]: v["value"] for v in newest["content"]}[f"/{OBJECT}/1/14"] == "modem"


def test_a_file_without_a_component_ends_the_action_before_anything_is_sent(server):
    with Lwm2mDevice(coap(server), "d1", firmware=two()) as device:
        add(server, "d1")
        device.register()
        action = server.deploy(release(server, {**FILES, "modemx.bin": b"x"}), "d1")[0]
        found = end_of(server, action)
        assert found["error"] == "UD_ERR_COMPONENT" and any("modemx.bin" in said for said in words_of(found)), found
        assert writes(device, 0) == writes(device, 1) == []


def test_what_is_quoted_in_a_name_stays_words(server):
    components = Components(Component('mo"dem\\', result_of=5))
    found = update_all(server, {"d1": components}, {"mo-dem_.bin": MODEM})["d1"]
    assert found["error"] == "UD_ERR_DIGEST" and any("mo?dem?: integrity" in said for said in words_of(found)), found


def test_one_component_without_a_name_takes_the_one_file(server):
    components = Components(Component(None))
    found = update_all(server, {"d1": components}, {"image.swu": MODEM})["d1"]
    assert found["state"] == "claimed" and components.components[0].package == MODEM


def test_beside_object_5_files_of_components_go_to_them_and_others_to_the_whole(server):
    parts, whole = two(whole=Firmware()), two(whole=Firmware())
    found = update_all(server, {"parts": parts})["parts"]
    assert found["state"] == "claimed" and parts.whole.package == b"" and parts.installed == [["Application", "modem"]]
    found = update_all(server, {"whole": whole}, {"image.swu": MODEM}, "whole")["whole"]
    assert found["state"] == "claimed" and whole.whole.package == MODEM and whole.executed == []


def test_a_distribution_set_is_taken_by_its_modules_files(server):
    """hawkBit's sets have their files in modules; a device with object 5 alone takes the first one, as of any release."""
    hawkbit = HawkBit(server)
    components, whole = two(), Firmware(method=0)
    add(server, "d1", "d2")
    made = hawkbit.set_of(hawkbit.module("os", files=("application.bin",)), hawkbit.module("radio", kind="application", files=("modem.bin",)))
    with Lwm2mDevice(coap(server), "d1", firmware=components) as one, Lwm2mDevice(coap(server), "d2", firmware=whole) as other:
        one.register()
        other.register()
        hawkbit.call("POST", f"/distributionsets/{made}/assignedTargets", [{"id": "d1"}, {"id": "d2"}], 200)
        for name in ("d1", "d2"):
            action = server.api("GET", f"/api/v1/devices/{name}/actions").json["content"][0]["id"]
            assert end_of(server, action)["state"] == "claimed", name
        assert [c.package for c in components.components.values()] == [DATA + b"application.binos", DATA + b"modem.binradio"]
        assert whole.package == DATA + b"application.binos"
        url = whole.uris[0].split("/fw/")[1]
        found = server.call("devices", "GET", f"/fw/{url}")  # the same URI over HTTP
        assert (found.status, found.body) == (200, whole.package), found


def test_devices_that_do_not_know_the_arguments(server):
    devices = {"refused": two(arguments="refused"), "ignored": two(arguments="ignored"), "one-by-one": two(arguments="one by one")}
    ends = update_all(server, devices)
    assert all(found["state"] == "claimed" for found in ends.values()), ends
    assert devices["refused"].executed == [(0, "0='</33629/1>'"), (0, "")]
    assert devices["refused"].installed == [["Application", "modem"]]
    assert devices["ignored"].executed == [(0, "0='</33629/1>'"), (1, "0")]
    assert devices["one-by-one"].executed == [(0, "0='</33629/1>'"), (1, "0"), (1, "0")]  # the second was too early for it
    assert devices["ignored"].installed == devices["one-by-one"].installed == [["Application"], ["modem"]]


@pytest.mark.parametrize("method", [0, 1], ids=["pull", "push"])
def test_the_server_is_killed_while_the_second_component_is_on_its_way(server, tmp_path, method):
    components = two(method=method)
    modem = components.components[1]
    with Lwm2mDevice(coap(server), "d1", firmware=components) as device:
        add(server, "d1")
        device.register()
        if method == 0:
            held, modem.pull = modem.pull, lambda: None
        else:
            modem.write_package, held = lambda request: (None, [], b""), modem.write_package  # no answer
        action = server.deploy(release(server), "d1")[0]
        if method == 0:
            device.await_request(PUT, f"/{OBJECT}/1/1")
        else:
            await_that("the first is there", lambda: components.components[0].state == 2)
        await_that("downloading", lambda: server.action(action)["state"] == "downloading")
        port = coap(server)[1]
        server.kill()
        again = Server(tmp_path / "state", "--listen-coap", f"127.0.0.1:{port}").start()
        try:
            if method == 0:
                modem.pull = held
                held()
            else:
                modem.write_package = held
            assert end_of(again, action)["state"] == "claimed"
        finally:
            again.stop()
        assert components.components[0].package == APPLICATION and modem.package == MODEM
        assert len({r.token for r in writes(device, 0)}) == 1  # the first one is not sent again
        assert components.installed == [["Application", "modem"]] and len(components.executed) == 1


def test_the_server_is_killed_while_the_device_installs(server, tmp_path):
    components = two()
    held, components.install = components.install, lambda parts: None
    with Lwm2mDevice(coap(server), "d1", firmware=components) as device:
        add(server, "d1")
        device.register()
        action = server.deploy(release(server), "d1")[0]
        device.await_request(POST, f"/{OBJECT}/0/2")
        await_that("installing", lambda: server.action(action)["state"] == "installing")
        port = coap(server)[1]
        server.kill()
        again = Server(tmp_path / "state", "--listen-coap", f"127.0.0.1:{port}").start()
        try:
            held(list(components.components.values()))
            assert end_of(again, action)["state"] == "claimed"
        finally:
            again.stop()
        assert len(components.executed) == 1


def test_the_device_restarts_while_the_second_component_is_on_its_way(server):
    components = two(method=0)
    application, modem = components.components.values()
    with Lwm2mDevice(coap(server), "d1", firmware=components) as device:
        add(server, "d1")
        device.register()
        held, modem.pull = modem.pull, lambda: None
        action = server.deploy(release(server), "d1")[0]
        device.await_request(PUT, f"/{OBJECT}/1/1")
        device.move()
        modem.state, modem.pull = 0, held  # what it had not written is gone
        device.register()
        assert end_of(server, action)["state"] == "claimed"
        assert len(application.uris) == 1 and len(modem.uris) == 2
        assert components.installed == [["Application", "modem"]]


@pytest.mark.parametrize("results", [{0: 1, 1: 8}, {1: 8, 0: 1}], ids=["done first", "failed first"])
def test_the_action_is_open_until_the_last_component_has_said_how_it_ended(server, results):
    components = two()
    first, second = results
    with Lwm2mDevice(coap(server), "d1", firmware=components) as device:
        add(server, "d1")
        device.register()
        components.install = lambda parts: None
        action = server.deploy(release(server), "d1")[0]
        device.await_request(POST, f"/{OBJECT}/0/2")
        components.components[first].state, components.components[first].result = 0, results[first]
        for _ in range(2):  # the second look begins when the first one has been thought over
            asked = len(device.requests)
            components.components[first].tell()
            device.await_that(lambda: any(r.path == f"/{OBJECT}/1/5" for r in device.requests[asked:]), "a look at both")
        assert server.action(action)["active"]
        components.components[second].state, components.components[second].result = 0, results[second]
        components.components[second].tell()
        found = end_of(server, action)
        assert found["error"] == "UD_ERR_DEVICE_FAILED", found
        assert any("Application: the device says that it updated; modem: the update failed" in said for said in words_of(found))


def test_canceling_resets_every_component(server):
    components = two(method=0)
    modem = components.components[1]
    with Lwm2mDevice(coap(server), "d1", firmware=components) as device:
        add(server, "d1")
        device.register()
        modem.pull = lambda: None
        action = server.deploy(release(server), "d1")[0]
        device.await_request(PUT, f"/{OBJECT}/1/1")
        reply = server.api("POST", f"/api/v1/actions/{action}/cancel")
        assert reply.status in (200, 202, 204), reply
        assert end_of(server, action)["state"] == "canceled"
        await_that("both are idle", lambda: all(c.state == 0 for c in components.components.values()))
        assert components.executed == []
