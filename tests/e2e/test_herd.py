"""After an outage everybody comes back at once: who cannot be served is sent away at the door, and people stay in control."""
import errno
import resource
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from pg_tool import BIN
from server_tool import Server

PATIENCE_S = 60
CONFIG = {"data": {"place": "roof"}}
SILENT = 2600  # more than one thread lets in (512) and lets wait (512) together


def until(what):
    end = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < end, "it did not become so"
        time.sleep(0.05)
    return found


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def metric(server, name):
    text = server.call("people", "GET", "/metrics", headers={"Authorization": f"Bearer {server.token}"}).body.decode()
    return next(int(float(line.rsplit(" ", 1)[1])) for line in text.splitlines() if line.startswith(name))


def was_reset(sock):
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError as error:
        return error.errno == errno.ECONNRESET


def test_i11_a_herd_is_sent_away_before_its_handshakes_and_people_stay_in_control(tmp_path, many_files):
    server = Server(tmp_path / "state", "--threads", "1", tls=True).start()
    device = server.add_device("lock")
    herd = []
    try:
        for _ in range(SILENT):  # they connect and say nothing, as if their handshakes took for ever
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(server.address("devices"))
            herd.append(sock)
        shed = until(lambda: metric(server, "updraft_connections_shed_total"))  # and the people's listener answers
        assert server.api("POST", "/api/v1/devices", {"name": "meanwhile"}).status == 201
        until(lambda: any(map(was_reset, herd)))
        assert shed > 0 and "event=shed listener=devices" in server.log_text()
        # who says nothing counts as new for five seconds only: a device that comes again gets in
        def polls():
            try:
                return device.call("GET").status == 200
            except OSError:
                return False
        until(polls)
    finally:
        for sock in herd:
            sock.close()
    until(lambda: device.call("GET").status == 200)
    assert server.stop() == 0


def test_a_burst_is_no_herd(tmp_path, many_files):
    server = Server(tmp_path / "state", "--threads", "1").start()
    device = server.add_device("lock")
    request = (f"GET {device.base} HTTP/1.1\r\nHost: x\r\nAuthorization: TargetToken {device.token}\r\n"
               "Connection: close\r\n\r\n").encode()
    burst = [socket.create_connection(server.address("devices"), timeout=PATIENCE_S) for _ in range(400)]
    for sock in burst:
        sock.sendall(request)
    for sock in burst:
        assert sock.recv(65536).startswith(b"HTTP/1.1 200")
        sock.close()
    assert metric(server, "updraft_connections_shed_total") == 0
    server.stop()


@contextmanager
def writers_held(url):
    """Nobody's transaction begins: the lock that all writers take is held by a session of ours."""
    psql = subprocess.Popen([BIN / "psql", "-X", "-q", "-A", "-t", "-d", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        psql.stdin.write("SELECT 'held' FROM pg_advisory_lock(8462087391266170468);\n")
        psql.stdin.flush()
        assert psql.stdout.readline() == "held\n"
        yield
    finally:
        psql.stdin.close()  # and with the session its lock goes
        psql.wait()
        psql.stdout.close()


def test_writes_that_cannot_be_kept_up_with_get_503_and_a_time_to_come_again(tmp_path, postgres):
    url = postgres.database()
    server = Server(tmp_path / "state", "--device-writes-max", "4", store=url).start()
    devices = [server.add_device(f"lock-{i}") for i in range(12)]

    def put(device):
        return device.call("PUT", "/configData", CONFIG)

    with ThreadPoolExecutor(16) as pool:
        with writers_held(url):
            # at most four are in the writer's hands, four wait: the others hear at once
            jobs = [pool.submit(put, device) for device in devices]
            until(lambda: sum(job.done() for job in jobs) >= 4 and metric(server, "updraft_store_jobs_waiting") >= 4)
            waiting = metric(server, "updraft_store_jobs_waiting")
            person = pool.submit(server.api, "POST", "/api/v1/devices", {"name": "meanwhile"})
            until(lambda: metric(server, "updraft_store_jobs_waiting") > waiting)
        replies = [job.result() for job in jobs]
        assert person.result().status == 201
    late = [reply for reply in replies if reply.status != 200]
    assert len(late) >= 4 and all(reply.status == 503 for reply in late)
    assert all(reply.json["errorCode"] == "UD_ERR_RETRY_LATER" for reply in late)
    pauses = [int(reply.headers["Retry-After"]) for reply in late]
    assert all(5 <= pause <= 60 for pause in pauses) and len(set(pauses)) > 1  # not all at once again
    assert all(put(device).status == 200 for device in devices)
    server.stop()


def open_files(server):
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_a_listener_without_files_waits_and_counts_and_goes_on(tmp_path):
    server = Server(tmp_path / "state", "--threads", "1").start()
    device = server.add_device("lock")
    person = server.connection("people")  # it is in already: nobody else gets in below

    def failed():
        reply = server.call("people", "GET", "/metrics", headers={"Authorization": f"Bearer {server.token}"}, connection=person)
        return next(int(line.rsplit(" ", 1)[1]) for line in reply.body.decode().splitlines()
                    if line.startswith("updraft_accepts_failed_total"))

    assert failed() == 0
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (open_files(server) + 4, limits[1]))
    began = time.monotonic()
    herd = [socket.create_connection(server.address("devices"), timeout=PATIENCE_S) for _ in range(12)]
    before = until(failed)
    after = until(lambda: (found := failed()) >= before + 3 and found)
    # one that does not wait asks some hundred thousand times a second; this one four times, on one thread
    assert after <= 4 * (time.monotonic() - began) + 2
    assert "event=accept listener=devices" in server.log_text()
    for sock in herd:
        sock.close()
    until(lambda: device.call("GET").status == 200)  # those that are gone made room
    person.close()
    assert server.stop() == 0
