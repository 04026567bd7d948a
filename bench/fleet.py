#!/usr/bin/env python3
"""A large fleet in one server: bench/fleet.py BUILD OUT (make bench; SHORT=1: 20,000 devices instead of a million).

Devices are written into the server's database while it is down, then everything goes over its interfaces: start, memory,
polls against a fleet of a thousand, lists and filters, a rollout of all of them in a hundred groups, and the time
from a group's last confirmed report to the next group's start. SQLite, then PostgreSQL.
"""
import hashlib
import http.client
import json
import shutil
import sqlite3
import ssl
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

from common import ROOT, SECONDS, SHORT, Load, budgets, row, rss_bytes, show, tell_over
from server import People, Updraftd, device_get

sys.path.insert(0, str(ROOT / "tests/e2e"))
from cose_tool import Key, report  # noqa: E402  (the folder is known only now)
from pg_tool import BIN, Postgres  # noqa: E402

DEVICES = 20_000 if SHORT else 1_000_000
SMALL = 1_000
GROUPS = 100
REPEATS = 15
WAIT_S = 300
LIMITS = budgets("fleet")  # what is asked of a million devices


def token(number: int) -> str:
    return f"{number:032d}"


def fill_sqlite(state: Path, first: int, count: int) -> None:
    """Rows as POST /devices would make them, with two attributes each, a third of them seen and in sync."""
    database = sqlite3.connect(state / "updraft.db")
    numbers = range(first, first + count)
    with database:
        database.executemany(
            "INSERT INTO device(id,tenant,name,type_id,token_hash,created_ms,wants_attributes,attributes,last_seen_ms,status)"
            " VALUES(?,1,?,1,?,1,0,?,?,?)",
            ((n, f"fleet-{n:07}", hashlib.sha256(token(n).encode()).digest(),
              json.dumps({"hw": f"r{n % 7}", "site": f"s{n % 5000}"}, separators=(",", ":")), n % 3, n % 3) for n in numbers))
        for key, of in (("hw", 7), ("site", 5000)):
            database.executemany("INSERT INTO device_attribute(device,key,tenant,value) VALUES(?,?,1,?)",
                                 ((n, key, f"{key[0] if key == 'site' else 'r'}{n % of}") for n in numbers))
    database.close()


BATCH = 5_000  # rows count themselves; in one transaction each count would wade through those before it


def fill_postgresql(url: str, first: int, count: int) -> None:
    """The same rows; then what its own upkeep does after a while."""
    last = first + count - 1
    texts = []
    for start in range(first, last + 1, BATCH):
        numbers = f"generate_series({start},{min(start + BATCH - 1, last)}) n"
        texts += [
            "INSERT INTO device(id,tenant,name,type_id,token_hash,created_ms,wants_attributes,attributes,last_seen_ms,status)"
            " SELECT n,1,'fleet-'||lpad(n::text,7,'0'),1,sha256(lpad(n::text,32,'0')::bytea),1,0,"
            "'{\"hw\":\"r'||n%7||'\",\"site\":\"s'||n%5000||'\"}',n%3,n%3 FROM " + numbers,
            f"INSERT INTO device_attribute(device,key,tenant,value) SELECT n,'hw',1,'r'||n%7 FROM {numbers}",
            f"INSERT INTO device_attribute(device,key,tenant,value) SELECT n,'site',1,'s'||n%5000 FROM {numbers}"]
    texts += [f"SELECT setval(pg_get_serial_sequence('device','id'),{last + 1})", "VACUUM ANALYZE"]
    subprocess.run([BIN / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url], check=True, stdout=subprocess.DEVNULL, text=True,
                   input="".join(text + ";\n" for text in texts))


def timed(call) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def latency(people: People, path: str) -> float:
    return statistics.median(timed(lambda: people.call("GET", path)) for _ in range(REPEATS))


def polls(load: Load, server: Updraftd, count: int) -> dict:
    step = max(1, count // 4096)
    requests = [device_get(f"fleet-{n:07}", token(n)) for n in range(1, count + 1, step)]
    return load.run(requests, server.device_port, server.pid, server.ca, 64, SECONDS)


def wait(people: People, rollout: int, wanted) -> dict:
    end = time.monotonic() + WAIT_S
    while True:
        seen = people.call("GET", f"/api/v1/rollouts/{rollout}")
        if wanted(seen):
            return seen
        if time.monotonic() > end:
            raise SystemExit(f"bench: the rollout does not come on: {seen}")
        time.sleep(0.02)


def bench_lists(people: People, count: int) -> list[dict]:
    cases = {"first page": "", "page at three quarters": f"?offset={count * 3 // 4}",
             "filter: one name": "?q=" + quote(f"name==fleet-{count // 2:07}"),
             "filter: prefix": "?q=" + quote(f"name==fleet-{count // 20000:03}*"),
             "filter: status": "?q=" + quote("status==in_sync"),
             "filter: attribute, one in 5000": "?q=" + quote("attribute.site==s77"),
             "filter: attribute, one in 7": "?q=" + quote("attribute.hw==r3"),
             "filter: two conditions": "?q=" + quote("attribute.site==s77;status!=in_sync")}
    return [row(f"list of devices, {name}, median", latency(people, "/api/v1/devices" + query), "ms", "lower", budget=LIMITS["a page of devices"])
            for name, query in cases.items()]


def bench_rollout(people: People, release: int, count: int) -> list[dict]:
    begin = time.perf_counter()
    made = people.call("POST", "/api/v1/rollouts", {"name": "all", "release": release, "groups": GROUPS})
    slowest = [0.0]

    def look(seen):
        slowest[0] = max(slowest[0], timed(lambda: people.call("PUT", "/api/v1/devices/fleet-0000001/zone", {"zone": "UTC"})))
        return seen["state"] == "ready"
    ready = wait(people, made["id"], look)
    assert ready["devices"]["total"] == count, ready
    created = time.perf_counter()
    people.call("POST", f"/api/v1/rollouts/{made['id']}/start")
    wait(people, made["id"], lambda seen: seen["devices"]["waiting"] == count - count // GROUPS)
    started = time.perf_counter()
    return [row(f"rollout of {count:,} devices in {GROUPS} groups, created", created - begin, "s", "lower", budget=LIMITS["rollout created"]),
            row("slowest other write meanwhile", slowest[0], "ms", "lower"),
            row(f"the same, started and its first group of {count // GROUPS:,} offered", started - created, "s", "lower", budget=LIMITS["rollout started"])]


class Pairs:
    """Devices with keys of their own, and an author's release that only their signed reports confirm."""

    def __init__(self, build: Path, folder: Path, people: People):
        self.image = b"image"
        folder.mkdir()
        (folder / "image.bin").write_bytes(self.image)
        for words in (("keygen", "--output", "author"),
                      ("create", "--image", "image.bin", "--vendor", "example.com", "--class", "lock", "--sequence", "2", "--output", "r.suit"),
                      ("sign", "--key", "author.key", "r.suit")):
            subprocess.run([build / "updraft", *words], cwd=folder, check=True, capture_output=True)
        people.call("POST", "/api/v1/anchors", {"name": "author", "key": (folder / "author.pub").read_text()})
        people.call("PUT", f"/api/v1/artifacts/{hashlib.sha256(self.image).hexdigest()}", self.image, {"Upload-Length": str(len(self.image))})
        self.release = people.call("POST", "/api/v1/releases?name=app&version=1.0", (folder / "r.suit").read_bytes(),
                                   {"Content-Type": "application/suit-envelope+cose"})
        self.people = people

    def device(self, name: str):
        """A call as this device, and its key."""
        key = Key()
        secret = self.people.call("POST", "/api/v1/devices", {"name": name, "key": key.pem})["token"]
        return key, {"Authorization": f"TargetToken {secret}"}

    def report(self, key: Key, nonce: bytes) -> bytes:
        return report(key, bytes.fromhex(self.release["digest"]), hashlib.sha256(self.image).digest(), sequence=2, counter=1, nonce=nonce)


def bench_next_group(server: Updraftd, people: People, pairs: Pairs) -> list[dict]:
    """Two devices, two groups: from the answer to the first one's signed report, which confirms it, to the second one's offer."""
    times = []
    connection = http.client.HTTPSConnection("127.0.0.1", server.device_port, context=ssl.create_default_context(cafile=str(server.ca)))

    def call(name, secret, method, rest="", body=None):
        connection.request(method, f"/default/controller/v1/{name}{rest}", body, {**secret, "Content-Type": "application/suit-report+cose"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (answer.status, text)
        return json.loads(text or b"{}")
    for turn in range(REPEATS):
        names = [f"pair-{turn:02}-{side}" for side in ("one", "two")]
        (key, secret), (_, other) = (pairs.device(name) for name in names)
        made = people.call("POST", "/api/v1/rollouts", {"name": f"pair {turn}", "release": pairs.release["id"], "groups": 2, "devices": names, "start": "auto"})
        wait(people, made["id"], lambda seen: seen["devices"]["active"] == 1)
        while "deploymentBase" not in (links := call(names[0], secret, "GET")["_links"]):
            pass  # polls are answered from memory, which follows what is committed
        action = links["deploymentBase"]["href"].split("?")[0].rsplit("/", 1)[1]
        facts = call(names[0], secret, "GET", f"/deploymentBase/{action}")["deployment"]["chunks"][0]["metadata"]
        nonce = bytes.fromhex(next(fact["value"] for fact in facts if fact["key"] == "updraft.nonce"))
        call(names[0], secret, "POST", "/report", pairs.report(key, nonce))
        begin = time.perf_counter()
        while "deploymentBase" not in call(names[1], other, "GET")["_links"]:
            pass
        times.append((time.perf_counter() - begin) * 1000)
        assert people.call("GET", f"/api/v1/actions/{action}")["state"] == "confirmed"
    connection.close()
    return [row("from a group's last confirmed report to the next group's offer, median", statistics.median(times), "ms", "lower", budget=LIMITS["next group"]),
            row("the same, slowest", max(times), "ms", "lower", budget=LIMITS["next group"])]


def bench_store(build: Path, work: Path, load: Load, store: str, fill) -> list[dict]:
    state = work / "state"
    rows = []
    server = Updraftd(build / "updraftd", state, store=store)
    try:
        People(server).call("POST", "/api/v1/device-types", {"name": "bench", "foreign": True})
        server.stop()
        fill(1, SMALL)
        server = Updraftd(build / "updraftd", state, store=store)
        few = polls(load, server, SMALL)
        server.stop()
        fill(SMALL + 1, DEVICES - SMALL)
        begin = time.perf_counter()
        server = Updraftd(build / "updraftd", state, store=store)
        rows.append(row(f"start with {DEVICES:,} devices", time.perf_counter() - begin, "s", "lower"))
        many = polls(load, server, DEVICES)
        what = f"{SMALL:,} devices"
        rows += [row(f"polls, {DEVICES:,} devices", many["per_second"], "1/s", "higher", what, few["per_second"]),
                 row("poll, median", many["p50_ms"], "ms", "lower", what, few["p50_ms"]),
                 row("poll, 99th percentile", many["p99_ms"], "ms", "lower", what, few["p99_ms"]),
                 row("resident memory after polls", rss_bytes(server.pid) / 1e6, "MB", "lower", budget=LIMITS["resident memory"])]
        people = People(server)
        rows += bench_lists(people, DEVICES)
        release, _ = server.release(4096)
        rows += bench_rollout(people, release, DEVICES)
        rows += bench_next_group(server, people, Pairs(build, work / "author", people))
        rows.append(row("resident memory at the end", rss_bytes(server.pid) / 1e6, "MB", "lower", budget=LIMITS["resident memory"]))
    finally:
        server.stop()
        shutil.rmtree(work / "author", ignore_errors=True)
        shutil.rmtree(state)
    return rows


def main() -> int:
    build, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    work = out / "fleet"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    load = Load(build / "bench-load", work)
    rows = bench_store(build, work, load, "sqlite", lambda first, count: fill_sqlite(work / "state", first, count))
    postgres = Postgres(durable=True).start()
    try:
        url = postgres.database()
        for one in bench_store(build, work, load, url, lambda first, count: fill_postgresql(url, first, count)):
            rows.append({**one, "name": "PostgreSQL: " + one["name"]})
    finally:
        postgres.remove()
    (out / "fleet.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(show(rows))
    tell_over(rows)
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
