"""Our LwM2M client against another project's server: Leshan's server library (with Californium and Scandium below it), as
published, which is also what its demo is made of. The device registers, is read, observed, written, executed and updates;
plain and over DTLS. It has no place for signed releases, so firmware is not updated here. What the device sends by itself goes to
Leshan's library for LwM2M 1.1, as 1.5 knows no Send.
"""
import queue
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))
from test_device_coap import CoapDevice, CoapWorld  # noqa: E402  (the folder is known only now)

PLACE = HERE.parent / "build" / "interop"
PSK = "00112233445566778899aabbccddeeff"
WAIT_S = 90


def compiled(folder, name):
    """The command of a program in interop/, with the libraries that its pom.xml names."""
    for word in ("java", "javac", "mvn"):
        if shutil.which(word) is None:
            pytest.skip(f"{word} is not installed: scripts/bootstrap interop")
    place = PLACE / folder
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "lib").exists():
        subprocess.run(["mvn", "-q", "-B", "-f", str(HERE / folder / "pom.xml"), "dependency:copy-dependencies",
                        f"-DoutputDirectory={place}/lib"], check=True)
    subprocess.run(["javac", "-cp", f"{place}/lib/*", "-d", str(place), str(HERE / folder / f"{name}.java")], check=True)
    return ["java", "-cp", f"{place}:{place}/lib/*", name]


@pytest.fixture(scope="module")
def program():
    return compiled("leshan-server", "Manager")


@pytest.fixture(scope="module")
def receiver():
    return compiled("leshan-send", "Sent")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Where device folders are made; its own server hears nothing of them here."""
    world = CoapWorld(tmp_path_factory.mktemp("world"))
    yield world
    world.close()


class Manager:
    def __init__(self, words):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.ports = self.hears("listening ").split()[1:]

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def hears(self, start, before=None):
        """The next line that begins so; those before it are of no interest any more, or go to the list `before`."""
        while True:
            line = self.lines.get(timeout=WAIT_S)
            assert line is not None, f"the server ended before it said: {start}"
            if line.startswith(start):
                return line
            if before is not None:
                before.append(line)

    def does(self, what, name, path, *more):
        self.process.stdin.write(" ".join([what, name, path, *more]) + "\n")
        self.process.stdin.flush()
        return self.hears(f"{what} {path} ").split(" ", 2)[2]

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=WAIT_S)
        self.reader.join()


def settings(device, manager, security, *lines):
    rows = ["[server]", f"name = {device.name}"]
    if security == "psk":
        device.secret("psk", PSK)
        rows += [f"url = coaps://127.0.0.1:{manager.ports[1]}", "psk = psk", f"psk_identity = {device.name}-id"]
    else:
        rows += [f"url = coap://127.0.0.1:{manager.ports[0]}"]
    (device.folder / "agent.ini").write_text("\n".join([*rows, "[lwm2m]", *lines]) + "\n")


@pytest.mark.parametrize("security", ["none", "psk"])
def test_int_101_104_201_301_leshans_server_manages_our_device(program, world, security):
    name = f"ours-{security}"
    manager = Manager([*program, *([name, f"{name}-id", PSK] if security == "psk" else [])])
    try:
        device = CoapDevice(world, name, "none")
        settings(device, manager, security, "lifetime_s = 20", "manufacturer = Acme")
        device.power_on()
        assert manager.hears("registered ").startswith(f"registered {name} ")
        assert manager.does("read", name, "/3/0/0").endswith("CONTENT Acme")
        assert manager.does("read", name, "/5/0/3").endswith("CONTENT 0")
        assert "id=3" in manager.does("read", name, "/3/0")
        assert manager.does("discover", name, "/3/0").endswith("CONTENT")
        assert manager.does("observe", name, "/3/0/13").endswith("CONTENT")
        assert manager.hears("notified /3/0/13 ") != manager.hears("notified /3/0/13 ")
        assert manager.does("write", name, "/1/0/1", "30").endswith("CHANGED")
        assert manager.does("read", name, "/1/0/1").endswith("CONTENT 30")
        assert manager.does("execute", name, "/1/0/8").endswith("CHANGED")
        assert manager.hears("updated ") == f"updated {name}"
        device.power_off()
    finally:
        manager.end()


def sent(manager, name):
    """What the next Send brought, by path."""
    return dict(one.split("=", 1) for one in manager.hears(f"sent {name} ").split()[2:])


@pytest.mark.parametrize("security", ["none", "psk"])
def test_int_306_307_leshans_server_is_sent_values_and_mutes_them(receiver, world, security):
    name = f"sends-{security}"
    manager = Manager([*receiver, *([name, f"{name}-id", PSK] if security == "psk" else [])])
    try:
        device = CoapDevice(world, name, "none")
        (device.folder / "battery").write_text("61\n")
        settings(device, manager, security, "lifetime_s = 20", "send_s = 1", "battery = battery")
        device.power_on()
        assert manager.hears("registered ") == f"registered {name} 1.1"
        values = sent(manager, name)
        assert values["/3/0/9"] == "61" and values["/5/0/5"] == "0", values
        assert "/3/0/11/0" in values or "/3/0/11" in values, values
        assert int(float(values["/26241/0/7"])) >= 0, values
        assert manager.does("write", name, "/1/0/23", "true") == "CHANGED(204)"
        meanwhile = []
        for _ in range(2):  # updates of the registration, with many periods of Send between them
            manager.hears("updated ", meanwhile)
        assert len(meanwhile) <= 1, meanwhile  # one may have been under way
        (device.folder / "battery.new").write_text("62\n")
        (device.folder / "battery.new").replace(device.folder / "battery")
        assert manager.does("write", name, "/1/0/23", "false") == "CHANGED(204)"
        while (values := sent(manager, name))["/3/0/9"] == "61":
            pass
        assert values["/3/0/9"] == "62", values
        device.power_off()
    finally:
        manager.end()
