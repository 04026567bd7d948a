"""packaging/updraftd.service: what docs/server.md promises of it, and what systemd itself makes of it where it is installed."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "packaging" / "updraftd.service"
EXPOSURE_MAX = 15  # tenths; what is left is the network, which a server is for, and a root folder of the host's

# a user of its own; nothing writable but its state; no capabilities, devices, other address families, or system calls but services'
WANTED = {
    "DynamicUser": "yes", "User": "updraftd", "StateDirectory": "updraftd", "StateDirectoryMode": "0700", "UMask": "0077",
    "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "RemoveIPC": "yes",
    "CapabilityBoundingSet": "", "AmbientCapabilities": "", "NoNewPrivileges": "yes", "PrivateUsers": "yes",
    "PrivateDevices": "yes", "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "SystemCallArchitectures": "native",
    "SystemCallErrorNumber": "EPERM", "MemoryDenyWriteExecute": "yes", "RestrictNamespaces": "yes", "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes", "LockPersonality": "yes", "ProtectClock": "yes", "ProtectControlGroups": "yes", "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes", "ProtectKernelModules": "yes", "ProtectKernelTunables": "yes", "ProtectProc": "invisible", "ProcSubset": "pid",
    "LimitNOFILE": "262144", "TasksMax": "512", "Restart": "on-failure",
}


def directives(text):
    section = text.split("[Service]")[1].split("[Install]")[0]
    pairs = re.findall(r"^([A-Za-z]+)=(.*)$", section, re.M)
    return {name: [value for other, value in pairs if other == name] for name, _ in pairs}


def test_the_unit_has_every_directive_that_it_is_said_to_have():
    found = directives(UNIT.read_text())
    assert {name: found.get(name) for name in WANTED} == {name: [value] for name, value in WANTED.items()}
    assert found["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    assert not {"ReadWritePaths", "BindPaths", "PermissionsStartOnly", "Group"} & set(found), "nothing else is opened"
    [start] = found["ExecStart"]
    assert start.split()[0] == "/usr/bin/updraftd" and "--state /var/lib/updraftd" in start and not start.startswith(("+", "!"))


def exposure(unit):
    """As systemd counts it, in tenths; None where it is not installed or is too old to look at a file."""
    if shutil.which("systemd-analyze") is None:
        return None
    result = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", str(unit)], capture_output=True, text=True, timeout=120)
    overall = re.search(r"Overall exposure level for \S+: (\d+)\.(\d)", result.stdout)
    return None if overall is None else int(overall[1]) * 10 + int(overall[2])


def test_systemd_finds_little_left_open(tmp_path):
    level = exposure(UNIT)
    if level is None:
        pytest.skip("no systemd here that looks at a unit's file; its directives are tested above")
    assert level <= EXPOSURE_MAX
    # and it would see one that is missing
    for name in ("CapabilityBoundingSet", "SystemCallFilter", "PrivateDevices", "RestrictAddressFamilies"):
        weaker = tmp_path / name / "updraftd.service"
        weaker.parent.mkdir()
        weaker.write_text(re.sub(rf"^{name}=.*\n", "", UNIT.read_text(), flags=re.M))
        assert exposure(weaker) > level, name
