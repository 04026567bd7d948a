#!/usr/bin/env python3
"""Durable writes on both databases, in one run: bench/store.py BUILD OUT (make bench; SHORT=1 for the quick form).

Plain feedbacks of DDI, and signed reports (verified, then durable), each answered after its commit. PostgreSQL runs on the same machine
with fsync on, and its processor time is not counted in "per core". Writes OUT/store.json.
"""
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from common import SECONDS, SHORT, Load, http_request, row, show  # noqa: E402
from cose_tool import Key, report  # noqa: E402
from pg_tool import Postgres  # noqa: E402
from server import TENANT, People, Updraftd, feedback  # noqa: E402

DEVICES = 1000 if SHORT else 4000
REPORTS_EACH = 2
CONNECTIONS = 128


def register_keys(server: Updraftd, count: int) -> dict[str, tuple[str, Key]]:
    """Device name -> token and key."""
    def some(names):
        people, made = People(server), {}
        for name in names:
            key = Key()
            made[name] = people.call("POST", "/api/v1/devices", {"name": name, "key": key.pem})["token"], key
        return made

    names = [f"signed-{i:05}" for i in range(count)]
    found = {}
    with ThreadPoolExecutor(8) as pool:
        for part in pool.map(some, [names[i::8] for i in range(8)]):
            found.update(part)
    return found


def signed(name: str, token: str, key: Key, counter: int) -> bytes:
    body = report(key, b"\1" * 32, b"\2" * 32, sequence=1, counter=counter)
    return http_request("POST", f"/{TENANT}/controller/v1/{name}/report", "localhost",
                        {"Authorization": f"TargetToken {token}", "Content-Type": "application/suit-report+cose"}, body)


def measure(load: Load, program: Path, state: Path, store: str) -> dict[str, dict]:
    server = Updraftd(program, state, plain=True, store=store)
    tokens = server.register(DEVICES)
    release, _ = server.release(4096)
    actions = server.deploy(release, list(tokens))
    feedbacks = [feedback(name, tokens[name], action) for name, action in actions.items()]
    found = {"feedbacks": load.run(feedbacks, server.device_port, server.pid, None, CONNECTIONS, SECONDS)}
    keys = register_keys(server, DEVICES)
    total = {"per_second": 0.0, "per_core": 0.0}
    for counter in range(1, REPORTS_EACH + 1):  # a device's reports in order: each round is one of every device
        one = load.run([signed(name, token, key, counter) for name, (token, key) in keys.items()], server.device_port,
                       server.pid, None, CONNECTIONS)
        total = {name: total[name] + one[name] / REPORTS_EACH for name in total}
    found["signed reports"] = total
    server.stop()
    return found


def main() -> None:
    build, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    load = Load(build / "bench-load", out)
    sqlite = measure(load, build / "updraftd", out / "store-sqlite", "sqlite")
    postgres = Postgres(durable=True).start()
    try:
        other = measure(load, build / "updraftd", out / "store-pg", postgres.database())
    finally:
        postgres.remove()
    rows = []
    for what in ("feedbacks", "signed reports"):
        for per, name in (("per_second", "whole machine"), ("per_core", "per core of the server")):
            rows.append(row(f"{what}, durable, {name}: SQLite", sqlite[what][per], "1/s", "higher", "PostgreSQL",
                            other[what][per]))
    (out / "store.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(show(rows))


main()
