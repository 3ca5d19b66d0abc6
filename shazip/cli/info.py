"""`shazip info`: reads the headers of archives and skips the payloads by seeking.

It loads neither NumPy nor a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from shazip.cli.convert import for_each
from shazip.cli.flags import files_argument, places, quiet_and_verbose, recursive
from shazip.cli.options import CodecOptions, FileOptions, grouped
from shazip.cli.refusals import refuse_places, refuse_terminal
from shazip.cli.report import Reporter, tell
from shazip.cli.table import Table, json_option
from shazip.container import FORMAT_VERSION, Header
from shazip.frames import Info
from shazip.frames import info as read_info
from shazip.model.folders import model_names
from shazip.paths import expand, is_archive
from shazip.records import frame_records, record
from shazip.source import open_source
from shazip.terminal import printable

ROW = "{:>12} {:>13} {:>7} {:>7} {:>6}  {:<12} {:<8}  {}"
TITLES = ("compressed", "original", "bpb", "blocks", "lanes", "model", "versions", "name")
ID_DIGITS = 12
MODELS = 3  # of an archive, that its row names

_PLACES = "{:>12} {:>12} {:>12} {:>12} {:>7}"
_PLACE_TITLES = ("CompOffset", "UncompOffset", "CompSize", "UncompSize", "bpb")
FRAME_ROW = f"  {{:>6}} {{:>7}} {_PLACES} {{:>10}} {{:>6}}  {{:<8}}  {{}}"
FRAME_TITLES = ("Frame", "Blocks", *_PLACE_TITLES, "BlockSize", "Lanes", "Versions", "Model")
BLOCK_ROW = f"  {{:>6}} {{:>7}} {_PLACES} {{:>10}}  {{:<6}}  {{}}"
BLOCK_TITLES = ("Frame", "Block", *_PLACE_TITLES, "Symbols", "Kind", "CheckVal")


@click.command(epilog="Example: shazip info -v notes.txt.shz")
@files_argument
@places
@recursive
@json_option
@quiet_and_verbose
@grouped
def info(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    """Show sizes in bytes, bits per byte, blocks, lanes, model and versions of each FILE.

    A model that is not installed has no name here, but the beginning of its id. Versions are those
    of format, arithmetic and mixing (0: without). -v lists frames and blocks in the columns of xz,
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
        self._names = model_names()
        self._table = Table(ROW, TITLES)

    def add(self, name: str) -> None:
        """Print the row of one archive."""
        with open_source(name) as source:
            refuse_terminal(source, force=self._force)
            archive = read_info(source.file, blocks=self._verbose)
            self._all.append(archive)
            self._table.add(
                row(archive, printable(source.name), self._names), record(archive, source.name)
            )
        if self._verbose and not self._table.as_json:
            list_parts(archive, self._names)

    def finish(self) -> None:
        """Print the total of several archives, in columns only."""
        if len(self._all) > 1 and not self._table.as_json:
            frames = tuple(frame for archive in self._all for frame in archive.frames)
            title = f"({len(self._all)} files)"
            self._table.add(row(Info(frames), title, self._names), {})


def row(archive: Info, name: str, names: Mapping[str, str]) -> tuple[object, ...]:
    """The cells of an archive's row; `names` has the models that are installed."""
    headers = [frame.header for frame in archive.frames]
    ids = dict.fromkeys(header.model_id.hex() for header in headers)
    models = [names.get(model, model[:ID_DIGITS]) for model in ids]
    return (
        archive.compressed_size,
        archive.original_size,
        f"{archive.bpb:.3f}" if archive.original_size else "-",
        archive.blocks,
        _common(str(header.lanes) for header in headers),
        printable(",".join(models)) if len(models) <= MODELS else _common(models),
        _common(_versions(header) for header in headers),
        name,
    )


def list_parts(archive: Info, names: Mapping[str, str]) -> None:
    """Print the frames and blocks of an archive, in the columns of `xz -lv`."""
    frames, blocks = Table(FRAME_ROW, FRAME_TITLES), Table(BLOCK_ROW, BLOCK_TITLES)
    tell("  Frames:")
    records = list(enumerate(frame_records(archive), 1))
    for number, frame in records:
        versions = "/".join(str(frame[name]) for name in ("format", "arithmetic", "mixing"))
        model = " ".join((frame["model"], printable(names.get(frame["model"], "")))).rstrip()
        cells = frame["block_size"], frame["lanes"], versions, model
        frames.add((number, frame["blocks"], *_places(frame), *cells), {})
    tell("  Blocks:")
    for number, frame in records:
        for place, block in enumerate(frame.get("block_list", ()), 1):
            rest = block["symbols"], block["kind"], block["checksum"]
            blocks.add((number, place, *_places(block), *rest), {})
    if archive.index_size:
        tell(f"  Index: {archive.index_size} bytes")


def _places(record: dict[str, Any]) -> tuple[object, ...]:
    """The columns that frames and blocks share."""
    size, original = record["compressed_size"], record["original_size"]
    bpb = f"{8 * size / original:.3f}" if original else "-"
    return record["compressed_offset"], record["original_offset"], size, original, bpb


def _versions(header: Header) -> str:
    return f"{FORMAT_VERSION}/{header.arithmetic_version}/{header.mixing_version}"


def _common(values: Iterable[str]) -> str:
    """The value that all frames share."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else "several"
