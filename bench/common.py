"""What the benches share: budgets, ports, processor time of a process tree, the load generator, rows of results."""
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHORT = os.environ.get("SHORT") == "1"
SECONDS = 2 if SHORT else 8
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"bench: {process.args[0]} ended at once")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"bench: nobody listens on {port}")


def tree(pid: int) -> list[int]:
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += tree(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its living children, all threads."""
    total = 0
    for one in tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def http_request(method: str, path: str, host: str, headers: dict | None = None, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"] + [f"{k}: {v}" for k, v in (headers or {}).items()]
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Load:
    """Runs the load generator and measures the processor time of the server meanwhile."""

    def __init__(self, program: Path, folder: Path):
        self.program = program
        self.file = folder / "requests"

    def run(self, requests: list[bytes], port: int, server_pid: int, ca: Path | None = None, connections: int = 64,
            seconds: float | None = None) -> dict:
        self.file.write_bytes(b"".join(b"%d\n" % len(r) + r for r in requests))
        command = [self.program, "--port", port, "--connections", connections]
        command += ["--ca", ca] if ca else []
        command += ["--seconds", seconds] if seconds else []
        before = cpu_seconds(server_pid)
        done = subprocess.run([str(word) for word in command + [self.file]], capture_output=True, text=True)
        used = cpu_seconds(server_pid) - before
        if done.returncode != 0:
            raise SystemExit(f"bench: the load generator failed: {done.stderr}")
        result = json.loads(done.stdout)
        if result["errors"]:
            raise SystemExit(f"bench: {result['errors']} of {result['requests']} refused: {done.stderr}")
        good = result["requests"]
        result["per_second"] = good / result["seconds"]
        result["per_core"] = good / max(used, 1 / TICKS)
        result["cpu_us"] = used * 1e6 / good
        result["mb_per_second"] = result["bytes"] / 1e6 / result["seconds"]
        result["mb_per_core"] = result["bytes"] / 1e6 / max(used, 1 / TICKS)
        return result


def budgets(section: str) -> dict[str, float]:
    """What budgets.json says of this bench, by name."""
    return {b["name"]: b["budget"] for b in json.loads((ROOT / "budgets.json").read_text())[section]}


def tell_over(rows: list[dict]) -> None:
    """Named, and no failure: how quick a browser or a server is depends on the machine."""
    for r in rows:
        if r["budget"] and r["value"] > r["budget"]:
            print(f"bench: over its budget: {r['name']}: {r['value']} {r['unit']}, budget {r['budget']}", file=sys.stderr)


def row(name, value, unit, better, peer=None, peer_value=None, budget=None) -> dict:
    return {"name": name, "value": round(value, 3), "unit": unit, "better": better, "budget": budget, "peer": peer,
            "peer_value": None if peer_value is None else round(peer_value, 3)}


def show(rows: list[dict]) -> str:
    out = [f"{'':52} {'value':>12} {'unit':10} {'peer':>12}  whose"]
    for r in rows:
        peer = "" if r["peer_value"] is None else f"{r['peer_value']:12.1f}"
        out.append(f"{r['name']:52} {r['value']:12.1f} {r['unit']:10} {peer:>12}  {r['peer'] or ''}")
    return "\n".join(out)
