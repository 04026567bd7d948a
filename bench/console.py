#!/usr/bin/env python3
"""The console at a million devices: bench/console.py BUILD OUT (make bench; SHORT=1: 20,000 devices).

A browser (Debian's Chromium, driven over its own debugging pipe by console/test/bench.mjs) opens pages of a server that
holds them, and each time is from the click, or the address, to the moment the page shows what was asked for. Without
Chromium and npm's packages (make console has them) it says so and leaves the rows out. Each row has its budget
(budgets.json, "console"), a second; one that is over is named, and fails nothing: how quick a browser is depends on the machine.
"""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from common import ROOT, SHORT, budgets, row, show, tell_over
from fleet import fill_sqlite
from server import People, Updraftd

DEVICES = 20_000 if SHORT else 1_000_000


def main() -> int:
    build, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    tree = build.parent / "console"
    if not (tree / "node_modules" / "playwright-core").exists() or not shutil.which("chromium"):
        print("bench: the console needs Chromium and its packages: run make console first; left out")
        return 0
    work = out / "console"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    server = Updraftd(build / "updraftd", work / "state", plain=True)
    rows = []
    try:
        People(server).call("POST", "/api/v1/device-types", {"name": "bench", "foreign": True})
        server.stop()
        fill_sqlite(work / "state", 1, DEVICES)
        server = Updraftd(build / "updraftd", work / "state", plain=True)
        release, _ = server.release(4096)
        link = People(server).call("POST", "/api/v1/session/codes")["url"]
        done = subprocess.run(["node", "test/bench.mjs", link, str(DEVICES), str(release)], cwd=tree, capture_output=True, text=True, timeout=600,
                              env={**os.environ, "CHROMIUM": shutil.which("chromium")})
        if done.returncode != 0:
            sys.exit(f"bench: {done.stderr[-2000:]}")
        limits = budgets("console")
        rows = [row(f"console, {DEVICES:,} devices: {what}, median", ms, "ms", "lower", budget=limits[what])
                for what, ms in json.loads(done.stdout).items()]
        print(f"bench: load of the machine over the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    finally:
        server.stop()
    (out / "console.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(show(rows))
    shutil.rmtree(work)
    tell_over(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
