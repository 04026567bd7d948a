"""Bad input at the HTTP door: answered with the right status, and the service goes on."""
import re
import stat

import pytest
from server_tool import Server


def request(*lines, body=b""):
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def status_of(answer):
    assert answer.startswith(b"HTTP/1.1 "), answer
    return int(answer.split()[1])


def statuses_of(answer):
    """Of every head in the answer: libmicrohttpd repeats its own when it finds a wrong Content-Length itself."""
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


BROKEN = {
    "Content-Length twice, different": ("POST /x HTTP/1.1", "Host: a", "Content-Length: 3", "Content-Length: 4"),
    "Content-Length twice, equal": ("POST /x HTTP/1.1", "Host: a", "Content-Length: 3", "Content-Length: 3"),
    "Content-Length beside chunked": ("POST /x HTTP/1.1", "Host: a", "Content-Length: 3", "Transfer-Encoding: chunked"),
    "Content-Length negative": ("POST /x HTTP/1.1", "Host: a", "Content-Length: -1"),
    "Content-Length with a sign": ("POST /x HTTP/1.1", "Host: a", "Content-Length: +3"),
    "Content-Length as a list": ("POST /x HTTP/1.1", "Host: a", "Content-Length: 3, 3"),
    "Content-Length in hex": ("POST /x HTTP/1.1", "Host: a", "Content-Length: 0x3"),
    "Transfer-Encoding unknown": ("POST /x HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked"),
    "Transfer-Encoding twice": ("POST /x HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "no Host": ("GET /x HTTP/1.1",),
    "Host twice": ("GET /x HTTP/1.1", "Host: a", "Host: b"),
    "space before the colon": ("GET /x HTTP/1.1", "Host: a", "Content-Length : 3"),
}


@pytest.mark.parametrize("listener", ["devices", "people"])
@pytest.mark.parametrize("lines", BROKEN.values(), ids=BROKEN.keys())
def test_a_message_that_two_readers_could_read_differently_is_refused_and_the_connection_closed(server, listener, lines):
    smuggled = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = server.raw(listener, request(*lines, body=smuggled))
    assert set(statuses_of(answer)) == {400}, "refused, and what follows is not answered"
    assert server.call("people", "GET", "/health").status == 200


def test_length_beyond_64_bits_is_refused(server):
    answer = server.raw("devices", request("POST /x HTTP/1.1", "Host: a", "Content-Length: 99999999999999999999999"))
    assert status_of(answer) in (400, 413)


TOLERATED = {
    "bare LF ends a line": b"GET /health HTTP/1.1\nHost: a\nConnection: close\n\n",
    "folded header": b"GET /health HTTP/1.1\r\nHost: a\r\nX-Note: one\r\n two\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("data", TOLERATED.values(), ids=TOLERATED.keys())
def test_what_the_library_tolerates_is_one_request_with_one_answer(server, data):
    answer = server.raw("people", data)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert status_of(answer) in (200, 400)


@pytest.mark.parametrize("field", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
def test_a_folded_length_is_refused_or_read_like_one(server, field):
    name, value = field.split(b": ")
    data = b"POST /x HTTP/1.1\r\nHost: a\r\n" + name + b":\r\n " + value + b"\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\n\r\n"
    answer = server.raw("people", data)
    assert b"ok" not in answer.split(b"\r\n\r\n", 1)[-1]


def test_a_body_over_the_limit_is_413_announced_or_chunked(server):
    device = server.add_device("d1")
    head = [f"PUT {device.base}/configData HTTP/1.1", "Host: a", f"Authorization: TargetToken {device.token}",
            "Content-Type: application/json"]
    announced = server.raw("devices", request(*head, "Content-Length: 70000", "Expect: 100-continue"))
    assert statuses_of(announced) == [413]  # before a byte of the body, and no 100
    assert status_of(server.raw("devices", request(*head, "Content-Length: 70000", body=b"x" * 70000))) == 413
    assert status_of(server.raw("devices", request(*head, "Content-Length: 9000000"))) == 413
    chunk = b"%x\r\n" % 70000 + b"x" * 70000 + b"\r\n0\r\n\r\n"
    answer = server.raw("devices", request(*head, "Transfer-Encoding: chunked", "Connection: close", body=chunk))
    assert status_of(answer) == 413
    assert b"UD_ERR_TOO_LARGE" in answer
    assert device.call("GET").status == 200


def test_a_refused_sender_of_chunks_gets_to_read_its_answer(server):
    device = server.add_device("d1")
    head = [f"PUT {device.base}/configData HTTP/1.1", "Host: a", "Authorization: TargetToken wrong",
            "Content-Type: application/json", "Transfer-Encoding: chunked", "Connection: close"]
    chunk = b"%x\r\n" % 1_000_000 + b"x" * 1_000_000 + b"\r\n"
    for _ in range(5):
        assert status_of(server.raw("devices", request(*head, body=chunk + b"0\r\n\r\n"))) == 401
    try:
        answer = server.raw("devices", request(*head, body=chunk * 8))
    except OSError:  # the reset came while we still wrote
        answer = b""
    assert answer == b"", "one without an end is cut off"
    assert device.call("GET").status == 200


def test_headers_beyond_all_measure_are_431_or_cut_off(server):
    answer = server.raw("devices", request("GET /x HTTP/1.1", "Host: a", "X: " + "y" * 100000))
    assert answer == b"" or status_of(answer) in (400, 413, 431)
    assert server.call("people", "GET", "/health").status == 200


def test_a_wrong_content_type_is_415(server):
    device = server.add_device("d1")
    for method, path in (("PUT", "/configData"), ("POST", "/deploymentBase/1/feedback"), ("POST", "/report")):
        reply = device.call(method, path, b"{}", {"Content-Type": "text/plain"})
        assert reply.status == 415, path
    assert server.api("POST", "/api/v1/releases?name=x", b"x", {"Content-Type": "application/json"}).status == 415
    assert server.api("POST", "/api/v1/devices", b"{}", {"Content-Type": "application/jsonx"}).status == 415


def test_a_content_type_with_parameters_is_accepted(server):
    device = server.add_device("d1")
    reply = device.call("PUT", "/configData", b'{"data":{"a":"b"}}', {"Content-Type": "application/json;charset=UTF-8"})
    assert reply.status == 200


BAD_JSON = {"empty": b"", "not an object": b"[]", "key twice": b'{"data":{},"data":{}}', "cut": b'{"data":',
            "trailing": b'{"data":{}} x', "bad UTF-8": b'{"data":{"a":"\xff"}}', "deep": b"[" * 5000}


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON.keys())
def test_json_that_is_not_strict_is_400(server, body):
    device = server.add_device("d1")
    reply = device.call("PUT", "/configData", body, {"Content-Type": "application/json"})
    assert reply.status == 400
    assert reply.json["errorCode"] == "UD_ERR_SHAPE"


def test_neither_listener_serves_the_others_paths(server):
    device = server.add_device("d1")
    auth = {"Authorization": f"Bearer {server.token}"}
    assert server.call("devices", "GET", "/api/v1/whoami", headers=auth).status == 404
    assert server.call("devices", "GET", "/health").status == 404
    headers = {"Authorization": f"TargetToken {device.token}"}
    assert server.call("people", "GET", device.base, headers=headers).status == 404


def test_management_without_or_with_a_wrong_token_is_401(server):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}, {"Authorization": server.token},
                    {"Authorization": "Basic " + server.token}):
        assert server.call("people", "GET", "/api/v1/whoami", headers=headers).status == 401


def test_every_management_resource_asks_for_a_token(server):
    """Every method on every path of the table: none answers a stranger but health and metrics."""
    paths = ["/whoami", "/anchors", "/anchors/aa", "/artifacts/" + "0" * 64, "/releases", "/foreign-releases",
             "/releases/1", "/releases/1/envelope", "/releases/1/deploy", "/device-types", "/devices", "/devices/a",
             "/devices/a/actions", "/devices/a/reports", "/actions/1", "/actions/1/cancel"]
    for path in paths:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            reply = server.call("people", method, "/api/v1" + path, b"{}" if method in ("POST", "PUT") else None)
            assert reply.status in (401, 405), (method, path)


TRAVERSAL = ["/../../admin.token", "/..%2f..%2fadmin.token", "/%2e%2e", "/..", "/%00", "/a%5c..%5cb", "/%zz", "/%"]


@pytest.mark.parametrize("tail", TRAVERSAL)
def test_a_path_that_tries_to_leave_its_place_finds_nothing(server, tail):
    device = server.add_device("d1", type=None)
    for base in (device.base + "/softwaremodules/1/artifacts", device.base):
        reply = device.call("GET", "http://x" + base + tail)
        assert reply.status in (400, 404, 401, 403)
        assert server.token.encode() not in reply.body
    assert server.api("GET", "/api/v1/artifacts" + tail).status in (400, 404)


def test_names_with_a_path_in_them_are_refused(server):
    for name in ("a/b", "..", ".", "a\\b", "a\nb", "", "a%2fb", "x" * 257):
        assert server.api("POST", "/api/v1/devices", {"name": name}).status == 400, name


def test_no_token_and_no_key_is_ever_logged(tmp_path):
    server = Server(tmp_path / "state", "--log-level", "3").start()
    device = server.add_device("d1")
    code = server.api("POST", "/api/v1/devices", {"name": "d2", "code": True}).json["code"]
    device.call("GET")
    server.api("GET", "/api/v1/whoami")
    server.call("people", "GET", "/api/v1/whoami", headers={"Authorization": "Bearer wrongtokenwrongtoken"})
    server.stop()
    log = server.log_text()
    for secret in (server.token, device.token, code, "wrongtokenwrongtoken"):
        assert secret not in log


def test_the_state_folder_keeps_secrets_to_its_owner(tls_server):
    state = tls_server.state
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    for name in ("admin.token", "ca.key", "server.key"):
        assert stat.S_IMODE((state / name).stat().st_mode) == 0o600
    database = b"".join(path.read_bytes() for path in state.glob("updraft.db*"))
    assert tls_server.token.encode() not in database


def test_a_second_server_on_the_same_folder_does_not_start(server):
    with pytest.raises(RuntimeError, match="UD_ERR_BUSY"):
        other = Server(server.state)
        listen = (server.state / "listen.json").read_text()
        try:
            other.start()
        finally:
            (server.state / "listen.json").write_text(listen)
    assert server.call("people", "GET", "/health").status == 200


def test_plain_http_beyond_loopback_does_not_start(tmp_path):
    server = Server(tmp_path / "state")
    server.command += ["--listen-devices", "0.0.0.0:0"]
    with pytest.raises(RuntimeError, match="loopback"):
        server.start()


def test_first_start_serves_tls_from_its_own_ca_and_the_next_keeps_it(tls_server):
    assert tls_server.call("people", "GET", "/health").status == 200
    ca = (tls_server.state / "ca.pem").read_bytes()
    assert tls_server.stop() == 0
    tls_server.start()
    assert (tls_server.state / "ca.pem").read_bytes() == ca
    assert tls_server.call("people", "GET", "/health").status == 200


def test_metrics_count_requests_and_commits(server):
    server.add_device("d1").call("GET")
    text = server.call("people", "GET", "/metrics").body.decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines())
    assert int(values["updraft_polls_total"]) == 1
    assert int(values["updraft_devices"]) == 1
    assert int(values["updraft_store_commits_total"]) >= 1
