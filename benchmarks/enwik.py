"""Measure enwik8 or enwik9 as papers and the Hutter Prize do: `python -m benchmarks.enwik FILE`.

The file is cut at 90 % and 95 % into train, valid and test (the split of Merity 2019 and others).
Each part becomes a frame; the three frames one after the other are an archive of the whole, which
is decompressed and compared. Options after FILE go to `shazip compress`, for example
`--engine torch --device cuda --lanes 4096 --no-mix`. Any other file may stand in for practice.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shazip import process
from shazip.bench.machine import describe
from shazip.bench.plan import shazip_row
from shazip.bench.tools import ORIGINAL, Shazip
from shazip.bench.trial import FailedError, Usage, run
from shazip.errors import ShazipError
from shazip.model.record import was_trained_on
from shazip.texts.corpora import KNOWN, split

SEEN = {True: "trained on", False: "not in its record", None: "unknown"}
PIECE = 1 << 20


@dataclass(frozen=True)
class Part:
    """One of the three parts after it was compressed."""

    name: str
    size: int
    packed: int
    usage: Usage
    seen: bool | None  # whether exactly this part was trained on

    def line(self) -> str:
        """Return its line of the table."""
        bpb, speed = 8 * self.packed / self.size, self.size / self.usage.seconds / 1000
        figures = f"{self.size:>13,} {self.packed:>12,} {bpb:7.4f} {self.usage.seconds:10.1f}"
        return f"{self.name:6} {figures} {speed:8.1f}  {SEEN[self.seen]}"


def main(arguments: Sequence[str]) -> int:
    """Print the table and return 0; 1 if something fails, 2 for a wrong command line."""
    if not arguments or arguments[0].startswith("-"):
        print(__doc__)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    process.catch_signals()
    try:
        with tempfile.TemporaryDirectory(prefix="shazip-enwik-") as folder:
            tool = shazip_row("shazip", None, list(arguments[1:]))
            measure(Path(arguments[0]), tool, Path(folder))
    except (FailedError, ShazipError, OSError) as error:
        sys.stderr.write(f"{arguments[0]}: {error}\n")
        return 1
    return 0


def measure(path: Path, tool: Shazip, folder: Path) -> None:
    """Compress the parts, join them, decompress, compare; print a line as soon as it is known."""
    size = path.stat().st_size
    if size < 20:
        raise FailedError("is too small to be split")
    sha1 = _hash(path, "sha1")
    known = next((known.name for known in KNOWN.values() if known.sha1 == sha1), "no known text")
    print(f"{known}, {size:,} bytes, sha1 {sha1}")
    print(f"shazip {tool.version()}, options: {' '.join(tool.options) or 'none'}")
    print("part           bytes      archive     bpb    seconds     kB/s  the model", flush=True)
    parts = []
    for name, start, stop in split(size):
        parts.append(_compress(path, tool, folder / name, start, stop))
        print(parts[-1].line(), flush=True)
    print(_whole(parts).line())
    decoding = _decompress(tool, folder, sha1)
    print(_sums(tool, sum(part.packed for part in parts)))
    print(f"decompressed and compared in {decoding.seconds:.1f} s", end="; ")
    peak = max(decoding.peak, *(part.usage.peak for part in parts))
    print(f"peak memory {peak / 1e6:.0f} MB; {' '.join(describe().values())}")


def _compress(path: Path, tool: Shazip, folder: Path, start: int, stop: int) -> Part:
    folder.mkdir()
    with path.open("rb") as source, (folder / ORIGINAL).open("wb") as target:
        source.seek(start)
        _copy(source, target, stop - start)
    usage = run(tool, "compress", folder)
    seen = was_trained_on(tool.metadata, _hash(folder / ORIGINAL, "sha256"))
    (folder / ORIGINAL).unlink()
    return Part(folder.name, stop - start, (folder / tool.packed).stat().st_size, usage, seen)


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    while size:
        piece = source.read(min(size, PIECE))
        if not piece:
            raise FailedError("has become shorter")
        target.write(piece)
        size -= len(piece)


def _whole(parts: Sequence[Part]) -> Part:
    seconds = sum(part.usage.seconds for part in parts)
    size, packed = sum(part.size for part in parts), sum(part.packed for part in parts)
    seen = parts[0].seen if len({part.seen for part in parts}) == 1 else any(p.seen for p in parts)
    return Part("whole", size, packed, Usage(seconds, 0, 0), seen)


def _decompress(tool: Shazip, folder: Path, sha1: str) -> Usage:
    """Decompress the three frames as one archive and check the result."""
    with (folder / tool.packed).open("wb") as target:
        for name, _, _ in split(0):
            target.write((folder / name / tool.packed).read_bytes())
    usage = run(tool, "decompress", folder)
    if _hash(folder / tool.result, "sha1") != sha1:
        raise FailedError("other bytes came back")
    return usage


def _sums(tool: Shazip, packed: int) -> str:
    model, program = tool.sizes()
    return (
        f"archive {packed:,}; archive + model {packed + model:,}; "
        f"archive + model + program {packed + model + program:,}"
    )


def _hash(path: Path, name: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
