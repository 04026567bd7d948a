"""The LwM2M server, with a device in Python that was written from the standards.

Names carry the ids of OMA's interoperability test cases (int_102_107: LightweightM2M-1.1-int-102 and -107); docs/design/lwm2m.md section 11
says which have no test.
"""
import contextlib
import hashlib
import os
import random
import subprocess
import time

import pytest
from cose_tool import Key, report
from lwm2m_tool import (ACCEPT, ACK, BLOCK1, BLOCK2, CON, CONTENT_FORMAT, DELETE, ECHO, ETAG, GET, LINKS, LWM2M_CBOR, NON, POST,
                        PUT, Q_BLOCK2, RST, SENML_JSON, SIZE1, SIZE2, URI_PATH, Firmware, Lwm2mDevice, Message, Socket, ask,
                        download, keyed, query, uint)
from server_tool import BUILD, Server
from test_server_reports import Author, publish

WAIT_S = 40


@pytest.fixture
def server(tmp_path):
    running = Server(tmp_path / "state", "--listen-coap", "127.0.0.1:0").start()
    yield running
    if running.process.poll() is None:
        running.stop()


def coap(server):
    host, port = server.listen["coap"]["url"].removeprefix("coap://").rsplit(":", 1)
    return host, int(port)


def await_that(what, condition):
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for: {what}")


def device_of(server, name="d1", **more):
    server.add_device(name)
    return Lwm2mDevice(coap(server), name, **more)


def registration(server, name="d1"):
    reply = server.api("GET", f"/api/v1/devices/{name}/lwm2m")
    return reply.json if reply.status == 200 else None


def command(server, name, **spec):
    reply = server.api("POST", f"/api/v1/devices/{name}/commands", spec)
    assert reply.status == 202, reply
    return reply.json["id"]


def ended(server, ident):
    def look():
        found = server.api("GET", f"/api/v1/commands/{ident}").json
        return found if found["state"] not in ("queued", "sent") else None
    return await_that(f"command {ident}", look)


def run(server, name, **spec):
    return ended(server, command(server, name, **spec))


# --- registration


def test_int_101_a_device_registers_and_is_shown(server):
    with device_of(server) as device:
        device.register()
        shown = registration(server)
        assert shown["version"] == "1.1" and shown["lifetime"] == 300 and shown["security"] == "nosec"
        assert shown["location"] == device.location
        segments = device.location.strip("/").split("/")
        assert len(segments) == 2 and segments[0] == "rd" and len(segments[1]) <= 32  # what Zephyr can keep
        assert server.api("GET", "/api/v1/devices/d1").json["lastSeen"]


def test_int_102_107_an_update_extends_changes_and_moves_the_registration(server):
    with device_of(server) as device:
        device.register()
        before = registration(server)
        device.update()
        device.update(lt=600)
        assert registration(server)["lifetime"] == 600
        device.move()
        device.update()
        assert registration(server)["address"] != before["address"]
        device.update(payload=b"</3/0>,</4/0>")
        assert registration(server)["objects"] == "</3/0>,</4/0>"
        assert run(server, "d1", op="read", path="/3/0/0")["answer"]["values"] == {"/3/0/0": "Acme"}  # at its new place


def test_another_device_behind_the_same_address_is_not_told_what_the_first_was_asked(server):
    """As behind a NAT that gave the port away: what the first device was asked ends, and no answer is taken for another's."""
    server.add_device("d2")
    with device_of(server) as device:
        device.register()
        assert run(server, "d1", op="read", path="/3/0/0")["state"] == "done"  # behind what a new device is asked
        device.silent = True
        command(server, "d1", op="read", path="/3/0/16")
        device.await_that(lambda: device.unanswered, "the first device is asked")
        assert device.unanswered[0].path == "/3/0/16"
        device.name, device.silent = "d2", False
        device.register()
        for path, value in (("/3/0/0", "Acme"), ("/3/0/1", "M1"), ("/3/0/9", 80)):
            found = run(server, "d2", op="read", path=path)
            assert found["state"] == "done" and found["answer"]["values"] == {path: value}, found
        assert not [r for r in device.requests if r.token == device.unanswered[0].token]


def test_what_a_new_device_is_asked_first_does_not_take_its_address_from_the_next_there(server):
    """The first is gone before the server begins to ask; it is asked when it is heard again, from where it is then."""
    server.add_device("d2")
    with device_of(server) as device:
        device.values[26241, 0] = {5: "1"}  # it has reports: the server asks of which kind
        device.register()
        device.update()  # what it is asked may go out now, once it had time
        device.name = "d2"
        device.register()
        for path, value in (("/3/0/0", "Acme"), ("/3/0/1", "M1"), ("/3/0/9", 80)):
            found = run(server, "d2", op="read", path=path)
            assert found["state"] == "done" and found["answer"]["values"] == {path: value}, found


def test_int_103_a_device_deregisters(server):
    with device_of(server) as device:
        device.register()
        device.deregister()
        assert registration(server) is None
        device.update(expect="4.04")



def test_registering_again_replaces_the_registration(server):
    with device_of(server) as device:
        device.register()
        old = device.location
        device.register()
        assert device.location != old
        device.location = old
        device.update(expect="4.04")


def test_the_same_datagram_registers_once(server):
    server.add_device("d1")
    link = Socket(coap(server))
    request = Message(CON, POST, 7, b"tok", [(URI_PATH, b"rd"), (CONTENT_FORMAT, uint(LINKS)),
                                             *query(ep="d1", lwm2m="1.1")], b"</3/0>")
    answers = set()
    link.sock.settimeout(10)
    for _ in range(3):
        link.send(request)
        answers.add(link.sock.recv(2048))
    link.close()
    assert len(answers) == 1


def test_a_registration_ends_with_its_lifetime(server):
    with device_of(server, lifetime=1) as device:
        device.register()
        assert registration(server)
        await_that("the end of the registration", lambda: registration(server) is None)  # 1 s and a grace of 10 s
        device.update(expect="4.04")


REFUSED = [
    (dict(ep="nobody"), "4.03"), (dict(ep=""), "4.00"), (dict(ep="d1", lwm2m="1.9"), "4.12"),
    (dict(ep="d1", lwm2m="2.0"), "4.12"), (dict(ep="d1", lwm2m="x"), "4.00"), (dict(ep="d1", lt="-1"), "4.00"),
    (dict(ep="d1", lt="99999999999"), "4.00"), (dict(ep="d1", b="XYZ"), "4.00"), (dict(ep="d1", b="UUUUUUUUU"), "4.00"),
    (dict(ep="a/b"), "4.00"), (dict(ep=".."), "4.00"), (dict(ep="d%31"), "4.00"), (dict(ep="x" * 300), "4.02"),
]


def test_registrations_that_must_be_refused(server):
    server.add_device("d1")
    for values, code in REFUSED:
        answer = ask(coap(server), POST, "/rd", [(CONTENT_FORMAT, uint(LINKS)), *query(**values)], b"</3/0>")
        assert answer.text_code == code, values
        assert registration(server) is None


def test_an_object_list_that_is_none_is_refused(server):
    server.add_device("d1")
    for payload in (b"<", b"</3/0", b"\x00", b"</3>;a=\"", "</ü>".encode(), b"nonsense"):
        answer = ask(coap(server), POST, "/rd", [(CONTENT_FORMAT, uint(LINKS)), *query(ep="d1")], payload)
        assert answer.text_code == "4.00", payload


def test_a_long_object_list_comes_in_blocks_and_a_longer_one_is_refused(server):
    server.add_device("d1")
    link = Socket(coap(server))
    links = ",".join(f"</{3300 + n}/0>" for n in range(300)).encode()
    for num in range((len(links) + 63) // 64):
        part = links[num * 64:num * 64 + 64]
        more = (num + 1) * 64 < len(links)
        answer = ask(coap(server), POST, "/rd", [(CONTENT_FORMAT, uint(LINKS)), *query(ep="d1"),
                                                 (BLOCK1, uint(num << 4 | more << 3 | 2))], part, sock=link)
        assert answer.text_code == ("2.31" if more else "2.01")
    assert registration(server)["objects"].encode() == links
    for num, code in ((9, "4.08"), (200, "4.13")):  # a block of nothing; one that ends behind the limit
        answer = ask(coap(server), POST, "/rd", [(CONTENT_FORMAT, uint(LINKS)), *query(ep="d1"),
                                                 (BLOCK1, uint(num << 4 | 8 | 6))], b"x" * 1024, sock=link)
        assert answer.text_code == code
    link.close()


def test_registrations_and_commands_survive_kill_and_start(server, tmp_path):
    with device_of(server) as device:
        device.register()
        device.silent = True  # so that the command stays
        waiting = command(server, "d1", op="read", path="/3/0/0")
        address = coap(server)
        server.kill()
        again = Server(tmp_path / "state", "--listen-coap", f"127.0.0.1:{address[1]}").start()
        try:
            device.silent = False
            # plain UDP: reached without waiting for its next message
            assert ended(again, waiting)["answer"]["values"] == {"/3/0/0": "Acme"}
            device.update()  # its location is still good
        finally:
            again.stop()


def test_a_removed_device_is_gone_at_once(server):
    with device_of(server) as device:
        device.register()
        assert server.api("DELETE", "/api/v1/devices/d1").status == 204
        await_that("the end", lambda: device.update(expect=None) if False else
                   ask(coap(server), POST, device.location).text_code == "4.04")


# --- device management


def test_int_203_222_223_224_237_read_gives_values_with_their_types(server):
    with device_of(server) as device:
        device.register()
        assert run(server, "d1", op="read", path="/3/0/0")["answer"]["values"] == {"/3/0/0": "Acme"}
        assert run(server, "d1", op="read", path="/3/0/9")["answer"]["values"] == {"/3/0/9": 80}
        whole = run(server, "d1", op="read", path="/3/0")["answer"]["values"]
        assert whole["/3/0/1"] == "M1" and whole["/3/0/11/0"] == 0
        assert run(server, "d1", op="read", path="/3")["answer"]["values"]["/3/0/0"] == "Acme"
        missing = run(server, "d1", op="read", path="/3/0/99")
        assert missing["state"] == "failed" and missing["answer"]["code"] == "4.04"


def test_int_205_226_227_write_one_and_several(server):
    with device_of(server) as device:
        device.register()
        assert run(server, "d1", op="write", path="/1/0/1", value=777)["state"] == "done"
        assert device.values[(1, 0)][1] == 777
        request = device.await_request(PUT, "/1/0/1")
        assert request.number(CONTENT_FORMAT) == 0 and request.payload == b"777"
        assert run(server, "d1", op="write", path="/1/0", values={"2": 5, "3": 60})["state"] == "done"
        assert run(server, "d1", op="write", path="/33000/0/1", value={"base64": "AAEC"})["state"] == "failed"


def test_int_241_execute_sends_nothing_but_the_path(server):
    with device_of(server) as device:
        device.register()
        assert run(server, "d1", op="reboot")["state"] == "done"
        request = device.await_request(POST, "/3/0/4")
        assert request.payload == b"" and request.number(CONTENT_FORMAT) is None
        assert run(server, "d1", op="execute", path="/3/0/4", arguments="0='x'")["state"] == "done"
        assert device.executed[-1] == ("/3/0/4", b"0='x'")


def test_int_260_261_discover_and_write_attributes(server):
    with device_of(server) as device:
        device.register()
        assert run(server, "d1", op="discover", path="/3")["answer"]["links"] == "</3>"
        assert run(server, "d1", op="attributes", path="/3/0/9", query="pmin=5&pmax=10")["state"] == "done"
        request = device.await_request(PUT, "/3/0/9")
        assert request.all(15) == [b"pmin=5", b"pmax=10"] and request.number(CONTENT_FORMAT) is None


def test_create_and_delete(server):
    with device_of(server) as device:
        device.register()
        assert run(server, "d1", op="create", path="/9", values={"0": "app"})["state"] == "done"
        assert run(server, "d1", op="delete", path="/9/0")["state"] == "done"
        device.await_request(DELETE, "/9/0")


def test_int_229_230_composite_operations_find_the_format_that_the_device_has(server):
    with device_of(server) as device:
        device.register()
        read = run(server, "d1", op="readComposite", paths=["/3/0/0", "/3/0/9", "/1/0/1"])
        assert read["answer"]["values"] == {"/3/0/0": "Acme", "/3/0/9": 80, "/1/0/1": 300}
        assert run(server, "d1", op="writeComposite", values={"/1/0/1": 99, "/3/0/1": "M2"})["state"] == "done"
        assert device.values[(1, 0)][1] == 99 and device.values[(3, 0)][1] == "M2"


def test_a_device_that_names_lwm2m_cbor_is_read_written_observed_and_heard_in_it(server):
    """Content format 11544 of LwM2M 1.2; the device takes nothing else of several values."""
    objects = {(1, 0): {0: 1, 1: 300, 7: "U"},
               (3, 0): {0: "Acme", 9: 80, 11: {0: 0, 1: 6}, 13: 1700000000, 16: "U"},
               (3303, 0): {5700: -21.5, 5701: "Cel", 5750: b"\x00\xff\x10"}}
    with device_of(server, version="1.2", ct=str(LWM2M_CBOR), cbor_only=True, objects=objects) as device:
        device.register()
        for path, values in [("/3/0/9", {"/3/0/9": 80}), ("/3303/0/5700", {"/3303/0/5700": -21.5}),
                             ("/3303/0", {"/3303/0/5700": -21.5, "/3303/0/5701": "Cel", "/3303/0/5750": {"base64": "AP8Q"}}),
                             ("/3/0/11", {"/3/0/11/0": 0, "/3/0/11/1": 6}), ("/3303/0/5750", {"/3303/0/5750": {"base64": "AP8Q"}}),
                             ("/3", {"/3/0/0": "Acme", "/3/0/9": 80, "/3/0/11/0": 0, "/3/0/11/1": 6, "/3/0/13": 1700000000, "/3/0/16": "U"})]:
            answer = run(server, "d1", op="read", path=path)["answer"]
            assert (answer["code"], answer["format"], answer["values"]) == ("2.05", LWM2M_CBOR, values), path

        def written(method, path):
            request = device.await_request(method, path)
            device.requests.remove(request)
            return request.number(CONTENT_FORMAT)
        assert run(server, "d1", op="write", path="/1/0", values={"2": 5, "3": -60, "7": "UQ"})["state"] == "done"
        assert written(POST, "/1/0") == LWM2M_CBOR
        assert {n: device.values[(1, 0)][n] for n in (1, 2, 3, 7)} == {1: 300, 2: 5, 3: -60, 7: "UQ"}
        assert run(server, "d1", op="write", path="/3303/0", values={"5700": 22.25, "5750": {"base64": "AAEC"}}, replace=True)["state"] == "done"
        assert written(PUT, "/3303/0") == LWM2M_CBOR
        assert device.values[(3303, 0)][5700] == 22.25 and device.values[(3303, 0)][5750] == b"\x00\x01\x02"
        assert run(server, "d1", op="write", path="/3/0/11", value={"0": 2, "1": 3})["state"] == "done"
        assert written(PUT, "/3/0/11") == LWM2M_CBOR
        assert device.values[(3, 0)][11] == {0: 2, 1: 3}
        assert run(server, "d1", op="write", path="/3303/0/5750", value={"base64": "/w=="})["state"] == "done"  # octets are refused first
        assert device.values[(3303, 0)][5750] == b"\xff"
        assert run(server, "d1", op="create", path="/9", values={"0": "app", "1": "1.0"})["state"] == "done"
        assert written(POST, "/9") == LWM2M_CBOR and device.values[(9, 0)] == {0: "app", 1: "1.0"}
        assert run(server, "d1", op="observe", path="/3303/0")["state"] == "done"
        device.values[(3303, 0)][5700] = 23.0
        device.notify("/3303/0")

        def told(path):
            return [row["value"] for row in server.api("GET", f"/api/v1/devices/d1/values?path={path}").json["content"]]
        await_that("what was notified", lambda: 23.0 in told("/3303/0/5700"))
        send = [(CONTENT_FORMAT, uint(LWM2M_CBOR))]
        assert device.ask(POST, "/dp", send, keyed({(3303, 0): {5700: 24.5}, 3: {0: {9: 79}}})).text_code == "2.04"
        await_that("what was sent", lambda: 24.5 in told("/3303/0/5700") and 79 in told("/3/0/9"))
        assert device.ask(POST, "/dp", send, b"\xa1\x05").text_code == "4.00"  # ends inside
        assert device.ask(POST, "/dp", send, keyed({3: {0: {0: {0: {0: 1}}}}})).text_code == "4.00"  # deeper than paths are


def test_int_301_303_observed_values_are_kept_and_shown(server):
    with device_of(server) as device:
        device.register()
        assert run(server, "d1", op="observe", path="/3/0/9")["state"] == "done"
        for level in (70, 60):
            device.values[(3, 0)][9] = level
            device.notify("/3/0/9")
        listed = await_that("three values", lambda: (
            lambda page: page if page["total"] == 3 else None)(
                server.api("GET", "/api/v1/devices/d1/values?path=/3/0/9").json))
        assert [row["value"] for row in listed["content"]] == [80, 70, 60]
        at = listed["content"][1]["at"]
        later = server.api("GET", f"/api/v1/devices/d1/values?from={at + 1}").json
        assert later["total"] < 3
        newest = server.api("GET", "/api/v1/devices/d1/values/newest").json["content"]
        assert [(row["path"], row["value"]) for row in newest] == [("/3/0/9", 60)]
        # a registration ends every observation; the next one has them again
        device.register()
        device.await_that(lambda: "/3/0/9" in device.observed, "observed again")
        assert run(server, "d1", op="unobserve", path="/3/0/9")["state"] == "done"
        assert "/3/0/9" not in device.observed


def test_a_notification_with_a_foreign_token_is_reset(server):
    with device_of(server) as device:
        device.register()
        device.running = False
        device.thread.join()
        device.link.send(Message(CON, 0x45, 99, b"forged", [(6, b"\x01"), (CONTENT_FORMAT, b"")], b"1"))
        device.link.sock.settimeout(10)
        while (answer := Message.parse(device.link.sock.recv(2048))).mid != 99:
            pass
        assert answer.kind == RST
        assert server.api("GET", "/api/v1/devices/d1/values").json["total"] == 0


def test_int_306_send_is_kept(server):
    with device_of(server) as device:
        device.register()
        payload = b'[{"bn":"/3303/0/","n":"5700","v":21.5},{"n":"5701","vs":"Cel"}]'
        answer = device.ask(POST, "/dp", [(CONTENT_FORMAT, uint(SENML_JSON))], payload)
        assert answer.text_code == "2.04"
        rows = server.api("GET", "/api/v1/devices/d1/values").json["content"]
        assert {(row["path"], row["value"]) for row in rows} == {("/3303/0/5700", 21.5), ("/3303/0/5701", "Cel")}
        assert device.ask(POST, "/dp", [(CONTENT_FORMAT, uint(SENML_JSON))], b'[{"n":').text_code == "4.00"
        assert device.ask(POST, "/dp", [(CONTENT_FORMAT, uint(60))], b"\x01").text_code == "4.15"
    assert ask(coap(server), POST, "/dp", [(CONTENT_FORMAT, uint(SENML_JSON))], b"[]").text_code == "4.04"


def test_an_alternate_root_is_put_before_every_path(server):
    with device_of(server, prefix="/lwm2m") as device:
        device.register()
        assert run(server, "d1", op="read", path="/3/0/0")["answer"]["values"] == {"/3/0/0": "Acme"}
        device.await_request(GET, "/lwm2m/3/0/0")


def test_int_109_queue_mode_waits_until_the_device_is_heard(server):
    with device_of(server, queue=True) as device:
        device.register()
        assert run(server, "d1", op="read", path="/3/0/0")["state"] == "done"
        device.silent = True
        waiting = command(server, "d1", op="reboot")
        # its confirmable request is repeated for 45 s at least; it must survive that and the sleep behind it
        device.await_that(lambda: True, "nothing")
        device.silent = False
        device.update()
        assert ended(server, waiting)["state"] == "done"
        assert device.executed == [("/3/0/4", b"")]


def test_commands_that_no_device_could_take_are_refused_at_the_door(server):
    server.add_device("d1")
    for spec, error in [({"op": "read"}, "UD_ERR_MISSING"), ({"op": "fly", "path": "/3"}, "UD_ERR_SHAPE"),
                        ({"op": "read", "path": "/x"}, "UD_ERR_SHAPE"),
                        ({"op": "read", "path": "/99999"}, "UD_ERR_NUMBER_RANGE"),
                        ({"op": "read", "path": "/1/2/3/4/5"}, "UD_ERR_LIMIT"),
                        ({"op": "write", "path": "/1/0/1", "value": "soon"}, "UD_ERR_SHAPE"),
                        ({"op": "write", "path": "/1/0/1"}, "UD_ERR_MISSING"),
                        ({"op": "execute", "path": "/3"}, "UD_ERR_SHAPE"),
                        ({"op": "attributes", "path": "/3"}, "UD_ERR_MISSING"),
                        ({"op": "readComposite", "paths": []}, "UD_ERR_MISSING"),
                        ({"op": "readComposite", "paths": ["/3"] * 65}, "UD_ERR_LIMIT")]:
        reply = server.api("POST", "/api/v1/devices/d1/commands", spec)
        assert reply.status == 400 or reply.status == 422, (spec, reply)
        assert reply.json["errorCode"] == error, (spec, reply)


def test_a_waiting_command_can_be_canceled_and_too_many_are_refused(server):
    server.add_device("d1")
    first = command(server, "d1", op="read", path="/3/0/0")
    for _ in range(63):
        command(server, "d1", op="read", path="/3/0/0")
    reply = server.api("POST", "/api/v1/devices/d1/commands", {"op": "read", "path": "/3/0/0"})
    assert reply.json["errorCode"] == "UD_ERR_LIMIT"
    assert server.api("POST", f"/api/v1/commands/{first}/cancel").status == 204
    assert ended(server, first)["error"] == "UD_ERR_CANCELED"
    assert server.api("POST", f"/api/v1/commands/{first}/cancel").status == 409


def test_a_device_in_quarantine_gets_no_commands(server):
    def hold(method="POST", body=None):
        assert server.api(method, "/api/v1/devices/d1/quarantine", body).status == 204
    with device_of(server) as device:
        device.register()
        device.silent = True  # so that the second command waits for the end of the first one
        first = command(server, "d1", op="read", path="/3/0/0")
        second = command(server, "d1", op="reboot")
        hold(body={"reason": "odd traffic"})
        reply = server.api("POST", "/api/v1/devices/d1/commands", {"op": "reboot"})
        assert (reply.status, reply.json["errorCode"]) == (409, "UD_ERR_QUARANTINED")
        device.silent = False
        ended(server, first)
        assert ended(server, second)["error"] == "UD_ERR_QUARANTINED"
        assert device.executed == []
        hold("DELETE")
        assert run(server, "d1", op="reboot")["state"] == "done"
        assert device.executed == [("/3/0/4", b"")]


# --- firmware

IMAGE = os.urandom(5000)


def foreign(server, *names):
    """A release for devices of a foreign type, and such devices."""
    release = server.foreign_release(IMAGE, type_name="modem", filename="app.bin")
    for name in names or ("d1",):
        reply = server.api("POST", "/api/v1/devices", {"name": name, "type": "modem"})
        assert reply.status == 201, reply
    return release["id"]


def update_all(server, firmwares):
    """Devices with these firmware objects, all at once; how the action of each ended."""
    release = foreign(server, *firmwares)
    with contextlib.ExitStack() as stack:
        for name, firmware in firmwares.items():
            stack.enter_context(Lwm2mDevice(coap(server), name, firmware=firmware)).register()
        actions = dict(zip(firmwares, server.deploy(release, *firmwares)))
        return {name: end_of(server, action) for name, action in actions.items()}


def end_of(server, action):
    return await_that("the end of the action", lambda: (
        lambda a: a if not a["active"] else None)(server.action(action)))


def states(found):
    return [entry["state"] for entry in reversed(found["history"])]


def test_firmware_by_object_5(server):
    firmwares = {"both": Firmware(), "push": Firmware(method=1), "pull": Firmware(method=0),
                 "no-protocols": Firmware(protocols=None), "stuck": Firmware(stuck=True),
                 "small-blocks": Firmware(method=1, szx=2), "result-not-kept": Firmware(keep_result=False)}
    for name, found in update_all(server, firmwares).items():
        firmware = firmwares[name]
        assert found["state"] == "claimed" and found["proof"] == "claimed", (name, found)
        assert firmware.package == IMAGE, name
        assert "downloading" in states(found) and "installing" in states(found), name
        if firmware.method == 1:
            assert firmware.uris == []
        else:
            # what stock clients can keep and fetch: short, numeric, no query, no escapes
            assert all(len(uri) <= 120 and "?" not in uri and "%" not in uri for uri in firmware.uris)
    assert list((server.state / "patches").iterdir()) == []  # the package is the image for all of them, pushed or pulled


class Refusing(Firmware):
    def answer(self, request, parts):
        return (0x85, [], b"") if request.code == POST else super().answer(request, parts)


def test_firmware_that_fails_says_why(server):
    cases = {"refused": (Refusing(), "UD_ERR_DEVICE_FAILED"), "update": (Firmware(verdict=8), "UD_ERR_DEVICE_FAILED"), "integrity": (Firmware(result_of=5), "UD_ERR_DIGEST"),
             "space": (Firmware(result_of=2), "UD_ERR_SPACE"), "lost": (Firmware(result_of=4), "UD_ERR_CONNECT"),
             "result-not-kept": (Firmware(verdict=8, keep_result=False), "UD_ERR_DEVICE_FAILED"),
             "protocol": (Firmware(method=0, protocols=(3,)), "UD_ERR_ALGORITHM")}
    ends = update_all(server, {name: firmware for name, (firmware, _) in cases.items()})
    for name, (firmware, error) in cases.items():
        assert ends[name]["state"] == "failed" and ends[name]["error"] == error, (name, ends[name])
    assert len(cases["lost"][0].uris) == 4  # what may pass is tried again
    assert len(cases["integrity"][0].uris) == 1


def test_firmware_offered_before_the_device_registers(server):
    action = server.deploy(foreign(server), "d1")[0]
    with Lwm2mDevice(coap(server), "d1", firmware=Firmware()) as device:
        device.register()
        assert end_of(server, action)["state"] == "claimed"


def test_one_rollout_serves_devices_of_both_roads(server):
    """A filter, a group, counts, the history and `why` make no difference between LwM2M and DDI."""
    firmware = Firmware(method=0)
    release = foreign(server, "lwm2m")
    polling = server.add_device("ddi", type="modem")
    with Lwm2mDevice(coap(server), "lwm2m", firmware=firmware) as device:
        device.register()
        reply = server.api("POST", "/api/v1/rollouts", {"name": "both", "release": release, "filter": "type==modem", "groups": 1})
        assert reply.status == 201, reply
        rollout = f"/api/v1/rollouts/{reply.json['id']}"
        await_that("ready", lambda: server.api("GET", rollout).json["state"] == "ready")
        assert server.api("POST", rollout + "/start").status == 200
        await_that("the LwM2M device's end", lambda: server.api("GET", rollout).json["devices"]["claimed"] == 1)
        assert firmware.package == IMAGE
        assert server.api("GET", rollout).json["state"] == "running"  # the other one has its say, too
        link = await_that("an offer over DDI", lambda: polling.links().get("deploymentBase"))
        action = int(link.split("?")[0].rsplit("/", 1)[1])
        assert polling.feedback(action, "closed", "success").status == 200
        await_that("the end", lambda: server.api("GET", rollout).json["state"] == "finished")
        assert server.api("GET", rollout).json["devices"]["claimed"] == 2
        ends = {name: server.api("GET", f"/api/v1/devices/{name}/actions").json["content"][0] for name in ("lwm2m", "ddi")}
        assert {(end["state"], end["proof"]) for end in ends.values()} == {("claimed", "claimed")}
        assert len({server.api("GET", f"/api/v1/devices/{name}/why").json["answer"] for name in ends}) == 1


def test_firmware_goes_on_after_the_server_was_killed(server, tmp_path):
    firmware = Firmware()
    release = foreign(server)
    with Lwm2mDevice(coap(server), "d1", firmware=firmware) as device:
        device.register()
        held = firmware.install
        firmware.install = lambda: None  # the device is slow
        action = server.deploy(release, "d1")[0]
        device.await_request(POST, "/5/0/2")
        await_that("installing", lambda: server.action(action)["state"] == "installing")
        port = coap(server)[1]
        server.kill()
        again = Server(tmp_path / "state", "--listen-coap", f"127.0.0.1:{port}").start()
        try:
            held()
            assert end_of(again, action)["state"] == "claimed"
        finally:
            again.stop()


def test_one_uri_for_coap_and_http_and_only_for_who_was_offered_it(server):
    firmware = Firmware(method=0)
    firmware.pull = lambda: None
    release = foreign(server)
    with Lwm2mDevice(coap(server), "d1", firmware=firmware) as device:
        device.register()
        action = server.deploy(release, "d1")[0]
        await_that("the URI", lambda: firmware.uris)
        path = "/" + firmware.uris[0].split("/", 3)[3]
        assert download(coap(server), path) == IMAGE
        assert download(coap(server), path, szx=0) == IMAGE
        assert server.call("devices", "GET", path).body == IMAGE
        part = server.call("devices", "GET", path, headers={"Range": "bytes=4000-"})
        assert part.status == 206 and part.body == IMAGE[4000:]
        answer = ask(coap(server), GET, path, [(BLOCK2, uint(0))])
        assert answer.number(SIZE2) == len(IMAGE) and answer.all(ETAG) == [hashlib.sha256(IMAGE).digest()[:8]]
        etag = answer.all(ETAG)[0]
        for block, code in ((None, "2.03"), (6, "2.03"), (1 << 4 | 6, "2.05")):
            named = [(ETAG, b"other"), (ETAG, etag)] + ([] if block is None else [(BLOCK2, uint(block))])
            again = ask(coap(server), GET, path, named)
            assert again.text_code == code and again.all(ETAG) == [etag] and bool(again.payload) == (code == "2.05")
        assert ask(coap(server), GET, path, [(ETAG, etag[:7])]).text_code == "2.05"
        other = "1" if path[-9] == "0" else "0"  # another last digit of the capability
        for wrong in (path[:-9] + other + path[-8:], path.replace("/fw/", "/fw/1"), path + "x",
                      "/fw/0-0-00000000000000000000/app.bin", "/fw/" + "f" * 60 + "/app.bin"):
            assert ask(coap(server), GET, wrong).text_code == "4.04", wrong
            assert server.call("devices", "GET", wrong).status == 404, wrong
        assert ask(coap(server), GET, path, [(BLOCK2, uint(9999 << 4 | 6))]).text_code == "4.00"
        assert ask(coap(server), GET, path, [(BLOCK2, uint(7))]).text_code in ("4.00", "4.02")
        assert ask(coap(server), PUT, path).text_code == "4.05"
        assert server.api("POST", f"/api/v1/actions/{action}/cancel").status == 200
        await_that("the cancel", lambda: server.action(action)["state"] == "canceled")
        assert ask(coap(server), GET, path).text_code == "4.04"
        assert server.call("devices", "GET", path).status == 404


def test_what_is_fetched_by_uri_over_http_counts_among_the_downloads(tmp_path):
    server = Server(tmp_path / "state", "--listen-coap", "127.0.0.1:0", "--download-rate", "1").start()
    try:
        firmware = Firmware(method=0)
        firmware.pull = lambda: None
        release = foreign(server)
        with Lwm2mDevice(coap(server), "d1", firmware=firmware) as device:
            device.register()
            server.deploy(release, "d1")
            await_that("the URI", lambda: firmware.uris)
            path = "/" + firmware.uris[0].split("/", 3)[3]
            assert server.call("devices", "GET", path).body == IMAGE
            late = server.call("devices", "GET", path)
            assert late.status == 429 and late.json["errorCode"] == "UD_ERR_RETRY_LATER" and int(late.headers["Retry-After"]) >= 1
    finally:
        server.stop()


def blocks_of(device, path, wanted, kind=NON, expect=1):
    """What the server answers to one request by Q-Block2 (RFC 9177): {number: payload}; wanted: (number, more)."""
    token = os.urandom(8)
    device.link.send(Message(kind, GET, device.link.next_mid(), token,
                             [(URI_PATH, s.encode()) for s in path.strip("/").split("/")] +
                             [(Q_BLOCK2, uint(num << 4 | more << 3 | 6)) for num, more in wanted]))

    def came():
        return {m.number(Q_BLOCK2) >> 4: m for m in device.answers if m.token == token and m.code == 0x45}
    device.await_that(lambda: len(came()) >= expect, f"{expect} blocks of {wanted}")
    found = came()
    last = (len(BIG) - 1) // 1024
    for num, message in found.items():
        assert message.number(Q_BLOCK2) == num << 4 | (num < last) << 3 | 6
        assert message.number(SIZE2) == len(BIG) and message.all(ETAG) == [hashlib.sha256(BIG).digest()[:8]]
        assert message.payload == BIG[num * 1024:(num + 1) * 1024]
    return found


BIG = random.Random(5).randbytes(25000)


def test_q_block2_sends_the_blocks_of_a_set_at_once_to_who_has_shown_its_address(server):
    firmware = Firmware(method=0)
    firmware.pull = lambda: None
    release = server.foreign_release(BIG, type_name="modem", filename="app.bin")["id"]
    assert server.api("POST", "/api/v1/devices", {"name": "d1", "type": "modem"}).status == 201
    with Lwm2mDevice(coap(server), "d1", firmware=firmware) as device:
        device.register()
        server.deploy(release, "d1")
        await_that("the URI", lambda: firmware.uris)
        path = "/" + firmware.uris[0].split("/", 3)[3]
        first = blocks_of(device, path, [(0, False)], CON)
        assert first[0].kind == ACK
        body = {**first, **blocks_of(device, path, [(1, True)], expect=9)}
        body |= blocks_of(device, path, [(10, True)], expect=10)  # "Continue"
        body |= blocks_of(device, path, [(20, False), (22, True)], expect=4)
        body |= blocks_of(device, path, [(21, False)], CON)
        assert b"".join(body[n].payload for n in range(25)) == BIG
        assert set(blocks_of(device, path, [(3, False), (5, False), (7, True)], expect=5)) == {3, 5, 7, 8, 9}
        for wrong in ([(25, False)], [(3, False), (3, False)], [(5, False), (4, False)]):
            answer = device.ask(GET, path, [(Q_BLOCK2, uint(num << 4 | more << 3 | 6)) for num, more in wrong])
            assert answer.text_code == "4.00", wrong
        assert device.ask(GET, path, [(BLOCK2, uint(6)), (Q_BLOCK2, uint(6))]).text_code == "4.00"
        assert device.ask(GET, "/.well-known/core", [(Q_BLOCK2, uint(6))]).text_code == "4.02"
    # G6: who knows the URI may have sent it from another's address, and gets there what Block2 would give
    link = Socket(coap(server))
    link.sock.settimeout(WAIT_S)
    segments = [(URI_PATH, s.encode()) for s in path.strip("/").split("/")]
    link.send(Message(NON, GET, link.next_mid(), b"robust", [*segments, (Q_BLOCK2, uint(8 | 6))]))
    assert Message.parse(link.sock.recv(4096)).payload == BIG[:1024]
    link.send(Message(CON, GET, link.next_mid(), b"after", [*segments, (BLOCK2, uint(6))]))
    assert Message.parse(link.sock.recv(4096)).token == b"after"  # nothing more lay before this one
    link.close()


# --- signed releases: only the signed report confirms, by this road as by every other


class Field:
    """A server with an author's anchor, a signed release, and a LwM2M device with a key of its own."""

    def __init__(self, server, tmp_path):
        self.server, self.author, self.key = server, Author(tmp_path / "author"), Key()
        assert server.api("POST", "/api/v1/anchors", {"name": "author", "key": self.author.pem}).status == 201
        server.upload(IMAGE)
        self.release = publish(server, self.author.release(IMAGE, 2)).json
        server.add_device("d1", key=self.key.pem)
        self.firmware = Firmware(method=0)
        self.device = Lwm2mDevice(coap(server), "d1", firmware=self.firmware)

    def beside(self, name):
        return "/" + self.firmware.uris[0].split("/", 3)[3].rsplit("/", 1)[0] + "/" + name

    def report(self, key=None, image=None, **more):
        return report(key or self.key, bytes.fromhex(self.release["digest"]), hashlib.sha256(image or IMAGE).digest(),
                      sequence=2, **more)

    def send(self, data, device=None):
        return (device or self.device).ask(POST, "/report", [], data).text_code


def test_a_signed_release_is_fetched_and_confirmed_over_coap(server, tmp_path):
    field = Field(server, tmp_path)
    with field.device as device:
        device.register()
        action = server.deploy(field.release["id"], "d1")[0]
        await_that("the claim", lambda: server.action(action)["state"] == "trial")  # success was claimed: not enough
        assert field.firmware.uris[0].endswith("/manifest.suit")
        assert field.firmware.package == server.api("GET", f"/api/v1/releases/{field.release['id']}/envelope").body
        digest = hashlib.sha256(IMAGE).hexdigest()
        assert download(coap(server), field.beside(digest)) == IMAGE  # its relative URI resolves beside the envelope
        nonce = ask(coap(server), GET, field.beside("updraft.nonce")).payload
        assert len(nonce) == 16
        assert field.send(field.report(counter=1, nonce=bytes(16))) == "4.09"
        assert field.send(field.report(counter=1, nonce=nonce, key=Key())) == "4.03"
        assert field.send(field.report(counter=1, nonce=nonce)[:-1]) == "4.00"
        assert field.send(b"") == "4.00"
        assert server.action(action)["active"]
        good = field.report(counter=1, nonce=nonce)
        assert len(good) > 64
        assert field.send(good) == "2.04"
        found = server.action(action)
        assert found["state"] == "confirmed" and found["proof"] == "signed"
        assert field.send(good) == "2.04"  # the very same bytes again
        assert field.send(field.report(counter=1, nonce=nonce, boot_reason=2)) == "4.09"
        assert server.api("GET", "/api/v1/devices/d1").json["running"]["digest"] == digest
    assert ask(coap(server), POST, "/report", [], good).text_code == "4.01"  # of nobody
    assert ask(coap(server), POST, "/report", [], b"x" * 1537).text_code in ("4.01", "4.13")


def test_a_patch_is_a_resource_beside_the_image_and_only_for_who_runs_the_old_one(server, tmp_path):
    field = Field(server, tmp_path)
    old = (hashlib.shake_256(b"old").digest(20000))
    new = old[:7000] + b"a line that is new" + old[7000:]
    server.upload(old)
    server.upload(new)
    first = publish(server, field.author.release(old, 3), "old").json
    second = publish(server, field.author.release(new, 4), "new").json
    path = hashlib.sha256(new).hexdigest() + "/from/" + hashlib.sha256(old).hexdigest()[:16] + "/p3"
    with field.device as device:
        device.register()
        action = server.deploy(first["id"], "d1")[0]
        await_that("the claim", lambda: server.action(action)["state"] == "trial")
        nonce = ask(coap(server), GET, field.beside("updraft.nonce")).payload
        signed = report(field.key, bytes.fromhex(first["digest"]), hashlib.sha256(old).digest(), sequence=3, counter=1,
                        nonce=nonce)
        assert field.send(signed) == "2.04"
        seen = len(field.firmware.uris)
        field.firmware.pull = lambda: None
        server.deploy(second["id"], "d1")
        await_that("the URI", lambda: len(field.firmware.uris) > seen)
        beside = "/" + field.firmware.uris[-1].split("/", 3)[3].rsplit("/", 1)[0] + "/"
        asked = ask(coap(server), GET, beside + path)
        assert asked.text_code in ("4.04", "2.05")  # "take the image", unless it was made already
        await_that("a patch", lambda: ask(coap(server), GET, beside + path).text_code == "2.05")
        patch = download(coap(server), beside + path)
        assert len(patch) < 1000 and download(coap(server), beside + path, szx=0) == patch
        assert ask(coap(server), GET, beside + path).all(ETAG) != ask(coap(server), GET,
                                                                      beside + path.split("/")[0]).all(ETAG)
        for wrong in (path[:-1], path[:-2] + "x3", path + "/more", path.replace("/from/", "/form/"),
                      path.replace("/from/", "/from/0"), path[:-4] + ("0" if path[-4] != "0" else "1") + path[-3:]):
            assert ask(coap(server), GET, beside + wrong).text_code == "4.04", wrong
    for name, content in (("old", old), ("patch", patch)):
        (tmp_path / name).write_bytes(content)
    subprocess.run([BUILD / "updraft", "patch", tmp_path / "old", tmp_path / "patch", "--output", tmp_path / "made"],
                   check=True, capture_output=True)
    assert (tmp_path / "made").read_bytes() == new


# --- attacks


def test_G6_no_stranger_gets_three_times_what_it_sent(server):
    link = Socket(coap(server))
    link.sock.settimeout(1)
    requests = [Message(CON, GET, n, b"", [(URI_PATH, b".well-known"), (URI_PATH, b"core")]) for n in range(20)]
    requests += [Message(NON, GET, 100 + n, b"\x01" * 8, [(URI_PATH, b"x" * 200)]) for n in range(20)]
    sent = received = 0
    for request in requests:
        sent += len(request.bytes())
        link.send(request)
    try:
        while True:
            received += len(link.sock.recv(4096))
    except TimeoutError:
        pass
    link.close()
    assert 0 < received <= 3 * sent


def test_an_echo_opens_what_a_stranger_may_not_have(server):
    link = Socket(coap(server))
    answer = None
    for _ in range(10):
        answer = ask(coap(server), GET, "/.well-known/core", sock=link, token=b"")
        if answer.text_code == "4.01":
            break
        link.close()
        link = Socket(coap(server))
    if answer.text_code == "4.01":
        answer = ask(coap(server), GET, "/.well-known/core", [(ECHO, answer.all(ECHO)[0])], sock=link)
    assert answer.text_code == "2.05" and b"</rd>" in answer.payload
    link.close()


NO_MESSAGES = [
    b"", b"\x40", b"\x40\x01\x00", b"\x80\x01\x00\x01", b"\x4f\x01\x00\x01", b"\x49\x01\x00\x01" + b"x" * 9,
    b"\x40\x00\x00\x01\xff", b"\x40\x01\x00\x01\xff", b"\x40\x01\x00\x01\xf0", b"\x40\x01\x00\x01\xe0\xff\xff",
    b"\x40\x01\x00\x01" + b"\xb1x" * 70, b"\x60\x45\x00\x01", b"\x70\x01\x00\x01", b"\xff" * 2000, b"\x40" * 60000,
]


def test_C4_what_is_no_message_harms_nothing(server):
    for datagram in NO_MESSAGES:
        link = Socket(coap(server))
        link.sock.sendto(datagram, coap(server))
        assert ask(coap(server), GET, "/nothing", sock=link).text_code == "4.04", datagram[:20]
        link.close()


def test_unknown_critical_options_are_named_and_proxying_is_refused(server):
    assert ask(coap(server), GET, "/x", [(9, b"\x09")]).text_code == "4.02"
    assert ask(coap(server), GET, "/x", [(2049, b"")]).text_code == "4.02"
    assert ask(coap(server), GET, "/x", [(35, b"http://example.com/")]).text_code == "5.05"
    assert ask(coap(server), GET, "/x", [(39, b"http")]).text_code == "5.05"


def test_a_device_with_keys_cannot_come_without_them(server):
    server.add_device("d1")
    reply = server.api("POST", "/api/v1/devices/d1/lwm2m-keys", {"mode": "psk", "identity": "id1"})
    assert reply.status == 201 and len(reply.json["key"]) == 32
    answer = ask(coap(server), POST, "/rd", [(CONTENT_FORMAT, uint(LINKS)), *query(ep="d1")], b"</3/0>")
    assert answer.text_code == "4.03"
    listed = server.api("GET", "/api/v1/devices/d1/lwm2m-keys").json["content"]
    assert [key["identity"] for key in listed] == ["id1"] and "key" not in listed[0]
    assert server.api("DELETE", f"/api/v1/devices/d1/lwm2m-keys/{listed[0]['id']}").status == 204
    answer = ask(coap(server), POST, "/rd", [(CONTENT_FORMAT, uint(LINKS)), *query(ep="d1")], b"</3/0>")
    assert answer.text_code == "2.01"


def test_unknown_names_become_devices_only_where_the_configuration_says_so(tmp_path):
    running = Server(tmp_path / "state", "--listen-coap", "127.0.0.1:0", "--coap-add-devices").start()
    try:
        with Lwm2mDevice(coap(running), "new-one") as device:
            device.register()
            assert run(running, "new-one", op="read", path="/3/0/0")["state"] == "done"
        assert running.api("GET", "/api/v1/devices/new-one").status == 200
    finally:
        running.stop()


def test_no_key_is_given_out_over_plain_udp(server):
    server.add_device("d1")
    assert ask(coap(server), POST, "/bs", query(ep="d1")).text_code == "4.03"


# --- the command line


def updraft(server, *words):
    token = server.state / "admin.token"
    return subprocess.run([str(BUILD / "updraft"), *words, "--server", server.listen["people"]["url"], "--token-file",
                           str(token)], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "XDG_CONFIG_HOME": str(server.state)})


def test_the_command_line_gives_keys_and_commands(server):
    with device_of(server) as device:
        device.register()
        done = updraft(server, "device", "ask", "d1", "read", "/3/0/0")
        assert done.returncode == 0 and '"/3/0/0": "Acme"' in done.stdout, done
        assert updraft(server, "device", "ask", "d1", "write", "/1/0/1", "321").returncode == 0
        assert device.values[(1, 0)][1] == 321
        assert updraft(server, "device", "ask", "d1", "reboot").returncode == 0
        missing = updraft(server, "device", "ask", "d1", "read", "/3/0/99")
        assert missing.returncode == 1 and "UD_ERR_DEVICE_FAILED" in missing.stderr
        assert updraft(server, "device", "ask", "d1").returncode == 2
        made = updraft(server, "device", "key", "d1", "--psk", "id1", "--bootstrap", "once")
        assert made.returncode == 0 and "key (shown once)" in made.stdout
        assert updraft(server, "device", "key", "d1", "--psk", "id1").returncode == 1
        assert updraft(server, "device", "key", "d1").returncode == 2
    keys = server.api("GET", "/api/v1/devices/d1/lwm2m-keys").json["content"]
    assert [(key["identity"], key["bootstrap"]) for key in keys] == [("id1", "once")]


def test_how_long_a_device_may_be_silent_is_known_to_servers_that_it_did_not_register_at(tmp_path):
    first = Server(tmp_path / "state", "--listen-coap", "127.0.0.1:0", "--poll-s", "1").start()
    try:
        release = foreign(first)
        plain = first.add_device("plain", type="modem")
        with Lwm2mDevice(coap(first), "d1", lifetime=86400) as device:
            device.register()
        assert plain.call("GET").status == 200
    finally:
        first.stop()
    other = Server(tmp_path / "state", "--poll-s", "1").start()  # it takes no registrations, and has none in memory
    try:
        other.deploy(release, "d1", "plain")

        def why(name):
            return other.api("GET", f"/api/v1/devices/{name}/why").json["answer"]
        await_that("the one that polls is missed", lambda: why("plain") == "silent")
        assert why("d1") != "silent"
        body = {"release": release, "filter": "type==modem"}
        assert other.api("POST", "/api/v1/rollouts/forecast", body).json["devices"]["silent"] == 1
    finally:
        other.stop()
