"""What frames gain in time: `python -m benchmarks.frames_speed [jobs] [range]`.

jobs: `--jobs 2` beside one process with one thread, and beside two threads on one frame. range: a
part in the middle of 64 MiB beside the frames that it touches. The commands take turns, so that
other work slows them alike, and the ratio of each round counts; but two processes need two cores
for themselves. A range is a matter of CPU time, which other work hardly changes.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.corpus import FOLDER, make
from benchmarks.frames import TEXTS, found
from shazip.index import Entries

MIB = 1 << 20
JOBS_SIZE = 4 * MIB
FRAMES, START, STOP = 64, 31 * MIB + MIB // 2, 32 * MIB + MIB // 2


def shazip(*arguments: object) -> float:
    """Run the command; return its seconds, from start to end."""
    begin = time.perf_counter()
    command = [sys.executable, "-P", "-m", "shazip", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - begin


def cpu_seconds(*arguments: object) -> float:
    """Run the command; return the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shazip(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def report(name: str, ratios: list[float]) -> None:
    """Print the median of the rounds' ratios and their range."""
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    click.echo(f"{name}: {statistics.median(ratios):.2f} ({spread} in {len(ratios)} rounds)")


def measure_jobs(text: Path, folder: Path, model: str, rounds: int) -> None:
    """Compare two processes with one, and with two threads on one frame, in both directions."""
    source = folder / "text"
    source.write_bytes(text.read_bytes()[:JOBS_SIZE])
    names = [folder / name for name in ("one.shz", "two.shz", "threads.shz")]
    flags = (("-T1", "--frame-size=1MiB"), ("--jobs=2", "--frame-size=1MiB"), ("-T2",))
    packing, unpacking = [], []
    for _ in range(rounds):
        packing.append(
            [
                shazip("compress", "-qfm", model, *flag, "-o", name, source)
                for flag, name in zip(flags, names, strict=True)
            ]
        )
        unpacking.append(
            [shazip("test", flag[0], name) for flag, name in zip(flags, names, strict=True)]
        )
    assert names[0].read_bytes() == names[1].read_bytes()
    for direction, seconds in (("compress", packing), ("decompress", unpacking)):
        report(f"{direction}: one process / --jobs 2", [one / two for one, two, _ in seconds])
        report(f"{direction}: two threads / --jobs 2", [both / two for _, two, both in seconds])


def measure_range(text: Path, folder: Path, model: str, rounds: int) -> None:
    """Compare a range of 1 MiB, which lies in two frames, with the decompression of these frames.

    All frames of the archive are the same, which makes it quicker to build and no quicker to read.
    """
    source, part = folder / "part", folder / "part.shz"
    source.write_bytes(text.read_bytes()[:MIB])
    shazip("compress", "-qfm", model, "-o", part, source)
    frame, entries = part.read_bytes(), Entries()
    for _ in range(FRAMES):
        entries.add(len(frame), MIB)
    whole, touched = folder / "whole.shz", folder / "touched.shz"
    whole.write_bytes(frame * FRAMES + entries.pack())
    touched.write_bytes(frame * 2)
    ratios = []
    for _ in range(rounds):
        part_only = ("-T1", f"--range={START}-{STOP}", "-o", folder / "x", whole)
        seconds = cpu_seconds("decompress", "-qf", *part_only)
        ratios.append(seconds / cpu_seconds("decompress", "-qfT1", "-o", folder / "y", touched))
    content = source.read_bytes() * 2
    assert (folder / "x").read_bytes() == content[START % MIB :][: STOP - START]
    report("a range of 1 MiB of 64 / the two frames that it touches", ratios)


@click.command(help=__doc__)
@click.argument("parts", nargs=-1, type=click.Choice(["jobs", "range"]))
@click.option("-m", "--model", default="tiny", show_default=True)
@click.option("--rounds", default=3, show_default=True)
def main(parts: tuple[str, ...], model: str, rounds: int) -> None:
    """Print the ratios."""
    ((entry, made),) = make(FOLDER, (TEXTS[0].name,), TEXTS)
    text = found(entry, made)
    with tempfile.TemporaryDirectory() as folder:
        for part, measure in (("jobs", measure_jobs), ("range", measure_range)):
            if part in parts or not parts:
                measure(text, Path(folder), model, rounds)


if __name__ == "__main__":
    main()
