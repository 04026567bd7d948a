"""DTLS of the CoAP server, with libcoap's clients (GnuTLS and OpenSSL) and byte by byte."""
import os
import shutil
import socket
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from datetime import datetime, timedelta
from server_tool import Server

KEY = "sixteen-byte-key"  # libcoap's clients take a key as text
WAIT_S = 20


@pytest.fixture
def server(tmp_path):
    ca_key, ca = certificate("fleet CA")
    (tmp_path / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    running = Server(tmp_path / "state", "--listen-coaps", "127.0.0.1:0", "--coap-ca", str(tmp_path / "ca.pem")).start()
    running.folder, running.ca, running.ca_key = tmp_path, ca, ca_key
    yield running
    if running.process.poll() is None:
        running.stop()


def certificate(name, issuer=None, issuer_key=None):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime(2020, 1, 1)
    cert = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.subject if issuer else subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now).not_valid_after(now + timedelta(days=20000))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .sign(issuer_key or key, hashes.SHA256()))
    return key, cert


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def client(server, path, *flags, program="coap-client-gnutls", payload="</3/0>", wait_s=20):
    """Code of the answer to a POST; None when there was none within wait_s."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: scripts/bootstrap test")
    done = subprocess.run([program, "-B", str(wait_s), "-v", "6", *flags, "-m", "post", "-t", "40", "-e", payload,
                           server.listen["coaps"]["url"] + path], capture_output=True, text=True, timeout=60)
    codes = [word[2:] for word in done.stdout.split() + done.stderr.split()
             if word.startswith("c:") and word[2:3].isdigit()]
    return codes[-1] if codes else None


def add_key(server, name, **spec):
    reply = server.api("POST", f"/api/v1/devices/{name}/lwm2m-keys", spec)
    assert reply.status == 201, reply
    return reply.json


def metric(server, name):
    text = server.call("people", "GET", "/metrics").body.decode()
    return int(next(line.split()[-1] for line in text.splitlines() if line.startswith(name)))


def security_of(server, name):
    reply = server.api("GET", f"/api/v1/devices/{name}/lwm2m")
    return reply.json["security"] if reply.status == 200 else None


@pytest.mark.parametrize("program", ["coap-client-gnutls", "coap-client-openssl"])
def test_int_401_psk(server, program):
    for name in ("d1", "d2"):
        server.add_device(name)
    add_key(server, "d1", mode="psk", identity="id1", key=KEY.encode().hex())
    psk = ("-u", "id1", "-k", KEY)
    assert client(server, "/rd?ep=d1&lwm2m=1.1", *psk, program=program) == "2.01"
    assert security_of(server, "d1") == "psk"
    assert client(server, "/rd?lwm2m=1.1", *psk, program=program) == "2.01"  # its key says who it is
    assert client(server, "/rd?ep=d2&lwm2m=1.1", *psk, program=program) == "4.03"  # but not another
    assert client(server, "/rd?ep=d1", "-u", "id1", "-k", "another-key-here", program=program, wait_s=2) is None
    assert client(server, "/rd?ep=d1", "-u", "nobody", "-k", KEY, program=program, wait_s=2) is None
    assert metric(server, 'updraft_dtls_handshakes_total{result="done"}') == 3


def test_a_location_is_good_in_every_session_of_its_device_and_in_no_other(server):
    """As behind a NAT that forgot: another port, so another handshake, and the same registration."""
    for name in ("d1", "d2"):
        server.add_device(name)
        add_key(server, name, mode="psk", identity=f"id-{name}", key=KEY.encode().hex())
    assert client(server, "/rd?ep=d1&lwm2m=1.1", "-u", "id-d1", "-k", KEY) == "2.01"
    before = server.api("GET", "/api/v1/devices/d1/lwm2m").json
    assert client(server, before["location"], "-u", "id-d2", "-k", KEY) == "4.04"
    assert client(server, before["location"] + "?lt=777", "-u", "id-d1", "-k", KEY) == "2.04"
    after = server.api("GET", "/api/v1/devices/d1/lwm2m").json
    assert after["location"] == before["location"] and after["address"] != before["address"] and after["lifetime"] == 777


def test_x509_by_ca_and_by_key(server):
    for name in ("d1", "d2"):
        server.add_device(name)
    key, cert = certificate("d1", server.ca, server.ca_key)
    stranger_key, stranger = certificate("d1")
    files = {}
    for name, content in (("good", cert), ("bad", stranger)):
        files[name] = server.folder / f"{name}.pem"
        files[name].write_bytes(content.public_bytes(serialization.Encoding.PEM))
    (server.folder / "good.key").write_bytes(pem(key))
    (server.folder / "bad.key").write_bytes(pem(stranger_key))

    def come(name, path, **more):
        return client(server, path, "-c", str(files[name]), "-j", str(server.folder / f"{name}.key"), "-n",
                      program="coap-client-openssl", **more)
    assert come("good", "/rd?ep=d1&lwm2m=1.1") == "2.01"
    assert security_of(server, "d1") == "x509"
    assert come("good", "/rd?ep=d2&lwm2m=1.1") == "4.03"
    assert come("bad", "/rd?ep=d1", wait_s=2) is None
    add_key(server, "d2", mode="x509", certificate=stranger.public_bytes(serialization.Encoding.PEM).decode())
    assert come("bad", "/rd?ep=d2") == "2.01"  # this very key, whatever its certificate says
    assert come("bad", "/rd?ep=d1") == "4.03"


def test_raw_public_key(server):
    server.add_device("d1")
    key = ec.generate_private_key(ec.SECP256R1())
    path = server.folder / "rpk.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                       serialization.NoEncryption()) + public_pem(key).encode())
    assert client(server, "/rd?ep=d1", "-M", str(path), "-n", wait_s=2) is None
    add_key(server, "d1", mode="rpk", key=public_pem(key))
    assert client(server, "/rd?ep=d1", "-M", str(path), "-n") == "2.01"
    assert security_of(server, "d1") == "rpk"


def test_a_removed_device_and_a_removed_key_come_in_no_more(server):
    server.add_device("d1")
    made = add_key(server, "d1", mode="psk", identity="id1", key=KEY.encode().hex())
    assert client(server, "/rd?ep=d1", "-u", "id1", "-k", KEY) == "2.01"
    assert server.api("DELETE", f"/api/v1/devices/d1/lwm2m-keys/{made['id']}").status == 204
    assert client(server, "/rd?ep=d1", "-u", "id1", "-k", KEY, wait_s=2) is None


def test_a_bootstrap_key_is_good_for_bootstrap_only(server):
    server.add_device("d1")
    add_key(server, "d1", mode="psk", identity="factory", key=KEY.encode().hex(), bootstrap="once")
    assert client(server, "/rd?ep=d1", "-u", "factory", "-k", KEY) == "4.03"
    assert client(server, "/bs?ep=d1", "-u", "factory", "-k", KEY, payload="") == "2.04"
    assert client(server, "/bs?ep=d2", "-u", "factory", "-k", KEY, payload="") == "4.00"
    assert client(server, "/bs?ep=d1&pct=50", "-u", "factory", "-k", KEY, payload="") == "4.15"


def test_keys_that_must_be_refused(server):
    for name in ("d1", "d2"):
        server.add_device(name)
    add_key(server, "d1", mode="psk", identity="id1")
    for spec, error in [(dict(mode="psk", identity="id1"), "UD_ERR_CONFLICT"),
                        (dict(mode="psk", identity="x", key="00"), "UD_ERR_KEY"),
                        (dict(mode="psk", identity="x", key="zz" * 16), "UD_ERR_KEY"),
                        (dict(mode="psk", identity="x" * 129), "UD_ERR_NUMBER_RANGE"),
                        (dict(mode="psk"), "UD_ERR_MISSING"), (dict(mode="nosec"), "UD_ERR_SHAPE"),
                        (dict(mode="rpk", key="none"), "UD_ERR_KEY"), (dict(mode="rpk"), "UD_ERR_MISSING"),
                        (dict(mode="x509", certificate="none"), "UD_ERR_KEY"),
                        (dict(mode="psk", identity="y", bootstrap="always"), "UD_ERR_SHAPE")]:
        reply = server.api("POST", "/api/v1/devices/d2/lwm2m-keys", spec)
        assert reply.json.get("errorCode") == error, (spec, reply)
    for n in range(8):
        add_key(server, "d2", mode="psk", identity=f"d2-{n}")
    reply = server.api("POST", "/api/v1/devices/d2/lwm2m-keys", dict(mode="psk", identity="one-more"))
    assert reply.json["errorCode"] == "UD_ERR_LIMIT"


# --- G2: byte by byte


def hello(cookie=b"", random=None, fragment=None):
    """A ClientHello for PSK with AES-128-CCM-8."""
    body = b"\xfe\xfd" + (random or os.urandom(32)) + b"\x00" + bytes([len(cookie)]) + cookie
    body += struct.pack(">H", 2) + b"\xc0\xa8" + b"\x01\x00"
    extensions = b"\x00\x0d\x00\x04\x00\x02\x04\x03" + b"\x00\x0a\x00\x04\x00\x02\x00\x17" + b"\xff\x01\x00\x01\x00"
    body += struct.pack(">H", len(extensions)) + extensions
    seq = 1 if cookie else 0
    head = b"\x01" + len(body).to_bytes(3, "big") + struct.pack(">H", seq) + b"\0\0\0" + len(body).to_bytes(3, "big")
    message = head + body
    return b"\x16\xfe\xfd\0\0" + seq.to_bytes(6, "big") + struct.pack(">H", len(message)) + message


def coaps(server):
    host, port = server.listen["coaps"]["url"].removeprefix("coaps://").rsplit(":", 1)
    return host, int(port)


def udp(server):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.connect(coaps(server))
    sock.settimeout(5)
    return sock


def cookie_of(answer):
    assert answer[0] == 22 and answer[13] == 3, answer  # HelloVerifyRequest
    length = answer[27]
    return answer[28:28 + length]


def test_G2_a_stranger_costs_nothing_and_gets_less_than_it_sent(server):
    sock = udp(server)
    first = hello()
    sock.send(first)
    answer = sock.recv(4096)
    cookie = cookie_of(answer)
    assert len(answer) < len(first)
    assert metric(server, "updraft_dtls_sessions") == 0
    for wrong in (b"\0" * len(cookie), cookie[:-1] + bytes([cookie[-1] ^ 1]), cookie[:5]):
        sock.send(hello(wrong))
        cookie_of(sock.recv(4096))
    other = udp(server)  # another address: the cookie is not its own
    other.send(hello(cookie))
    cookie_of(other.recv(4096))
    assert metric(server, "updraft_dtls_sessions") == 0
    sock.send(hello(cookie))
    answer = sock.recv(4096)
    assert answer[0] == 22 and answer[13] == 2, answer  # ServerHello
    assert metric(server, "updraft_dtls_sessions") == 1
    sock.close()
    other.close()


def test_G2_rubbish_and_records_of_nobody_get_no_answer(server):
    sock = udp(server)
    sock.settimeout(0.3)
    for datagram in (b"", b"\x16", b"\x17\xfe\xfd\0\1" + b"\0" * 6 + b"\0\x20" + os.urandom(32),
                     b"\x40\x01\0\1\xb2rd", os.urandom(200), b"\x15\xfe\xfd\0\0" + b"\0" * 6 + b"\0\2\2\x28",
                     hello()[:-10], hello()[:40], b"\x16\xfe\xfd\0\0" + b"\0" * 6 + b"\xff\xff" + b"\1" * 1400):
        sock.send(datagram)
        try:
            answer = sock.recv(4096)
            assert len(answer) <= max(len(datagram), 60), (datagram, answer)
        except TimeoutError:
            pass
    sock.close()
    assert metric(server, "updraft_dtls_sessions") == 0
    server.add_device("d1")
    add_key(server, "d1", mode="psk", identity="id1", key=KEY.encode().hex())
    assert client(server, "/rd?ep=d1", "-u", "id1", "-k", KEY) == "2.01"


class Relay:
    """Between a client and the server: a test can put datagrams of its own into a live session, and lose one of it."""

    def __init__(self, server):
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.back = udp(server)
        self.port = self.front.getsockname()[1]
        self.records = []
        self.lost = None

    def is_lost(self, data, record, toward):
        """The first datagram that begins as `record` says, on its way `toward` that end: only that one."""
        if record is None or self.lost is not None or record[2] != toward or (data[0], data[4]) != record[:2] or \
                (len(record) > 3 and data[13] != record[3]):
            return False
        self.lost = data
        return True

    def pump(self, process, inject=None, lose=None, wait_s=WAIT_S):
        self.front.settimeout(0.05)
        self.back.settimeout(0.05)
        peer = None
        deadline = time.monotonic() + wait_s
        while process.poll() is None and time.monotonic() < deadline:
            try:
                data, peer = self.front.recvfrom(4096)
                self.records.append(data)
                if not self.is_lost(data, lose, "server"):
                    self.back.send(data)
                if inject:
                    inject(self, data)
            except TimeoutError:
                pass
            try:
                while peer:
                    data = self.back.recv(4096)
                    if not self.is_lost(data, lose, "client"):
                        self.front.sendto(data, peer)
            except TimeoutError:
                pass


def test_G2_replayed_and_forged_records_change_nothing(server):
    if shutil.which("coap-client-gnutls") is None:
        pytest.skip("coap-client-gnutls is not installed: scripts/bootstrap test")
    server.add_device("d1")
    add_key(server, "d1", mode="psk", identity="id1", key=KEY.encode().hex())
    relay = Relay(server)

    def inject(self, data):
        if data[0] != 23:  # application data: epoch 1
            return
        self.back.send(data)  # a replay
        for at in (4, 10, 13, len(data) - 1):  # epoch, number, nonce, tag
            self.back.send(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        self.back.send(b"\x15\xfe\xfd\0\0" + b"\0" * 5 + b"\x63\0\2\2\x28")  # an unprotected fatal alert
        self.back.send(hello())  # and a hello without a cookie
    process = subprocess.Popen(["coap-client-gnutls", "-B", "6", "-v", "6", "-u", "id1", "-k", KEY, "-m", "post", "-t",
                                "40", "-e", "</3/0>", f"coaps://127.0.0.1:{relay.port}/rd?ep=d1"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    relay.pump(process, inject)
    output = process.communicate()[0]
    assert "c:2.01" in output, output
    assert metric(server, "updraft_coap_datagrams_total") == 1  # the replay was none
    assert metric(server, "updraft_dtls_sessions") <= 1


# kind of record (handshake, change cipher spec), epoch, where it goes, kind of message where it can be read
HANDSHAKE = {
    "hello": (22, 0, "server", 1), "verify": (22, 0, "client", 3), "server hello": (22, 0, "client", 2),
    "server done": (22, 0, "client", 14), "key exchange": (22, 0, "server", 16), "client changes": (20, 0, "server"),
    "client finished": (22, 1, "server"), "server changes": (20, 0, "client"), "server finished": (22, 1, "client"),
}


def test_a_handshake_ends_whatever_datagram_of_it_is_lost(server):
    """Most of all the server's last ones: it is done, and has to say them again because the client asks again."""
    if shutil.which("coap-client-gnutls") is None:
        pytest.skip("coap-client-gnutls is not installed: scripts/bootstrap test")

    def shake(number, lose):
        relay = Relay(server)
        process = subprocess.Popen(["coap-client-gnutls", "-B", "60", "-v", "6", "-u", f"id{number}", "-k", KEY, "-m", "post", "-t",
                                    "40", "-e", "</3/0>", f"coaps://127.0.0.1:{relay.port}/rd?ep=d{number}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        relay.pump(process, lose=lose, wait_s=90)
        process.kill()
        return relay.lost is not None, process.communicate()[0]

    for number in range(len(HANDSHAKE)):
        server.add_device(f"d{number}")
        add_key(server, f"d{number}", mode="psk", identity=f"id{number}", key=KEY.encode().hex())
    with ThreadPoolExecutor(len(HANDSHAKE)) as pool:
        ends = list(pool.map(shake, range(len(HANDSHAKE)), HANDSHAKE.values()))
    for name, (lost, output) in zip(HANDSHAKE, ends):
        assert lost, f"{name} never came"
        assert "c:2.01" in output, f"{name} was lost:\n{output}"
