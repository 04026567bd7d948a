#!/usr/bin/env python3
"""How long a large store takes to come up to this program's schema: bench/migrate.py BUILD OUT (SHORT=1: 20,000 devices).

The store of schema 7 that tests/vectors/store has gets a million devices and an action for each, as its program would have written
them; then updraftd starts on it. Both databases, step by step, by the times in the log.
"""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from common import SHORT, row, show  # noqa: E402  (the folder is known only now)
from pg_tool import BIN, Postgres  # noqa: E402

DEVICES = 20_000 if SHORT else 1_000_000
FROM = 7
START_S = 1800
DEVICE = """INSERT INTO device(id,tenant,name,type_id,token_hash,created_ms,wants_attributes,attributes,last_seen_ms,status,running_release)
 SELECT n,1,'fleet-'||n,1,{hash},1,0,'{{"hw":"r1"}}',n%3,n%3,CASE WHEN n%3=2 THEN 1 END FROM {numbers}"""
ACTION = """INSERT INTO action(id,tenant,device,release,state,active,canceling,proof_signed,error,nonce,created_ms,updated_ms,rollout)
 SELECT n,1,n,1,CASE WHEN n%3=0 THEN 1 ELSE 5 END,CASE WHEN n%3=0 THEN 1 ELSE 0 END,0,0,0,{nonce},n,n,CASE WHEN n%10=0 THEN 0 ELSE 1 END FROM {numbers}"""


def fill_sqlite(state: Path) -> dict[str, str]:
    database = sqlite3.connect(state / "updraft.db", isolation_level=None)
    database.executescript((ROOT / f"tests/vectors/store/schema-{FROM}.sqlite.sql").read_text())
    numbers = f"(WITH RECURSIVE c(n) AS (SELECT 10 UNION ALL SELECT n+1 FROM c WHERE n<{DEVICES + 9}) SELECT n FROM c)"
    database.execute("BEGIN")
    database.execute(DEVICE.format(hash="randomblob(32)", numbers=numbers))
    database.execute(ACTION.format(nonce="randomblob(16)", numbers=numbers))
    database.execute("COMMIT")
    database.close()
    return {}


def fill_postgresql(postgres: Postgres) -> dict[str, str]:
    url = postgres.database()
    command = [BIN / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]
    subprocess.run([*command, "-f", ROOT / f"tests/vectors/store/schema-{FROM}.pg.sql"], check=True, stdout=subprocess.DEVNULL)
    numbers = f"generate_series(10,{DEVICES + 9}) n"
    for text in (DEVICE.format(hash="sha256(n::text::bytea)", numbers=numbers), ACTION.format(nonce="sha256(n::text::bytea)", numbers=numbers), "ANALYZE"):
        subprocess.run([*command, "-c", text], check=True)
    return {"UPDRAFTD_STORE": url}


def steps(log: str) -> dict[int, float]:
    """Seconds of each step: until the next line of the log."""
    lines = [(datetime.fromisoformat(line.split(" ", 1)[0]), re.search(r"event=schema step=(\d+)", line)) for line in log.splitlines()]
    return {int(step[1]): (then - at).total_seconds() for (at, step), (then, _) in zip(lines, lines[1:]) if step}


def come_up(build: Path, state: Path, environment: dict) -> tuple[float, str]:
    log = state.parent / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([build / "updraftd", "--state", state, "--listen-devices", "127.0.0.1:0", "--listen-people", "127.0.0.1:0", "--insecure-http"],
                                   stdout=out, stderr=out, env={**os.environ, **environment})
    begin = time.monotonic()
    try:
        while not (state / "listen.json").exists():
            if process.poll() is not None or time.monotonic() - begin > START_S:
                raise SystemExit("bench: it did not start:\n" + log.read_text())
            time.sleep(0.01)
        whole = time.monotonic() - begin
    finally:
        process.terminate()
        process.wait()
    return whole, log.read_text()


def bench(build: Path, work: Path, name: str, fill) -> list[dict]:
    state = work / name
    state.mkdir(mode=0o700)
    environment = fill(state)
    whole, log = come_up(build, state, environment)
    took = steps(log)
    assert sorted(took) == list(range(FROM + 1, max(took) + 1)), log
    print(name, "seconds by step:", took, file=sys.stderr)
    slowest = max(took, key=took.get)
    return [row(f"{name}: steps {FROM + 1} to {max(took)}, {DEVICES:,} devices and actions", sum(took.values()), "s", "lower"),
            row(f"{name}: the slowest of them, {slowest}", took[slowest], "s", "lower"),
            row(f"{name}: the newest, {max(took)}", took[max(took)], "s", "lower"),
            row(f"{name}: from start to the first answer", whole, "s", "lower")]


def main() -> int:
    build, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    work = out / "migrate"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    rows = bench(build, work, "SQLite", fill_sqlite)
    postgres = Postgres(durable=True).start()
    try:
        rows += bench(build, work, "PostgreSQL", lambda _: fill_postgresql(postgres))
    finally:
        postgres.remove()
    (out / "migrate.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(show(rows))
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
