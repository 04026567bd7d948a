"""What `make demo KEEP=1` leaves running, and the link into the console that it ends with."""
import json
import os
import pty
import re

import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from test_device import BUILD, PATIENCE_S, ROOT, wait_for

# The demo's own parts with one device; what it shows at the end, on a terminal or not. Goes on until its input ends.
PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import demo
from parts import Author, Server
demo.DEVICES = ["door-1"]
build, work = Path(sys.argv[2]), Path(sys.argv[3])
server = Server(build, work / "server")
parts = [server]
try:
    server.start()
    author = Author(build, work / "author", server, demo.VENDOR, demo.CLASS)
    author.start()
    devices = demo.make_devices(work, author, server, demo.build_and_publish(author, server)[1])
    parts += devices
    demo.show_kept(work, author, server, devices)
    sys.stdin.read()
finally:
    for part in parts:
        part.stop()
"""


class Kept:
    """The demo at its end; `terminal`: on one, as a person has it."""

    def __init__(self, folder, terminal):
        self.path = folder / "shown"
        ours, theirs = pty.openpty() if terminal else (None, None)
        out = theirs if terminal else open(self.path, "wb")
        self.process = subprocess.Popen([sys.executable, "-c", PROGRAM, ROOT / "examples/demo", BUILD, folder], stdin=subprocess.PIPE, stdout=out, start_new_session=True)
        self.terminal, self.seen = ours, ""
        (os.close if terminal else type(out).close)(out)
        end = time.monotonic() + 3 * PATIENCE_S
        while not (text := self.shown()):
            assert self.process.poll() is None and time.monotonic() < end, self.seen
            time.sleep(0.05)
        self.text = text

    def shown(self):
        if self.terminal is None:
            self.seen = self.path.read_text()
        else:
            self.seen += os.read(self.terminal, 4096).decode()  # blocks until something is there
        return "signs in once" in self.seen and self.seen.replace("\r\n", "\n")

    def line(self, name):
        return re.search(rf"^  {name} +(.+)$", self.text, re.M)[1]

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(60) == 0
        if self.terminal is not None:
            os.close(self.terminal)


@pytest.fixture
def kept(request, tmp_path):
    kept = Kept(tmp_path, request.param)
    yield kept
    kept.end()


def sign_in(kept, folder, code):
    """As the page does with what stands behind the # of the link."""
    people = kept.line("management API")
    context = ssl.create_default_context(cafile=str(folder / "server/state/ca.pem"))
    asked = urllib.request.Request(people + "/api/v1/session", json.dumps({"code": code}).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, context=context, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("kept", [True], indirect=True)
def test_a_kept_demo_ends_with_a_link_that_opens_the_console_once(kept, tmp_path):
    link = kept.line("console")
    people = kept.line("management API")
    assert re.fullmatch(re.escape(people) + r"/sign-in#[\w-]{30,}", link), link
    first, session = sign_in(kept, tmp_path, link.split("#")[1])
    assert (first, session["name"]) == (201, "admin") and "owner" in session["roles"]
    again, refusal = sign_in(kept, tmp_path, link.split("#")[1])
    assert (again, refusal["errorCode"]) == (403, "UD_ERR_SIGN_IN_CODE")


@pytest.mark.parametrize("kept", [False], indirect=True)
def test_a_kept_demo_puts_no_secret_into_a_log_and_is_ended_by_its_own_line(kept, tmp_path):
    token = (tmp_path / "server/state/admin.token").read_text().strip()
    assert token not in kept.text and "#" not in kept.line("console")
    assert kept.line("console").startswith(kept.line("management API"))
    pids = [int(word) for word in kept.line("end them with").split()[2:]]
    assert len(pids) == 2
    assert subprocess.run(kept.line("end them with"), shell=True).returncode == 0
    wait_for("server and device to end", lambda: not any(runs(pid) for pid in pids))


def runs(pid):
    """Ended ones stay, as zombies, until their parent looks."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


