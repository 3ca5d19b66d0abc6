"""What frames cost in bytes: `python -m benchmarks.frames`.

It cuts 20 MiB of text and of code into frames of 1, 4 and 16 MiB and prints a table of the
archives' sizes beside one frame. A frame's first blocks are the same whatever its size, so each
start is coded once. `--save` writes the table to benchmarks/results/frames.md. What frames gain in
time: `python -m benchmarks.frames_speed`.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.corpus import FOLDER, Corpus, make, package
from shazip.archive import Codec
from shazip.cli.flags import SIZE as PARSED_SIZE
from shazip.container import HEADER_SIZE, end_mark_size
from shazip.index import pack_entry, pack_index
from shazip.settings import BLOCK_SIZE

RESULT = Path(__file__).resolve().parent / "results" / "frames.md"
FRAME_SIZES = (16 << 20, 4 << 20, 1 << 20)
SIZE = 20 << 20

TEXTS = (
    Corpus(
        "gcide.txt",
        "Debian package dict-gcide 0.48.5+nmu2, an English dictionary",
        "GPL-3.0-or-later",
        SIZE,
        "ef992807d6273218afe2410e9a3b4da20096a04ba067db8e8d629c49ff2e4092",
        package("dict-gcide=0.48.5+nmu2", "usr/share/dictd/gcide.dict.dz"),
    ),
    Corpus(
        "golang.go",
        "Debian package golang-1.19-src 1.19.8-2, *.go in sorted order",
        "BSD-3-Clause",
        SIZE,
        "694811eb475c1104c4cbc58323972f32bb76c61009e4fa1c3f10c819d1f4c0f5",
        package("golang-1.19-src=1.19.8-2", "usr/share/go-1.19/**/*.go"),
    ),
)


@dataclass(frozen=True)
class Start:
    """A frame to code: the first bytes from an offset of a text on."""

    path: Path
    model: str
    offset: int
    size: int


def block_sizes(start: Start) -> list[int]:
    """Return the packed size of each block, with its header."""
    with start.path.open("rb") as file:
        file.seek(start.offset)
        data = file.read(start.size)
    codec = Codec(start.model, threads=1, block_size=BLOCK_SIZE)
    encoder = codec.frame_encoder(data[:BLOCK_SIZE])
    blocks = (data[at : at + BLOCK_SIZE] for at in range(0, len(data), BLOCK_SIZE))
    return [len(encoder.block(block)) for block in blocks]


def starts(path: Path, model: str, size: int, frame_sizes: tuple[int, ...]) -> list[Start]:
    """Return where frames begin, each with the longest of them, the longest first."""
    longest: dict[int, int] = {}
    for frame_size in frame_sizes:
        for offset in range(0, size, frame_size):
            longest[offset] = max(longest.get(offset, 0), min(frame_size, size - offset))
    found = [Start(path, model, offset, length) for offset, length in longest.items()]
    return sorted(found, key=lambda start: -start.size)


def archive_size(blocks: dict[int, list[int]], size: int, frame_size: int) -> tuple[int, int]:
    """Return the bytes of an archive with such frames, and those of its index among them."""
    total, entries = 0, b""
    for offset in range(0, size, frame_size):
        original = min(frame_size, size - offset)
        packed = sum(blocks[offset][: -(-original // BLOCK_SIZE)])
        packed += HEADER_SIZE + end_mark_size(original)
        total, entries = total + packed, entries + pack_entry(packed, original)
    index = len(pack_index(entries)) if size > frame_size else 0
    return total + index, index


def row(name: str, blocks: dict[int, list[int]], size: int, frame_sizes: tuple[int, ...]) -> str:
    """Return a text's row of the table: bytes of one frame, and what the others cost more."""
    whole = archive_size(blocks, size, size)[0]
    cells = [f"{whole:,}"]
    for frame_size in frame_sizes:
        packed = archive_size(blocks, size, frame_size)[0]
        cells.append(f"{packed:,} (+{100 * (packed / whole - 1):.2f} %)")
    return f"| {name} | {' | '.join(cells)} |"


def measure(path: Path, model: str, size: int, sizes: tuple[int, ...], jobs: int) -> str:
    """Code all frames of a text in `jobs` processes; return its row."""
    wanted = starts(path, model, size, (size, *sizes))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context) as pool:
        sizes_at = dict(zip((s.offset for s in wanted), pool.map(block_sizes, wanted), strict=True))
    return row(path.name, sizes_at, size, sizes)


def title(size: int, frame_sizes: tuple[int, ...]) -> str:
    """Return the first two lines of the table."""
    cells = ["one frame", *(f"{frame_size >> 20} MiB" for frame_size in frame_sizes)]
    return f"| {size >> 20} MiB of | {' | '.join(cells)} |\n|---|{'--:|' * len(cells)}"


@click.command(help=__doc__)
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("-m", "--model", default="tiny", show_default=True)
@click.option("--size", type=PARSED_SIZE, default="20MiB", help="Of each text.  [default: 20MiB]")
@click.option("--jobs", default=2, show_default=True)
@click.option("--save", is_flag=True, help="Write benchmarks/results/frames.md.")
def main(files: tuple[Path, ...], model: str, size: int, jobs: int, save: bool) -> None:
    """Print the table, row by row."""
    sizes = tuple(frame_size for frame_size in FRAME_SIZES if frame_size < size)
    lines = [title(size, sizes)]
    click.echo(lines[0])
    for path in files or [found(entry, made) for entry, made in make(FOLDER, files=TEXTS)]:
        lines.append(measure(path, model, min(size, path.stat().st_size), sizes, jobs))
        click.echo(lines[-1])
    if save:
        RESULT.write_text("\n".join(lines) + "\n")


def found(entry: Corpus, made: Path | str) -> Path:
    """Return a text that was made; end with the reason if it could not be."""
    if isinstance(made, str):
        raise click.ClickException(made)
    return made


if __name__ == "__main__":
    main()
