"""The long doors try thousands of power cuts. What came of each is noted, so that a run that was stopped goes on where it was."""
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WORKERS = 2
HERE = Path(__file__).resolve().parent


class CutLog:
    """Of one test. Notes count for the same firmware, the same tests and the same cuts alone, and are gone when all of it was tried."""

    def __init__(self, name: str, firmware: Iterable[Path], cuts: list[int]):
        self.ended: dict[int, object] = {}
        self.path: Path | None = None
        if "UD_CUTS_LOG" not in os.environ:
            return
        sources = sorted(HERE.glob("*mcu*.py")) + [Path(__file__)]
        sums = [hashlib.sha256(file.read_bytes()).hexdigest() for file in [*sources, *firmware]]
        key = hashlib.sha256(json.dumps([name, sums, cuts]).encode()).hexdigest()
        folder = Path(os.environ["UD_CUTS_LOG"])
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}-{key[:16]}"
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            try:
                cut, ended = json.loads(line)
            except ValueError:  # the line that was being written
                continue
            self.ended[cut] = ended
        if self.ended:
            print(f"{name}: {len(self.ended)} of {len(cuts)} cuts were tried before")

    def note(self, cut: int, ended: object) -> None:
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps([cut, ended]) + "\n")

    def done(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def hashable(ended: object) -> object:
    return tuple(ended) if isinstance(ended, list) else ended


def over(name: str, firmware: Iterable[Path], cuts: list[int], try_one: Callable[[int], object]) -> set:
    """try_one(cut) -> how it ended, for each cut that was not tried before; all the ways in which they ended."""
    log, lock = CutLog(name, firmware, cuts), threading.Lock()

    def one(cut: int) -> object:
        ended = try_one(cut)
        with lock:
            log.note(cut, ended)
        return hashable(ended)

    with ThreadPoolExecutor(WORKERS) as pool:
        ended = set(pool.map(one, [cut for cut in cuts if cut not in log.ended]))
    log.done()
    return ended | {hashable(before) for before in log.ended.values()}
