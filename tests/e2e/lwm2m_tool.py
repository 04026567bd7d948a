"""A LwM2M device in Python, written from the standards and not from our code: what the server is tested with.

It knows CoAP (RFC 7252, blocks, observe), registration, the operations of device management in TLV and text, and
object 5 as a state machine with the quirks of real clients as switches.
"""
import json
import os
import random
import socket
import struct
import threading
import time

from cose_tool import cbor, head as cbor_head

CON, NON, ACK, RST = 0, 1, 2, 3
GET, POST, PUT, DELETE, FETCH, IPATCH = 1, 2, 3, 4, 5, 7
URI_PATH, CONTENT_FORMAT, URI_QUERY, ACCEPT, OBSERVE, LOCATION = 11, 12, 15, 17, 6, 8
ETAG, BLOCK2, BLOCK1, SIZE2, SIZE1, ECHO, Q_BLOCK2 = 4, 23, 27, 28, 60, 252, 31
TEXT, LINKS, OCTETS, TLV, SENML_JSON, SENML_CBOR, LWM2M_CBOR = 0, 40, 42, 11542, 110, 112, 11544
WAIT_S = 30


def uint(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


class Message:
    def __init__(self, kind, code, mid=None, token=b"", options=(), payload=b""):
        self.kind, self.code, self.mid, self.token = kind, code, mid, token
        self.options, self.payload = list(options), payload
        self.served = False  # of a request to a device: see await_request

    def bytes(self):
        out = bytes([0x40 | self.kind << 4 | len(self.token), self.code]) + struct.pack(">H", self.mid) + self.token
        last = 0
        for number, value in sorted(self.options, key=lambda o: o[0]):
            head, more = [], b""
            for n in (number - last, len(value)):
                if n < 13:
                    head.append(n)
                elif n < 269:
                    head.append(13)
                    more += bytes([n - 13])
                else:
                    head.append(14)
                    more += struct.pack(">H", n - 269)
            out += bytes([head[0] << 4 | head[1]]) + more + value
            last = number
        return out + (b"\xff" + self.payload if self.payload else b"")

    @classmethod
    def parse(cls, data):
        tkl, code, mid = data[0] & 15, data[1], struct.unpack(">H", data[2:4])[0]
        message = cls(data[0] >> 4 & 3, code, mid, data[4:4 + tkl])
        at, number = 4 + tkl, 0
        while at < len(data):
            if data[at] == 0xff:
                message.payload = data[at + 1:]
                break
            parts = [data[at] >> 4, data[at] & 15]
            at += 1
            for i in (0, 1):
                if parts[i] == 13:
                    parts[i] = data[at] + 13
                    at += 1
                elif parts[i] == 14:
                    parts[i] = struct.unpack(">H", data[at:at + 2])[0] + 269
                    at += 2
            number += parts[0]
            message.options.append((number, data[at:at + parts[1]]))
            at += parts[1]
        return message

    def all(self, number):
        return [value for n, value in self.options if n == number]

    def number(self, number):
        found = self.all(number)
        return int.from_bytes(found[0], "big") if found else None

    @property
    def text_code(self):
        return f"{self.code >> 5}.{self.code & 31:02}"

    @property
    def path(self):
        return "/" + "/".join(segment.decode() for segment in self.all(URI_PATH))

    def __repr__(self):
        return f"<{self.kind} {self.text_code} {self.path} {self.options} {self.payload[:60]!r}>"


def tlv(kind, ident, value):
    """kind: 0 object instance, 1 resource instance, 2 multiple resource, 3 resource"""
    head = kind << 6
    number = bytes([ident]) if ident < 256 else struct.pack(">H", ident)
    head |= 0x20 if ident >= 256 else 0
    if len(value) < 8:
        return bytes([head | len(value)]) + number + value
    size = uint(len(value))
    return bytes([head | len(size) << 3]) + number + size + value


def keyed(value):
    """CBOR of nested maps as LwM2M CBOR has them; a float is a double, a string of bytes is itself."""
    if isinstance(value, dict):
        body = b"".join(keyed(key) + keyed(item) for key, item in value.items())
        return cbor_head(5, len(value)) + body
    if isinstance(value, tuple):
        return cbor_head(4, len(value)) + b"".join(map(keyed, value))
    return b"\xfb" + struct.pack(">d", value) if isinstance(value, float) else cbor(value)


def unkeyed(data):
    """LwM2M CBOR as {(object, instance, resource[, instance]): value}; arrays of ids and nested maps mean the same."""
    at = 0

    def item():
        nonlocal at
        kind, short = data[at] >> 5, data[at] & 31
        at += 1
        count = short
        if short > 23:
            size = 1 << (short - 24)
            count, at = int.from_bytes(data[at:at + size], "big"), at + size
        if kind == 7:
            return {20: lambda: False, 21: lambda: True, 26: lambda: struct.unpack(">f", data[at - 4:at])[0],
                    27: lambda: struct.unpack(">d", data[at - 8:at])[0]}[short]()
        if kind < 2:
            return count if kind == 0 else -1 - count
        if kind < 4:
            at += count
            return data[at - count:at] if kind == 2 else data[at - count:at].decode()
        if kind == 4:
            return tuple(item() for _ in range(count))
        assert kind == 5, kind
        return {item(): item() for _ in range(count)}

    def flat(value, path):
        if not isinstance(value, dict):
            return {path: value}
        return {place: found for key, below in value.items()
                for place, found in flat(below, path + (key if isinstance(key, tuple) else (key,))).items()}
    value = item()
    assert at == len(data) and isinstance(value, dict), data
    return flat(value, ())


def encode(value):
    if isinstance(value, bool):
        return b"\x01" if value else b"\x00"
    if isinstance(value, int):
        for size in (1, 2, 4, 8):
            if -(1 << size * 8 - 1) <= value < 1 << size * 8 - 1:
                return value.to_bytes(size, "big", signed=True)
    if isinstance(value, float):
        return struct.pack(">d", value)
    return value.encode() if isinstance(value, str) else value


class Socket:
    """Requests of our own, with repetition, over one UDP socket."""

    def __init__(self, address, bind=("127.0.0.1", 0)):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(bind)
        self.server = address
        self.mid = random.randrange(65536)
        self.lock = threading.Lock()

    def next_mid(self):
        with self.lock:
            self.mid = self.mid + 1 & 0xffff
            return self.mid

    def send(self, message):
        self.sock.sendto(message.bytes(), self.server)

    def close(self):
        self.sock.close()


def ask(address, code, path, options=(), payload=b"", sock=None, kind=CON, token=None, wait_s=10):
    """One request of a stranger; the answer, or None."""
    own = sock or Socket(address)
    token = os.urandom(4) if token is None else token
    request = Message(kind, code, own.next_mid(), token,
                      [(URI_PATH, segment.encode()) for segment in path.strip("/").split("/") if segment] +
                      list(options), payload)
    own.sock.settimeout(1)
    deadline = time.monotonic() + wait_s
    try:
        while time.monotonic() < deadline:
            own.send(request)
            try:
                while True:
                    answer = Message.parse(own.sock.recv(4096))
                    if answer.token == token and (answer.mid == request.mid or answer.kind != ACK):
                        return answer
            except TimeoutError:
                continue
    finally:
        if sock is None:
            own.close()
    return None


def query(**values):
    return [(URI_QUERY, (key if value is None else f"{key}={value}").encode()) for key, value in values.items()]


def download(address, uri_path, szx=6, sock=None, lose=None):
    """A body by Block2; `lose(n)` says which requests are sent into the void first."""
    own = sock or Socket(address)
    body, num, etag = b"", 0, None
    while True:
        answer = ask(address, GET, uri_path, [(BLOCK2, uint(num << 4 | szx))], sock=own)
        assert answer is not None and answer.text_code == "2.05", answer
        block = answer.number(BLOCK2)
        assert block >> 4 == num, answer
        assert etag in (None, answer.all(ETAG)), "another body"
        etag, szx = answer.all(ETAG), min(szx, block & 7)
        body += answer.payload
        if not block & 8:
            break
        num = len(body) >> (szx + 4)
    if sock is None:
        own.close()
    return body


class Lwm2mDevice:
    """A device that answers the server on a thread of its own. Use it as a context."""

    def __init__(self, address, name, version="1.1", lifetime=300, queue=False, objects=None, firmware=None,
                 prefix="", ct=None, cbor_only=False):
        self.address, self.name, self.version, self.lifetime, self.queue = address, name, version, lifetime, queue
        self.link = Socket(address)
        self.prefix, self.ct = prefix, ct
        self.cbor_only = cbor_only  # LwM2M CBOR, and text for single values; all else is refused
        # (object, instance): {resource: value}; a dict is a multiple resource
        self.values = objects or {(1, 0): {0: 1, 1: lifetime, 7: "U"},
                                  (3, 0): {0: "Acme", 1: "M1", 3: "0.9", 9: 80, 10: 512, 11: {0: 0}, 16: "U"}}
        self.firmware = firmware
        if firmware:
            firmware.device = self
        self.location = None
        self.requests, self.unanswered = [], []
        self.observed = {}
        self.executed = []
        self.changed = threading.Condition()
        self.waiting = {}
        self.answers = []
        self.seen = {}  # message ids count per pair of addresses (RFC 7252, 4.4)
        self.left = []
        self.silent = False
        self.running = True
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.running = False
        self.thread.join()
        for link in [self.link, *self.left]:
            link.close()

    # --- to the server

    def ask(self, code, path, options=(), payload=b"", kind=CON):
        token = os.urandom(6)
        request = Message(kind, code, self.link.next_mid(), token,
                          [(URI_PATH, s.encode()) for s in path.strip("/").split("/") if s] + list(options), payload)
        with self.changed:
            self.waiting[token] = None
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            self.link.send(request)
            with self.changed:
                if self.changed.wait_for(lambda: self.waiting[token], timeout=2):
                    return self.waiting.pop(token)
        raise AssertionError(f"no answer to {request}")

    def object_links(self):
        root = f'<{self.prefix or "/"}>;rt="oma.lwm2m"' + (f';ct="{self.ct}"' if self.ct else "")
        paths = sorted(self.values) + (self.firmware.paths if self.firmware else [])
        return ",".join([root] + [f"<{self.prefix}/{'/'.join(str(part) for part in path)}>" for path in paths])

    def register(self, expect="2.01", **more):
        values = {"lwm2m": self.version, "ep": self.name, "lt": self.lifetime, "b": "U", **more}
        if self.queue:
            values["Q"] = None
        answer = self.ask(POST, "/rd", [(CONTENT_FORMAT, uint(LINKS))] + query(**values), self.object_links().encode())
        assert answer.text_code == expect, answer
        if expect == "2.01":
            self.location = "/" + "/".join(v.decode() for v in answer.all(LOCATION))
            self.observed = {}
        return answer

    def update(self, expect="2.04", payload=b"", **values):
        options = query(**values) + ([(CONTENT_FORMAT, uint(LINKS))] if payload else [])
        answer = self.ask(POST, self.location, options, payload)
        assert answer.text_code == expect, answer
        return answer

    def deregister(self, expect="2.02"):
        answer = self.ask(DELETE, self.location)
        assert answer.text_code == expect, answer

    def move(self):
        """Another port, as behind a NAT that forgot. The old socket stays open: its number must not be another's while a thread reads."""
        self.left.append(self.link)
        self.link, self.seen = Socket(self.address), {}

    def notify(self, path, kind=NON):
        token, number = self.observed[path]
        self.observed[path] = (token, number + 1)
        format_, payload = self.read(path)
        self.link.send(Message(kind, 0x45, self.link.next_mid(), token,
                               [(OBSERVE, uint(number)), (CONTENT_FORMAT, uint(format_))], payload))

    def await_that(self, condition, what):
        with self.changed:
            assert self.changed.wait_for(condition, timeout=WAIT_S), f"waited in vain for: {what}; {self.requests}"

    def await_request(self, method, path):
        """The first such request, when it is answered and what it begins on the device has begun."""
        self.await_that(lambda: any(r.served and r.code == method and r.path == path for r in self.requests), f"{method} {path}")
        return next(r for r in self.requests if r.served and r.code == method and r.path == path)

    # --- from the server

    def run(self):
        while self.running:
            link = self.link
            try:
                link.sock.settimeout(0.2)
                message = Message.parse(link.sock.recv(4096))
            except TimeoutError:
                continue
            if 1 <= message.code < 32:
                self.serve(message)
            elif message.code:
                with self.changed:
                    self.answers.append(message)
                    if message.token in self.waiting:
                        self.waiting[message.token] = message
                    self.changed.notify_all()
                if message.kind == CON:
                    link.send(Message(ACK, 0, message.mid))

    def serve(self, request):
        if self.silent:
            with self.changed:
                self.unanswered.append(request)
                self.changed.notify_all()
            return
        seen = self.seen
        if request.mid in seen:
            self.link.send(seen[request.mid])
            return
        code, options, payload = self.answer(request)
        if code is None:
            return
        reply = Message(ACK, code, request.mid, request.token, options, payload)
        seen[request.mid] = reply
        with self.changed:
            self.requests.append(request)
        self.link.send(reply)
        if self.firmware:
            self.firmware.after()
        with self.changed:
            request.served = True
            self.changed.notify_all()

    def answer(self, request):
        path = request.path
        if self.prefix:
            if not path.startswith(self.prefix + "/"):
                return 0x84, [], b""
            path = path[len(self.prefix):]
        parts = [int(p) for p in path.split("/")[1:] if p]
        if self.firmware and self.firmware.owns(parts):
            done = self.firmware.answer(request, parts)
            if done is not None:
                return done
        if request.code == GET:
            if request.number(ACCEPT) == LINKS:
                below = self.firmware.links(parts) if self.firmware else []
                return 0x45, [(CONTENT_FORMAT, uint(LINKS))], ",".join(f"<{link}>" for link in [path, *below]).encode()
            read = self.read(path)
            if read is None:
                return 0x84, [], b""
            options = [(CONTENT_FORMAT, uint(read[0]))]
            observe = request.number(OBSERVE)
            if observe == 0:
                self.observed[path] = (request.token, 1)
                options.append((OBSERVE, b""))
            elif observe == 1:
                self.observed.pop(path, None)
            return 0x45, options, read[1]
        if request.code in (FETCH, IPATCH):
            return self.composite(request)
        format_ = request.number(CONTENT_FORMAT)
        if self.cbor_only and format_ is not None and not (request.code == POST and len(parts) == 3):
            if format_ == LWM2M_CBOR:
                return self.take(request, parts)
            if format_ != TEXT:
                return 0x8f, [], b""
        if request.code == PUT and request.number(CONTENT_FORMAT) is None:
            return 0x44, [], b""  # attributes
        if request.code == PUT and tuple(parts[:2]) not in self.values:
            return 0x84, [], b""
        if request.code == PUT and len(parts) == 3:
            if request.number(CONTENT_FORMAT) == TEXT:
                old = self.values[tuple(parts[:2])].get(parts[2])
                text = request.payload.decode()
                self.values[tuple(parts[:2])][parts[2]] = int(text) if isinstance(old, int) else text
            else:
                self.values[tuple(parts[:2])][parts[2]] = request.payload
            return 0x44, [], b""
        if request.code == POST and len(parts) == 3:
            self.executed.append((path, request.payload))
            return 0x44, [], b""
        if request.code == POST:
            self.values.setdefault((parts[0], 0), {})["raw"] = request.payload
            return (0x44 if len(parts) == 2 else 0x41), [], b""
        if request.code == DELETE:
            self.values.pop(tuple(parts[:2]), None)
            return 0x42, [], b""
        return 0x85, [], b""

    def take(self, request, parts):
        """What is written in LwM2M CBOR; each path must lie below the one that the request is for."""
        made = len(parts) == 1
        for path, value in unkeyed(request.payload).items():
            if path[:len(parts)] != tuple(parts) or not 3 <= len(path) <= 4:
                return 0x80, [], b""
            if made:
                self.values.setdefault(path[:2], {})
            elif path[:2] not in self.values:
                return 0x84, [], b""
            if len(path) == 3:
                self.values[path[:2]][path[2]] = value
            else:
                self.values[path[:2]].setdefault(path[2], {})[path[3]] = value
        return 0x41 if made else 0x44, [], b""

    def composite(self, request):
        """In SenML JSON only: who offers CBOR is refused, and must come again."""
        if request.number(CONTENT_FORMAT) != SENML_JSON:
            return 0x8f, [], b""
        records = json.loads(request.payload)
        answer, base = [], ""
        for record in records:
            base = record.get("bn", base)
            object_, instance, resource = [int(p) for p in (base + record.get("n", "")).split("/")[1:]]
            values = self.values[(object_, instance)]
            if request.code == IPATCH:
                values[resource] = record.get("v", record.get("vs"))
            else:
                value = values[resource]
                answer.append({"n": f"/{object_}/{instance}/{resource}", "vs" if isinstance(value, str) else "v": value})
        if request.code == IPATCH:
            return 0x44, [], b""
        return 0x45, [(CONTENT_FORMAT, uint(SENML_JSON))], json.dumps(answer).encode()

    def read(self, path):
        parts = [int(p) for p in path.split("/")[1:]]
        if self.firmware and self.firmware.owns(parts):
            return self.firmware.read(parts)
        if self.cbor_only:
            return self.read_cbor(parts)
        if len(parts) == 1:
            body = b"".join(tlv(0, i, self.instance(values)) for (o, i), values in self.values.items()
                            if o == parts[0])
            return (TLV, body) if body else None
        values = self.values.get(tuple(parts[:2]))
        if values is None or (len(parts) == 3 and parts[2] not in values):
            return None
        return TLV, self.instance(values if len(parts) == 2 else {parts[2]: values[parts[2]]})

    def read_cbor(self, parts):
        """An object as maps in each other, an instance with its path in one key, a resource with all of it in one."""
        found = {i: values for (o, i), values in self.values.items() if o == parts[0] and parts[1:2] in ([], [i])}
        if not found or (len(parts) > 2 and parts[2] not in found[parts[1]]):
            return None
        if len(parts) == 1:
            return LWM2M_CBOR, keyed({parts[0]: found})
        if len(parts) == 2:
            return LWM2M_CBOR, keyed({tuple(parts): found[parts[1]]})
        return LWM2M_CBOR, keyed({tuple(parts): found[parts[1]][parts[2]]})

    @staticmethod
    def instance(values):
        out = b""
        for ident, value in values.items():
            if isinstance(value, dict):
                out += tlv(2, ident, b"".join(tlv(1, i, encode(v)) for i, v in value.items()))
            else:
                out += tlv(3, ident, encode(value))
        return out


class Firmware:
    """Object 5. `method`: 0 pull, 1 push, 2 both. `verdict`: the Update Result of the new image."""

    def __init__(self, method=2, protocols=(0,), verdict=1, keep_result=True, version="1.0", szx=4, result_of=None,
                 stuck=False):
        self.state, self.result, self.method, self.protocols = 0, 0, method, protocols
        self.verdict, self.keep_result, self.version, self.szx = verdict, keep_result, version, szx
        self.result_of = result_of  # of the download: 0 good
        self.stuck = stuck  # begins in an old job's state
        if stuck:
            self.state = 2
        self.package, self.uri, self.todo = b"", None, None
        self.uris = []
        self.paths = [(5, 0)]  # in the object list

    def owns(self, parts):
        return parts[:2] == [5, 0]

    def links(self, parts):
        return []

    def answer(self, request, parts):
        if len(parts) < 3:
            return None
        resource = parts[2]
        if request.code == PUT and resource == 1:
            return self.write_uri(request.payload.decode())
        if request.code == PUT and resource == 0:
            return self.write_package(request)
        if request.code == POST and resource == 2:
            if self.state != 2:
                return 0x85, [], b""
            self.state, self.result, self.todo = 3, 0, "install"
            return 0x44, [], b""
        if request.code == GET and resource not in (3, 5, 6, 7, 8, 9):
            return 0x85, [], b""
        return None

    def write_uri(self, uri):
        if uri == "":
            self.state, self.result, self.package = 0, 0, b""
            return 0x44, [], b""
        if self.state != 0:
            return 0x80, [], b""
        self.uri, self.state, self.result, self.todo = uri, 1, 0, "pull"
        self.uris.append(uri)
        return 0x44, [], b""

    def write_package(self, request):
        if request.payload == b"\0":
            self.state, self.result, self.package = 0, 0, b""
            return 0x44, [], b""
        if self.state == 2:
            return 0x85, [], b""
        block = request.number(BLOCK1)
        if block is None:
            self.package = request.payload
        else:
            num, more, szx = block >> 4, block & 8, block & 7
            if szx > self.szx:
                return 0x8d, [], b""  # without a hint, as Zephyr does
            if num == 0:
                self.package = b""
            if num << (szx + 4) != len(self.package):
                return 0x88, [], b""
            self.package += request.payload
            self.state = 1
            if more:
                return 0x5f, [(BLOCK1, uint(block & ~8))], b""
        self.state, self.result = 2, 0
        return 0x44, [(BLOCK1, uint(block))] if block is not None else [], b""

    def values(self):
        values = {3: self.state, 5: self.result, 9: self.method}
        if self.protocols is not None:
            values[8] = dict(enumerate(self.protocols))
        return values

    def read(self, parts):
        values = self.values()
        if len(parts) == 2:
            return TLV, Lwm2mDevice.instance(values)
        if parts[2] not in values:
            return None
        return TLV, Lwm2mDevice.instance({parts[2]: values[parts[2]]})

    def tell(self):
        object_, instance = self.paths[0]
        for path in (f"/{object_}/{instance}/3", f"/{object_}/{instance}/5"):
            if path in self.device.observed:
                self.device.notify(path)

    def after(self):
        todo, self.todo = self.todo, None
        if todo:
            threading.Thread(target=getattr(self, todo), daemon=True).start()

    def pull(self):
        scheme, rest = self.uri.split("://")
        host, path = rest.split("/", 1)
        assert scheme == "coap", self.uri
        name, port = host.rsplit(":", 1)
        self.package = download((name, int(port)), path)
        self.state, self.result = (2, 0) if not self.result_of else (0, self.result_of)
        self.tell()

    def install(self):
        """Restarts: another socket, another registration, and what it says then."""
        device = self.device
        device.move()
        good = self.verdict == 1
        self.state = 0
        self.result = self.verdict if self.keep_result else 0
        if good:
            device.values[(3, 0)][3] = self.version
        device.register()
