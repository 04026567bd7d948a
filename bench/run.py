#!/usr/bin/env python3
"""The server measured beside nginx, in one run: bench/run.py BUILD OUT (make bench; SHORT=1 for the quick form).

Writes OUT/NAME.json, a list of rows, and prints one table. "Per core" is work divided by the processor time that the
server used meanwhile, all its threads and processes; client and server share the machine.
"""
import json
import shutil
import socket
import ssl
import sys
from pathlib import Path

from common import SECONDS, SHORT, Load, http_request, row, rss_bytes, show
from peers import Nginx
from server import Updraftd, device_get, feedback

DEVICES = 10_000
DEPLOYED = 4096
DOWNLOAD_BYTES = 64 << 20
CONNECTIONS = 64


def body_size(port: int, ca: Path, request: bytes) -> int:
    """Bytes of the body of one answer: the peer then serves a file of that size."""
    context = ssl.create_default_context(cafile=str(ca))
    with socket.create_connection(("127.0.0.1", port)) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as s:
            s.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += s.recv(65536)
    head = answer.partition(b"\r\n\r\n")[0].decode().lower()
    if not head.startswith("http/1.1 200"):
        raise SystemExit(f"bench: poll refused: {head}")
    return int(head.split("content-length:")[1].split("\r\n")[0])


def bench_polls(load: Load, server: Updraftd, nginx: Nginx, tokens: dict[str, str]) -> list[dict]:
    requests = [device_get(name, token) for name, token in tokens.items()]
    nginx.serve("poll.json", b"x" * body_size(server.device_port, server.ca, requests[0]))
    peer = load.run([http_request("GET", "/poll.json", "localhost")] * CONNECTIONS, nginx.tls, nginx.process.pid,
                    nginx.ca, CONNECTIONS, SECONDS)
    ours = load.run(requests, server.device_port, server.pid, server.ca, CONNECTIONS, SECONDS)
    what = "nginx, static file of the same size"
    return [
        row("DDI polls over TLS keep-alive, per core", ours["per_core"], "1/s", "higher", what, peer["per_core"]),
        row("DDI polls over TLS keep-alive, whole machine", ours["per_second"], "1/s", "higher", what,
            peer["per_second"]),
        row("DDI poll, 99th percentile", ours["p99_ms"], "ms", "lower", what, peer["p99_ms"]),
    ]


def bench_feedback(load: Load, server: Updraftd, tokens: dict[str, str]) -> list[dict]:
    release, _ = server.release(4096)
    actions = server.deploy(release, list(tokens)[:DEPLOYED])
    requests = [feedback(name, tokens[name], action) for name, action in actions.items()]
    # one request at a time is one commit each: the reply waits for COMMIT, so nothing can join the batch
    single = load.run(requests, server.device_port, server.pid, server.ca, 1, SECONDS)
    group = load.run(requests, server.device_port, server.pid, server.ca, 256, SECONDS)
    what = "the same, one commit each (one at a time)"
    return [
        row("durable feedbacks, group commit, 256 connections", group["per_second"], "1/s", "higher", what,
            single["per_second"]),
        row("durable feedback, group commit, median", group["p50_ms"], "ms", "lower", what, single["p50_ms"]),
        row("durable feedback, group commit, 99th percentile", group["p99_ms"], "ms", "lower", what, single["p99_ms"]),
    ]


def bench_download(load: Load, server: Updraftd, nginx: Nginx, tokens: dict[str, str], release, digest,
                   tls: bool) -> list[dict]:
    name, token = next(iter(tokens.items()))
    path = f"/softwaremodules/{release}/artifacts/bench.swu"
    stored = server.state / "artifacts" / digest[:2] / digest
    if tls:
        nginx.link("big", stored)
    ours = load.run([device_get(name, token, path)] * 4, server.device_port, server.pid, server.ca if tls else None, 2,
                    SECONDS)
    peer = load.run([http_request("GET", "/big", "localhost")] * 4, nginx.tls if tls else nginx.plain,
                    nginx.process.pid, nginx.ca if tls else None, 2, SECONDS)
    how = "TLS" if tls else "plain"
    return [
        row(f"download of 64 MiB, {how}", ours["mb_per_second"], "MB/s", "higher", "nginx", peer["mb_per_second"]),
        row(f"download of 64 MiB, {how}, per core", ours["mb_per_core"], "MB/s", "higher", "nginx",
            peer["mb_per_core"]),
    ]


def main() -> int:
    build, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    work = out / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    load = Load(build / "bench-load", work)
    nginx = Nginx(work / "nginx")
    server = Updraftd(build / "updraftd", work / "state")
    results: dict[str, list[dict]] = {}
    try:
        empty = rss_bytes(server.pid)
        tokens = server.register(DEVICES)
        results["memory"] = [
            row("resident memory, nothing registered", empty / 1e6, "MB", "lower"),
            row("resident memory, 10,000 devices registered", rss_bytes(server.pid) / 1e6, "MB", "lower"),
        ]
        results["polls"] = bench_polls(load, server, nginx, tokens)
        results["memory"].append(row("resident memory, after they all polled", rss_bytes(server.pid) / 1e6, "MB", "lower"))
        results["feedback"] = bench_feedback(load, server, tokens)
        one = dict(list(tokens.items())[-1:])
        release, digest = server.release(DOWNLOAD_BYTES)
        server.deploy(release, list(one))
        results["download"] = bench_download(load, server, nginx, one, release, digest, tls=True)
        server.stop()
        server = Updraftd(build / "updraftd", work / "state", plain=True)
        results["download"] += bench_download(load, server, nginx, one, release, digest, tls=False)
    finally:
        server.stop()
        nginx.stop()
    for name, rows in results.items():
        (out / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(show([r for rows in results.values() for r in rows]))
    print(f"{'short form, ' if SHORT else ''}{SECONDS} s per figure; JSON in {out.name}/")
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
