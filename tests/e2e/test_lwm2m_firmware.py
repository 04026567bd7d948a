"""Firmware over object 5 of a LwM2M device in Python that was written from the standards, and over CoAP for our own."""
import hashlib
import os
import random
import subprocess

from cose_tool import Key, report
from lwm2m_steps import IMAGE, WAIT_S, await_that, coap, end_of, foreign, server, states, update_all  # noqa: F401 (server is a fixture)
from lwm2m_tool import (ACK, BLOCK2, CON, ETAG, GET, NON, POST, PUT, Q_BLOCK2, SIZE2, URI_PATH, Firmware, Lwm2mDevice,
                        Message, Socket, ask, download, uint)
from server_tool import BUILD, Server
from test_server_reports import Author, publish


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
        for wrong in (path[:-9] + other + path[-8:], path.replace("/fw/", "/fw/1"), path + "x", path.replace("/fw/", "/fw/0x"),
                      path.replace("/fw/", "/fw/+"), path.replace("-", "", 1), path.replace("-", "--", 1), "/fw/" + "1" * 17 + path[path.index("-"):],
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
