#!/usr/bin/env python3
"""Patches beside their peers, in one run: bench/delta/bench.py BUILD OUT

For every pair of releases and every tool: size of the patch, processor time and memory of making and applying it;
for ours also RAM, and instructions per byte on this machine (valgrind, -Os; callbacks not counted). Each patch is
applied and compared. Writes OUT/delta.json and prints a table. Exits 1 when a gate is missed.

Pairs: $UPDRAFT_SHARED/data/firmware-pairs (default ../shared). They are the tuning set; claims are made on others too.
"""
import json
import math
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAIRS = Path(os.environ.get("UPDRAFT_SHARED", ROOT.parent / "shared")) / "data/firmware-pairs"
DETOOLS = "detools==0.53.0"
PROFILES = range(6)
DEFAULT = 3
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
    program = folder / "apply"
    sources = [s for s in (ROOT / "src/delta").glob("*.c") if not s.stem.endswith("_fuzz")]
    subprocess.run(["cc", "-std=c11", "-Os", "-g", f"-DUD_DELTA_PROFILE_MAX={DEFAULT}", f"-I{ROOT}/include",
                    f"-I{ROOT}/src", str(ROOT / "bench/delta/apply.c"), str(ROOT / "src/core/crc32.c"),
                    *map(str, sources), "-o", str(program)], check=True)
    return program


def instructions(pair: Path, program: Path, build: Path, folder: Path) -> float:
    """Per byte of new, of ud_delta_step without its callbacks."""
    patch, made, counts = folder / "patch", folder / "made", folder / "counts"
    make, _ = updraft(build / "updraft", DEFAULT)
    measured(make(pair / "old.bin", pair / "new.bin", patch))
    subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", "--toggle-collect=ud_delta_step",
                    str(program), str(pair / "old.bin"), str(patch), str(made)], check=True, capture_output=True)
    text = subprocess.run(["callgrind_annotate", "--threshold=100", str(counts)], check=True, capture_output=True,
                          text=True).stdout
    text = text[:text.find("-- Auto-annotated")]  # the table of functions, not the sources behind it
    ours = sum(int(n.replace(",", "")) for n in re.findall(r"^ *([\d,]+) .*src/(?:delta|core)/\S+:\S+", text, re.M))
    if ours == 0:
        raise SystemExit("bench: valgrind counted nothing")
    return ours / (pair / "new.bin").stat().st_size


def state_bytes(profile: int, folder: Path) -> int | None:
    """sizeof(struct ud_delta) on Cortex-M."""
    if shutil.which(CORTEX[0]) is None:
        return None
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


def judge(rows: list[dict], per_byte: dict, states: dict) -> list[dict]:
    """The gates: name, value, limit."""
    size = {(r["pair"], r["tool"]): r["patch_bytes"] for r in rows}
    pairs = sorted({r["pair"] for r in rows})
    ours = f"updraft, profile {DEFAULT}"

    def against(tool, peer):
        return [size[p, tool] / size[p, peer] for p in pairs]

    gates = [("geometric mean against bsdiff", mean(against(ours, "bsdiff")), 0.40),
             ("worst pair against bsdiff", max(against(ours, "bsdiff")), 0.92),
             ("instructions per byte, worst pair", max(per_byte.values()), 500),
             ("seconds to make, worst pair", max(r["make_s"] for r in rows if r["tool"] == ours), 5),
             ("KiB to make, worst pair", max(r["make_kib"] for r in rows if r["tool"] == ours), 256 * 1024)]
    if (pairs[0], "detools heatshrink") in size:
        gates.append(("geometric mean against detools heatshrink", mean(against(ours, "detools heatshrink")), 0.30))
    for ram_max, growth in ((8192, 1.00), (4700, 1.08), (4096, 1.13)):
        fitting = [p for p, b in states.items() if b is not None and b <= ram_max and p <= DEFAULT]
        if states[DEFAULT] is not None:
            best = min((mean(against(f"updraft, profile {p}", ours)) for p in fitting), default=math.inf)
            gates.append((f"size in {ram_max} bytes of RAM, against profile {DEFAULT}", best, growth))
    return [{"gate": name, "value": round(value, 4), "limit": limit, "met": value <= limit}
            for name, value, limit in gates]


def show(rows: list[dict], per_byte: dict, states: dict, gates: list[dict]) -> None:
    print(f"{'pair':<26}{'tool':<22}{'patch':>9}{'of new':>8}{'make s':>9}{'MiB':>6}{'apply s':>9}{'MiB':>6}")
    for r in rows:
        print(f"{r['pair']:<26}{r['tool']:<22}{r['patch_bytes']:>9}{r['patch_bytes'] / r['new_bytes']:>8.2%}"
              f"{r['make_s']:>9.2f}{r['make_kib'] // 1024:>6}{r['apply_s']:>9.2f}{r['apply_kib'] // 1024:>6}")
    for pair, value in per_byte.items():
        print(f"{pair:<26}instructions per byte of new, this machine, -Os: {value:.0f}")
    for profile, value in states.items():
        print(f"profile {profile}: {value if value is not None else '(no cross-compiler)'} bytes of RAM")
    for g in gates:
        print(f"{'met   ' if g['met'] else 'MISSED'} {g['gate']}: {g['value']} (limit {g['limit']})")


def main() -> int:
    build, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    pairs = sorted(p.parent for p in PAIRS.glob("*/old.bin"))
    if not pairs:
        print(f"bench: no pairs under {PAIRS}; skipped")
        return 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [one(pair, tool, *how, folder) for pair in pairs for tool, how in tools(build, out).items()]
        applier = build_applier(folder)
        per_byte = {pair.name: round(instructions(pair, applier, build, folder), 1) for pair in pairs}
        states = {profile: state_bytes(profile, folder) for profile in PROFILES}
    gates = judge(rows, per_byte, states)
    show(rows, per_byte, states, gates)
    (out / "delta.json").write_text(json.dumps(
        {"rows": rows, "instructions_per_byte": per_byte, "state_bytes": states, "gates": gates}, indent=1) + "\n")
    return 0 if all(g["met"] for g in gates) else 1


if __name__ == "__main__":
    sys.exit(main())
