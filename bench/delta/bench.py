#!/usr/bin/env python3
"""Patches beside their peers, in one run: bench/delta/bench.py BUILD OUT

For every pair of releases and every tool: size of the patch, processor time and memory of making and applying it;
for ours also RAM, and instructions per byte of new on an emulated Cortex-M3 (-Os, callbacks that copy memory included).
Each patch is applied and compared. Writes OUT/delta.json and OUT/delta-pairs.json and prints tables. Exits 1 when a
budget (budgets.json, "delta") is missed. SHORT=1: the default profile and bsdiff only.

Pairs: $UPDRAFT_SHARED/data/firmware-pairs (default ../shared), the tuning set; and pairs that nothing was tuned on, made
here from two states of this project's own code (hold_outs.py). In the long form also two images of 16 MiB.
"""
import json
import math
import os
import re
import resource
import subprocess
import struct
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import hold_outs
from common import SHORT, budgets, row, show

ROOT = Path(__file__).resolve().parent.parent.parent
PAIRS = Path(os.environ.get("UPDRAFT_SHARED", ROOT.parent / "shared")) / "data/firmware-pairs"
DETOOLS = "detools==0.53.0"
DEFAULT = 3
SECTOR = 4096
IN_PLACE = "updraft, in place"
PROFILES = [DEFAULT] if SHORT else range(6)
CORTEX = ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-Os", "-std=c11"]


def bsdiff_make(old, new, patch):
    return ["bsdiff", old, new, patch]


def bsdiff_apply(old, patch, out):
    return ["bspatch", old, out, patch]


def xdelta_make(old, new, patch):
    return ["xdelta3", "-q", "-f", "-9", "-S", "lzma", "-e", "-s", old, new, patch]


def xdelta_apply(old, patch, out):
    return ["xdelta3", "-q", "-f", "-d", "-s", old, patch, out]


def zstd_make(old, new, patch):
    return ["zstd", "-qq", "-f", "--ultra", "-22", f"--patch-from={old}", new, "-o", patch]


def zstd_apply(old, patch, out):
    return ["zstd", "-q", "-f", "-d", f"--patch-from={old}", patch, "-o", out]


def detools(program: Path, compression: str):
    def make(old, new, patch):
        return [program, "create_patch", "-c", compression, old, new, patch]

    def apply(old, patch, out):
        return [program, "apply_patch", old, patch, out]

    return make, apply


def updraft(program: Path, profile: int):
    def make(old, new, patch):
        return [program, "diff", "--profile", str(profile), "--output", patch, old, new]

    def apply(old, patch, out):
        return [program, "patch", "--output", out, old, patch]

    return make, apply


def updraft_in_place(program: Path):
    """In one slot that has the growth of the image and two sectors of 4 KB free."""

    def make(old, new, patch):
        sectors = -(-old.stat().st_size // SECTOR) + -(-max(0, new.stat().st_size - old.stat().st_size) // SECTOR) + 2
        return [program, "diff", "--in-place", f"{sectors * SECTOR},{SECTOR}", "--output", patch, old, new]

    return make, updraft(program, DEFAULT)[1]


def measured(command: list) -> tuple[float, int]:
    """Seconds of processor time and peak KiB of one run."""
    pid = os.posix_spawnp(str(command[0]), [str(word) for word in command], os.environ,
                          file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"bench: {' '.join(str(w) for w in command)} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def find_detools(out: Path) -> Path | None:
    """detools in a virtual environment of its own under OUT; None where that cannot be had."""
    program = out / "venv/bin/detools"
    if not program.exists():
        made = subprocess.run([sys.executable, "-m", "venv", out / "venv"], capture_output=True)
        got = made.returncode == 0 and subprocess.run([out / "venv/bin/pip", "install", "-q", DETOOLS],
                                                      capture_output=True).returncode == 0
        if not got:
            print(f"bench: no {DETOOLS} here; its rows and its gate are left out", file=sys.stderr)
            return None
    return program


def tools(build: Path, out: Path) -> dict:
    found = {f"updraft, profile {p}": updraft(build / "updraft", p) for p in PROFILES}
    found |= {"bsdiff": (bsdiff_make, bsdiff_apply), "xdelta3": (xdelta_make, xdelta_apply),
              "zstd": (zstd_make, zstd_apply)}
    found[IN_PLACE] = updraft_in_place(build / "updraft")
    if SHORT:
        return {name: found[name] for name in (f"updraft, profile {DEFAULT}", IN_PLACE, "bsdiff")}
    program = find_detools(out)
    if program:
        found |= {f"detools {c}": detools(program, c) for c in ("heatshrink", "lzma")}
    return found


def one(pair: Path, tool: str, make, apply, folder: Path) -> dict:
    old, new, patch, made = pair / "old.bin", pair / "new.bin", folder / "patch", folder / "made"
    for file in (patch, made):
        file.unlink(missing_ok=True)
    make_s, make_kib = measured(make(old, new, patch))
    apply_s, apply_kib = measured(apply(old, patch, made))
    if made.read_bytes() != new.read_bytes():
        raise SystemExit(f"bench: {tool} does not give the image of {pair.name}")
    return {"pair": pair.name, "tool": tool, "new_bytes": new.stat().st_size, "patch_bytes": patch.stat().st_size,
            "make_s": round(make_s, 3), "make_kib": make_kib, "apply_s": round(apply_s, 3), "apply_kib": apply_kib}


def build_applier(folder: Path) -> Path:
    """The applier for the emulated microcontroller: qemu.c and the device's own code."""
    program = folder / "apply.elf"
    sources = [ROOT / "bench/delta/qemu.c", ROOT / "bench/cortexm/start.c", ROOT / "src/core/crc32.c"]
    sources += [s for s in sorted((ROOT / "src/delta").glob("*.c")) if not s.stem.endswith("_fuzz")]
    subprocess.run([*CORTEX, f"-DUD_DELTA_PROFILE_MAX={DEFAULT}", "-ffunction-sections", "-nostartfiles",
                    "--specs=nano.specs", "-Wl,--gc-sections", "-T", ROOT / "bench/cortexm/image.ld",
                    f"-I{ROOT}/include", f"-I{ROOT}/bench/cortexm", f"-I{ROOT}/src", *sources, "-o", program],
                   check=True)
    return program


def instructions(pair: Path, program: Path, build: Path, folder: Path) -> float:
    """Per byte of new, all of a run: the check of old, the applier, the callbacks."""
    old, new, patch, sizes = pair / "old.bin", pair / "new.bin", folder / "patch", folder / "sizes"
    measured(updraft(build / "updraft", DEFAULT)[0](old, new, patch))
    sizes.write_bytes(struct.pack("<3I", *(p.stat().st_size for p in (old, patch, new))))
    loads = [(old, 0x21000000), (patch, 0x21400000), (new, 0x21600000), (sizes, 0x21E00000)]
    command = ["qemu-system-arm", "-M", "mps2-an385", "-display", "none", "-monitor", "none", "-serial", "none", "-nic",
               "none", "-icount", "shift=0,align=off,sleep=off", "-semihosting-config", "enable=on,target=native",
               "-kernel", program]
    for file, address in loads:
        command += ["-device", f"loader,file={file},addr={address:#x},force-raw=on"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    count = re.search(r"kilo-instructions (\d+)", done.stdout + done.stderr)
    if done.returncode != 0 or not count:
        raise SystemExit(f"bench: the emulated device failed on {pair.name}: {done.stdout}{done.stderr}")
    return int(count[1]) * 1000 / new.stat().st_size


def state_bytes(profile: int, folder: Path) -> int:
    """sizeof(struct ud_delta) on Cortex-M."""
    source = folder / "state.c"
    source.write_text('#include "updraft/delta.h"\nchar state[sizeof(struct ud_delta)];\n')
    subprocess.run([*CORTEX, f"-DUD_DELTA_PROFILE_MAX={profile}", f"-I{ROOT}/include", "-c", str(source), "-o",
                    str(folder / "state.o")], check=True)
    names = subprocess.run(["arm-none-eabi-nm", "-S", str(folder / "state.o")], check=True, capture_output=True,
                           text=True).stdout
    return int(re.search(r"^\w+ (\w+) \w state$", names, re.M)[1], 16)


def mean(values) -> float:
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values))


def results(rows: list[dict], per_byte: dict, states: dict, tuned: list[str]) -> list[dict]:
    """The figures that have budgets, beside their peers."""
    size = {(r["pair"], r["tool"]): r["patch_bytes"] for r in rows}
    ours = f"updraft, profile {DEFAULT}"
    others = sorted({r["pair"] for r in rows} - set(tuned) - {hold_outs.LARGE})

    def against(tool, peer, pairs):
        return [size[p, tool] / size[p, peer] for p in pairs]

    out = []
    if tuned:
        out.append(row("patch, geometric mean of the tuning pairs", mean(against(ours, "bsdiff", tuned)), "x bsdiff",
                       "lower", "bsdiff", 1))
        out.append(row("patch, worst tuning pair", max(against(ours, "bsdiff", tuned)), "x bsdiff", "lower", "bsdiff", 1))
    out.append(row("patch, geometric mean of other pairs", mean(against(ours, "bsdiff", others)), "x bsdiff", "lower",
                   "bsdiff", 1))
    out.append(row("patch, worst of other pairs", max(against(ours, "bsdiff", others)), "x bsdiff", "lower", "bsdiff", 1))
    if tuned and (tuned[0], "detools heatshrink") in size:
        value = mean(against(ours, "detools heatshrink", tuned))
        out.append(row("patch, tuning pairs, beside detools heatshrink", value, "x detools", "lower", "detools", 1))
    if tuned:
        out.append(row("patch in place, worst tuning pair", max(against(IN_PLACE, ours, tuned)), "x two slots", "lower",
                       "two slots", 1))
    out.append(row("apply, instructions per byte, worst pair", max(per_byte.values()), "instr/B", "lower",
                   "prototype, worst tuning pair", 724))
    small = [r for r in rows if r["tool"] == ours and r["pair"] != hold_outs.LARGE]
    beside = [r for r in rows if r["tool"] == "bsdiff" and r["pair"] != hold_outs.LARGE]
    out.append(row("make, processor time, worst pair", max(r["make_s"] for r in small), "s", "lower", "bsdiff",
                   max(r["make_s"] for r in beside)))
    out.append(row("make, memory, worst pair", max(r["make_kib"] for r in small) / 1024, "MiB", "lower", "bsdiff",
                   max(r["make_kib"] for r in beside) / 1024))
    for r in rows:
        if r["tool"] == ours and r["pair"] == hold_outs.LARGE:
            out.append(row("make for 16 MiB, processor time", r["make_s"], "s", "lower"))
            out.append(row("make for 16 MiB, memory", r["make_kib"] / 1024, "MiB", "lower"))
    if tuned and not SHORT:
        for ram_max in (4700, 4096):
            fitting = [p for p, b in states.items() if b <= ram_max]
            best = min(mean(against(f"updraft, profile {p}", ours, tuned)) for p in fitting)
            out.append(row(f"patch for {ram_max} bytes of RAM", best, "x default", "lower", "default profile", 1))
    return out


def show_pairs(rows: list[dict], per_byte: dict, states: dict) -> None:
    print(f"{'pair':<26}{'tool':<22}{'patch':>9}{'of new':>8}{'make s':>9}{'MiB':>6}{'apply s':>9}{'MiB':>6}")
    for r in rows:
        print(f"{r['pair']:<26}{r['tool']:<22}{r['patch_bytes']:>9}{r['patch_bytes'] / r['new_bytes']:>8.2%}"
              f"{r['make_s']:>9.2f}{r['make_kib'] // 1024:>6}{r['apply_s']:>9.2f}{r['apply_kib'] // 1024:>6}")
    for pair, value in per_byte.items():
        print(f"{pair:<26}instructions per byte of new, Cortex-M3, -Os: {value:.0f}")
    for profile, value in states.items():
        print(f"profile {profile}: {value} bytes of RAM")


def missed(out: list[dict]) -> list[str]:
    limits = budgets("delta")
    for r in out:
        r["budget"] = limits.get(r["name"])
    return [f"{r['name']}: {r['value']} {r['unit']}, budget {r['budget']}" for r in out
            if r["budget"] is not None and r["value"] > r["budget"]]


def main() -> int:
    build, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    tuned = sorted(p.parent for p in PAIRS.glob("*/old.bin"))
    if not tuned:
        print(f"bench: no pairs under {PAIRS}; the tuning set is left out")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = tuned + hold_outs.made(folder / "pairs")
        rows = [one(pair, tool, *how, folder) for pair in pairs for tool, how in tools(build, out).items()]
        applier = build_applier(folder)
        per_byte = {pair.name: round(instructions(pair, applier, build, folder), 1) for pair in pairs}
        if not SHORT:
            large = hold_outs.large(folder / "pairs", pairs)
            ours = f"updraft, profile {DEFAULT}"
            rows.append(one(large, ours, *updraft(build / "updraft", DEFAULT), folder))
        states = {profile: state_bytes(profile, folder) for profile in PROFILES}
    figures = results(rows, per_byte, states, [p.name for p in tuned])
    wrong = missed(figures)
    show_pairs(rows, per_byte, states)
    print(show(figures))
    (out / "delta-pairs.json").write_text(json.dumps(rows, indent=1) + "\n")
    (out / "delta.json").write_text(json.dumps(figures, indent=1) + "\n")
    for line in wrong:
        print(f"bench: over its budget: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
