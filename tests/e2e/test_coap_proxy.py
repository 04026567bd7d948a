"""The CoAP-to-HTTP proxy against an HTTP origin in Python that counts, stalls and changes its mind."""
import hashlib
import http.server
import os
import threading
import time

import pytest
from lwm2m_tool import (BLOCK2, ETAG, GET, PUT, SIZE2, URI_PATH, Lwm2mDevice, Socket, ask, uint)
from server_tool import Server

PROXY_URI, PROXY_SCHEME, URI_HOST, URI_PORT, MAX_AGE, HOP_LIMIT = 35, 39, 3, 7, 14, 16
BODY_MAX = 65536


class Origin(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.requests, self.held = {}, [], threading.Event()
        self.held.set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def count(self, path):
        return sum(1 for asked, _ in self.requests if asked == path)


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        origin = self.server
        origin.requests.append((self.path, dict(self.headers)))
        origin.held.wait(30)
        status, headers, body = origin.files.get(self.path, (404, {}, b"none"))
        tag = headers.get("ETag")
        if tag and self.headers.get("If-None-Match") == tag:
            status, body = 304, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def origin():
    running = Origin()
    yield running
    running.held.set()
    running.shutdown()
    running.server_close()


@pytest.fixture
def server(tmp_path, origin):
    running = Server(tmp_path / "state", "--listen-coap", "127.0.0.1:0", "--coap-add-devices", "--coap-proxy-origins",
                     origin.url, "--coap-proxy-map", f"fw={origin.url}/firmware", "--coap-proxy-body-max",
                     str(BODY_MAX)).start()
    yield running
    running.stop()


@pytest.fixture
def device(server):
    host, port = server.listen["coap"]["url"].removeprefix("coap://").rsplit(":", 1)
    with Lwm2mDevice((host, int(port)), "d1") as running:
        running.register()
        yield running


def get(device, url, block=None, *more, path="/coap2http"):
    options = [(PROXY_URI, url.encode()), *more] if url else list(more)
    if block is not None:
        options.append((BLOCK2, uint(block)))
    return device.ask(GET, path, options)


def download(device, url, szx=6, path="/coap2http"):
    body, num, etags = b"", 0, set()
    while True:
        answer = get(device, url, num << 4 | szx, path=path)
        assert answer.text_code == "2.05", answer
        assert answer.number(BLOCK2) >> 4 == num
        etags.add(answer.all(ETAG)[0])
        body += answer.payload
        if not answer.number(BLOCK2) & 8:
            assert len(etags) == 1
            return body
        num += 1


def test_a_file_comes_in_blocks_and_is_fetched_once(origin, device):
    body = os.urandom(5000)
    origin.files["/f.bin"] = (200, {"Content-Type": "application/octet-stream"}, body)
    url = origin.url + "/f.bin"
    first = get(device, url, 4)
    assert first.number(BLOCK2) == 8 | 4 and len(first.payload) == 256 and first.number(SIZE2) == 5000
    assert first.all(ETAG) == [hashlib.sha256(body).digest()[:8]] and 0 < first.number(MAX_AGE) <= 60
    assert download(device, url) == body
    assert download(device, url, szx=2) == body
    assert get(device, url, 5 << 4 | 6).text_code == "4.00"
    assert origin.count("/f.bin") == 1
    assert origin.requests[0][1].get("Authorization") is None


def test_a_name_of_the_configuration_stands_for_an_origin(origin, device):
    origin.files["/firmware/app%20one.bin?v=1&x=%26"] = (200, {}, b"image")
    answer = device.ask(GET, "/proxy/fw/app one.bin", [(15, b"v=1"), (15, b"x=&")])
    assert answer.text_code == "2.05" and answer.payload == b"image"
    assert device.ask(GET, "/proxy/other/app.bin").text_code == "4.04"
    assert device.ask(GET, "/proxy/fw/../secret").text_code == "4.04"


def test_a_scheme_and_a_host_do_as_well(origin, device):
    origin.files["/a/b"] = (200, {}, b"body")
    answer = device.ask(GET, "/a/b", [(PROXY_SCHEME, b"http"), (URI_HOST, b"127.0.0.1"),
                                      (URI_PORT, uint(origin.server_address[1]))])
    assert answer.payload == b"body"


NOT_OPEN = [
    ("http://example.com/", "5.05"), ("https://127.0.0.1:{port}/f", "5.05"), ("http://127.0.0.1:1/f", "5.05"),
    ("http://127.0.0.1:{port}@example.com/", "4.00"), ("http://user:pw@127.0.0.1:{port}/f", "4.00"),
    ("file:///etc/passwd", "5.05"), ("coap://127.0.0.1/x", "5.05"), ("http://", "4.00"), ("http:///f", "4.00"),
    ("http://127.0.0.1:{port}\\@example.com/", "4.00"), ("http://127.0.0.1%2eexample.com:{port}/", "4.00"),
    ("http://127.0.0.1:{port}/ HTTP/1.1", "4.00"), ("http://[::1]:{port}/f", "5.05"), ("ftp://127.0.0.1:{port}/", "5.05"),
    ("http://127.0.0.1.example.com:{port}/", "5.05"), ("", "4.00"),
]


def test_it_is_no_open_proxy(origin, device):
    for pattern, code in NOT_OPEN:
        url = pattern.format(port=origin.server_address[1])
        answer = device.ask(GET, "/coap2http", [(PROXY_URI, url.encode())] if url else [])
        assert answer.text_code == code, pattern
    assert origin.requests == []


def test_who_is_not_known_here_may_not_ask(server, origin):
    host, port = server.listen["coap"]["url"].removeprefix("coap://").rsplit(":", 1)
    answer = ask((host, int(port)), GET, "/coap2http", [(PROXY_URI, (origin.url + "/f").encode())])
    assert answer.text_code == "4.01" and origin.requests == []


def test_answers_of_origins_become_codes_and_are_remembered_for_a_while(origin, device):
    for status, code in [(401, "4.01"), (403, "4.03"), (404, "4.04"), (410, "4.04"), (418, "4.00"), (429, "4.29"),
                         (500, "5.00"), (503, "5.03"), (504, "5.04"), (301, "5.02"), (206, "5.02"), (204, "2.05"), (203, "2.05")]:
        origin.files[f"/{status}"] = (status, {"Location": "http://example.com/"} if status == 301 else {}, b"")
        assert get(device, f"{origin.url}/{status}").text_code == code, status
        assert get(device, f"{origin.url}/{status}").text_code == code
        assert origin.count(f"/{status}") == 1
    assert device.ask(PUT, "/coap2http", [(PROXY_URI, (origin.url + "/f").encode())], b"x").text_code == "5.01"
    assert get(device, origin.url + "/f", None, (HOP_LIMIT, b"\x01")).text_code == "5.08"


def test_too_large_encoded_and_absent_origins_are_bad_gateways(origin, device, tmp_path):
    origin.files["/big"] = (200, {}, b"x" * (BODY_MAX + 1))
    origin.files["/fits"] = (200, {}, b"y" * BODY_MAX)
    origin.files["/zip"] = (200, {"Content-Encoding": "gzip"}, b"zz")
    assert get(device, origin.url + "/big").text_code == "5.02"
    assert get(device, origin.url + "/zip").text_code == "5.02"
    assert download(device, origin.url + "/fits") == b"y" * BODY_MAX
    empty = get(device, origin.url + "/nothing-of-it")
    assert empty.text_code == "4.04"
    origin.files["/empty"] = (200, {}, b"")
    assert get(device, origin.url + "/empty").text_code == "2.05"


def test_a_slow_origin_is_answered_separately_and_asked_once_for_all(origin, server, device):
    origin.files["/slow"] = (200, {}, b"at last")
    origin.held.clear()
    answers = []
    host, port = server.listen["coap"]["url"].removeprefix("coap://").rsplit(":", 1)
    with Lwm2mDevice((host, int(port)), "d2") as second:
        second.register()
        threads = [threading.Thread(target=lambda d=d: answers.append(get(d, origin.url + "/slow")))
                   for d in (device, second)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 20
        while origin.count("/slow") == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(1.2)  # beyond the time after which the acknowledgement goes out alone: the length of the wait is the test
        origin.held.set()
        for thread in threads:
            thread.join(30)
    assert [a.payload for a in answers] == [b"at last"] * 2
    assert all(a.kind == 0 for a in answers)  # CON: separate
    assert origin.count("/slow") == 1


def test_a_body_that_changes_is_not_spliced_into_one_that_is_being_read(origin, device):
    old, new = os.urandom(3000), os.urandom(3000)
    headers = {"Cache-Control": "max-age=0"}
    origin.files["/f"] = (200, headers, old)
    url = origin.url + "/f"
    body = get(device, url, 6).payload
    origin.files["/f"] = (200, headers, new)
    for num in (1, 2):
        body += get(device, url, num << 4 | 6).payload
    assert body == old
    assert download(device, url) == new  # whoever begins anew gets the new one


def test_what_is_stale_is_validated(origin, device):
    origin.files["/v"] = (200, {"ETag": '"one"', "Cache-Control": "no-cache"}, b"same")
    url = origin.url + "/v"
    first = get(device, url)
    again = get(device, url)
    assert first.payload == again.payload == b"same" and first.all(ETAG) == again.all(ETAG)
    assert origin.count("/v") == 2 and origin.requests[-1][1]["If-None-Match"] == '"one"'
    valid = get(device, url, None, (ETAG, first.all(ETAG)[0]))
    assert valid.text_code == "2.03" and valid.payload == b""
