"""The demo's parts: author, server, device, table. Each drives the real programs and knows nothing they do not say."""
import configparser
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

WAIT_S = 60  # the longest that anything here may take


def say(text):
    print(f"  {text}", flush=True)


def await_that(what, condition, seconds=WAIT_S):
    """Poll until the condition gives something true; an error that names it otherwise."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise RuntimeError(f"waited {seconds} s in vain for: {what}")


def run(command, env=None, check=True):
    done = subprocess.run([str(word) for word in command], env=env, capture_output=True, text=True, timeout=WAIT_S)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(str(w) for w in command)}\n{done.stdout}{done.stderr}")
    return done


class Part:
    """A program of the demo with its log."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = None
        self.log_path = self.folder / f"{name}.log"

    def launch(self, command, env=None):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, env=env,
                                        start_new_session=True)
        log.close()

    def pid(self):
        return self.process.pid if self.process else 0

    def stop(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def show_log_end(self):
        lines = self.log().splitlines()[-15:]
        if lines:
            print(f"--- end of the log of {self.name}", *lines, sep="\n", file=sys.stderr)


class Server(Part):
    def __init__(self, build, folder):
        super().__init__("updraftd", folder)
        self.build = build
        self.state = self.folder / "state"

    def start(self):
        self.launch([self.build / "updraftd", "--state", self.state, "--listen-devices", "127.0.0.1:0",
                     "--listen-people", "127.0.0.1:0", "--poll-s", "1", "--listen-coaps", "127.0.0.1:0",
                     "--coap-host", "10.0.2.2"])  # the host as an emulated board sees it
        listen = self.state / "listen.json"
        await_that("the server's addresses", lambda: listen.exists() or self.process.poll() is not None)
        addresses = json.loads(listen.read_text())
        self.devices_url, self.people_url = addresses["devices"]["url"], addresses["people"]["url"]
        self.coaps_port = addresses["coaps"]["url"].rsplit(":", 1)[1]
        self.ca = self.state / "ca.pem"
        self.token_file = self.state / "admin.token"
        say(f"server: devices {self.devices_url}, people {self.people_url}")

    def token_to_show(self):
        """The secret itself only where a person reads it; into a pipe or a log goes the file's name."""
        return self.token_file.read_text().strip() if sys.stdout.isatty() else self.token_file

    def tamper(self, release):
        """What whoever owns the storage can do: other bytes of the same length under the same name."""
        stored = self.state / "artifacts" / release["sha256"][:2] / release["sha256"]
        bytes_now = bytearray(stored.read_bytes())
        bytes_now[len(bytes_now) // 2] ^= 0x01
        stored.chmod(0o600)
        stored.write_bytes(bytes_now)


class Author(Part):
    def __init__(self, build, folder, server, vendor, klass):
        super().__init__("author", folder)
        self.build, self.server, self.vendor, self.klass = build, server, vendor, klass
        self.tool = build / "updraft"
        self.profile = self.folder / "profile.ini"
        self.env = dict(os.environ, UPDRAFT_PROFILE=str(self.profile))
        self.releases = {}

    def updraft(self, *words, check=True):
        return run([self.tool, *words], env=self.env, check=check)

    def updraft_json(self, *words):
        return json.loads(self.updraft(*words, "--json").stdout)

    def start(self):
        self.updraft("keygen", "--output", self.folder / "author")
        self.login()
        self.trust_on_server("author", self.public_key())
        say("author: a key pair, logged in, the public key registered as the server's trust anchor")

    def login(self):
        self.updraft("login", "--server", self.server.people_url, "--ca", self.server.ca, "--token-file",
                     self.server.token_file)

    def sign_in_link(self):
        """Into a pipe or a log goes how to get one: the link itself is a secret for ten minutes."""
        return self.updraft("sign-in-link").stdout.strip() if sys.stdout.isatty() else f"{self.server.people_url}/ (updraft sign-in-link)"

    def stranger(self):
        """Somebody with a key that no device knows, and, being an intruder, the operator's token."""
        other = Author(self.build, self.folder / "stranger", self.server, self.vendor, self.klass)
        other.updraft("keygen", "--output", other.folder / "author")
        other.login()
        return other

    def public_key(self):
        return self.folder / "author.pub"

    def trust_on_server(self, name, public_key):
        self.updraft("anchor", "add", name, "--key", public_key)

    def release(self, title, version, image, sequence, klass=None, salt=b""):
        """Make and sign an envelope. `salt` after the program makes another image of the same application."""
        program = (self.build / image).read_bytes() + salt
        path = self.folder / f"{title.replace(' ', '-')}.bin"
        path.write_bytes(program)
        envelope = path.with_suffix(".suit")
        self.updraft("create", "--image", path, "--vendor", self.vendor, "--class", klass or self.klass, "--sequence",
                     sequence, "--version", version, "--output", envelope)
        self.updraft("sign", envelope, "--key", self.folder / "author.key")
        release = {"title": title, "version": version, "path": path, "envelope": envelope, "size": len(program),
                   "sha256": hashlib.sha256(program).hexdigest()}
        self.releases[sequence] = release
        return release

    def publish(self, release):
        answer = self.updraft_json("publish", release["envelope"], "--payload", release["path"], "--name",
                                   release["title"], "--version", release["version"])
        release["id"] = answer["id"]

    def publish_refused(self, release):
        done = self.updraft("publish", release["envelope"], "--payload", release["path"], "--name", release["title"],
                            check=False)
        codes = [word.strip("():") for word in done.stderr.split() if word.strip("():").startswith("UD_ERR_")]
        return f"refused {codes[0]}" if done.returncode != 0 and codes else "accepted"

    def deploy(self, release, devices):
        self.updraft("deploy", str(release["id"]), *[device.name for device in devices])
        for device in devices:
            device.awaited_release = release


class Device(Part):
    """One device: a folder, a flash file, and updraft-boot as its chip and bootloader."""

    def __init__(self, name, folder, server):
        super().__init__(name, folder)
        self.server = server
        self.device = self.folder / "device"
        self.preload = {}
        self.cut_armed = False

    def manufacture(self, author, factory, vendor, klass):
        self.author = author
        author.updraft("device", "init", self.device, "--vendor", vendor, "--class", klass, "--anchor",
                       author.public_key(), "--factory", factory["envelope"], "--image", factory["path"], "--name",
                       self.name, "--server", self.server.devices_url, "--ca", self.server.ca, "--poll", "1")
        self.set_agent("patch_bytes_max", 0)  # images whole, so that each line cuts what it says

    def enrol(self, author):
        answer = author.updraft_json("device", "enrol", self.name, "--key", self.device / "device.pub")
        token = self.device / "token"
        token.touch(mode=0o600)
        token.write_text(answer["token"] + "\n")

    def power_on(self):
        self.launch([self.author.build / "updraft-boot", self.device], env=dict(os.environ, **self.preload))

    def power_off(self):
        """Power fails: every process of the device ends at once, whatever it was doing."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def set_agent(self, name, number):
        path = self.device / "agent.ini"
        config = configparser.ConfigParser(inline_comment_prefixes=(";",))
        config.read(path)
        config["agent"][name] = str(number)
        with open(path, "w") as file:
            config.write(file)

    def limit_rate(self, bytes_per_s):
        self.set_agent("rate_max", bytes_per_s)
        if self.process and self.process.poll() is None:
            self.stop()
            self.power_on()

    def arm_powercut(self):
        """Cut in the first write to the inactive slot's envelope: the image is complete, the slot is not."""
        areas = self.author.updraft_json("device", "show", self.device)
        offset, size = areas["envelopes"][1]
        self.preload = {"LD_PRELOAD": str(self.author.build / "libpowercut.so"), "POWERCUT_FILE": "flash.bin",
                        "POWERCUT_RANGE": f"{offset}-{offset + size - 1}"}
        self.cut_armed = True
        self.stop()
        self.power_on()

    def disarm_powercut(self):
        self.preload = {}

    def await_dead(self):
        await_that(f"{self.name} to lose power", lambda: self.process.poll() is not None)
        self.cut_status = self.process.returncode

    def power_was_cut(self):
        return self.cut_armed and self.cut_status == -signal.SIGKILL

    def status(self):
        return self.author.updraft_json("status", self.name)

    def running(self):
        return ((self.status().get("running") or {}).get("version")) or "nothing known"

    def await_running(self, version):
        await_that(f"{self.name} to report {version}", lambda: self.running() == version)

    def action(self):
        action = self.status().get("action") or {}
        return action if action.get("release") == self.awaited_release["id"] else {}

    def await_download(self, part):
        """Until the device has fetched this part of the image, as its own log says."""
        wanted = int(self.awaited_release["size"] * part)
        await_that(f"{self.name} to download {wanted} bytes", lambda: self.fetched() >= wanted)

    def fetched(self):
        return max([int(v) for v in self.logged("done")] or [0])

    def logged(self, key):
        """Values of key= in the device's log of downloads."""
        return [word.split("=", 1)[1] for line in self.log().splitlines() if "event=download" in line
                for word in line.split() if word.startswith(key + "=")]

    def resumed_at(self):
        starts = [int(v) for v in self.logged("from")]
        return starts[-1] if starts else 0

    def last_size(self):
        return self.awaited_release["size"]

    def await_action(self, state):
        await_that(f"{self.name} to be {state}", lambda: self.action().get("state") == state)
        return state

    def await_end(self):
        ends = ("confirmed", "claimed", "refused", "reverted", "failed", "canceled")
        return await_that(f"{self.name}'s action to end", lambda: self.action() if self.action().get("state") in ends
                          else None)

    def why(self, action):
        return action.get("message") or ""


class Table:
    """What was expected beside what was."""

    def __init__(self):
        self.rows = []

    def row(self, title, expected, actual, note=""):
        self.rows.append((title, expected, actual, note))
        say(f"{'as expected' if expected == actual else 'NOT AS EXPECTED'}: {title}: {actual}"
            + (f" ({note})" if note else ""))

    def show(self):
        heads = ("what happened", "expected", "actual")
        widths = [max(len(heads[i]), *(len(row[i]) for row in self.rows)) for i in range(3)]
        line = "  ".join("-" * width for width in widths)
        print("\n" + "  ".join(head.ljust(width) for head, width in zip(heads, widths)))
        print(line)
        for row in self.rows:
            print("  ".join(row[i].ljust(widths[i]) for i in range(3)) + ("" if row[1] == row[2] else "  <-- differs"))
        print(line)
        wrong = sum(1 for row in self.rows if row[1] != row[2])
        print(f"{len(self.rows) - wrong} of {len(self.rows)} as expected")
        return wrong == 0
