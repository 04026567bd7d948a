"""Cryptography by itself on the emulated Cortex-M3: our own (src/small) right on every written case, and its instructions counted;
mbedTLS's within the memory that a bootloader gives it."""
import os
import re
import struct
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
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


def run_over_cases(folder: Path, program: str, cases: list[bytes]) -> dict[str, int]:
    """What the program said of the cases in its flash file; every verdict as written."""
    flash = folder / "flash.bin"
    flash.write_bytes(struct.pack("<I", len(cases)) + b"".join(cases))
    os.truncate(flash, FLASH_BYTES)
    run = subprocess.run(
        ["qemu-system-arm", "-M", "mps2-an385,memory-backend=flash0",
         "-object", f"memory-backend-file,id=flash0,size=16M,mem-path={flash},share=on",
         "-display", "none", "-monitor", "none", "-serial", "stdio", "-nic", "none",
         "-icount", "shift=0,align=off,sleep=off", "-semihosting-config", "enable=on,target=native",
         "-kernel", FIRMWARE / f"{program}.elf"], capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL)
    said = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", run.stdout)}
    print(run.stdout)
    assert run.returncode == 0 and said["cases"] == said["agree"] == len(cases), run.stdout
    return said


def test_our_p256_says_on_the_target_what_openssl_says_within_its_instructions(tmp_path):
    cases = written_cases()
    assert len(cases) > 100
    said = run_over_cases(tmp_path, "small", cases)
    assert said["good"] > 30
    assert said["instructions_max"] <= INSTRUCTIONS_MAX


def fresh_signatures(keys: int, each: int) -> list[bytes]:
    cases = []
    for _ in range(keys):
        key = ec.generate_private_key(ec.SECP256R1())
        half = key.public_key().public_numbers()
        for _ in range(each):
            digest = os.urandom(32)
            r, s = utils.decode_dss_signature(key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
            numbers = [half.x.to_bytes(32, "big"), half.y.to_bytes(32, "big"), digest, r.to_bytes(32, "big"), s.to_bytes(32, "big")]
            cases.append(b"".join(numbers) + struct.pack("<I", 0))
    return cases


def test_no_signature_takes_the_spare_part_of_the_memory_for_a_verification(tmp_path):
    """How much mbedTLS takes depends on the signature; what refuses one of hundreds would refuse that update for ever."""
    run_over_cases(tmp_path, "heap", fresh_signatures(keys=10, each=6))
