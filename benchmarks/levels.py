"""Measure the levels: `python -m benchmarks.levels`, about seven minutes on two idle cores.

It writes shazip/levels.tsv, which `shazip compress --help` shows, and the README's section on
levels. Each level compresses and decompresses one file of each kind, in this process and with the
models loaded, so that neither Python's start nor loading counts.

`--quick` measures the beginnings of the files and writes nothing; `--render` writes the README anew
from shazip/levels.tsv.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.corpus import make
from benchmarks.run import README, with_section
from shazip.archive import Codec
from shazip.bench.machine import describe
from shazip.levels import FILE, LEVELS, Figures, Measured, measured

KINDS = {"text": "enwik8.valid", "code": "python.py", "machine code": "gawk.elf"}
QUICK_SIZE = 1 << 13
WARM_UP = 1 << 12
PATIENCE = 10.0  # seconds: a level that takes less is measured again, three times at most
BEGIN, END = "<!-- levels:begin -->\n", "<!-- levels:end -->\n"
SIZES = {"1 MB": 1e6, "10 MB": 1e7, "100 MB": 1e8}
SHOWN = (1, 6, 9)  # levels of the table of times

R = TypeVar("R")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write, and return 1 if a file is missing."""
    parser = argparse.ArgumentParser("python -m benchmarks.levels", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the first 8 KiB of each file")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    wishes = parser.parse_args(arguments)
    if wishes.render:
        publish()
        return 0
    files = {}
    for entry, made in make(names=tuple(KINDS.values())):
        if not isinstance(made, Path):
            sys.stderr.write(f"{made}\n")
            return 1
        files[entry.name] = made.read_bytes()[: QUICK_SIZE if wishes.quick else None]
    found = Measured(KINDS, _machine())
    for number in LEVELS:
        for kind, name in KINDS.items():
            found.figures[number, kind] = figures = measure(number, files[name])
            print(f"-{number} {kind}: {figures}", flush=True)
    if not wishes.quick:
        FILE.write_text(found.dumps())
        publish()
    return 0


def _machine() -> dict[str, str]:
    """Return what the figures depend on, in words."""
    found = describe()
    programs = {"python": f"Python {found['python']}", "shazip": f"shazip {found['shazip']}"}
    return {**found, "cores": f"{found['cores']} cores", **programs}


def measure(number: int, data: bytes) -> Figures:
    """Return bits per byte of `data`, and the speed of compressing and decompressing it."""
    codec = Codec(level=number)
    codec.decompress(codec.compress(data[:WARM_UP]))  # loads the models
    packed, forth = _timed(lambda: codec.compress(data))
    content, back = _timed(lambda: codec.decompress(packed))
    if content != data:
        raise SystemExit(f"level {number} does not give {len(data)} bytes back")
    speeds = (round(len(data) / seconds / 1000, 1) for seconds in (forth, back))
    return Figures(round(8 * len(packed) / len(data), 4), *speeds)


def _timed(work: Callable[[], R]) -> tuple[R, float]:
    """Return the result of `work` and the median of its seconds."""
    seconds: list[float] = []
    while not seconds or (sum(seconds) < PATIENCE and len(seconds) < 3):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return result, statistics.median(seconds)


def publish() -> None:
    """Write the README's section."""
    README.write_text(with_section(README.read_text(), section(), BEGIN, END))


def section() -> str:
    """Return the README's text about the levels."""
    kinds = list(KINDS)
    titles = ["", "what it does", *(cell for kind in kinds for cell in (kind, "kB/s"))]
    lines = [_row(titles), "|---|---|" + "--:|" * 2 * len(kinds), *map(_row, measured().rows())]
    return "\n".join(
        [
            "Bits per byte, and kB/s of compressing / decompressing "
            f"({', '.join(KINDS.values())}; one run of `python -m benchmarks.levels`):\n",
            *lines,
            "",
            "Text of so many bytes takes:\n",
            *_times(),
            f"{', '.join(measured().machine.values()) or 'Speeds are not measured yet'}.\n",
        ]
    )


def _times() -> list[str]:
    """Return a table of how long text takes to compress."""
    lines = [_row(["text", *SIZES]), "|---|" + "--:|" * len(SIZES)]
    for number in SHOWN:
        found = measured().figures.get((number, "text"))
        speed = found.compress if found else 0
        cells = (duration(size / 1000 / speed) if speed else "-" for size in SIZES.values())
        lines.append(_row([f"-{number}", *cells]))
    return [*lines, ""]


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
