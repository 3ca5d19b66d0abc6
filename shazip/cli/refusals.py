"""Refusals of the file commands: contradictory flags, files that need another flag."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import click

from shazip.atomic import exists
from shazip.cli.options import CodecOptions, FileOptions
from shazip.source import Source, refuse_folder
from shazip.units import plural


def refuse_places(where: FileOptions) -> None:
    """Refuse -o and --rm in commands that write nothing; -c and -k have no effect there."""
    if where.output is not None or where.remove:
        flag = "--rm" if where.remove else "-o"
        raise click.UsageError(f"this command writes nothing, so {flag} has no meaning.")


def refuse_contradictions(files: tuple[str, ...], where: FileOptions) -> None:
    """Refuse one output for several inputs, two outputs, and flags without a meaning here."""
    if where.max_output is not None and not where.decode:
        raise click.UsageError("--max-output limits what is decoded.")
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


def refuse_parts(where: FileOptions, settings: CodecOptions) -> None:
    """Refuse to write parts of a content where it would be taken for the whole."""
    if not (where.ranges or where.salvage):
        return
    flag = "--salvage" if where.salvage else "--range"
    if where.ranges and where.salvage:
        raise click.UsageError("--range and --salvage exclude each other.")
    if not where.stdout and where.output is None:
        raise click.UsageError(f"{flag} writes a part of the content: say where to by -c or -o.")
    if where.max_output is not None:
        raise click.UsageError(f"--max-output limits the whole content, not {flag}.")
    if where.remove:
        raise click.UsageError(f"{flag} keeps the archive, so --rm has no meaning.")
    if settings.jobs is not None or settings.ray is not None:
        raise click.UsageError(f"{flag} decodes one frame after another, without --jobs and --ray.")


def refuse_source(name: str, status: os.stat_result | None, *, follow: bool, special: bool) -> None:
    """Refuse folders, links unless `follow`, and other special files unless `special`."""
    refuse_folder(name, status)
    if name == "-" or status is None:
        return
    if not stat.S_ISREG(status.st_mode):
        if not special:
            raise click.ClickException("not a regular file; use -c or -o to read it")
    elif not follow and Path(name).is_symlink():
        raise click.ClickException("is a symbolic link; use -f or -c to follow it")


def refuse_links(status: os.stat_result | None) -> None:
    """Refuse to remove a file with other names, which would still name the original."""
    others = status.st_nlink - 1 if status else 0
    if others > 0:
        names = plural(others, "other hard link")
        raise click.ClickException(f"has {names}; use -f to remove this name")


def refuse_terminal(source: Source, *, force: bool) -> None:
    """Refuse to read an archive from a keyboard."""
    if not force and source.file.isatty():
        raise click.ClickException("will not read compressed data from a terminal; use -f to force")


def refuse_target(target: Path | None, source: os.stat_result | None, *, overwrite: bool) -> None:
    """Refuse the source itself, a directory, and an existing file unless `overwrite`."""
    status = _target_status(target)
    if status and source and stat.S_ISREG(status.st_mode) and os.path.samestat(status, source):
        raise click.ClickException("input and output are the same file")
    if target is None:
        return
    if status and stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    dangling = status is None and target.is_symlink()
    if not overwrite and (dangling or (status and stat.S_ISREG(status.st_mode))):
        raise exists(target)


def _target_status(target: Path | None) -> os.stat_result | None:
    try:
        # sys.stdout may be replaced by an object without a descriptor.
        return os.fstat(sys.stdout.fileno()) if target is None else target.stat()
    except (OSError, AttributeError):
        return None
