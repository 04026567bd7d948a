"""A mosquitto of our own over TLS, with the rules that updraftd writes; and a small MQTT 3.1.1 client."""
import ctypes
import os
import random
import select
import signal
import socket
import ssl
import struct
import subprocess
import time
from pathlib import Path

from server_tool import BUILD

PATIENCE_S = 60
PR_SET_PDEATHSIG = 1
PASSWORD = "correct horse battery staple"


def die_with_us():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    """Of those that the system gives nobody by itself, so that it is still free when the broker starts, and starts again."""
    lowest_given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10_000, lowest_given), 100):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")


class Broker:
    """Its users all have the same password; `users` may be added to before start()."""

    def __init__(self, folder: Path, users=()):
        self.folder = folder
        folder.mkdir(mode=0o700)
        self.port = free_port()
        self.process = None
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                     "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "broker.key", "-out",
                     "broker.pem")
        acl = subprocess.run([BUILD / "updraftd", "mqtt", "acl"], check=True, capture_output=True, text=True).stdout
        self.write("acl", acl + "\nuser watcher\ntopic read updraft/#\n")
        self.write("passwords", "")
        for user in ("updraftd", "watcher", *users):
            self.add_user(user)
        self.write("password", PASSWORD + "\n")
        self.write("mosquitto.conf", f"""
{'user root' if os.geteuid() == 0 else ''}
listener {self.port} 127.0.0.1
cafile {folder}/broker.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
use_username_as_clientid true
persistence true
persistence_location {folder}/
max_queued_messages 10000
""")

    def write(self, name, text):
        (self.folder / name).touch(mode=0o600)
        (self.folder / name).write_text(text)

    def openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self.folder)

    def add_user(self, user):
        subprocess.run(["mosquitto_passwd", "-b", self.folder / "passwords", user, PASSWORD], check=True, capture_output=True)
        if self.process is not None:
            self.process.send_signal(signal.SIGHUP)

    @property
    def url(self):
        return f"mqtts://localhost:{self.port}"

    @property
    def ca(self):
        return self.folder / "broker.pem"

    @property
    def flags(self):
        """Of a server that uses it."""
        return ("--mqtt-broker", self.url, "--mqtt-ca", str(self.ca), "--mqtt-password-file", str(self.folder / "password"))

    def start(self):
        log = open(self.folder / "broker.log", "ab")
        self.process = subprocess.Popen(["mosquitto", "-c", self.folder / "mosquitto.conf"], stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log, preexec_fn=die_with_us)
        log.close()
        end = time.monotonic() + PATIENCE_S
        while True:
            assert self.process.poll() is None, (self.folder / "broker.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.02)

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE_S)
            self.process = None

    def client(self, user, **how):
        return Client(self, user, **how)


def text(value):
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(raw)) + raw


class Client:
    """One connection. `messages`: (topic, payload, retained) as they came."""

    def __init__(self, broker, user, client_id=None, will=None, clean=True, password=PASSWORD):
        context = ssl.create_default_context(cafile=str(broker.ca))
        plain = socket.create_connection(("127.0.0.1", broker.port), timeout=PATIENCE_S)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.messages, self.acknowledged, self.buffer, self.packet, self.closed = [], set(), b"", 0, False
        flags = 0xC0 | (0x02 if clean else 0)
        payload = text(client_id or user)
        if will:
            flags |= 0x04 | 0x08  # QoS 1
            payload += text(will[0]) + text(will[1])
        payload += text(user) + text(password)
        self.send(0x10, text("MQTT") + bytes([4, flags]) + struct.pack(">H", 60) + payload)
        kind, body = self.await_packet(0x20)
        self.code = body[1]

    def send(self, first, body):
        length, n = b"", len(body)
        while True:
            n, digit = divmod(n, 128)
            length += bytes([digit | (0x80 if n else 0)])
            if not n:
                break
        self.socket.sendall(bytes([first]) + length + body)

    def read(self, wait_s):
        """Packets that are here, or come within wait_s."""
        if not self.socket.pending() and not select.select([self.socket], [], [], wait_s)[0]:
            return
        try:
            chunk = self.socket.recv(65536)
        except OSError:
            chunk = b""
        self.closed = self.closed or not chunk
        self.buffer += chunk

    def packets(self):
        while len(self.buffer) >= 2:
            length, shift, at = 0, 0, 1
            while True:
                if at >= len(self.buffer):
                    return
                length |= (self.buffer[at] & 0x7F) << shift
                shift, at = shift + 7, at + 1
                if not self.buffer[at - 1] & 0x80:
                    break
            if len(self.buffer) < at + length:
                return
            first, body = self.buffer[0], self.buffer[at:at + length]
            self.buffer = self.buffer[at + length:]
            self.take(first, body)
            yield first, body

    def take(self, first, body):
        if first & 0xF0 == 0x30:
            n = struct.unpack(">H", body[:2])[0]
            topic, rest = body[2:2 + n].decode(), body[2 + n:]
            if first & 0x06:
                self.send(0x40, rest[:2])
                rest = rest[2:]
            self.messages.append((topic, rest, bool(first & 1)))
        elif first & 0xF0 == 0x40:
            self.acknowledged.add(struct.unpack(">H", body[:2])[0])

    def await_packet(self, kind):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            for first, body in self.packets():
                if first & 0xF0 == kind:
                    return first, body
            assert not self.closed, "the broker hung up"
            self.read(1)
        raise AssertionError(f"no packet {kind:#x}")

    def subscribe(self, *topics):
        self.packet += 1
        self.send(0x82, struct.pack(">H", self.packet) + b"".join(text(t) + b"\1" for t in topics))
        self.await_packet(0x90)
        return self

    def publish(self, topic, payload, retain=False):
        """Waits for the broker's acknowledgement."""
        self.packet += 1
        packet = self.packet
        raw = payload.encode() if isinstance(payload, str) else payload
        self.send(0x32 | (1 if retain else 0), text(topic) + struct.pack(">H", packet) + raw)
        self.until(lambda: packet in self.acknowledged)

    def until(self, what):
        end = time.monotonic() + PATIENCE_S
        while not (found := what()):
            assert time.monotonic() < end, f"it did not come; here are {self.messages[-20:]}"
            assert not self.closed, "the broker hung up"
            self.read(0.2)
            for _ in self.packets():
                pass
        return found

    def until_closed(self):
        end = time.monotonic() + PATIENCE_S
        while not self.closed:
            assert time.monotonic() < end
            self.read(0.2)

    def on(self, topic):
        return [payload for at, payload, _ in self.messages if at == topic]

    def close(self, politely=True):
        if politely:
            self.send(0xE0, b"")
        self.socket.close()
