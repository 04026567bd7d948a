"""A proxy that ends TLS in front of the device listener: whose headers are believed, and everybody else's who writes the same."""
import http.client
import json
import ssl

import pytest
from server_tool import Server
from test_client_certs import Authority

CONFIGS = "/rest/v1/system/configs"
HASH = "9F86D081884C7D659A2FEAA0C55AD015"
TRUSTED = {"X-Controller-Id": "door", "X-Authority": HASH}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One server that believes `proxy` from 127.0.0.1, and devices with certificates of their own beside it."""
    folder = tmp_path_factory.mktemp("proxy")
    proxies, devices = Authority(folder, "proxies"), Authority(folder, "devices")
    server = Server(folder / "state", "--device-ca", str(devices.cert), "--proxy-addresses", "127.0.0.1", "--proxy-ca",
                    str(proxies.cert), "--proxy-name", "proxy", tls=True).start()
    server.door = server.add_device("door").token
    server.add_device("gate")
    server.add_device("proxy")  # a device that has the proxy's name
    server.proxies, server.devices = proxies, devices
    server.pair = proxies.issue("proxy")
    setting(server, "authentication.header.authority", f"other; {HASH.lower()}")
    yield server
    server.stop()


def setting(server, name, value, token=None):
    assert server.api("PUT", f"{CONFIGS}/{name}", {"value": value}, token=token).status == 204


def ask(server, pair, headers, name="door", tenant="DEFAULT", tail=""):
    """`headers`: a dict, or pairs where one comes twice. Status and body."""
    context = ssl.create_default_context(cafile=server.listen["ca"])
    if pair:
        context.load_cert_chain(*pair)
    host, port = server.address("devices")
    connection = http.client.HTTPSConnection(host, port, timeout=60, context=context)
    connection.putrequest("GET", f"/{tenant}/controller/v1/{name}{tail}")
    for key, value in headers.items() if isinstance(headers, dict) else headers:
        connection.putheader(key, value)
    connection.endheaders()
    reply = connection.getresponse()
    body = json.loads(reply.read() or b"{}")
    connection.close()
    return reply.status, body


def test_a_believed_proxy_lets_in_whom_it_names(world):
    status, body = ask(world, world.pair, TRUSTED)
    assert (status, "configData" in body["_links"]) == (200, True)
    assert ask(world, world.pair, {"x-controller-id": "door", "x-authority": f"zzz, {HASH.lower()} "})[0] == 200
    assert ask(world, world.pair, {"X-Controller-Id": "door", "X-Authority-0": "zzz", "X-Authority-1": HASH})[0] == 200
    assert ask(world, world.pair, TRUSTED, tail="/confirmationBase")[0] == 200
    assert ask(world, world.pair, {"Authorization": f"TargetToken {world.door}"})[0] == 200, "tokens go through it as ever"


def test_f4_a_proxy_lets_nobody_in_but_whom_it_names(world):
    assert ask(world, world.pair, TRUSTED, "gate")[0] == 403
    assert ask(world, world.pair, {**TRUSTED, "X-Controller-Id": "stranger"}, "stranger")[0] == 401, "not registered"
    assert ask(world, world.pair, {}, "proxy")[0] == 401, "its own certificate is no device's"
    assert ask(world, world.pair, {**TRUSTED, "X-Controller-Id": "DOOR"})[0] == 401


@pytest.mark.parametrize("headers", [
    {"X-Controller-Id": "door"},
    {"X-Authority": HASH},
    {"X-Controller-Id": "door", "X-Authority": ""},
    {"X-Controller-Id": "door", "X-Authority": HASH[:-1]},
    {"X-Controller-Id": "door", "X-Authority": "zzz;yyy"},
    {"X-Controller-Id": "", "X-Authority": HASH},
    {"X-Controller-Id": "door", "X-Authority-1": HASH},
    {"X-Controller-Id": "x" * 300, "X-Authority": HASH},
    [("X-Controller-Id", "door"), ("X-Controller-Id", "gate"), ("X-Authority", HASH)],
    [("X-Controller-Id", "door"), ("X-Controller-Id", "door"), ("X-Authority", HASH)],
    [("X-Controller-Id", "door"), ("X-Authority", HASH), ("X-Authority", "zzz")],
    [("X-Controller-Id", "door"), ("X-Authority", HASH), ("x-authority", HASH)],
    [("X-Controller-Id", "door"), ("X-Authority", HASH), ("X-Authority-0", HASH)],
    [("X-Controller-Id", "door"), ("X-Authority-0", HASH), ("X-Authority-0", "zzz")],
    [("X-Controller-Id", "door"), ("X-Authority-0", HASH), ("X-Authority-1", "y"), ("X-Authority-1", "z")],
], ids=range(15))
def test_f4_headers_that_a_client_sent_through_it_are_not_believed(world, headers):
    """Where the proxy does not replace a client's header there are two, or one of another form: neither counts."""
    assert ask(world, world.pair, headers)[0] == 401


@pytest.mark.parametrize("who", ["no certificate", "another name", "another authority", "self-signed", "expired", "for servers", "a device's"])
def test_f4_the_headers_of_everybody_else_are_not_believed(world, who, tmp_path):
    other = {"no certificate": lambda: None,
             "another name": lambda: world.proxies.issue("proxy2"),
             "another authority": lambda: Authority(tmp_path, "other").issue("proxy"),
             "self-signed": lambda: world.proxies.issue("proxy", own=True),
             "expired": lambda: world.proxies.issue("proxy", days=-1),
             "for servers": lambda: world.proxies.issue("proxy", extra="extendedKeyUsage=serverAuth"),
             "a device's": lambda: world.devices.issue("gate")}[who]()
    assert ask(world, other, TRUSTED)[0] in (401, 403)
    if who == "a device's":
        assert ask(world, other, TRUSTED, "gate")[0] == 200, "its own certificate counts; the headers are not looked at"


def test_a_proxy_of_the_right_name_at_another_address_is_not_believed(tmp_path):
    proxies = Authority(tmp_path, "proxies")
    running = Server(tmp_path / "state", "--proxy-addresses", "127.0.0.2, 10.0.0.0/8, ::1", "--proxy-ca", str(proxies.cert),
                     "--proxy-name", "proxy", tls=True).start()
    try:
        running.add_device("door")
        setting(running, "authentication.header.authority", HASH)
        assert ask(running, proxies.issue("proxy"), TRUSTED)[0] == 401
    finally:
        running.stop()


def test_f4_a_revoked_proxy_is_not_believed_from_the_next_request_on(tmp_path):
    proxies = Authority(tmp_path, "proxies")
    crl = proxies.folder / "crl.pem"
    running = Server(tmp_path / "state", "--proxy-addresses", "127.0.0.1", "--proxy-ca", str(proxies.cert), "--proxy-name", "proxy",
                     "--proxy-crl", str(crl), tls=True).start()
    stays = http.client.HTTPSConnection(*running.address("devices"), timeout=60, context=ssl.create_default_context(cafile=running.listen["ca"]))
    try:
        token = running.add_device("door").token
        setting(running, "authentication.header.authority", HASH)
        lost, other = proxies.issue("proxy"), proxies.issue("proxy")
        stays._context.load_cert_chain(*lost)

        def on_the_open_connection():
            stays.request("GET", "/DEFAULT/controller/v1/door", headers=TRUSTED)
            reply = stays.getresponse()
            reply.read()
            return reply.status

        assert (on_the_open_connection(), ask(running, other, TRUSTED)[0]) == (200, 200)
        proxies.revoke(lost[0])
        assert on_the_open_connection() == 401
        assert ask(running, lost, TRUSTED)[0] == 401
        assert ask(running, lost, {"Authorization": f"TargetToken {token}"})[0] == 200, "a device's own token is no matter of the proxy's"
        assert ask(running, other, TRUSTED)[0] == 200
        crl.write_text("nothing")
        assert ask(running, other, TRUSTED)[0] == 401, "a list that cannot be read lets nobody speak for others"
        proxies.crl()
        assert ask(running, other, TRUSTED)[0] == 200
    finally:
        stays.close()
        running.stop()


def test_f1_a_tenant_believes_its_own_authorities_only(world):
    acme = world.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
    world.api("POST", "/api/v1/devices", {"name": "door"}, token=acme)
    assert ask(world, world.pair, TRUSTED, tenant="acme")[0] == 401, "it named none"
    setting(world, "authentication.header.authority", "acme-ca", acme)
    assert ask(world, world.pair, TRUSTED, tenant="acme")[0] == 401
    assert ask(world, world.pair, {**TRUSTED, "X-Authority": "ACME-CA"}, tenant="acme")[0] == 200
    setting(world, "authentication.header.enabled", False, acme)
    assert ask(world, world.pair, {**TRUSTED, "X-Authority": "ACME-CA"}, tenant="acme")[0] == 401
    assert ask(world, world.pair, TRUSTED)[0] == 200, "another tenant's switch"


def test_links_name_the_host_that_devices_see(world):
    """X-Forwarded-Host counts from a believed proxy only, and only if it can stand in a link."""
    def host(pair, headers):
        body = ask(world, pair, headers)[1]
        return body["_links"]["configData"]["href"].split("/")[2]
    own = "{}:{}".format(*world.address("devices"))
    token = {"Authorization": f"TargetToken {world.door}"}
    assert host(world.pair, {**TRUSTED, "X-Forwarded-Host": "fleet.example"}) == "fleet.example"
    assert host(world.pair, {**token, "X-Forwarded-Host": "fleet.example:8443"}) == "fleet.example:8443"
    assert host(None, {**token, "X-Forwarded-Host": "evil.example"}) == own
    assert host(world.pair, [*TRUSTED.items(), ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Host", "fleet.example")]) == own
    assert ask(world, world.pair, {**TRUSTED, "X-Forwarded-Host": "a/b"})[0] == 400


def test_without_a_setting_in_the_servers_file_nothing_is_believed(tmp_path):
    devices = Authority(tmp_path)
    running = Server(tmp_path / "state", "--device-ca", str(devices.cert), tls=True).start()
    try:
        running.add_device("door")
        setting(running, "authentication.header.authority", HASH)
        for pair in (None, devices.issue("proxy"), devices.issue("gate")):
            assert ask(running, pair, TRUSTED)[0] == 401
    finally:
        running.stop()


@pytest.mark.parametrize("flags", [
    ["--proxy-addresses", "127.0.0.1"], ["--proxy-ca", "CA"], ["--proxy-name", "proxy"],
    ["--proxy-addresses", "127.0.0.1", "--proxy-ca", "CA"], ["--proxy-addresses", "proxy.example", "--proxy-ca", "CA", "--proxy-name", "p"],
    ["--proxy-addresses", "10.1.0.0/8", "--proxy-ca", "CA", "--proxy-name", "p"],
    ["--proxy-addresses", "127.0.0.1", "--proxy-ca", "/nowhere.pem", "--proxy-name", "p"],
    ["--proxy-addresses", "127.0.0.1", "--proxy-ca", "CA", "--proxy-name", "p", "--insecure-http"],
    ["--proxy-crl", "CA"], ["--proxy-addresses", "127.0.0.1", "--proxy-ca", "CA", "--proxy-name", "p", "--proxy-crl", "CA"],
    ["--proxy-addresses", "127.0.0.1", "--proxy-ca", "CA", "--proxy-name", "p", "--proxy-crl", "/nowhere.pem"],
], ids=range(11))
def test_half_a_setting_stops_the_server(tmp_path, flags):
    cert = str(Authority(tmp_path).cert)
    with pytest.raises(RuntimeError):
        Server(tmp_path / "state", *[cert if flag == "CA" else flag for flag in flags], tls=True).start()
