"""Inputs of the file commands: refusals, and the open file with its status."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import click

from shazip.cli.report import STDIN, plural

SUFFIX = ".shz"
TAR_SUFFIX = ".tshz"  # short for .tar.shz
SUFFIXES = (SUFFIX, TAR_SUFFIX)


@dataclass(frozen=True)
class Source:
    """An open input."""

    name: str  # for messages
    file: BinaryIO
    path: Path | None  # None for standard input
    status: os.stat_result | None  # when opened; None if the system gives none

    @property
    def size(self) -> int | None:
        """The bytes of a regular file; None for a pipe."""
        return self.status.st_size if self.status and stat.S_ISREG(self.status.st_mode) else None

    @property
    def is_regular(self) -> bool:
        """Whether it is a named file, which can be read again, replaced and removed."""
        return self.path is not None and self.size is not None

    def unchanged(self) -> bool:
        """Whether the open file still has its first size and time of change."""
        now = _status(self.file)
        return now is not None and self.status is not None and _marks(now) == _marks(self.status)

    def remove(self) -> None:
        """Remove the file that was read, unless its name now belongs to another one."""
        if self.path is None or self.status is None:
            return
        if not os.path.samestat(self.path.stat(), self.status):
            raise click.ClickException("was replaced while it was read; not removed")
        self.path.unlink()


def _marks(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


@contextmanager
def open_source(name: str) -> Iterator[Source]:
    """Open the input `name`; `-` is standard input."""
    if name == "-":
        if sys.stdin is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), STDIN)
        yield Source(STDIN, sys.stdin.buffer, None, _status(sys.stdin.buffer))
        return
    with Path(name).open("rb") as file:
        yield Source(name, file, Path(name), _status(file))


def _status(file: BinaryIO) -> os.stat_result | None:
    try:
        return os.fstat(file.fileno())
    except OSError:
        return None


def input_status(name: str) -> os.stat_result | None:
    """The status of the input `name`. Raises FileNotFoundError if it is missing."""
    if name == "-":
        return None if sys.stdin is None else _status(sys.stdin.buffer)
    # Not by Path, which takes the empty name for the current directory.
    return os.stat(name)  # noqa: PTH116


def refuse_kinds(name: str, status: os.stat_result | None, *, follow: bool, special: bool) -> None:
    """Refuse directories, links unless `follow`, and other special files unless `special`."""
    if name == "-" or status is None:
        return
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
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


def original_name(name: str) -> str:
    """The target of the archive `name`: without `.shz`, or `.tar` instead of `.tshz`."""
    original = name.removesuffix(SUFFIX)
    if name.endswith(TAR_SUFFIX) and Path(name).name != TAR_SUFFIX:
        original = name.removesuffix(TAR_SUFFIX) + ".tar"
    if original == name or Path(original).name in ("", ".", "..") or original.endswith("/"):
        raise click.ClickException("unknown suffix; use -o or -c")
    return original
