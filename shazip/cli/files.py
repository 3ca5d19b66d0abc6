"""`shazip compress`, `decompress`, `test`, and all of them by gzip's names: `shazip -dc FILE`.

A failing file does not stop the others.
"""

from __future__ import annotations

from dataclasses import replace

import click

from shazip.cli.convert import Conversion
from shazip.cli.frames import framing, parallel, partly, refuse_parts
from shazip.cli.info import list_archives
from shazip.cli.options import (
    CodecOptions,
    FileOptions,
    Mode,
    coding,
    computing,
    each_of,
    files_argument,
    grouped,
    limited,
    mode_option,
    places,
    quiet_and_verbose,
    recursive,
    refuse_places,
)
from shazip.cli.report import Reporter

DECOMPRESS = ("-d", "--decompress", "--uncompress")

modes = each_of(
    mode_option("-l", "--list", mode=Mode.LIST, help="Print what info prints."),
    mode_option("-t", "--test", mode=Mode.TEST, help="Decode in full, write nothing."),
    mode_option(*DECOMPRESS, mode=Mode.DECOMPRESS, help="Decompress."),
)
verifying = click.option(
    "--verify", is_flag=True, help="Decode and compare at once; implied by --rm."
)


@click.command(epilog="Example: shazip compress -v --rm notes.txt")
@files_argument
@places
@mode_option(*DECOMPRESS, mode=Mode.DECOMPRESS, help="Decompress, as tar -I asks for.")
@recursive
@verifying
@coding
@framing
@limited
@computing
@parallel
@quiet_and_verbose
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
@limited
@computing
@parallel
@quiet_and_verbose
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
@limited
@computing
@parallel
@quiet_and_verbose
@grouped
def test(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    """Decode each FILE in full and write nothing; print nothing unless a FILE is damaged."""
    _test(files, replace(where, mode=Mode.TEST), settings)


@click.command()
@files_argument
@places
@modes
@recursive
@verifying
@partly
@coding
@framing
@limited
@computing
@parallel
@quiet_and_verbose
@grouped
def by_flags(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    """Decompress, test or list as -d, -t and -l say, or compress."""
    act = {Mode.TEST: _test, Mode.LIST: _list}.get(where.mode, _convert)
    act(files, where, settings)


def _test(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    refuse_places(where)
    reporter = click.get_current_context().ensure_object(Reporter)
    Conversion(where, settings, reporter).all_of(files or ("-",))


def _list(files: tuple[str, ...], where: FileOptions, _: CodecOptions) -> None:
    list_archives(files, where)


def _convert(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    _refuse_contradictions(files, where)
    refuse_parts(where, settings)
    reporter = click.get_current_context().ensure_object(Reporter)
    Conversion(where, settings, reporter).all_of(files or ("-",))


def _refuse_contradictions(files: tuple[str, ...], where: FileOptions) -> None:
    if where.output is not None and where.stdout:
        raise click.UsageError("-o and -c exclude each other.")
    if where.output is not None and len(files) > 1:
        raise click.UsageError(f"-o takes one input, not {len(files)}.")
    if where.output is not None and where.recursive:
        raise click.UsageError("-o takes one input, not a folder's.")
    to_stdout = (
        where.stdout or where.output == "-" or (where.output is None and "-" in (files or "-"))
    )
    if where.verify and to_stdout and not where.decode:
        raise click.UsageError("--verify needs an output that can be read again.")
