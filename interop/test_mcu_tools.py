"""MCUmgr's own tools against our bootloader on the emulated microcontroller.

They come from the Python package index, pinned, into a folder of their own under build/; without it these tests say so.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from test_mcu import FIRMWARE, Device, Works  # noqa: E402  (the folder is known only now)

REQUIREMENTS = ROOT / "interop/mcu/requirements.txt"
BRING_BACK = ROOT / "interop/mcu/bring_back.py"

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make interop` builds the firmware and runs this")


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of their programs."""
    folder = Path(os.environ.get("UPDRAFT_BUILD", ROOT / "build/release")).parent / "mcu-tools"
    wanted = REQUIREMENTS.read_text()
    done = folder / "installed.txt"
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
        got = subprocess.run([folder / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r", REQUIREMENTS],
                             capture_output=True, text=True)
        if got.returncode != 0:
            pytest.skip(f"the tools are not to be had: {got.stderr.strip().splitlines()[-1]}")
        done.write_text(wanted)
    return folder / "bin"


@pytest.fixture(scope="session")
def works(tmp_path_factory):
    return Works(tmp_path_factory.mktemp("works"))


def test_smpclient_brings_a_dead_board_back(tools, works, tmp_path):
    device = Device(works, tmp_path / "device", "boot-serial")
    device.patch(b"app version=1", b"app version=7")
    with device.power_on(serial="pty") as chip:
        port = re.search(r"redirected to (\S+)", chip.line())[1]
        run = subprocess.run([tools / "python", BRING_BACK, port, works.envelopes[2], works.images[2]],
                             capture_output=True, text=True, timeout=300)
        assert run.returncode == 0, run.stderr
        said = {}
        for line in run.stdout.splitlines():
            step = json.loads(line)
            said[step["step"]] = step
        assert said["echo"]["said"] == "anybody there?"
        assert [image["bootable"] for image in said["before"]["images"]] == [False, False]
        assert said["upload"] == {"step": "upload", "image": 1, "bytes": works.images[2].stat().st_size}
        pending = said["after"]["images"][1]
        assert pending == {"slot": 1, "version": "2", "bootable": True, "pending": True,
                           "hash": hashlib.sha256(works.images[2].read_bytes()).hexdigest()}
        assert (said["test"]["ok"], said["wrong"]["ok"], said["reset"]["ok"]) == (True, False, True)
    app = device.start()
    assert app["version"] == "2"
