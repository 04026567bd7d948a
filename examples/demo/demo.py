#!/usr/bin/env python3
"""The demo: an author, a server and five devices, all real programs with real sockets and files.

Run by `make demo`. Exits 0 only if every line of the final table has the actual value that was expected.
MCU=1 adds emulated microcontrollers. KEEP=1 leaves server and devices running and prints where they are.
"""
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from microcontroller import show_microcontroller
from networked import show_networked
from parts import Author, Device, Server, Table, say

DEVICES = ["door-1", "door-2", "door-3", "door-4", "door-5"]
VENDOR = "acme.example"
CLASS = "door-controller"
SLOW_BYTES_PER_S = 60_000  # a narrow road, so that power can be lost in mid-download


def build_and_publish(author, server):
    """Three versions of one application, and the ones that no device may take."""
    releases = {}
    for number in (1, 2, 3):
        releases[number] = author.release(f"app {number}.0", f"{number}.0", image=f"app-{number}", sequence=number)
        author.publish(releases[number])
    say("published 1.0, 2.0 and 3.0; 1.0 is also what the factory put into the devices")
    return releases


def make_devices(work, author, server, factory):
    devices = []
    for name in DEVICES:
        device = Device(name, work / name, server)
        device.manufacture(author, factory, VENDOR, CLASS)
        device.enrol(author)
        device.power_on()
        devices.append(device)
    for device in devices:
        device.await_running("1.0")
    say("five devices run 1.0; each made its own key, the server knows only the public ones")
    return devices


def update_everywhere(author, devices, release, table):
    """1.0 to 2.0 on all; two of the five lose power on the way."""
    download, install = devices[0], devices[1]
    download.limit_rate(SLOW_BYTES_PER_S)
    install.arm_powercut()
    author.deploy(release, devices)

    download.await_download(0.2)
    download.power_off()
    say(f"{download.name}: power lost in mid-download")
    download.limit_rate(0)
    download.power_on()

    install.await_dead()
    say(f"{install.name}: power lost in mid-install, in the middle of a flash write")
    install.disarm_powercut()
    install.power_on()

    for device in devices:
        state = device.await_action("confirmed")
        table.row(f"{device.name}: 1.0 to 2.0", "confirmed, runs 2.0", f"{state}, runs {device.running()}")
    resumed = download.resumed_at()
    table.row(f"{download.name}: power lost in mid-download", "went on where it was",
              "went on where it was" if resumed > 0 else f"began again at byte {resumed}",
              f"at byte {resumed} of {download.last_size()}")
    table.row(f"{install.name}: power lost in mid-install", "recovered by itself",
              "recovered by itself" if install.power_was_cut() else "power was never cut")


def expect_end(author, device, release, title, expected, runs, table):
    """Deploy a release that must not stay, and compare how it ended with what was expected."""
    author.deploy(release, [device])
    action = device.await_end()
    actual = f"{action['state']} {action.get('error') or ''}".strip()
    table.row(title, f"{expected}, runs {runs}", f"{actual}, runs {device.running()}", device.why(action))


def show_refusals(author, server, devices, table):
    good, other = author, author.stranger()

    # The door: a server that knows its anchors refuses an unknown key already at upload.
    unknown = other.release("rogue 9.0", "9.0", image="app-2", sequence=9)
    table.row("upload signed by an unknown key", "refused UD_ERR_UNTRUSTED", other.publish_refused(unknown))

    # The device: the server is the attacker's from here on. It holds no key that a device would obey.
    server_anchor = other.public_key()
    good.trust_on_server("rogue", server_anchor)
    other.publish(unknown)
    expect_end(good, devices[3], unknown, f"{devices[3].name}: image signed by an unknown key",
               "refused UD_ERR_UNTRUSTED", "2.0", table)

    tampered = good.release("app 4.0", "4.0", image="app-2", sequence=4, salt=b"four")
    good.publish(tampered)
    server.tamper(tampered)
    expect_end(good, devices[4], tampered, f"{devices[4].name}: image changed on the server",
               "refused UD_ERR_IMAGE_MISMATCH", "2.0", table)

    foreign_class = good.release("pump 5.0", "5.0", image="app-2", sequence=5, klass="pump-controller", salt=b"five")
    good.publish(foreign_class)
    expect_end(good, devices[3], foreign_class, f"{devices[3].name}: image for another class",
               "refused UD_ERR_CLASS", "2.0", table)

    old = good.releases[1]
    expect_end(good, devices[4], old, f"{devices[4].name}: genuine older release 1.0", "refused UD_ERR_STALE", "2.0",
               table)


def show_kept(work, author, server, devices):
    """What a person needs to go on; the console and how to get into it last, where it is seen."""
    print(f"\nThe server and the devices go on running (folder {work}).")
    print(f"  management API  {server.people_url}")
    print(f"  token           {server.token_to_show()}")
    print(f"  try             updraft status --watch   with   export UPDRAFT_PROFILE={author.profile}")
    print(f"  end them with   kill -- {' '.join(str(part.pid()) for part in [server, *devices])}")
    print(f"  console         {author.sign_in_link()}")
    print("                  signs in once, within ten minutes; later ones: updraft sign-in-link with that profile", flush=True)


def main():
    build = Path(os.environ.get("UPDRAFT_BUILD", "build/release")).resolve()
    keep = os.environ.get("KEEP") == "1"
    work = Path(tempfile.mkdtemp(prefix="updraft-demo-"))
    started = time.monotonic()
    server = Server(build, work / "server")
    devices = []
    table = Table()
    try:
        server.start()
        author = Author(build, work / "author", server, VENDOR, CLASS)
        author.start()
        releases = build_and_publish(author, server)
        devices += make_devices(work, author, server, releases[1])
        update_everywhere(author, devices, releases[2], table)
        expect_end(author, devices[2], releases[3], f"{devices[2].name}: 3.0 crashes before it confirms",
                   "reverted UD_ERR_CRASHED", "2.0", table)
        show_refusals(author, server, devices, table)
        if "UPDRAFT_MCU" in os.environ:
            show_microcontroller(build, os.environ["UPDRAFT_MCU"], work / "board", table)
            show_networked(author, server, os.environ["UPDRAFT_MCU"], work / "net-board", table)
        else:
            say("`make demo MCU=1` adds microcontrollers: they need the cross-compiler and QEMU, which scripts/bootstrap mcu installs")
        good = table.show()
        say(f"took {time.monotonic() - started:.0f} s")
        if keep:
            show_kept(work, author, server, devices)
        return 0 if good else 1
    except Exception as error:  # whatever went wrong: say it, show the logs' ends, clean up below
        print(f"\ndemo: {error}", file=sys.stderr)
        for part in [server, *devices]:
            part.show_log_end()
        keep = keep and os.environ.get("KEEP_FAILED") == "1"
        return 1
    finally:
        if not keep:
            for part in [*devices, server]:
                part.stop()
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
