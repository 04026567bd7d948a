"""The console as the server sends it: its pages and files, their headers, and the ways to a session without a password."""
import ctypes
import gzip
import json
import re

import pytest
from server_tool import BUILD, ROOT, Server

PAGES = ["/", "/overview", "/devices", "/devices/any%20name", "/releases/7", "/rollouts/new", "/security", "/settings", "/sign-in", "/first-hour"]


def get(server, path, **headers):
    return server.call("people", "GET", path, headers=headers)


def assets(server):
    return re.findall(r'(?:src|href)="(/[^"]+)"', get(server, "/").body.decode())


def unbrotli(data):
    """By the library that browsers use; where it is not installed, the committed file beside the plain one has to do."""
    try:
        library = ctypes.CDLL("libbrotlidec.so.1")
    except OSError:
        packed = [file for file in (ROOT / "console/dist").rglob("*.br") if file.read_bytes() == data]
        assert len(packed) == 1
        return packed[0].with_suffix("").read_bytes()
    out = ctypes.create_string_buffer(1 << 20)
    size = ctypes.c_size_t(len(out))
    assert library.BrotliDecoderDecompress(ctypes.c_size_t(len(data)), data, ctypes.byref(size), out) == 1
    return out.raw[:size.value]


def test_every_page_is_the_same_file_for_everybody(server):
    first = get(server, "/")
    assert first.status == 200 and first.headers["Content-Type"] == "text/html; charset=utf-8"
    for page in PAGES:
        reply = get(server, page)
        assert (reply.status, reply.body) == (200, first.body), page
    for nothing in ["/nothing", "/assets/none.js", "/overviews", "/index.htm", "/api/v1/overview-page", "/rest/v1/none", "/../devices"]:
        assert get(server, nothing).status in (400, 401, 404), nothing
    assert server.call("people", "POST", "/overview").status == 404
    assert server.call("devices", "GET", "/overview").status == 404


def test_headers_let_nothing_in_from_elsewhere(server):
    for path in ["/", *assets(server)]:
        reply = get(server, path)
        policy = dict(part.strip().split(" ", 1) for part in reply.headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'" and policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
    page = get(server, "/").body.decode()
    assert "<style" not in page and "style=" not in page and not re.search(r"<script(?![^>]*src=)", page) and "://" not in page


def test_files_are_kept_by_their_names_and_compressed(server):
    page = get(server, "/", **{"Accept-Encoding": "gzip"})
    assert page.headers["Cache-Control"] == "no-cache" and page.headers["Content-Encoding"] == "gzip"
    first_load = len(page.body)
    for path in assets(server):
        plain = get(server, path)
        packed = get(server, path, **{"Accept-Encoding": "br;q=0.7, gzip;q=0.8"})
        smallest = get(server, path, **{"Accept-Encoding": "gzip, deflate, br, zstd"})
        refused = get(server, path, **{"Accept-Encoding": "gzip;q=0"})
        assert plain.headers["Content-Encoding"] is None and refused.body == plain.body
        assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == plain.body
        assert smallest.headers["Content-Encoding"] == "br" and unbrotli(smallest.body) == plain.body
        assert all(reply.headers["Vary"] == "Accept-Encoding" for reply in (plain, packed, smallest))
        assert len({reply.headers["ETag"] for reply in (plain, packed, smallest)}) == 3
        assert ("immutable" in packed.headers["Cache-Control"]) == path.startswith("/assets/")
        again = get(server, path, **{"If-None-Match": packed.headers["ETag"], "Accept-Encoding": "gzip"})
        assert (again.status, again.body) == (304, b"")
        other = get(server, path, **{"If-None-Match": packed.headers["ETag"], "Accept-Encoding": "br"})
        assert (other.status, other.body) == (200, smallest.body)
        first_load += len(packed.body)
    assert first_load < 150 * 1024


def test_head_has_no_body(server):
    reply = server.call("people", "HEAD", "/overview")
    assert reply.status == 200 and reply.body == b"" and int(reply.headers["Content-Length"]) > 0


def session(server, body):
    return server.call("people", "POST", "/api/v1/session", json.dumps(body), {"Content-Type": "application/json"})


def cookie(reply):
    return {"Cookie": reply.headers["Set-Cookie"].split(";")[0]}


def test_a_token_of_all_roles_opens_a_session(server):
    reply = session(server, {"token": server.token})
    assert reply.status == 201 and reply.json["name"] == "admin" and "owner" in reply.json["roles"]
    flags = reply.headers["Set-Cookie"]
    assert "HttpOnly" in flags and "SameSite=Strict" in flags
    me = get(server, "/api/v1/whoami", **cookie(reply)).json
    assert me["csrf"] == reply.json["csrf"] and me["expiresAt"] == reply.json["expiresAt"]
    assert session(server, {"token": "x" * 44}).json["errorCode"] == "UD_ERR_AUTH"
    assert session(server, {"token": 7}).status == 400


def test_a_narrow_token_opens_none_and_makes_no_code(server):
    server.api("POST", "/api/v1/users", {"name": "dora", "service": True, "roles": ["viewer", "approver"]})
    whole, narrow = (server.api("POST", "/api/v1/tokens", {"label": "look", "user": "dora", **roles, "days": 1}).json["token"]
                     for roles in ({}, {"roles": ["viewer"]}))
    assert session(server, {"token": whole}).status == 201
    refused = session(server, {"token": narrow})
    assert (refused.status, refused.json["errorCode"]) == (403, "UD_ERR_NARROW_TOKEN")
    assert refused.headers["Set-Cookie"] is None
    assert server.api("POST", "/api/v1/session/codes", token=narrow).json["errorCode"] == "UD_ERR_NARROW_TOKEN"


def test_a_link_works_once(server):
    made = server.api("POST", "/api/v1/session/codes")
    assert made.status == 201 and made.headers["Cache-Control"] == "no-store"
    host, port = server.address("people")
    assert made.json["url"] == f"http://{host}:{port}/sign-in#{made.json['code']}"
    first = session(server, {"code": made.json["code"]})
    assert first.status == 201 and first.json["name"] == "admin"
    second = session(server, {"code": made.json["code"]})
    assert (second.status, second.json["errorCode"]) == (403, "UD_ERR_SIGN_IN_CODE")
    assert session(server, {"code": ""}).status in (400, 403)
    log = server.api("GET", "/api/v1/audit?limit=500").json["content"]
    assert any(entry["what"] == "POST /api/v1/session/codes" for entry in log)
    assert made.json["code"] not in json.dumps(log) and made.json["code"] not in server.log_text()


def test_a_link_of_somebody_who_is_gone_opens_nothing(server):
    password = "correct horse battery"
    server.api("POST", "/api/v1/users", {"name": "carol", "roles": ["viewer"], "password": password})
    login = session(server, {"user": "carol", "password": password})
    headers = {**cookie(login), "X-CSRF-Token": login.json["csrf"]}
    codes = [server.call("people", "POST", "/api/v1/session/codes", headers=headers).json["code"] for _ in range(2)]
    server.api("PUT", "/api/v1/users/carol", {"disabled": True})
    assert session(server, {"code": codes[0]}).json["errorCode"] == "UD_ERR_SIGN_IN_CODE"
    server.api("DELETE", "/api/v1/users/carol")
    server.api("POST", "/api/v1/users", {"name": "carol", "roles": ["owner"], "password": password})
    assert session(server, {"code": codes[1]}).json["errorCode"] == "UD_ERR_SIGN_IN_CODE"


def test_wrong_codes_are_counted(tmp_path):
    server = Server(tmp_path / "state", "--wrong-secrets-max", "3").start()
    try:
        replies = [session(server, {"code": "y" * 44}) for _ in range(4)]
        assert [reply.status for reply in replies] == [403, 403, 403, 429]
    finally:
        server.stop()


@pytest.mark.parametrize("flag", [[], ["--json"]])
def test_the_command_prints_a_link(tls_server, tmp_path, flag):
    import subprocess
    done = subprocess.run([BUILD / "updraft", "sign-in-link", *flag, "--server", tls_server.listen["people"]["url"],
                           "--ca", tls_server.listen["ca"], "--token-file", str(tls_server.state / "admin.token")],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    url = json.loads(done.stdout)["url"] if flag else done.stdout.strip()
    assert url.startswith(tls_server.listen["people"]["url"] + "/sign-in#")
    assert session(tls_server, {"code": url.split("#")[1]}).status == 201


def test_how_the_server_is_set_is_told_without_its_secrets(tmp_path):
    secret = tmp_path / "updraftd.ini"
    secret.write_text("poll_s = 77\noidc_secret = hush-hush\n")
    secret.chmod(0o600)
    server = Server(tmp_path / "state", "--config", str(secret)).start()
    try:
        reply = server.api("GET", "/api/v1/server")
        settings = {row["name"]: row for row in reply.json["settings"]}
        assert settings["poll-s"]["value"] == "77" and settings["poll-s"]["initial"] == "300"
        assert settings["oidc-secret"]["value"] is None and b"hush" not in reply.body
        assert settings["insecure-http"]["value"] == "1"
        assert reply.json["storage"]["free"] > 0 and reply.json["version"].count(".") == 2
        other = server.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
        assert server.api("GET", "/api/v1/server", token=other).status == 403
    finally:
        server.stop()


def test_a_forecast_of_windows_in_the_devices_zones_is_answered(server):
    server.add_device("d0", type=None)
    release = server.foreign_release(b"image")
    body = {"release": release["id"], "groups": 1, "window": {"schedule": "0 0 1 ? * *", "duration": "04:00:00", "zone": "device"}}
    reply = server.api("POST", "/api/v1/rollouts/forecast", body)
    assert reply.status == 200 and reply.json["count"] == 1
