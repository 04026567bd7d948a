"""After an outage everybody comes back at once: who cannot be served is sent away at the door, and people stay in control."""
import errno
import resource
import socket
import time

import pytest
from server_tool import Server

PATIENCE_S = 60
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
