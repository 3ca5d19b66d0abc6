"""`shazip compress`, `decompress` and `test`: when one file fails, the others go on."""

from __future__ import annotations

from dataclasses import replace

import click

from shazip.cli.convert import Conversion, for_each
from shazip.cli.options import (
    CodecOptions,
    FileOptions,
    coding,
    computing,
    files_argument,
    grouped,
    limited,
    places,
    quiet_and_verbose,
    refuse_places,
)
from shazip.cli.report import Reporter


@click.command()
@files_argument
@places
@click.option("-d", "--decompress", "decode", is_flag=True, help="Decompress, as tar -I asks for.")
@click.option("--verify", is_flag=True, help="Decode and compare at once; implied by --rm.")
@coding
@limited
@computing
@quiet_and_verbose
@grouped
def compress(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    """Compress each FILE to FILE.shz and keep it.

    Without FILE, or where FILE is -, standard input is compressed to standard output.
    """
    _convert(files, where, settings)


@click.command()
@files_argument
@places
@limited
@computing
@quiet_and_verbose
@grouped
def decompress(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    """Decompress each FILE.shz to FILE and keep it.

    Without FILE, or where FILE is -, standard input is decompressed to standard output.
    """
    _convert(files, replace(where, decode=True), settings)


@click.command()
@files_argument
@places
@limited
@computing
@quiet_and_verbose
@grouped
def test(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    """Decode each FILE in full and write nothing; silent if all is well."""
    refuse_places(where)
    reporter = click.get_current_context().ensure_object(Reporter)
    for_each(files or ("-",), Conversion(where, settings, reporter).check, reporter)


def _convert(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    _refuse_contradictions(files, where)
    reporter = click.get_current_context().ensure_object(Reporter)
    for_each(files or ("-",), Conversion(where, settings, reporter).convert, reporter)


def _refuse_contradictions(files: tuple[str, ...], where: FileOptions) -> None:
    if where.output is not None and where.stdout:
        raise click.UsageError("-o and -c exclude each other.")
    if where.output is not None and len(files) > 1:
        raise click.UsageError(f"-o takes one input, not {len(files)}.")
    to_stdout = (
        where.stdout or where.output == "-" or (where.output is None and "-" in (files or "-"))
    )
    if where.verify and to_stdout and not where.decode:
        raise click.UsageError("--verify needs an output that can be read again.")
