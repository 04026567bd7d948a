"""LwM2M and CoAP with other projects' programs, unmodified: Leshan's client library, Californium and Scandium (Leshan stands
on them), aiocoap, libcoap's tools. Each registers, is observed, is commanded; firmware by object 5 where the client has it.
Californium is no LwM2M client: it fetches, plain, over DTLS and by the proxy.
"""
import json
import os
import shutil
import subprocess
import sys
import threading
import venv
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import await_that

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))
from lwm2m_tool import Firmware, Lwm2mDevice  # noqa: E402  (the folder is known only now)
from server_tool import Server  # noqa: E402

PLACE = HERE.parent / "build" / "interop"
AIOCOAP = ["aiocoap[oscore]==0.4.17", "cbor2==6.3.0", "cryptography==50.0.2"]
PSK = "00112233445566778899aabbccddeeff"


@pytest.fixture(scope="session")
def leshan():
    """Leshan's client from Maven Central, and the device that is made of it, compiled."""
    for word in ("java", "javac", "mvn"):
        if shutil.which(word) is None:
            pytest.skip(f"{word} is not installed: scripts/bootstrap interop")
    place = PLACE / "leshan"
    if not (place / "lib").exists():
        subprocess.run(["mvn", "-q", "-B", "-f", str(HERE / "leshan/pom.xml"), "dependency:copy-dependencies",
                        f"-DoutputDirectory={place}/lib"], check=True)
    subprocess.run(["javac", "-cp", f"{place}/lib/*", "-d", str(place), str(HERE / "leshan/Client.java")], check=True)
    return ["java", "-cp", f"{place}:{place}/lib/*", "Client"]


@pytest.fixture(scope="session")
def californium(leshan):
    """A client of Californium's own, as it comes with Leshan; its command-line tools are not on Maven Central."""
    place = PLACE / "leshan"
    subprocess.run(["javac", "-cp", f"{place}/lib/*", "-d", str(place), str(HERE / "californium/Fetch.java")], check=True)
    return [*leshan[:-1], "Fetch"]


@pytest.fixture(scope="session")
def aiocoap():
    place = PLACE / "aiocoap-oscore"
    if not (place / "bin/python").exists():
        venv.create(place, with_pip=True)
        subprocess.run([str(place / "bin/pip"), "-q", "install", *AIOCOAP], check=True)
    return [str(place / "bin/python"), str(HERE / "aiocoap_device.py")]


class Program:
    def __init__(self, words, log):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=out,
                                            stderr=subprocess.STDOUT, cwd=log.parent)

    def said(self, text):
        return text in self.log.read_text(errors="replace")

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.fixture
def start(tmp_path):
    running = []

    def begin(*words):
        running.append(Program(words, tmp_path / f"program{len(running)}.log"))
        return running[-1]
    yield begin
    for program in running:
        program.end()


@pytest.fixture
def server(tmp_path):
    running = Server(tmp_path / "state", "--listen-coap", "127.0.0.1:0", "--listen-coaps", "127.0.0.1:0").start()
    yield running
    running.stop()


@pytest.fixture
def people(server):
    return Api(server)


class Api:
    """Management calls that must succeed."""

    def __init__(self, server):
        self.server = server

    def get(self, path, missing=False):
        reply = self.server.api("GET", path)
        if missing and reply.status == 404:
            return None
        assert reply.status == 200, reply
        return reply.json

    def post(self, path, body):
        reply = self.server.api("POST", path, body)
        assert reply.status in (200, 201, 202), reply
        return reply.json


def url(server, kind):
    return server.listen[kind]["url"]


def registration(people, name):
    return people.get(f"/api/v1/devices/{name}/lwm2m", missing=True)


def run(people, name, **spec):
    ident = people.post(f"/api/v1/devices/{name}/commands", spec)["id"]

    def ended():
        found = people.get(f"/api/v1/commands/{ident}")
        return found if found["state"] not in ("queued", "sent") else None
    return await_that(f"command {spec}", ended)


def command_it(people, name, maker):
    read = run(people, name, op="read", path="/3/0/0")
    assert read["answer"]["values"] == {"/3/0/0": maker}, read
    assert run(people, name, op="observe", path="/3/0/9")["state"] == "done"
    await_that("three values of the battery",
               lambda: people.get(f"/api/v1/devices/{name}/values?path=/3/0/9")["total"] >= 3)
    assert run(people, name, op="reboot")["state"] == "done"
    assert run(people, name, op="unobserve", path="/3/0/9")["state"] == "done"


def add_device(people, name, **more):
    return people.post("/api/v1/devices", {"name": name, **more})


@pytest.mark.parametrize("security", ["nosec", "psk"])
def test_int_101_301_leshan_registers_is_observed_and_commanded(server, people, leshan, start, tmp_path, security):
    add_device(people, "leshan")
    words = ["pull"]
    if security == "psk":
        people.post("/api/v1/devices/leshan/lwm2m-keys", {"mode": "psk", "identity": "leshan-id", "key": PSK})
        words += ["psk", "leshan-id", PSK]
    program = start(*leshan, url(server, "coaps" if security == "psk" else "coap"), "leshan", tmp_path / "got", *words)
    await_that("the registration", lambda: registration(people, "leshan"), program.process)
    assert registration(people, "leshan")["security"] == security
    command_it(people, "leshan", "Leshan")
    assert program.said("execute 4")
    whole = run(people, "leshan", op="read", path="/3/0")["answer"]["values"]
    assert whole["/3/0/0"] == "Leshan" and whole["/3/0/1"] == "interop"
    assert "</3/0>" in run(people, "leshan", op="discover", path="/3/0")["answer"]["links"]
    assert run(people, "leshan", op="write", path="/1/0/1", value=120)["state"] == "done"
    assert run(people, "leshan", op="read", path="/1/0/1")["answer"]["values"] == {"/1/0/1": 120}


@pytest.mark.parametrize("way", ["pull", "push"])
def test_leshan_takes_firmware_by_object_5(server, people, leshan, start, tmp_path, way):
    image = os.urandom(100_000 if way == "pull" else 20_000)
    release = server.foreign_release(image, "modem", "app.bin")["id"]
    add_device(people, "leshan", type="modem")
    program = start(*leshan, url(server, "coap"), "leshan", tmp_path / "got", way)
    await_that("the registration", lambda: registration(people, "leshan"), program.process)
    action = people.post(f"/api/v1/releases/{release}/deploy", {"devices": ["leshan"]})["actions"][0]["id"]
    found = await_that("the end of the action", lambda: (
        lambda a: a if not a["active"] else None)(people.get(f"/api/v1/actions/{action}")), program.process)
    assert found["state"] == "claimed", found
    assert (tmp_path / "got").read_bytes() == image


def test_int_1_leshan_is_bootstrapped_and_then_registers_with_the_key_that_it_was_given(server, people, leshan, start,
                                                                                  tmp_path):
    add_device(people, "leshan")
    people.post("/api/v1/devices/leshan/lwm2m-keys",
                {"mode": "psk", "identity": "factory", "key": PSK, "bootstrap": "once"})
    program = start(*leshan, url(server, "coaps"), "leshan", tmp_path / "got", "pull", "bootstrap", "factory", PSK)
    await_that("the registration", lambda: registration(people, "leshan"), program.process)
    assert registration(people, "leshan")["security"] == "psk"
    keys = await_that("the factory key to go", lambda: (
        lambda k: k if all(key["bootstrap"] == "no" for key in k) else None)(
            people.get("/api/v1/devices/leshan/lwm2m-keys")["content"]))
    assert len(keys) == 1 and keys[0]["identity"] != "factory"
    command_it(people, "leshan", "Leshan")


def test_int_101_301_aiocoap_registers_is_observed_and_commanded(server, people, aiocoap, start, tmp_path):
    add_device(people, "aio")
    program = start(*aiocoap, url(server, "coap"), "aio", tmp_path / "got")
    await_that("the registration", lambda: registration(people, "aio"), program.process)
    command_it(people, "aio", "aiocoap")
    assert program.said("execute 4")
    assert run(people, "aio", op="write", path="/3/0/14", value="+02")["state"] == "done"
    assert run(people, "aio", op="read", path="/3/0/14")["answer"]["values"] == {"/3/0/14": "+02"}


def firmware_uri(server, people, image):
    """The URI that a stock client of type `modem` would be given, read from one that only listens."""
    release = server.foreign_release(image, "modem", "app.bin")["id"]
    add_device(people, "m1", type="modem")
    people.post(f"/api/v1/releases/{release}/deploy", {"devices": ["m1"]})
    host, port = url(server, "coap").removeprefix("coap://").rsplit(":", 1)
    firmware = Firmware(method=0)
    firmware.pull = lambda: None
    with Lwm2mDevice((host, int(port)), "m1", firmware=firmware) as device:
        device.register()
        return await_that("the URI", lambda: firmware.uris)[0]


def test_libcoap_and_aiocoap_fetch_the_same_bytes(server, people, aiocoap, tmp_path):
    image = os.urandom(70_001)
    uri = firmware_uri(server, people, image)
    for size in ("1024", "64"):
        got = tmp_path / f"libcoap-{size}"
        subprocess.run(["coap-client-notls", "-B", "60", "-b", size, "-o", str(got), uri], check=True, timeout=120)
        assert got.read_bytes() == image
    got = tmp_path / "aiocoap"
    script = ("import asyncio, aiocoap, sys\nasync def main():\n c = await aiocoap.Context.create_client_context()\n"
              " r = await c.request(aiocoap.Message(code=aiocoap.GET, uri=sys.argv[1])).response\n"
              " open(sys.argv[2], 'wb').write(r.payload)\nasyncio.run(main())")
    subprocess.run([aiocoap[0], "-c", script, uri, str(got)], check=True, timeout=120)
    assert got.read_bytes() == image


@pytest.mark.parametrize("block", [16, 512, 1024])
def test_californium_pings_fetches_and_asks_whether_it_is_still_fresh(server, people, californium, tmp_path, block):
    image = os.urandom(30_001)
    uri = firmware_uri(server, people, image)
    assert fetched(californium, uri, tmp_path, block) == image


def test_californium_fetches_over_dtls_from_the_server_and_by_its_proxy(californium, tmp_path):
    image = os.urandom(30_001)
    (tmp_path / "www").mkdir()
    (tmp_path / "www/app.bin").write_bytes(image)
    origin = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "www")))
    threading.Thread(target=origin.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{origin.server_address[1]}"
    server = Server(tmp_path / "state", "--listen-coap", "127.0.0.1:0", "--listen-coaps", "127.0.0.1:0",
                    "--coap-proxy-origins", base).start()
    try:
        people = Api(server)
        uri = firmware_uri(server, people, image)
        people.post("/api/v1/devices/m1/lwm2m-keys", {"mode": "psk", "identity": "m1-id", "key": PSK})
        coaps = url(server, "coaps")
        inside = coaps + "/" + uri.removeprefix("coap://").split("/", 1)[1]
        assert fetched(californium, inside, tmp_path, 1024, "m1-id", PSK) == image
        assert fetched(californium, f"{base}/app.bin", tmp_path, 512, "m1-id", PSK, coaps) == image
    finally:
        server.stop()
        origin.shutdown()
        origin.server_close()


def fetched(californium, uri, folder, block, *more):
    got = folder / "got"
    done = subprocess.run([*californium, uri, str(got), str(block), *more], check=True, timeout=300, capture_output=True,
                          text=True)
    assert done.stdout.split("\n")[:3] == ["ping true", "got 2.05 etag true", "again 2.03"], done
    return got.read_bytes()


def test_int_101_301_aiocoap_registers_is_observed_and_commanded_under_oscore(server, people, aiocoap, start, tmp_path):
    """RFC 8613 in both directions, Echo after both sides' start included; what is not protected gets nothing."""
    add_device(people, "aiocoap")
    key = people.post("/api/v1/devices/aiocoap/lwm2m-keys",
                      {"mode": "oscore", "kid": "0a", "serverId": "0b", "key": PSK, "salt": "9e7ca92223786340"})
    assert key["kid"] == "0a" and "key" not in key
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps({"sender-id_hex": "0a", "recipient-id_hex": "0b", "secret_hex": PSK,
                                                      "salt_hex": "9e7ca92223786340"}))
    program = start(aiocoap[0], HERE / "aiocoap_oscore_device.py", url(server, "coap"), "aiocoap", folder)
    await_that("the registration", lambda: registration(people, "aiocoap"), program.process)
    assert registration(people, "aiocoap")["security"] == "oscore"
    command_it(people, "aiocoap", "aiocoap")
    assert program.said("execute 4")
