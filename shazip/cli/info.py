"""`shazip info`: reads the headers of archives and skips the payloads by seeking.

It loads neither NumPy nor a model.
"""

from __future__ import annotations

from collections.abc import Iterable

import click

from shazip.cli.convert import for_each
from shazip.cli.flags import files_argument, places, quiet_and_verbose, recursive
from shazip.cli.options import CodecOptions, FileOptions, grouped
from shazip.cli.refusals import refuse_places, refuse_terminal
from shazip.cli.report import Reporter, tell
from shazip.cli.table import Table, json_option
from shazip.container import FORMAT_VERSION, Header
from shazip.frames import FrameInfo, Info
from shazip.frames import info as read_info
from shazip.paths import expand, is_archive
from shazip.source import open_source
from shazip.terminal import printable
from shazip.units import plural

ROW = "{:>12} {:>13} {:>7} {:>7} {:>6}  {:<12} {:<8}  {}"
TITLES = ("compressed", "original", "bpb", "blocks", "lanes", "model", "versions", "name")
ID_DIGITS = 12


@click.command(epilog="Example: shazip info -v notes.txt.shz")
@files_argument
@places
@recursive
@json_option
@quiet_and_verbose
@grouped
def info(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    """Show sizes in bytes, bits per byte, blocks, lanes, model and versions of each FILE.

    Versions are those of format, arithmetic and mixing (0: without). -v adds a line for each frame,
    with full model ids.
    """
    list_archives(files, where)


def list_archives(files: tuple[str, ...], where: FileOptions) -> None:
    """Print the table of `files`; exit with 1 at the end if one failed."""
    refuse_places(where)
    reporter = Reporter.current()
    listing = Listing(where.force, reporter.verbose > 0)
    try:
        names = expand(files, recursive=where.recursive, wanted=is_archive)
        for_each(names if files else ("-",), listing.add, reporter)
    finally:
        listing.finish()


class Listing:
    """The table, one row a file, and its total."""

    def __init__(self, force: bool, verbose: bool) -> None:
        self._force = force
        self._verbose = verbose
        self._all: list[Info] = []
        self._table = Table(ROW, TITLES)

    def add(self, name: str) -> None:
        """Print the row of one archive."""
        with open_source(name) as source:
            refuse_terminal(source, force=self._force)
            archive = read_info(source.file)
            self._all.append(archive)
            self._table.add(row(archive, printable(source.name)), record(archive, source.name))
        if self._verbose and not self._table.as_json:
            for frame in archive.frames:
                tell(f"    {frame_text(frame)}")

    def finish(self) -> None:
        """Print the total of several archives, in columns only."""
        if len(self._all) > 1 and not self._table.as_json:
            frames = tuple(frame for archive in self._all for frame in archive.frames)
            self._table.add(row(Info(frames), f"({len(self._all)} files)"), {})


def row(archive: Info, name: str) -> tuple[object, ...]:
    """The cells of an archive's row."""
    headers = [frame.header for frame in archive.frames]
    return (
        archive.compressed_size,
        archive.original_size,
        f"{archive.bpb:.3f}" if archive.original_size else "-",
        archive.blocks,
        _common(str(header.lanes) for header in headers),
        _common(header.model_id.hex()[:ID_DIGITS] for header in headers),
        _common(_versions(header) for header in headers),
        name,
    )


def record(archive: Info, name: str) -> dict[str, object]:
    """The JSON object of an archive: all of its headers, frame by frame."""
    return {
        "name": name,
        **_sizes(archive),
        "bpb": archive.bpb,
        "frames": [
            {
                **_sizes(frame),
                "block_size": 1 << frame.header.block_bits,
                "lanes": frame.header.lanes,
                "model": frame.header.model_id.hex(),
                "format": FORMAT_VERSION,
                "arithmetic": frame.header.arithmetic_version,
                "mixing": frame.header.mixing_version,
            }
            for frame in archive.frames
        ],
    }


def _sizes(part: Info | FrameInfo) -> dict[str, object]:
    return {
        "compressed_size": part.compressed_size,
        "original_size": part.original_size,
        "blocks": part.blocks,
        "stored_blocks": part.stored_blocks,
    }


def frame_text(frame: FrameInfo) -> str:
    """The headers of one frame, in words."""
    header = frame.header
    parts = [
        f"{frame.compressed_size} of {frame.original_size} bytes",
        f"{plural(frame.blocks, 'block')} ({frame.stored_blocks} stored)"
        f" of at most {1 << header.block_bits}",
        plural(header.lanes, "lane"),
        f"model {header.model_id.hex()}",
        f"format {FORMAT_VERSION}",
        f"arithmetic {header.arithmetic_version}",
        f"mixing {header.mixing_version}" if header.mixing_version else "no mixing",
    ]
    return ", ".join(parts)


def _versions(header: Header) -> str:
    return f"{FORMAT_VERSION}/{header.arithmetic_version}/{header.mixing_version}"


def _common(values: Iterable[str]) -> str:
    """The value that all frames share."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else "several"
