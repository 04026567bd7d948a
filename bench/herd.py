#!/usr/bin/env python3
"""A server under other people's load: bench/herd.py BUILD OUT (make bench; SHORT=1 for the quick form).

updraft-load drives the device listener: polls on open TLS connections and with a full handshake each, beside nginx with a file of
the same size; plain feedbacks and signed reports, durable, on SQLite and PostgreSQL; latency at half of the greatest rate. Then
the herd: 200,000 identities (short: 20,000) arrive over TLS at ten times what the server can take, for a minute (short: 8 s), while
a person reads and writes. Writes OUT/load.json and OUT/herd.json; exit 1 when management was not answered within its budget. Other
budgets (budgets.json, "herd") stand in the rows, and are for a machine of its own: client, server and peer share two processors here.
"""
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "e2e"))
import fleet  # noqa: E402
from common import SECONDS, SHORT, budgets, cpu_seconds, row, show  # noqa: E402
from hawkbit_peer import HawkBit  # noqa: E402
from peers import Nginx  # noqa: E402
from pg_tool import Postgres  # noqa: E402
from server import People, Updraftd  # noqa: E402

IDENTITIES = 20_000 if SHORT else 200_000
HERD_S = 8 if SHORT else 60
KEYED = 500 if SHORT else 2000
REPORTS = 8
CONNECTIONS = 64
LIMITS = budgets("herd")


class Load:
    def __init__(self, program: Path, url: str, ca: Path | None):
        self.base = [program, "--url", url, "--json", *(["--ca", ca] if ca else [])]

    def run(self, pid: int, kind: str, *words) -> dict:
        before = cpu_seconds(pid)
        done = subprocess.run([str(w) for w in [self.base[0], kind, *self.base[1:], *words]], capture_output=True, text=True)
        if not done.stdout:
            raise SystemExit(f"bench: updraft-load {kind}: {done.stderr}")
        seen = json.loads(done.stdout)
        seen["per_core"] = seen["good"] / max(cpu_seconds(pid) - before, 0.01)
        return seen


def server_load(program: Path, server: Updraftd) -> Load:
    return Load(program, f"https://localhost:{server.device_port}", server.ca)


def bench_polls(program: Path, server: Updraftd, nginx: Nginx, devices: Path) -> tuple[list[dict], float]:
    load, peer = server_load(program, server), Load(program, f"https://localhost:{nginx.tls}", nginx.ca)
    open_ones = ("--connections", CONNECTIONS, "--seconds", SECONDS)
    new_ones = ("--connections", CONNECTIONS // 2, "--seconds", SECONDS, "--handshake")
    ours = load.run(server.pid, "poll", "--devices", devices, *open_ones)
    nginx.serve("poll.json", b"x" * (ours["body_bytes"] // ours["good"]))
    theirs = peer.run(nginx.process.pid, "get", "--path", "/poll.json", *open_ones)
    half = load.run(server.pid, "poll", "--devices", devices, "--rate", ours["per_second"] / 2, *open_ones)
    ours_new = load.run(server.pid, "poll", "--devices", devices, *new_ones)
    theirs_new = peer.run(nginx.process.pid, "get", "--path", "/poll.json", *new_ones)
    what = "nginx, static file of the same size"
    return [
        row("polls on open TLS connections, per core", ours["per_core"], "1/s", "higher", what, theirs["per_core"], 50_000),
        row("polls on open TLS connections, whole machine", ours["per_second"], "1/s", "higher", what, theirs["per_second"]),
        row("poll at half load, median", half["p50_ms"], "ms", "lower"),
        row("poll at half load, 99th percentile", half["p99_ms"], "ms", "lower"),
        row("TLS handshake and poll, per core", ours_new["per_core"], "1/s", "higher", what, theirs_new["per_core"]),
        row("TLS handshake and poll, whole machine", ours_new["per_second"], "1/s", "higher", what, theirs_new["per_second"]),
    ], ours_new["per_second"]


def bench_hawkbit(program: Path, build: Path, work: Path, out: Path) -> list[dict]:
    """Polls over plain HTTP on open connections, with its database in memory: what it does best."""
    peer = HawkBit.start(out / "hawkbit")
    if peer is None:
        return []
    server = Updraftd(build / "updraftd", work / "beside-hawkbit", plain=True)
    try:
        words = ("--connections", 32, "--seconds", SECONDS)
        tokens = server.register(KEYED)
        (work / "ours").write_text("".join(f"{name} {token}\n" for name, token in tokens.items()))
        ours = Load(program, f"http://127.0.0.1:{server.device_port}", None).run(server.pid, "poll", "--devices", work / "ours", *words)
        load = Load(program, peer.url, None)
        devices = peer.register(KEYED, work / "theirs")
        for _ in range(2):  # the first is for its compiler
            theirs = load.run(peer.process.pid, "poll", "--tenant", "DEFAULT", "--devices", devices, *words)
    finally:
        server.stop()
        peer.stop()
    what = "hawkBit 0.3.0M7, H2 in memory"
    return [row("polls over plain HTTP, whole machine", ours["per_second"], "1/s", "higher", what, theirs["per_second"]),
            row("polls over plain HTTP, per core", ours["per_core"], "1/s", "higher", what, theirs["per_core"]),
            row("poll over plain HTTP, 99th percentile", ours["p99_ms"], "ms", "lower", what, theirs["p99_ms"])]


def keyed_devices(program: Path, server: Updraftd, path: Path) -> Path:
    people = People(server)
    made = [json.loads(line) for line in
            subprocess.run([program, "identities", "--count", str(KEYED)], check=True, capture_output=True, text=True).stdout.splitlines()]
    tokens = [people.call("POST", "/api/v1/devices", {"name": one["name"], "key": one["key"]})["token"] for one in made]
    path.write_text("".join(f"{one['name']} {token}\n" for one, token in zip(made, tokens)))
    return path


def bench_durable(program: Path, build: Path, work: Path, store: str) -> dict[str, dict]:
    server = Updraftd(build / "updraftd", work / f"durable-{store[:6]}", store=store)
    try:
        tokens = server.register(KEYED)
        release, _ = server.release(4096)
        actions = server.deploy(release, list(tokens))
        plain = work / "plain"
        plain.write_text("".join(f"{name} {tokens[name]} {action}\n" for name, action in actions.items()))
        load = server_load(program, server)
        keyed = keyed_devices(program, server, work / "keyed")
        # an action keeps a thousand lines of history, so so many requests and not so long
        return {"plain feedbacks": load.run(server.pid, "feedback", "--devices", plain, "--connections", 128, "--requests", KEYED * 20),
                "signed reports": load.run(server.pid, "report", "--devices", keyed, "--connections", 128, "--reports", REPORTS,
                                           "--requests", KEYED * REPORTS)}
    finally:
        server.stop()


def durable_rows(found: dict[str, dict]) -> list[dict]:
    rows = []
    for kind in ("plain feedbacks", "signed reports"):
        sqlite, pg = found["sqlite"][kind], found["postgresql"][kind]
        rows.append(row(f"{kind}, durable, over TLS: SQLite", sqlite["per_second"], "1/s", "higher", "PostgreSQL", pg["per_second"],
                        LIMITS[kind]))
        rows.append(row(f"{kind}, per core of the server: SQLite", sqlite["per_core"], "1/s", "higher", "PostgreSQL", pg["per_core"]))
        rows.append(row(f"{kind}, 99th percentile: SQLite", sqlite["p99_ms"], "ms", "lower", "PostgreSQL", pg["p99_ms"]))
    return rows


class Manager(threading.Thread):
    """A person, over a connection of her own: a list, then a change, again and again."""

    def __init__(self, server: Updraftd):
        super().__init__()
        self.people, self.times, self.ending = People(server), [], threading.Event()

    def run(self):
        while not self.ending.is_set():
            for method, path, body in (("GET", "/api/v1/devices?limit=50", None), ("PUT", "/api/v1/devices/fleet-0000001/zone", {"zone": "UTC"})):
                begin = time.perf_counter()
                self.people.call(method, path, body)
                self.times.append((time.perf_counter() - begin) * 1000)
            time.sleep(0.02)

    def percentile(self, share: float) -> float:
        return sorted(self.times)[min(len(self.times) - 1, int(len(self.times) * share))]


def bench_herd(program: Path, build: Path, work: Path, capacity: float) -> list[dict]:
    state = work / "herd"
    server = Updraftd(build / "updraftd", state)
    People(server).call("POST", "/api/v1/device-types", {"name": "bench", "foreign": True})
    server.stop()
    fleet.fill_sqlite(state, 1, IDENTITIES)
    devices = work / "fleet"
    devices.write_text("".join(f"fleet-{n:07} {fleet.token(n)}\n" for n in range(1, IDENTITIES + 1)))
    server = Updraftd(build / "updraftd", state)
    try:
        manager = Manager(server)
        manager.start()
        herd = server_load(program, server).run(server.pid, "poll", "--devices", devices, "--handshake", "--rate", capacity * 10,
                                                "--seconds", HERD_S, "--connections", 20_000, "--timeout-ms", 10_000)
        manager.ending.set()
        manager.join()
        after = server_load(program, server).run(server.pid, "poll", "--devices", devices, "--connections", CONNECTIONS, "--seconds", 2)
    finally:
        server.stop()
    came = sum(herd[end] for end in ("good", "shed", "refused", "status", "broken", "timeout"))
    return [
        row(f"herd of {IDENTITIES:,}: arrivals asked for", capacity * 10, "1/s", "higher"),
        row("arrivals", came / HERD_S, "1/s", "higher"),
        row("of them served", herd["good"] / HERD_S, "1/s", "higher"),
        row("of them sent away before the handshake", herd["refused"] / HERD_S, "1/s", "lower"),
        row("management during the herd, median", manager.percentile(0.5), "ms", "lower"),
        row("management during the herd, 99th percentile", manager.percentile(0.99), "ms", "lower", budget=LIMITS["management, 99th percentile"]),
        row("management during the herd, slowest", max(manager.times), "ms", "lower"),
        row("polls right afterwards", after["per_second"], "1/s", "higher"),
    ]


def main() -> int:
    build, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    work = out / "load"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    program = build / "updraft-load"
    nginx = Nginx(work / "nginx")
    server = Updraftd(build / "updraftd", work / "polls")
    try:
        tokens = server.register(KEYED)
        (work / "devices").write_text("".join(f"{name} {token}\n" for name, token in tokens.items()))
        rows, capacity = bench_polls(program, server, nginx, work / "devices")
    finally:
        server.stop()
        nginx.stop()
    found = {"sqlite": bench_durable(program, build, work, "sqlite")}
    postgres = Postgres(durable=True).start()
    try:
        found["postgresql"] = bench_durable(program, build, work, postgres.database())
    finally:
        postgres.remove()
    rows += durable_rows(found)
    rows += [] if SHORT else bench_hawkbit(program, build, work, out)
    herd = bench_herd(program, build, work, capacity)
    (out / "load.json").write_text(json.dumps(rows, indent=1) + "\n")
    (out / "herd.json").write_text(json.dumps(herd, indent=1) + "\n")
    print(show(rows + herd))
    shutil.rmtree(work)
    slow = next(r for r in herd if r["budget"])
    return 0 if slow["value"] <= slow["budget"] else 1


if __name__ == "__main__":
    sys.exit(main())
