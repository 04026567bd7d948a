"""Pairs of images that no price was tuned on: this project's own device code for a Cortex-M3, built twice each.

own-fix       one bound differs, which two comparisons use and nothing is sized by: the smallest change that a release can be
own-limits    other limits: structs grow, so offsets change all over the code
own-feature   CoAP and LwM2M are added: everything behind them moves
"""
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GCC = ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-Os", "-std=c11", f"-fmacro-prefix-map={ROOT}/=",
       f"-I{ROOT}/include", f"-I{ROOT}/src"]
FOLDERS = ["core", "manifest", "slots", "device", "boot", "delta"]
LARGE = "16 MiB"
LARGE_BYTES = (1 << 24) - 1

PAIRS = {
    "own-fix": ((FOLDERS, []), (FOLDERS, ["-DUD_COSE_PROOFS_MAX=9"])),
    "own-limits": ((FOLDERS, []), (FOLDERS, ["-DUD_SUIT_COMPONENTS_MAX=6", "-DUD_TRUST_KEYS_MAX=10",
                                             "-DUD_URI_BYTES_MAX=640"])),
    "own-feature": ((FOLDERS, []), (["coap", *FOLDERS], [])),
}


def image(target: Path, folders: list[str], defines: list[str]) -> None:
    """One image at address 0: every function of these folders, linked in the order of their names."""
    work = target.with_suffix(".build")
    work.mkdir(parents=True)
    objects = []
    for folder in folders:
        for source in sorted((ROOT / "src" / folder).glob("*.c")):
            if not source.stem.endswith("_fuzz"):
                objects.append(work / f"{folder}_{source.stem}.o")
                subprocess.run([*GCC, *defines, "-c", source, "-o", objects[-1]], check=True)
    linked = work / "image.elf"
    subprocess.run([*GCC, "-nostartfiles", "--specs=nano.specs", "-Wl,--unresolved-symbols=ignore-all",
                    "-Wl,-Ttext=0x8000", "-Wl,-e,0x8000", *objects, "-o", linked], check=True, capture_output=True)
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", "-j", ".rodata", "-j", ".data", linked,
                    target], check=True)


def made(folder: Path) -> list[Path]:
    for name, sides in PAIRS.items():
        (folder / name).mkdir(parents=True)
        for side, (folders, defines) in zip(("old", "new"), sides):
            image(folder / name / f"{side}.bin", folders, defines)
    return [folder / name for name in PAIRS]


def large(folder: Path, pairs: list[Path]) -> Path:
    """Two images of 16 MiB: the pairs again and again, each time with other bytes here and there."""
    place = folder / LARGE
    place.mkdir()
    for side in ("old", "new"):
        out = bytearray()
        turn = 0
        while len(out) < LARGE_BYTES:
            part = bytearray((pairs[turn % len(pairs)] / f"{side}.bin").read_bytes())
            add = (turn * 2654435761 >> 7) & 0xFF
            part[::97] = bytes((b + add) & 0xFF for b in part[::97])
            out += part
            turn += 1
        (place / f"{side}.bin").write_bytes(out[:LARGE_BYTES])
    return place
