"""`shazip compress`, `decompress`, `test`, and all of them by gzip's names: `shazip -dc FILE`.

A failing file does not stop the others.
"""

from __future__ import annotations

from dataclasses import replace

import click

from shazip.cli.convert import Conversion
from shazip.cli.flags import (
    bounded,
    coding,
    computing,
    each_of,
    files_argument,
    framing,
    leveled,
    limited,
    mode_option,
    parallel,
    partly,
    places,
    quiet_and_verbose,
    recursive,
)
from shazip.cli.info import list_archives
from shazip.cli.options import CodecOptions, FileOptions, Mode, grouped
from shazip.cli.refusals import refuse_contradictions, refuse_parts, refuse_places
from shazip.cli.report import Reporter
from shazip.levels import measured

DECOMPRESS = ("-d", "--decompress", "--uncompress")

modes = each_of(
    mode_option("-l", "--list", mode=Mode.LIST, help="Print what info prints."),
    mode_option("-t", "--test", mode=Mode.TEST, help="Decode in full, write nothing."),
    mode_option(*DECOMPRESS, mode=Mode.DECOMPRESS, help="Decompress."),
)
# How archives are made, and how anything is coded.
making = each_of(
    framing,
    coding,
    leveled,
    click.option("--verify", is_flag=True, help="Decode and compare at once; implied by --rm."),
)
working = each_of(quiet_and_verbose, parallel, computing, limited)


def _levels() -> str:
    """The table of levels, in lines that help keeps as they are."""
    found = measured()
    lines = ["level " + "".join(f"{kind:>22}" for kind in found.files)]
    for number, _, *cells in found.rows():
        pairs = zip(cells[::2], cells[1::2], strict=True)
        lines.append(f"{number:<6}" + "".join(f"{bits:>8}{speed:>14}" for bits, speed in pairs))
    about = "Levels: bits per byte, and kB/s of compressing / decompressing on two cores."
    return "\n".join([f"{about}\n\n\b", *lines])


@click.command(epilog=f"{_levels()}\n\nExample: shazip compress -v --rm notes.txt")
@files_argument
@places
@mode_option(*DECOMPRESS, mode=Mode.DECOMPRESS, help="Decompress, as tar -I asks for.")
@recursive
@making
@working
@grouped
def compress(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    """Compress each FILE to FILE.shz and keep it.

    Without FILE, or if FILE is -, compress standard input to standard output.
    """
    _convert(files, where, settings)


@click.command(epilog="Example: shazip decompress -c notes.txt.shz | less")
@files_argument
@places
@mode_option(*DECOMPRESS, mode=Mode.DECOMPRESS, hidden=True)
@recursive
@partly
@bounded
@working
@grouped
def decompress(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    """Decompress each FILE.shz to FILE and keep it; FILE.tshz becomes FILE.tar.

    Without FILE, or if FILE is -, decompress standard input to standard output.
    """
    _convert(files, replace(where, mode=Mode.DECOMPRESS), settings)


@click.command(epilog="Example: shazip test -r archives")
@files_argument
@places
@recursive
@bounded
@working
@grouped
def test(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    """Decode each FILE in full and write nothing; print nothing unless a FILE is damaged."""
    _test(files, replace(where, mode=Mode.TEST), settings)


@click.command()
@files_argument
@places
@modes
@recursive
@making
@partly
@bounded
@working
@grouped
def by_flags(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    """Decompress, test or list as -d, -t and -l say, or compress."""
    act = {Mode.TEST: _test, Mode.LIST: _list}.get(where.mode, _convert)
    act(files, where, settings)


def _test(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    refuse_places(where)
    Conversion(where, settings, Reporter.current()).all_of(files or ("-",))


def _list(files: tuple[str, ...], where: FileOptions, _: CodecOptions) -> None:
    list_archives(files, where)


def _convert(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    refuse_contradictions(files, where)
    refuse_parts(where, settings)
    Conversion(where, settings, Reporter.current()).all_of(files or ("-",))
