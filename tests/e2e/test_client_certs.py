"""Devices that come with a certificate: chain, times, name, registration and revocation, looked at for every request."""
import http.client
import json
import ssl
import subprocess

import pytest
from cose_tool import Key
from server_tool import Server


class Authority:
    def __init__(self, folder, name="devices"):
        self.folder = folder / name
        self.folder.mkdir()
        self.serials = 0
        self.key, self.cert = self.folder / "ca.key", self.folder / "ca.pem"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                     "-out", self.cert, "-subj", f"/CN={name}", "-days", "10", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        (self.folder / "index.txt").write_text("")
        (self.folder / "number").write_text("01\n")
        (self.folder / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=c\n[c]\ndatabase={self.folder}/index.txt\ncrlnumber={self.folder}/number\n"
            "default_md=sha256\ndefault_crl_days=5\n")
        self.crl()

    def openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=self.folder)

    def issue(self, name, days=5, extra="extendedKeyUsage=clientAuth", own=False):
        self.serials += 1
        at = self.folder / f"{self.serials}"
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{at}.key", "-out",
                     f"{at}.csr", "-subj", f"/CN={name}")
        (self.folder / "x.ext").write_text(extra + "\n")
        signer = ("-signkey", f"{at}.key") if own else ("-CA", self.cert, "-CAkey", self.key)
        self.openssl("x509", "-req", "-in", f"{at}.csr", *signer, "-set_serial", self.serials, "-days", days, "-extfile", "x.ext",
                     "-out", f"{at}.pem")
        return f"{at}.pem", f"{at}.key"

    def crl(self):
        self.openssl("ca", "-config", "ca.cnf", "-gencrl", "-keyfile", self.key, "-cert", self.cert, "-out", "new.pem")
        (self.folder / "new.pem").replace(self.folder / "crl.pem")

    def revoke(self, cert):
        self.openssl("ca", "-config", "ca.cnf", "-revoke", cert, "-keyfile", self.key, "-cert", self.cert)
        self.crl()


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def server(authority, tmp_path):
    running = Server(tmp_path / "state", "--device-ca", str(authority.cert), "--device-crl", str(authority.folder / "crl.pem"),
                     tls=True).start()
    running.add_device("door")
    yield running
    running.stop()


def poll(server, pair, name="door", token=None):
    context = ssl.create_default_context(cafile=server.listen["ca"])
    if pair:
        context.load_cert_chain(*pair)
    host, port = server.address("devices")
    connection = http.client.HTTPSConnection(host, port, timeout=30, context=context)
    connection.request("GET", f"/DEFAULT/controller/v1/{name}", None, {"Authorization": f"TargetToken {token}"} if token else {})
    reply = connection.getresponse()
    body = json.loads(reply.read() or b"{}")
    connection.close()
    return reply.status, body.get("errorCode")


def test_a_certificate_of_the_authority_lets_its_device_in_and_no_other(server, authority):
    server.add_device("gate")
    pair = authority.issue("door")
    assert poll(server, pair) == (200, None)
    assert poll(server, pair, "gate") == (403, "UD_ERR_FORBIDDEN")
    assert poll(server, None) == (401, "UD_ERR_AUTH")
    assert poll(server, authority.issue("stranger"), "stranger") == (401, "UD_ERR_AUTH"), "not registered"


@pytest.mark.parametrize("kind", ["self-signed", "another authority", "expired", "for servers", "empty name"])
def test_g1_certificates_that_do_not_hold(server, authority, tmp_path, kind):
    pair = {"self-signed": lambda: authority.issue("door", own=True),
            "another authority": lambda: Authority(tmp_path, "other").issue("door"),
            "expired": lambda: authority.issue("door", days=-1),
            "for servers": lambda: authority.issue("door", extra="extendedKeyUsage=serverAuth"),
            "empty name": lambda: authority.issue(" ")}[kind]()
    assert poll(server, pair)[0] in (401, 403)


def test_a_revoked_certificate_is_refused_from_the_next_request_on(server, authority):
    pair = authority.issue("door")
    other = authority.issue("door")
    assert poll(server, pair) == (200, None)
    authority.revoke(pair[0])
    assert poll(server, pair) == (401, "UD_ERR_AUTH")
    assert poll(server, other) == (200, None)
    (authority.folder / "crl.pem").write_text("nothing")
    assert poll(server, other) == (401, "UD_ERR_AUTH"), "a list that cannot be read lets nobody in"
    authority.crl()
    assert poll(server, other) == (200, None)


def test_a_removed_device_is_not_let_in_by_its_certificate(server, authority):
    pair = authority.issue("door")
    assert poll(server, pair) == (200, None)
    assert server.api("DELETE", "/api/v1/devices/door").status == 204
    assert poll(server, pair) == (401, "UD_ERR_AUTH")


def test_f4_a_gateways_token_speaks_for_devices_without_keys_only(tmp_path):
    secret = tmp_path / "gateway"
    secret.write_text("x" * 40 + "\n")
    secret.chmod(0o600)
    running = Server(tmp_path / "behind", "--gateway-token-file", str(secret)).start()
    try:
        running.add_device("plain")
        running.add_device("locked", key=Key().pem)

        def status(name, token="x" * 40, tenant="DEFAULT"):
            return running.call("devices", "GET", f"/{tenant}/controller/v1/{name}", headers={"Authorization": f"GatewayToken {token}"}).status
        assert status("plain") == 200
        assert [status("locked"), status("plain", "y" * 40), status("plain", tenant="other")] == [401] * 3
    finally:
        running.stop()
    for text, mode in (("short\n", 0o600), ("x" * 40, 0o644)):
        secret.write_text(text)
        secret.chmod(mode)
        with pytest.raises(RuntimeError):
            running.start()


def test_the_people_listener_asks_for_no_certificate_and_takes_none(server, authority):
    context = ssl.create_default_context(cafile=server.listen["ca"])
    context.load_cert_chain(*authority.issue("door"))
    host, port = server.address("people")
    connection = http.client.HTTPSConnection(host, port, timeout=30, context=context)
    connection.request("GET", "/api/v1/whoami")
    assert connection.getresponse().status == 401
