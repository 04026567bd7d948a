"""Several servers on one PostgreSQL, one CoAP port: who holds it, who takes it over, and that nothing is lost or done twice.

On one host the holder must let the port go before another can bind it; servers of different hosts are played by two
loopback addresses.
"""
import contextlib
import json
import os
import signal
import socket
import subprocess
import threading

import pytest
from lwm2m_steps import IMAGE, await_that, coap, command, ended, foreign, registration, run
from lwm2m_tool import CON, CONTENT_FORMAT, LINKS, POST, RST, Firmware, Lwm2mDevice, Message, Socket, query, uint
from pg_tool import BIN
from server_tool import BUILD, Server
from test_device import wait_for
from test_device_coap import CoapDevice, CoapWorld
from test_lwm2m_dtls import KEY, add_key, client, metric

LONG_S = 20  # no machine is so slow that the holder loses it by the way
SHORT_S = 4   # for what must run out by itself; the holder may also lose it at any time


class Group:
    """Servers on one database."""

    def __init__(self, folder, postgres):
        self.folder, self.postgres, self.store, self.servers = folder, postgres, postgres.database(), []
        self.database = f"updraft{postgres.made}"

    def run_out(self):
        """As if the time of the lease were over. Whoever had it was killed."""
        self.postgres.sql("UPDATE lease SET until_ms=0 WHERE name='coap'", self.database)

    def add(self, *flags, lease_s=LONG_S):
        state = self.folder / f"s{len(self.servers)}"
        state.mkdir(mode=0o700)
        if self.servers:
            (state / "admin.token").write_text(self.servers[0].token)
        server = Server(state, "--coap-lease-s", str(lease_s), *flags, store=self.store).start(await_coap=not self.servers)
        self.servers.append(server)
        return server

    def end(self):
        for server in self.servers:
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGCONT)
                server.kill()


@pytest.fixture
def group(postgres, tmp_path):
    group = Group(tmp_path, postgres)
    yield group
    group.end()


def holds(server):
    return server.process.poll() is None and metric(server, "updraft_coap_lease_held") == 1


def await_holder(*servers):
    """The server that has the port now; its listen.json says so, too."""
    def look():
        for server in servers:
            if holds(server):
                listen = json.loads((server.state / "listen.json").read_text())
                if server.has_coap(listen):
                    server.listen = listen
                    return server
        return None
    return await_that("a holder", look)


@contextlib.contextmanager
def device_at(server, name, **more):
    server.add_device(name)
    with Lwm2mDevice(coap(server), name, **more) as device:
        yield device


def test_kill_9_of_the_holder_loses_no_registration_that_was_acknowledged(group):
    first = group.add("--listen-coap", "127.0.0.1:0", "--coap-add-devices", lease_s=SHORT_S)
    address = coap(first)
    second = group.add("--listen-coap", "%s:%d" % address, "--coap-add-devices", lease_s=SHORT_S)
    acknowledged, stopping = [], threading.Event()

    def register(number):
        """New devices, each from an address of its own, until it is told to stop: also while the holder is killed."""
        n = 0
        while not stopping.is_set():
            with contextlib.closing(Socket(address)) as sock:
                name = f"d-{number}-{n}"
                request = Message(CON, POST, 1, os.urandom(4),
                                  [*[(11, b"rd"), (CONTENT_FORMAT, uint(LINKS))], *query(lwm2m="1.1", ep=name, lt=86400, b="U")],
                                  b"</3/0>")
                sock.sock.settimeout(0.2)
                while not stopping.is_set():
                    with contextlib.suppress(OSError):  # nobody has the port for a while
                        sock.send(request)
                        answer = Message.parse(sock.sock.recv(2048))
                        if answer.token == request.token and answer.text_code == "2.01":
                            acknowledged.append((name, "/" + "/".join(v.decode() for v in answer.all(8))))
                            break
            n += 1

    threads = [threading.Thread(target=register, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    await_that("registrations", lambda: len(acknowledged) > 60)
    first.kill()
    before = len(acknowledged)
    await_that("registrations at the other", lambda: len(acknowledged) > before + 60)
    stopping.set()
    for thread in threads:
        thread.join()
    await_holder(second)
    for name, location in acknowledged:
        assert registration(second, name)["location"] == location
    # and the locations are good there, by a message from another address
    for name, location in acknowledged[::20] + acknowledged[before - 3:before + 3]:
        with Lwm2mDevice(address, name) as device:
            device.location = location
            device.update()


def test_what_is_asked_of_any_server_is_done_by_the_holder(group, tmp_path):
    (tmp_path / "artifacts").mkdir()
    files = ("--artifacts", str(tmp_path / "artifacts"))
    first = group.add("--listen-coap", "127.0.0.1:0", *files)
    second = group.add("--listen-coap", "%s:%d" % coap(first), *files)
    assert holds(first) and not holds(second) and "coap" not in second.listen
    third = group.add(*files)  # for people and devices over HTTP only
    release = foreign(first, "d1")
    firmware = Firmware(method=0)
    with Lwm2mDevice(coap(first), "d1", firmware=firmware) as device:
        device.register()
        for value, server in enumerate((first, second, third)):
            await_that("the device", lambda: server.api("GET", "/api/v1/devices/d1").status == 200)
            ident = command(server, "d1", op="write", path="/1/0/1", value=100 + value)
            assert ended(server, ident)["state"] == "done"
            assert device.values[(1, 0)][1] == 100 + value
            assert first.api("GET", f"/api/v1/commands/{ident}").json["state"] == "done"
        # an offer of the third, fetched at the holder; the same URI is good at the others over HTTP
        [action] = third.deploy(release, "d1")
        assert await_that("claimed", lambda: (lambda a: a if not a["active"] else None)(third.action(action)))["state"] == "claimed"
        assert firmware.package == IMAGE
        path = "/" + firmware.uris[0].split("/", 3)[3]
        for server in (first, second, third):
            await_that("its end is known", lambda: server.call("devices", "GET", path).body == IMAGE)


def test_a_command_in_flight_at_the_kill_is_done_once_or_unknown(group):
    first = group.add("--listen-coap", "127.0.0.1:0")
    second = group.add("--listen-coap", "%s:%d" % coap(first))
    with device_at(first, "d1") as once, device_at(first, "d2") as again:
        for device in (once, again):
            device.register()
            assert run(first, device.name, op="read", path="/3/0/0")["state"] == "done"
            device.silent = True
        reboot = command(second, "d1", op="reboot")
        read = command(second, "d2", op="read", path="/3/0/1")
        behind = command(second, "d1", op="read", path="/3/0/1")
        is_reboot = lambda r: (r.code, r.path) == (POST, "/3/0/4")
        once.await_that(lambda: any(map(is_reboot, once.unanswered)), "the reboot")
        again.await_that(lambda: any(r.path == "/3/0/1" for r in again.unanswered), "the read")
        first.kill()
        group.run_out()
        for device in (once, again):
            device.silent = False
        await_holder(second)
        lost = ended(second, reboot)
        assert (lost["state"], lost["error"]) == ("failed", "UD_ERR_OUTCOME_UNKNOWN"), lost
        assert ended(second, read)["answer"]["values"] == {"/3/0/1": "M1"}
        assert ended(second, behind)["state"] == "done"
        assert once.executed == [] and len({r.mid for r in once.unanswered if is_reboot(r)}) == 1
        for device in (once, again):
            device.update()  # their locations are good


def test_a_holder_that_stood_still_does_not_answer(group):
    """F13: it wakes up with datagrams in its socket, and another has the lease."""
    paused = group.add("--listen-coap", "127.0.0.1:0", "--coap-add-devices", lease_s=SHORT_S)
    ping = lambda mid: Message(CON, 0, mid)
    with contextlib.closing(Socket(coap(paused))) as sock, device_at(paused, "d1") as device:
        device.register()
        sock.sock.settimeout(0.5)

        def pong():
            sock.send(ping(6))
            with contextlib.suppress(TimeoutError):
                return Message.parse(sock.sock.recv(100)).kind == RST
        await_that("it answers", pong)
        paused.process.send_signal(signal.SIGSTOP)
        other = group.add("--listen-coap", "127.0.0.2:%d" % coap(paused)[1], "--coap-add-devices")
        await_holder(other)
        # what comes to it meanwhile: a ping, a registration, an Update of one that it knows
        sock.send(ping(7))
        sock.send(Message(CON, POST, 8, b"late", [(11, b"rd"), (CONTENT_FORMAT, uint(LINKS)), *query(lwm2m="1.1", ep="late")],
                          b"</3/0>"))
        sock.send(Message(CON, POST, 9, b"upd8", [(11, p.encode()) for p in device.location.strip("/").split("/")]))
        # a command begins at the other, for a device that moved there
        device.address = coap(other)
        device.move()
        device.update()
        assert run(other, "d1", op="write", path="/1/0/1", value=77)["state"] == "done"
        paused.process.send_signal(signal.SIGCONT)
        await_that("it knows", lambda: not holds(paused))
        # its port is let go: nothing more can come; and nothing came, but what was answered before
        sock.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                assert Message.parse(sock.sock.recv(2048)).mid == 6
        assert other.api("GET", "/api/v1/devices/late").status == 404
        assert run(paused, "d1", op="read", path="/1/0/1")["answer"]["values"] == {"/1/0/1": 77}
        # when the other ends cleanly, the lease is free at once, and the first one takes it again
        assert other.stop() == 0
        await_holder(paused)
        device.address = coap(paused)
        device.move()
        device.update()


def test_a_holder_that_cannot_renew_falls_silent_by_itself(group, postgres):
    holder = group.add("--listen-coap", "127.0.0.1:0", lease_s=SHORT_S)
    address = coap(holder)
    with device_at(holder, "d1") as device:
        device.register()
        # the lock of all writers, as by a server that stands still in its transaction: nobody can renew
        lock = subprocess.Popen([BIN / "psql", "-X", "-q", "-h", postgres.folder, "-U", "postgres", "-d", group.database,
                                 "-c", "SELECT pg_advisory_lock(8462087391266170468)", "-c", "SELECT pg_sleep(600)"],
                                stdout=subprocess.DEVNULL)
        try:
            await_that("it gives up", lambda: not holds(holder))
            with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as free:
                await_that("the port is free", lambda: binds(free, address))
        finally:
            postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid<>pg_backend_pid() AND"
                         " (query LIKE '%pg_sleep(600)%' OR query LIKE '%pg_advisory_lock(8%')")
            lock.kill()
            lock.wait()
        assert coap(await_holder(holder)) == address  # at the port that it had
        device.update()
        assert metric(holder, "updraft_coap_lease_lost_total") >= 1


def binds(sock, address):
    try:
        sock.bind(address)
    except OSError:
        return False
    return True


def test_dtls_devices_shake_hands_again_at_the_other(group):
    first = group.add("--listen-coaps", "127.0.0.1:0")
    port = first.listen["coaps"]["url"].rsplit(":", 1)[1]
    second = group.add("--listen-coaps", f"127.0.0.1:{port}")
    first.add_device("d1")
    add_key(first, "d1", mode="psk", identity="id1", key=KEY.encode().hex())
    psk = ("-u", "id1", "-k", KEY)
    assert client(first, "/rd?ep=d1&lwm2m=1.1", *psk) == "2.01"
    location = registration(first)["location"]
    first.kill()
    group.run_out()
    await_holder(second)
    assert client(second, location + "?lt=777", *psk) == "2.04"
    assert registration(second)["lifetime"] == 777


def test_an_agent_of_ours_under_oscore_is_updated_by_the_server_that_took_over(postgres, tmp_path):
    """Its registration and its key are good there without a word of its own; and its signed report is taken."""
    group = Group(tmp_path, postgres)
    (tmp_path / "world").mkdir()
    (tmp_path / "artifacts").mkdir()
    files = ("--artifacts", str(tmp_path / "artifacts"), "--patch-image-bytes-max", "0")
    world = CoapWorld(tmp_path / "world", ("--store", group.store, "--coap-lease-s", str(LONG_S), *files))
    device = None
    try:
        where = {key: world.addresses[key]["url"].split("://")[1] for key in ("coap", "coaps")}
        (tmp_path / "s1").mkdir(mode=0o700)
        (tmp_path / "s1" / "admin.token").write_text(world.token)
        second = Server(tmp_path / "s1", "--listen-coap", where["coap"], "--listen-coaps", where["coaps"], "--coap-lease-s",
                        str(LONG_S), *files, store=group.store).start(await_coap=False)
        group.servers.append(second)
        release = world.release("app-2", BUILD / "app-2", 2)
        device = CoapDevice(world, "d1", "oscore").power_on()
        device.is_registered()
        world.server.kill()
        world.server.wait()
        group.run_out()
        await_holder(second)
        assert run(second, "d1", op="read", path="/3/0/3")["answer"]["values"] == {"/3/0/3": "1"}
        [action] = second.deploy(release, "d1")
        end = wait_for("its end", lambda: (lambda a: a if not a["active"] else None)(second.action(action)))
        assert (end["state"], end["proof"]) == ("confirmed", "signed"), end
    finally:
        if device:
            device.power_off()
        if world.server.poll() is None:
            world.close()
        group.end()
