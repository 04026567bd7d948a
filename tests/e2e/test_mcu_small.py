"""Our own cryptography (src/small) on the emulated Cortex-M3: right on every written case, and its instructions counted."""
import os
import re
import struct
import subprocess
from pathlib import Path

import pytest
from mcu_tool import FLASH_BYTES

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = Path(os.environ["UPDRAFT_MCU"]) if "UPDRAFT_MCU" in os.environ else None
INSTRUCTIONS_MAX = 5_300_000  # of one verification; micro-ecc takes as many in 5 KB of code, TinyCrypt 14.2 million

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")


def written_cases() -> list[bytes]:
    values = dict(re.findall(r"X\((UD_\w+),\s+(\d+),", (ROOT / "include/updraft/err.h").read_text()))
    cases = []
    for line in (ROOT / "tests/vectors/p256/cases.txt").read_text().splitlines():
        if not line.startswith("#"):
            *parts, verdict = line.split()
            cases.append(bytes.fromhex("".join(parts)) + struct.pack("<I", int(values[verdict])))
    return cases


def test_our_p256_says_on_the_target_what_openssl_says_within_its_instructions(tmp_path):
    cases = written_cases()
    flash = tmp_path / "flash.bin"
    flash.write_bytes(struct.pack("<I", len(cases)) + b"".join(cases))
    os.truncate(flash, FLASH_BYTES)
    run = subprocess.run(
        ["qemu-system-arm", "-M", "mps2-an385,memory-backend=flash0",
         "-object", f"memory-backend-file,id=flash0,size=16M,mem-path={flash},share=on",
         "-display", "none", "-monitor", "none", "-serial", "stdio", "-nic", "none",
         "-icount", "shift=0,align=off,sleep=off", "-semihosting-config", "enable=on,target=native",
         "-kernel", FIRMWARE / "small.elf"], capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL)
    said = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", run.stdout)}
    print(run.stdout)
    assert run.returncode == 0 and said["cases"] == len(cases) > 100 and said["agree"] == len(cases), run.stdout
    assert said["good"] > 30
    assert said["instructions_max"] <= INSTRUCTIONS_MAX
