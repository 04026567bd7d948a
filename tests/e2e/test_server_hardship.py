"""A database that has no room left, and connections that never say anything."""
import os
import pwd
import socket
import subprocess
import sys
import threading
import time

import pytest
from pg_tool import Postgres
from server_tool import Server

SILENT = 300
WAIT_S = 120
HALF_OPEN = int(os.environ.get("UPDRAFT_TEST_HALF_OPEN", "0"))
OF_ONE_CROWD = 15000  # files that a process may have open are the limit, and ports that one address has to give away
ROOM = 4000
CONNECTION_BYTES = 65536  # of memory that one may cost, with its TLS session and buffers
CROWD = """
import resource, socket, sys
address, host, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []
for n in range(count):
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((address, 0))
    try:
        sock.connect((host, port))
    except BlockingIOError:  # it waits where the kernel has it wait
        pass
    if n % 2:
        try:
            sock.send(b"\\x16\\x03\\x01\\x02\\x00\\x01")  # the beginning of a handshake
        except OSError:  # it waits, or was sent away already
            pass
    held.append(sock)
print(len(held), flush=True)
sys.stdin.read()
"""


def mount_small(place, options):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True).returncode != 0:
        pytest.skip("no right to mount a small file system")


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mount_small(place, "size=8m")
    yield place
    subprocess.run(["umount", place], check=True)


def of_postgres():
    """Options of a mount that the database's own user may write to. Who is not root may not mount anything."""
    user = pwd.getpwnam("postgres")
    return f"mode=700,uid={user.pw_uid},gid={user.pw_gid}"


@pytest.fixture
def small_tablespace(postgres):
    """A database whose tables lie on a disk with little room; its log lies elsewhere."""
    place = postgres.folder / "small"
    place.mkdir()
    try:
        mount_small(place, "size=24m," + of_postgres())
    except BaseException:
        place.rmdir()
        raise
    postgres.sql(f"CREATE TABLESPACE small LOCATION '{place}'")
    postgres.sql("CREATE DATABASE small TABLESPACE small")
    yield place, postgres.url("small")
    (place / "filler").unlink(missing_ok=True)
    postgres.sql("DROP DATABASE small WITH (FORCE)")
    postgres.sql("DROP TABLESPACE small")
    subprocess.run(["umount", place], check=True)
    place.rmdir()


@pytest.fixture
def small_cluster():
    """A PostgreSQL that has all of its files, the log too, on a disk with little room."""
    running = Postgres()
    try:
        mount_small(running.folder, "size=120m," + of_postgres())
    except BaseException:
        running.folder.rmdir()
        raise
    running.start()
    yield running
    running.stop()
    subprocess.run(["umount", running.folder], check=True)
    running.folder.rmdir()


def fill(place):
    """Take every byte that is left."""
    with open(place / "filler", "wb", buffering=0) as filler:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while filler.write(b"\0" * size):
                    pass
            except OSError:
                continue


def add(server, name):
    return server.api("POST", "/api/v1/devices", {"name": name, "group": "g" * 100})


@pytest.mark.skipif(os.environ.get("UPDRAFT_TEST_STORE") == "postgresql", reason="the disk is SQLite's")
def test_f13_a_full_database_refuses_what_it_cannot_keep_and_goes_on_with_room(small_disk):
    """What was acknowledged before is there afterwards, what was refused is not; reading and polling go on all the time."""
    server = Server(small_disk / "state").start()
    try:
        first = server.add_device("first")
        kept = ["first"]
        fill(small_disk)
        refused = None
        while refused is None and len(kept) < 20000:  # the log has room for a while
            reply = add(server, f"d{len(kept)}")
            if reply.status == 201:
                kept.append(f"d{len(kept)}")
            else:
                refused = f"d{len(kept)}"
        assert (reply.status, reply.json["errorCode"]) == (507, "UD_ERR_DISK_FULL")
        if add(server, "again").status == 201:  # the log was put away in between
            kept.append("again")
        assert first.call("GET").status == 200
        assert server.api("GET", "/api/v1/devices/first").status == 200
        assert server.api("GET", f"/api/v1/devices/{refused}").status == 404

        (small_disk / "filler").unlink()
        assert add(server, refused).status == 201
        kept.append(refused)
        server.kill()  # nothing is tidied up
        server.start()
        for name in ("first", kept[len(kept) // 2], kept[-2], kept[-1]):
            assert server.api("GET", f"/api/v1/devices/{name}").status == 200, name
        assert server.api("GET", "/api/v1/devices?limit=1").json["total"] == len(kept)
        assert first.call("GET").status == 200
    finally:
        server.stop()
    check = subprocess.run([server.command[0], "check", "--state", str(small_disk / "state")], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr


def fill_up(server, kept):
    """Add devices until one is refused; its name. What was acknowledged is in `kept`."""
    while len(kept) < 20000:  # pages that are there already have room for a while
        reply = add(server, f"d{len(kept)}")
        if reply.status != 201:
            assert (reply.status, reply.json["errorCode"]) == (507, "UD_ERR_DISK_FULL")
            return f"d{len(kept)}"
        kept.append(f"d{len(kept)}")
    raise AssertionError("there was room for everything")


def all_there(server, kept):
    for name in ("first", kept[len(kept) // 2], kept[-1]):
        assert server.api("GET", f"/api/v1/devices/{name}").status == 200, name
    assert server.api("GET", "/api/v1/devices?limit=1").json["total"] == len(kept)


def check(server):
    done = subprocess.run([server.command[0], "check", "--state", str(server.state)], capture_output=True, text=True, env=server.environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_f13_a_full_tablespace_refuses_what_it_cannot_keep_and_goes_on_with_room(small_tablespace, tmp_path):
    place, url = small_tablespace
    server = Server(tmp_path / "state", store=url).start()
    try:
        first = server.add_device("first")
        kept = ["first"]
        fill(place)
        refused = fill_up(server, kept)
        assert first.call("GET").status == 200
        assert server.api("GET", f"/api/v1/devices/{refused}").status == 404
        all_there(server, kept)

        (place / "filler").unlink()
        assert add(server, refused).status == 201
        kept.append(refused)
        server.kill()  # nothing is tidied up
        server.start()
        all_there(server, kept)
        assert first.call("GET").status == 200
    finally:
        server.stop()
    check(server)


def test_f13_a_full_log_that_ends_postgresql_loses_nothing_that_was_acknowledged(small_cluster, tmp_path):
    """PostgreSQL gives up when its log has no room. The server is there before, meanwhile and afterwards."""
    server = Server(tmp_path / "state", store=small_cluster.database()).start()
    try:
        small_cluster.sql("SELECT pg_switch_wal()")  # the piece of the log that it is in has room: the tables fill first
        first = server.add_device("first")
        kept = ["first"]
        fill(small_cluster.folder)
        refused = fill_up(server, kept)
        with pytest.raises(subprocess.CalledProcessError):  # the next piece of the log cannot be made
            small_cluster.sql("CHECKPOINT", "postgres")
            small_cluster.sql("SELECT pg_switch_wal(), txid_current()", "postgres")
            small_cluster.sql("CREATE TABLE more AS SELECT generate_series(1, 1000000)", "postgres")
        reply = add(server, refused)
        assert reply.status in (500, 503, 507), reply
        assert first.call("GET").status == 200, "polls are answered without the store"

        (small_cluster.folder / "filler").unlink()
        small_cluster.stop()
        small_cluster.start()
        deadline = time.monotonic() + WAIT_S
        while (reply := add(server, refused)).status != 201:
            assert reply.status in (500, 503) and time.monotonic() < deadline, reply
            time.sleep(0.1)
        kept.append(refused)
        server.kill()
        server.start()
        all_there(server, kept)
        assert first.call("GET").status == 200
    finally:
        server.stop()
    check(server)


def test_people_hear_when_to_come_again_while_the_database_is_away(tmp_path):
    cluster = Postgres().start()
    try:
        server = Server(tmp_path / "state", store=cluster.database()).start()
        try:
            first = server.add_device("first")
            cluster.stop()
            for method, path, body in (("GET", "/api/v1/devices/first", None), ("POST", "/api/v1/devices", {"name": "second"}),
                                       ("DELETE", "/api/v1/devices/first", None), ("GET", "/rest/v1/targets", None)):
                reply = server.api(method, path, body)
                assert reply.status == 503 and int(reply.headers["Retry-After"]) > 0, (method, path, reply)
                assert "UD_ERR_RETRY_LATER" in (reply.json["errorCode"], reply.json.get("exceptionClass"))
                assert "see that the database runs" in reply.json["message"]
            assert first.call("GET").status == 200, "polls are answered without the store"
            told = first.call("PUT", "/configData", {"mode": "replace", "data": {"serial": "1"}})
            assert told.status == 503 and int(told.headers["Retry-After"]) > 0, "nothing is acknowledged that is not kept"
            cluster.start()
            deadline = time.monotonic() + WAIT_S
            while (reply := server.api("POST", "/api/v1/devices", {"name": "second"})).status != 201:
                assert reply.status == 503 and time.monotonic() < deadline, reply
                time.sleep(0.1)
            assert server.api("GET", "/api/v1/devices").json["total"] == 2
        finally:
            server.stop()
    finally:
        cluster.remove()


def test_f6_connections_that_never_ask_keep_nobody_out_for_long(tmp_path):
    """Far more of them than there is room for: each ends by itself, and who asks something is answered."""
    server = Server(tmp_path / "state", "--connections-max", "64", "--idle-s", "2", "--threads", "1", tls=True).start()
    silent = []
    try:
        device = server.add_device("d")
        for n in range(SILENT):
            sock = socket.create_connection(server.address("devices"), timeout=WAIT_S)
            if n % 2:
                try:
                    sock.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a handshake
                except OSError:  # sent away already
                    pass
            silent.append(sock)
        assert server.api("GET", "/api/v1/whoami").status == 200, "people have a listener of their own"
        deadline = time.monotonic() + WAIT_S
        status = None
        while status != 200:
            assert time.monotonic() < deadline, status
            try:
                status = device.call("GET").status
            except (OSError, EOFError) as wrong:
                status = wrong
                time.sleep(0.1)
        for sock in silent:  # the server closes every one; none needs us to
            sock.settimeout(WAIT_S)
            try:
                while sock.recv(4096):
                    pass
            except ConnectionError:
                pass
    finally:
        for sock in silent:
            sock.close()
        server.stop()


def resident(server):
    with open(f"/proc/{server.process.pid}/statm") as pages:
        return int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(HALF_OPEN == 0, reason="UPDRAFT_TEST_HALF_OPEN=N: so many connections, by processes of 15000 each")
def test_f6_tens_of_thousands_of_connections_that_never_ask(tmp_path):
    """All of them held open by us, at the same time: memory is that of the room there is, people are answered, and a device gets in."""
    server = Server(tmp_path / "state", "--connections-max", str(ROOM), "--idle-s", "5", tls=True).start()
    crowds = []
    try:
        device = server.add_device("d")
        host, port = server.address("devices")
        few = most = resident(server)
        for first in range(0, HALF_OPEN, OF_ONE_CROWD):
            crowds.append(subprocess.Popen([sys.executable, "-c", CROWD, f"127.0.1.{len(crowds) + 1}", host, str(port), str(min(OF_ONE_CROWD, HALF_OPEN - first))],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            opened = threading.Thread(target=crowds[-1].stdout.readline)
            opened.start()
            while opened.is_alive():  # people are answered all the time
                assert server.api("GET", "/api/v1/whoami").status == 200
                most = max(most, resident(server))
                opened.join(0.05)
            assert crowds[-1].poll() is None, "it holds what it opened"
        deadline = time.monotonic() + 10 * WAIT_S
        status = None
        while status != 200:
            assert time.monotonic() < deadline, status
            most = max(most, resident(server))
            try:
                status = device.call("GET").status
            except (OSError, EOFError) as wrong:
                status = wrong
                time.sleep(0.1)
        assert all(crowd.poll() is None for crowd in crowds)
        print(f"{HALF_OPEN} connections, {ROOM} let in at one time: {(most - few) / 1e6:.0f} MB more memory")
        assert most - few < ROOM * CONNECTION_BYTES
    finally:
        for crowd in crowds:
            crowd.stdin.close()
            crowd.wait()
            crowd.stdout.close()
        server.stop()
