"""The LwM2M server, with a device in Python that was written from the standards.

Names carry the ids of OMA's interoperability test cases (int_102_107: LightweightM2M-1.1-int-102 and -107); docs/design/lwm2m.md section 11
says which have no test.
"""
import os
import subprocess

from lwm2m_steps import await_that, coap, command, device_of, ended, foreign, registration, run, server  # noqa: F401 (server is a fixture)
from lwm2m_tool import (BLOCK1, CON, CONTENT_FORMAT, DELETE, ECHO, GET, LINKS, LWM2M_CBOR, NON, POST, PUT, RST,
                        SENML_JSON, URI_PATH, Lwm2mDevice, Message, Socket, ask, keyed, query, uint)
from server_tool import BUILD, Server


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


def test_what_is_observed_is_observed_again_by_a_server_that_was_killed(server, tmp_path):
    with device_of(server) as device:
        device.register()
        assert run(server, "d1", op="observe", path="/3/0/9")["state"] == "done"
        device.observed.clear()
        port = coap(server)[1]
        server.kill()
        again = Server(tmp_path / "state", "--listen-coap", f"127.0.0.1:{port}").start()
        try:
            device.await_that(lambda: "/3/0/9" in device.observed, "observed again")
        finally:
            again.stop()


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
