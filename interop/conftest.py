"""Other projects' real programs against a real updraftd: shared server, management client and waiting."""
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))
from server import People, Updraftd  # noqa: E402  (the folder is known only now)

WAIT_S = 60


def await_that(what, condition, process=None):
    """Ask until the condition gives something true; fails with a name, or when the process that should do it is gone."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        assert process is None or process.poll() is None, f"the client ended while waiting for: {what}"
        time.sleep(0.1)
    raise AssertionError(f"waited {WAIT_S} s in vain for: {what}")


@pytest.fixture(scope="session")
def build() -> Path:
    return Path(os.environ.get("UPDRAFT_BUILD", ROOT / "build/release"))


@pytest.fixture(scope="session")
def cose_python(build) -> Path:
    """A Python with pycose and cbor2, pinned, in a folder of its own under build/; without the index tests say so."""
    wanted = (ROOT / "interop/cose/requirements.txt").read_text()
    folder = build.parent / "cose-tools"
    done = folder / "installed.txt"
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
        got = subprocess.run([folder / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r",
                              ROOT / "interop/cose/requirements.txt"], capture_output=True, text=True)
        if got.returncode != 0:
            pytest.skip(f"pycose is not to be had: {got.stderr.strip().splitlines()[-1]}")
        done.write_text(wanted)
    return folder / "bin/python"


@pytest.fixture(scope="session")
def mcu_tools(build) -> Path:
    """The folder of the programs of interop/mcu/requirements.txt, in a folder of its own under build/; without the index tests say so."""
    requirements = ROOT / "interop/mcu/requirements.txt"
    wanted = requirements.read_text()
    folder = build.parent / "mcu-tools"
    done = folder / "installed.txt"
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
        got = subprocess.run([folder / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r", requirements],
                             capture_output=True, text=True)
        if got.returncode != 0:
            pytest.skip(f"the tools are not to be had: {got.stderr.strip().splitlines()[-1]}")
        done.write_text(wanted)
    return folder / "bin"


@pytest.fixture
def server(build, tmp_path):
    running = Updraftd(build / "updraftd", tmp_path / "state")
    yield running
    running.stop()


@pytest.fixture
def people(server):
    return People(server)


@pytest.fixture
def swupdate():
    found = shutil.which("swupdate")
    if found is None:
        pytest.skip("swupdate is not installed: scripts/bootstrap interop")
    return found
