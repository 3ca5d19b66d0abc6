"""The inputs of file commands: open, with the status that they had, so that changes are noticed."""

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

from shazip.errors import ShazipError

STDIN = "(stdin)"


class SourceError(ShazipError):
    """An input stays where it is: it changed, or the result may not be on disk."""


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
            raise SourceError("was replaced while it was read; not removed")
        self.path.unlink()


def _marks(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


@contextmanager
def open_source(name: str) -> Iterator[Source]:
    """Open the input `name`; `-` is standard input. Raises IsADirectoryError for a folder."""
    refuse_folder(name, input_status(name))
    if name == "-":
        if sys.stdin is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), STDIN)
        yield Source(STDIN, sys.stdin.buffer, None, _status(sys.stdin.buffer))
        return
    with Path(name).open("rb") as file:
        yield Source(name, file, Path(name), _status(file))


def input_status(name: str) -> os.stat_result | None:
    """The status of the input `name`. Raises FileNotFoundError if it is missing."""
    if name == "-":
        return None if sys.stdin is None else _status(sys.stdin.buffer)
    # Not by Path, which takes the empty name for the current directory.
    return os.stat(name)  # noqa: PTH116


def refuse_folder(name: str, status: os.stat_result | None) -> None:
    """Raise IsADirectoryError for the status of a folder; standard input may be one."""
    if name != "-" and status is not None and stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)


def _status(file: BinaryIO) -> os.stat_result | None:
    try:
        return os.fstat(file.fileno())
    except OSError:
        return None
