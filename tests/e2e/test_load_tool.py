"""updraft-load against the real server: what it counts is what the server saw."""
import json
import subprocess

import pytest
from server_tool import BUILD

LOAD = BUILD / "updraft-load"


def load(*words, check=0):
    done = subprocess.run([LOAD, *map(str, words)], capture_output=True, text=True, timeout=120)
    assert done.returncode == check, done
    return done


def run(server, kind, devices, *words):
    host = "localhost" if server.tls else "127.0.0.1"
    url = f"{'https' if server.tls else 'http'}://{host}:{server.address('devices')[1]}"
    words = (kind, "--url", url, *(["--ca", server.listen["ca"]] if server.tls else []), "--devices", devices, "--json", *words)
    return json.loads(load(*words).stdout)


def metric(server, name):
    text = server.call("people", "GET", "/metrics", headers={"Authorization": f"Bearer {server.token}"}).body.decode()
    return next(int(float(line.rsplit(" ", 1)[1])) for line in text.splitlines() if line.startswith(name))


def some(server, path, count=5):
    made = [json.loads(line) for line in load("identities", "--count", count).stdout.splitlines()]
    devices = [server.add_device(one["name"], key=one["key"]) for one in made]
    path.write_text("".join(f"{d.name} {d.token}\n" for d in devices))
    return path


def test_polls_over_tls_on_open_connections_and_with_a_handshake_each(tls_server, tmp_path):
    devices = some(tls_server, tmp_path / "devices")
    seen = run(tls_server, "poll", devices, "--requests", 200, "--connections", 4)
    assert (seen["good"], seen["handshakes"]) == (200, 4)
    seen = run(tls_server, "poll", devices, "--requests", 20, "--connections", 2, "--handshake")
    assert (seen["good"], seen["handshakes"]) == (20, 20)
    seen = run(tls_server, "poll", devices, "--requests", 50, "--rate", 1000)
    assert seen["good"] == 50 and seen["p50_ms"] <= seen["p99_ms"] <= seen["max_ms"]
    assert metric(tls_server, "updraft_polls_total") == 270


def test_reports_are_signed_by_the_keys_that_identities_printed(server, tmp_path):
    devices = some(server, tmp_path / "devices")
    seen = run(server, "report", devices, "--reports", 3, "--requests", 15, "--connections", 3)
    assert seen["good"] == 15, seen
    assert metric(server, 'updraft_reports_total{result="accepted"}') == 15
    # the same counters again: told apart from success
    done = load("report", "--url", f"http://127.0.0.1:{server.address('devices')[1]}", "--devices", devices, "--requests", 5, "--json",
                check=1)
    assert json.loads(done.stdout)["status"] == 5 and "409" in done.stderr


def test_feedbacks_are_of_the_action_in_the_file(server, tmp_path):
    release = server.foreign_release(b"x" * 64)["id"]
    device = server.add_device("d", type="gateway")
    [action] = server.deploy(release, "d")
    (tmp_path / "devices").write_text(f"d {device.token} {action}\n")
    assert run(server, "feedback", tmp_path / "devices", "--requests", 7, "--connections", 1)["good"] == 7
    assert len(server.action(action)["history"]) >= 7


@pytest.mark.parametrize("words,says", [
    (("poll",), "--url"),
    (("dance", "--url", "http://127.0.0.1:1", "--devices", "x"), "what is to be sent"),
    (("poll", "--url", "http://127.0.0.1", "--devices", "x"), "--url is"),
    (("poll", "--url", "https://127.0.0.1:1", "--devices", "x"), "--ca"),
    (("poll", "--url", "http://192.0.2.1:80", "--devices", "x"), "--allow-remote"),
    (("poll", "--url", "http://127.0.0.1:1", "--devices", "x", "--connections", "0"), "its value wrong"),
    (("poll", "--url", "http://127.0.0.1:1", "--devices", "x", "--seconds", "1", "--requests", "1"), "not both"),
])
def test_what_cannot_be_is_said(words, says):
    assert says in load(*words, check=2).stderr


def test_a_server_that_is_not_there_is_refusals(tmp_path):
    (tmp_path / "devices").write_text("a b\n")
    done = load("poll", "--url", "http://127.0.0.1:1", "--devices", tmp_path / "devices", "--requests", 3, "--json", check=1)
    assert json.loads(done.stdout)["refused"] == 3
