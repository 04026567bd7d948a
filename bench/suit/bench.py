#!/usr/bin/env python3
"""The manifest library on an emulated Cortex-M3, beside its peer: bench/suit/bench.py OUT

Instructions to parse, authenticate and process published examples (invocation: is it for this device, does the image match,
start it), cryptography and the device's own functions apart; stack and state meanwhile. Core commands alone, -Os, QEMU with
-icount shift=0. Writes OUT/suit.json, prints the table, exits 1 when a budget (budgets.json, "suit") is missed.

Envelopes: $UPDRAFT_SHARED/data/suit (default ../shared).
"""
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from common import budgets, row, show

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = Path(os.environ.get("UPDRAFT_SHARED", ROOT.parent / "shared")) / "data/suit/manifest"
CORTEX = ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-Os", "-fno-ipa-icf", "-fno-move-loop-invariants", "-std=c11"]
PEER = "libcsuit + QCBOR + t_cose"


def build_program(folder: Path, components: int) -> Path:
    """With room for so many components; `make size` measures with room for four, too, and says what eight add."""
    program = folder / f"suit-{components}.elf"
    sources = [ROOT / "bench/suit/qemu.c", ROOT / "bench/cortexm/start.c", ROOT / "src/manifest/profiles/core.c",
               ROOT / "src/ports/cortexm/string.c"]
    sources += [s for role in ("core", "manifest") for s in sorted((ROOT / "src" / role).glob("*.c"))
                if not s.stem.endswith("_fuzz")]
    subprocess.run([*CORTEX, "-DUD_HASH_STATE_BYTES=112", f"-DUD_COMPONENTS_MAX={components}",
                    f"-DUD_SUIT_COMPONENTS_MAX={components}", "-fno-tree-loop-distribute-patterns", "-ffunction-sections",
                    "-fdata-sections", "-nostartfiles",
                    "--specs=nano.specs", "-Wl,--gc-sections", "-T", ROOT / "bench/cortexm/image.ld", f"-I{ROOT}/include",
                    f"-I{ROOT}/bench/cortexm", f"-I{ROOT}/src", *sources, "-o", program], check=True)
    return program


def measure(program: Path, envelope: bytes, folder: Path) -> dict[str, int]:
    (folder / "envelope").write_bytes(envelope)
    (folder / "size").write_bytes(struct.pack("<I", len(envelope)))
    command = ["qemu-system-arm", "-M", "mps2-an385", "-display", "none", "-monitor", "none", "-serial", "none", "-nic",
               "none", "-icount", "shift=0,align=off,sleep=off", "-semihosting-config", "enable=on,target=native",
               "-kernel", program]
    for name, address in (("envelope", 0x21000000), ("size", 0x21E00000)):
        command += ["-device", f"loader,file={folder / name},addr={address:#x},force-raw=on"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    found = {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", done.stdout + done.stderr, re.M)}
    if done.returncode != 0 or found.get("error") != 0:
        raise SystemExit(f"bench: the emulated device failed: {done.stdout}{done.stderr}")
    return found


def main() -> int:
    out = Path(sys.argv[1]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    if not EXAMPLES.exists():
        print(f"bench: no examples under {EXAMPLES}; their rows are left out")
        return 0
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = build_program(folder, 4)
        for example in (0, 3, 5):
            found = measure(program, bytes.fromhex((EXAMPLES / f"example{example}.hex").read_text()), folder)
            peer = (PEER, 82600) if example == 0 else ()
            rows.append(row(f"example {example}: parse and process", found["parse"] + found["process"], "instr", "lower", *peer))
            rows.append(row(f"example {example}: parse alone", found["parse"], "instr", "lower"))
            rows.append(row(f"example {example}: stack", found["stack"], "B", "lower", *((PEER, 3277) if peer else ())))
        rows.append(row("state of envelope, manifest and run", found["state"], "B", "lower", "libcsuit, context", 1216))
        envelope = bytes.fromhex((EXAMPLES / "example0.hex").read_text())
        rows.append(row("the same, room for eight components", measure(build_program(folder, 8), envelope, folder)["state"],
                        "B", "lower", "libcsuit, context", 1216))
    limits = budgets("suit")
    wrong = []
    for r in rows:
        r["budget"] = limits.get(r["name"])
        if r["budget"] is not None and r["value"] > r["budget"]:
            wrong.append(f"{r['name']}: {r['value']} {r['unit']}, budget {r['budget']}")
    print(show(rows))
    (out / "suit.json").write_text(json.dumps(rows, indent=1) + "\n")
    for line in wrong:
        print(f"bench: over its budget: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
