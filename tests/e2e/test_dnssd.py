"""Discovery by DNS-SD, with Avahi's own daemon on a message bus and a network of its own: dnssd_inside.py has the tests, each of which
is run there."""
import ast
import subprocess
import sys
import tempfile
from pathlib import Path

import network_tool
import pytest

INSIDE = Path(__file__).with_name("dnssd_inside.py")
TESTS = [one.name for one in ast.parse(INSIDE.read_text()).body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]
PATIENCE_S = 240


@pytest.mark.parametrize("name", TESTS)
def test_dnssd(name):
    if why := network_tool.why_not():
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="ud-net-") as folder:  # short: a socket's path has 108 bytes
        ran = subprocess.run([*network_tool.UNSHARE, sys.executable, network_tool.__file__, folder, sys.executable, "-m", "pytest", "-q",
                              "-p", "no:cacheprovider", "--basetemp", f"{folder}/t", f"{INSIDE}::{name}"], capture_output=True, text=True,
                             timeout=PATIENCE_S)
    assert ran.returncode == 0 and "1 passed" in ran.stdout, ran.stdout + ran.stderr
