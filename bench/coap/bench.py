#!/usr/bin/env python3
"""The CoAP server measured, blocks beside libcoap's server: bench/coap/bench.py BUILD OUT (SHORT=1: the quick form).

"Per core" is work divided by the processor time that the server used meanwhile. The load comes from any number of
addresses of 127/8 (load.c). Writes OUT/coap.json and prints a table; exits 1 when a download went wrong.
"""
import hashlib
import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, closing
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parent.parent / "tests" / "e2e"))
from common import SECONDS, SHORT, budgets, cpu_seconds, free_port, row, rss_bytes, show, tell_over

BODY_BYTES = 1 << 20
SIZES = [1_000, 100_000] if SHORT else [1_000, 100_000, 1_000_000]
TURNS, TURN_S = (3, 1) if SHORT else (9, 2)
SETTLE_S = 3  # what registrations bring with them comes a second later
SESSIONS = 500 if SHORT else 50_000
SESSIONS_OF_PROGRAM = 15_000  # each has a socket, and a program may have 20,000 files or so
PARALLEL = 1_000 if SHORT else 10_000
PARALLEL_BYTES = 64 << 10
LOSSES = [0, 30] if SHORT else [0, 5, 10, 20, 30]
NAT_DEVICES = 10 if SHORT else 100
NAT_BYTES = 128 << 10 if SHORT else 512 << 10
NAT_PAUSE_MS = 400  # between two blocks, for what flash and a slow link take
NAT_SPEED = 60
LATE_MAX = 3  # so many datagrams may pass one that is late
LATE_S = 0.08  # and it comes so much later at most: behind its own repetition
LIMITS = budgets("coap")
MIB = 1 << 20
BLOCK_BYTES = 1024
BLOCK_OPTIONS_BYTES = 16  # with it: ETag, format, age, block
WELL_KNOWN_BYTES = 32  # of the answer to a bare GET
KEY = "00112233445566778899aabbccddeeff"


class Server:
    def __init__(self, build, state, *flags):
        self.state = Path(state)
        self.process = subprocess.Popen([str(build / "updraftd"), "--state", str(state), "--listen-devices", "127.0.0.1:0",
                                         "--listen-people", "127.0.0.1:0", "--insecure-http", "--log-level", "1", *flags],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while not (self.state / "listen.json").exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit("bench: updraftd did not start")
            time.sleep(0.02)
        self.listen = json.loads((self.state / "listen.json").read_text())
        self.token = (self.state / "admin.token").read_text().strip()

    def port(self, kind):
        return int(self.listen[kind]["url"].rsplit(":", 1)[1])

    def api(self, method, path, body):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.listen["people"]["url"] + path, data, head, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.terminate()
        self.process.wait(120)


class Echo:
    """A server that knows nothing: what the kernel and the load generator cost."""

    def __init__(self, build, payload_bytes):
        self.process = subprocess.Popen([str(build / "coap-echo"), str(payload_bytes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.pid = self.process.pid

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)


def thread_seconds(pid):
    """Processor time of each thread."""
    return {task.name: int((task / "schedstat").read_text().split()[0]) / 1e9 for task in Path(f"/proc/{pid}/task").iterdir()}


def used_since(pid, before):
    """Processor time of the thread that used most of it."""
    return max(used - before.get(thread, 0) for thread, used in thread_seconds(pid).items())


def load(build, pid, *words):
    """What coap-load says, and processor time meanwhile: of the whole server (cpu_s), of the thread that used most (thread_s)."""
    before, threads = cpu_seconds(pid), thread_seconds(pid)
    with subprocess.Popen([str(build / "coap-load"), *[str(w) for w in words]], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as client:
        if words[0] in ("update", "get") and client.stderr.readline():  # the server knows them all: from here on it is these only
            before, threads = cpu_seconds(pid), thread_seconds(pid)
        output, complaint = client.communicate()
    if client.returncode != 0:
        raise SystemExit(f"bench: coap-load failed: {complaint}")
    result = json.loads(output)
    result["thread_s"] = used_since(pid, threads)
    result["cpu_s"] = max(cpu_seconds(pid) - before, 0.01)
    return result


class Turns:
    """A load that runs when it is told to. `rates`: what the server did of it in a second of its busiest thread, each time; `speeds`: in
    one second. `of`: answers or bytes."""

    def __init__(self, build, server, what, count, *more, of="answers"):
        self.pid, self.of, self.rates, self.speeds = server.pid, of, [], []
        port = server.port("coap") if isinstance(server, Server) else server.port
        self.client = subprocess.Popen([str(build / "coap-load"), what, str(port), str(count), str(TURN_S), *more, "turns"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if what != "block" and self.client.stderr.readline() != "registered\n":
            raise SystemExit("bench: coap-load failed")

    def run(self):
        before = thread_seconds(self.pid)
        self.client.stdin.write("\n")
        self.client.stdin.flush()
        done = json.loads(self.client.stdout.readline())
        self.rates.append(done[self.of] / used_since(self.pid, before))
        self.speeds.append(done[self.of] / done["seconds"])

    def stop(self):
        self.client.communicate()
        return statistics.median(self.rates)


def take_turns(turns):
    """A machine that is slower for a minute is so for all of them."""
    for _ in range(TURNS):
        for turn in turns:
            turn.run()


def message_rates(build, servers):
    """{(what, devices): answers of a second of processor}"""
    echo = Echo(build, WELL_KNOWN_BYTES)
    turns = {}
    for count, server in servers.items():
        turns["Update", count] = Turns(build, server, "update", count)
        turns["GET", count] = Turns(build, server, "get", count)
        turns["echo", count] = Turns(build, echo, "get", count)
    time.sleep(SETTLE_S)
    take_turns(turns.values())
    rates = {which: turn.stop() for which, turn in turns.items()}
    echo.stop()
    return rates


def bench_registering(build, server, count):
    rows = []
    empty = rss_bytes(server.pid)
    made = load(build, server.pid, "register", server.port("coap"), count)
    rows.append(row(f"Register with a new device, durable, {count}", count / made["registered_s"], "1/s", "higher"))
    used = rss_bytes(server.pid)
    rows.append(row(f"memory for each registered device, all of the server, {count}", (used - empty) / count, "bytes", "lower"))
    if count == 100_000:  # as many again: the database's cache is full, and every table doubles once
        load(build, server.pid, "register", server.port("coap"), count, 0, count)
        rows.append(row(f"memory for each registered device more, {count}", (rss_bytes(server.pid) - used) / count, "bytes",
                        "lower", budget=LIMITS["memory for each registered device more"]))
    again = load(build, server.pid, "register", server.port("coap"), count)
    rows.append(row(f"Register again, durable, {count}", count / again["registered_s"], "1/s", "higher"))
    both = load(build, server.pid, "update", server.port("coap"), count, SECONDS)
    rows.append(row(f"Register Update, {count} devices, per core of the whole server", both["answers"] / both["cpu_s"], "1/s",
                    "higher"))
    return rows


def bench_messages(build, folder):
    """GET beside a server that knows nothing. Updates by the thread that answers them: another one tells the database every 30 s
    who was seen, and the row of the whole server has that or has not."""
    rows = []
    with ExitStack() as stack:
        servers = {}
        for count in SIZES:
            servers[count] = Server(build, folder / f"get{count}", "--listen-coap", "127.0.0.1:0", "--coap-add-devices",
                                    "--coap-peers-max", "2000000")
            stack.callback(servers[count].stop)
            rows += bench_registering(build, servers[count], count)
        rates = message_rates(build, servers)
    for count in SIZES:
        rows.append(row(f"bare GET, {count} peers, per core", rates["GET", count], "1/s", "higher", "an echo of nothing",
                        rates["echo", count]))
        rows.append(row(f"Register Update in memory, {count} devices, per core", rates["Update", count], "1/s", "higher"))
    few, many = 1_000, 100_000
    loss = {what: 100 * (1 - rates[what, many] / rates[what, few]) for what in ("GET", "echo", "Update")}
    rows.append(row(f"bare GET, lost from {few} to {many} peers", loss["GET"], "%", "lower", "an echo of nothing", loss["echo"],
                    budget=LIMITS["loss of rate"]))
    rows.append(row(f"Register Update, lost from {few} to {many} devices", loss["Update"], "%", "lower", budget=LIMITS["loss of rate"]))
    return rows


def firmware_path(server, size):
    """A release of so many bytes, and the path that a device of its type was given."""
    from lwm2m_tool import Firmware, Lwm2mDevice
    content = os.urandom(size)
    digest = hashlib.sha256(content).hexdigest()
    server.api("POST", "/api/v1/device-types", {"name": "bench", "foreign": True})
    server.api("PUT", f"/api/v1/artifacts/{digest}", content)
    release = server.api("POST", "/api/v1/foreign-releases", {"name": "b", "version": "1", "deviceType": "bench",
                                                              "artifacts": [{"filename": "b.bin", "sha256": digest}]})
    server.api("POST", "/api/v1/devices", {"name": "bench-1", "type": "bench"})
    server.api("POST", f"/api/v1/releases/{release['id']}/deploy", {"devices": ["bench-1"]})
    firmware = Firmware(method=0)
    firmware.pull = lambda: None
    with Lwm2mDevice(("127.0.0.1", server.port("coap")), "bench-1", firmware=firmware) as device:
        device.register()
        end = time.monotonic() + 30
        while not firmware.uris and time.monotonic() < end:
            time.sleep(0.05)
    return "/" + firmware.uris[0].split("/", 3)[3], content


class Libcoap:
    """libcoap's example server with the same body put into it."""

    def __init__(self, folder, content):
        self.port = free_port()
        self.process = subprocess.Popen(["coap-server-notls", "-A", "127.0.0.1", "-p", str(self.port), "-d", "4", "-v", "0"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        time.sleep(0.5)
        body = folder / "body"
        body.write_bytes(content)
        subprocess.run(["coap-client-notls", "-B", "60", "-m", "put", "-f", str(body), f"coap://127.0.0.1:{self.port}/body"],
                       check=True, capture_output=True)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def block_rows(build, server, path, peer, echo, clients):
    """Beside libcoap's server, and beside the least that has to be done for a block of this length."""
    ours = Turns(build, server, "block", clients, path, of="bytes")
    theirs = Turns(build, peer, "block", clients, "/body", of="bytes") if peer else None
    least = Turns(build, echo, "get", clients)
    take_turns([ours, *filter(None, [theirs]), least])
    rows = []
    for name, found in (("", lambda turns: turns.speeds), (", per core", lambda turns: turns.rates)):
        rate = statistics.median(found(ours)) / MIB
        rows.append(row(f"Block2 download, {clients} clients{name}", rate, "MiB/s", "higher", "libcoap's server" if theirs else None,
                        statistics.median(found(theirs)) / MIB if theirs else None))
        rows.append(row(f"Block2 download, {clients} clients{name}, beside an echo", rate, "MiB/s", "higher", "an echo of nothing",
                        statistics.median(found(least)) * BLOCK_BYTES / MIB))
    for turns in filter(None, (ours, theirs, least)):
        turns.stop()
    return rows


def bench_blocks(build, folder):
    rows = []
    server = Server(build, folder / "blocks", "--listen-coap", "127.0.0.1:0")
    echo = Echo(build, BLOCK_BYTES + BLOCK_OPTIONS_BYTES)
    peer = None
    try:
        path, content = firmware_path(server, BODY_BYTES)
        peer = Libcoap(folder, content) if shutil.which("coap-server-notls") else None
        for clients in (1, 100):
            rows += block_rows(build, server, path, peer, echo, clients)
        rows += bench_loss(server, path, content)
    finally:
        server.stop()
        echo.stop()
        if peer:
            peer.stop()
    return rows


def bench_parallel(build, folder):
    """So many downloads at one time, each by a client of its own, and every byte of each compared."""
    server = Server(build, folder / "parallel", "--listen-coap", "127.0.0.1:0")
    try:
        path, content = firmware_path(server, PARALLEL_BYTES)
        (folder / "content").write_bytes(content)
        rss = rss_bytes(server.pid)
        done = load(build, server.pid, "block", server.port("coap"), PARALLEL, 0, path, folder / "content")
        rss = rss_bytes(server.pid) - rss
        if done["wrong"] != 0 or done["bodies"] != PARALLEL or done["bytes"] != PARALLEL * PARALLEL_BYTES:
            raise SystemExit(f"bench: downloads at one time came out wrong: {done}")
        name = f"{PARALLEL} downloads of {PARALLEL_BYTES >> 10} KiB at one time"
        return [row(f"{name}, all right: time", done["registered_s"], "s", "lower"),
                row(f"{name}", done["bytes"] / done["registered_s"] / (1 << 20), "MiB/s", "higher"),
                row(f"{name}, per core", done["bytes"] / done["cpu_s"] / (1 << 20), "MiB/s", "higher"),
                row(f"{name}: memory for each", rss / PARALLEL, "bytes", "lower")]
    finally:
        server.stop()


class Way:
    """One direction of a relay: which copies of a datagram go on, and when."""

    def __init__(self, random, lose, double, late):
        self.random, self.lose, self.double, self.late = random, lose, double, late
        self.held = []  # [when at the latest, how many may pass, datagram]

    def happens(self, percent):
        return self.random.randrange(100) < percent

    def take(self, data, now):
        """What goes on now that this one came; one that is held back comes behind up to LATE_MAX others, or LATE_S later."""
        out = []
        for _ in range(0 if self.happens(self.lose) else 2 if self.happens(self.double) else 1):
            if self.happens(self.late):
                self.held.append([now + LATE_S, self.random.randrange(1, LATE_MAX + 1), data])
            else:
                out.append(data)
                for one in self.held:
                    one[1] -= 1
        return out + self.due(now)

    def due(self, now):
        out = [data for when, more, data in self.held if when <= now or more <= 0]
        self.held = [one for one in self.held if one[0] > now and one[1] > 0]
        return out

    def wait_s(self, now):
        return max(min([0.2, *(when - now for when, _, _ in self.held)]), 0.001)


class Relay:
    """Loses, doubles and reorders datagrams in both directions, by a fixed seed; each figure is in per cent."""

    def __init__(self, port, seed, lose, double, late=0):
        import random
        import threading
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back.connect(("127.0.0.1", port))
        self.client = None
        self.running = True
        self.threads = [threading.Thread(target=self.carry, args=(source, send, Way(random.Random(seed + n), lose, double, late)), daemon=True)
                        for n, (source, send) in enumerate([(self.front, self.back.send), (self.back, self.send_down)])]
        for thread in self.threads:
            thread.start()

    def send_down(self, data):
        self.front.sendto(data, self.client)

    def carry(self, source, send, way):
        while self.running:
            source.settimeout(way.wait_s(time.monotonic()))
            try:
                data, sender = source.recvfrom(4096)
                self.client = sender if source is self.front else self.client
                out = way.take(data, time.monotonic())
            except TimeoutError:
                out = way.due(time.monotonic())
            for data in out:
                send(data)

    def stop(self):
        self.running = False
        for thread in self.threads:
            thread.join()
        self.front.close()
        self.back.close()


def bench_loss(server, path, content):
    """One client with repetitions after 50 ms: the times say what loss costs, the comparison that nothing was wrong."""
    from lwm2m_tool import BLOCK2, GET, Message, Socket, URI_PATH, uint
    rows = []
    part = content[: 64 << 10]
    links = [(f"{percent} % loss each way", percent, 5 if percent else 0, 0) for percent in LOSSES]
    links += [("20 % late, of others overtaken", 0, 0, 20), ("5 % loss, 20 % doubled and 20 % late", 5, 20, 20)]
    for name, lose, double, late in links:
        relay = Relay(server.port("coap"), 7, lose, double, late)
        link = Socket(relay.front.getsockname())
        link.sock.settimeout(0.05)
        body, sent, begin = b"", 0, time.monotonic()
        while len(body) < len(part):
            request = Message(0, GET, link.next_mid(), b"tk", [(URI_PATH, s.encode()) for s in path[1:].split("/")] +
                              [(BLOCK2, uint(len(body) >> 10 << 4 | 6))])
            link.send(request)
            sent += 1
            answer = None
            while answer is None or answer.mid != request.mid:  # else it is a late one, to an earlier request
                try:
                    answer = Message.parse(link.sock.recv(4096))
                except TimeoutError:
                    link.send(request)
                    sent += 1
            body += answer.payload
        took = time.monotonic() - begin
        relay.stop()
        link.close()
        if body != part:
            raise SystemExit(f"bench: a download through {name} came out wrong")
        rows.append(row(f"64 KiB through {name}: messages sent for each block", sent / 64, "", "lower"))
        rows.append(row(f"64 KiB through {name}", took, "s", "lower"))
    return rows


def bench_dtls(build, folder):
    """Sessions that all live at one time."""
    clients, anew = [], 0
    server = Server(build, folder / "dtls", "--listen-coaps", "127.0.0.1:0")
    try:
        server.api("POST", "/api/v1/devices", {"name": "d1"})
        server.api("POST", "/api/v1/devices/d1/lwm2m-keys", {"mode": "psk", "identity": "id1", "key": KEY})
        cpu, rss = cpu_seconds(server.pid), rss_bytes(server.pid)
        for first in range(0, SESSIONS, SESSIONS_OF_PROGRAM):
            count = min(SESSIONS_OF_PROGRAM, SESSIONS - first)
            words = [str(server.port("coaps")), str(count), "id1", KEY, str(first)]
            clients.append(subprocess.Popen([str(build / "coap-dtls"), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            said = clients[-1].stdout.readline().split()
            if said[:1] != ["ready"]:
                raise SystemExit("bench: a handshake failed (ulimit -n?)")
            anew += int(said[1])
        cpu, rss = cpu_seconds(server.pid) - cpu, rss_bytes(server.pid) - rss
        return [row("DTLS handshakes with a PSK, per core", SESSIONS / max(cpu, 0.01), "1/s", "higher"),
                row(f"DTLS handshakes that timed out and began anew, of {SESSIONS}", anew, "", "lower"),
                row(f"memory for each DTLS session, {SESSIONS}", rss / SESSIONS, "bytes", "lower",
                    budget=None if SHORT else LIMITS["memory for each DTLS session"])]  # few share the base among them
    finally:
        for client in clients:
            client.stdin.close()
            client.wait(60)
        server.stop()


def bench_nat(build, folder):
    """Downloads over DTLS while a NAT forgets every device every minute, and the same without; the minute is NAT_SPEED times shorter, as
    all the times of the devices are."""
    server = Server(build, folder / "nat", "--listen-coaps", "127.0.0.1:0")
    try:
        content = os.urandom(NAT_BYTES)
        digest = hashlib.sha256(content).hexdigest()
        (folder / "image").write_bytes(content)
        server.api("POST", "/api/v1/device-types", {"name": "bench", "foreign": True})
        server.api("PUT", f"/api/v1/artifacts/{digest}", content)
        release = server.api("POST", "/api/v1/foreign-releases", {"name": "b", "version": "1", "deviceType": "bench",
                                                                  "artifacts": [{"filename": "b.bin", "sha256": digest}]})["id"]
        names = [f"nat-{n}" for n in range(NAT_DEVICES)]
        for name in names:
            server.api("POST", "/api/v1/devices", {"name": name, "type": "bench"})
            server.api("POST", f"/api/v1/devices/{name}/lwm2m-keys", {"mode": "psk", "identity": name, "key": KEY})
        server.api("POST", f"/api/v1/releases/{release}/deploy", {"devices": names})
        with closing(sqlite3.connect(f"file:{server.state / 'updraft.db'}?mode=ro", uri=True)) as store:
            ids = dict(store.execute("SELECT name, id FROM device"))
        secret = (server.state / "coap.key").read_bytes()  # the URI that the server would write to each of them
        lines = []
        for name in names:
            text = f"{ids[name]:x}-{release:x}"
            mac = hashlib.sha256(secret + hashlib.sha256(secret + text.encode()).digest()).hexdigest()[:20]
            lines.append(f"{name} {KEY} fw/{text}-{mac}/b.bin\n")
        found = {}
        for minute_ms in (60_000, 0):
            words = [server.port("coaps"), minute_ms, NAT_PAUSE_MS, NAT_SPEED, folder / "image"]
            run = subprocess.run([str(build / "coap-nat"), *[str(w) for w in words]], input="".join(lines), capture_output=True, text=True)
            if run.returncode != 0:
                raise SystemExit(f"bench: behind a NAT that forgets: {run.stderr.strip()}")
            found[minute_ms] = json.loads(run.stdout)
        ours, peer = found[60_000], found[0]
        name = f"{NAT_DEVICES} downloads of {NAT_BYTES >> 10} KiB over DTLS, a NAT forgets by the minute, all right"
        quiet = "a NAT that does not"
        return [row(f"{name}: time of one", ours["mean_seconds"], "s", "lower", quiet, peer["mean_seconds"]),
                row(f"{name}: addresses lost", ours["moves"] / NAT_DEVICES, "", "lower"),
                row(f"{name}: handshakes", ours["handshakes"] / NAT_DEVICES, "", "lower", quiet, peer["handshakes"] / NAT_DEVICES),
                row(f"{name}: sent in both directions", ours["bytes"] / NAT_DEVICES / 1024, "KiB", "lower", quiet,
                    peer["bytes"] / NAT_DEVICES / 1024)]
    finally:
        server.stop()


def bench_robust(build):
    """The same download by Q-Block2 and by Block2 over a simulated link of 100 ms; times are the simulation's."""
    size, rtt_ms, seeds = 262144, 100, 5 if SHORT else 50
    run = subprocess.run([str(build / "coap-robust"), str(size), str(rtt_ms), str(seeds)], capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"bench: {run.stderr.strip()}")
    found = {(r["way"], r["robust"]): r for r in json.loads(run.stdout)}
    rows = []
    for way in [way for way, robust in found if robust]:
        ours, peer = found[way, True], found[way, False]
        name = f"{size >> 10} KiB, {rtt_ms} ms, {way}, by Q-Block2"
        rows.append(row(name, ours["seconds"], "s", "lower", "Block2", peer["seconds"]))
        rows.append(row(f"{name}: sent in both directions", ours["bytes"] / 1024, "KiB", "lower", "Block2", peer["bytes"] / 1024))
        if "frames" in way:
            rows.append(row(f"{name}: frames", ours["frames"], "", "lower", "Block2", peer["frames"]))
    return rows


def main():
    build, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows = bench_messages(build, folder) + bench_blocks(build, folder) + bench_parallel(build, folder) + bench_dtls(build, folder) + bench_nat(build, folder) + bench_robust(build)
    (out / "coap.json").write_text(json.dumps(rows, indent=1))
    print(show(rows))
    tell_over(rows)


main()
