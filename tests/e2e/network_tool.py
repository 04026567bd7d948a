"""A network of its own for a test: nothing in it reaches the machine's, and what is started in it ends with it.

    python3 network_tool.py FOLDER PROGRAM...   inside `unshare -rnm`: two ends of a cable, the first with the address 10.77.0.1,
                                                a message bus of its own for Avahi in FOLDER, then PROGRAM
"""
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ADDRESS = "10.77.0.1"
UNSHARE = ["unshare", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""
AVAHI = f"""[server]
host-name=updraft-test
use-ipv4=yes
use-ipv6=no
allow-interfaces=end0
enable-dbus=yes
"""


def why_not():
    """Why no such network can be made here; None when one can."""
    for program in ("unshare", "ip", "dbus-daemon", "avahi-daemon"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            return f"{program} is not here"
    made = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True)
    return None if made.returncode == 0 else f"no namespace: {made.stderr.strip()}"


def run(*words):
    subprocess.run(words, check=True)


def make(folder):
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "end0", "type", "veth", "peer", "name", "end1")
    run("ip", "addr", "add", f"{ADDRESS}/24", "dev", "end0")
    for end in ("end0", "end1"):
        run("ip", "link", "set", end, "up")
    run("mount", "-t", "tmpfs", "none", "/run")
    for name in ("passwd", "group"):  # Avahi's daemon gives its folder to a user who must be one of this namespace
        lines = [line for line in Path("/etc", name).read_text().splitlines() if not line.startswith("avahi:")]
        lines.append("avahi:x:0:0::/:/bin/false" if name == "passwd" else "avahi:x:0:")
        (folder / name).write_text("\n".join(lines) + "\n")
        run("mount", "--bind", str(folder / name), f"/etc/{name}")
    (folder / "bus.conf").write_text(BUS.format(folder=folder))
    (folder / "avahi.conf").write_text(AVAHI)


class Bus:
    def __init__(self, folder):
        self.log = open(folder / "bus.log", "a")
        self.process = subprocess.Popen(["dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork", "--nopidfile"],
                                        stdout=self.log, stderr=self.log)
        while not (folder / "bus").exists():
            assert self.process.poll() is None, (folder / "bus.log").read_text()
            time.sleep(0.01)


class Avahi:
    """The daemon of this network; it may be stopped and begun anew."""

    def __init__(self, folder):
        self.folder, self.process = folder, None

    def start(self):
        log = open(self.folder / "avahi.log", "a")
        self.process = subprocess.Popen(["avahi-daemon", "-f", str(self.folder / "avahi.conf"), "--no-drop-root", "--no-chroot",
                                         "--no-rlimits"], stdout=log, stderr=log)
        log.close()

    def stop(self):
        self.process.terminate()
        self.process.wait()


if __name__ == "__main__":
    place = Path(sys.argv[1])
    make(place)
    Bus(place)
    os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={place}/bus"
    os.environ["UPDRAFT_TEST_NETWORK"] = str(place)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    sys.exit(subprocess.run(sys.argv[2:]).returncode)
