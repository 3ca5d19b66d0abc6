"""The outputs of the file commands: atomic files, standard output, devices and pipes."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import click

from shazip.atomic import AtomicFile, NamedFile, exists
from shazip.cli.report import STDOUT


class StreamFile(NamedFile):
    """Standard output, or a device or pipe by its name; there is nothing to commit."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__(name)
        self.file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.name != STDOUT:
            with contextlib.suppress(OSError):
                self.file.close()

    def commit(self, like: os.stat_result | None) -> None:
        self.flush()


Output = AtomicFile | StreamFile


def open_output(target: Path | None, *, overwrite: bool) -> Output:
    """The output `target`, atomic if it is a file; None is standard output."""
    if target is None:
        if sys.stdout is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), STDOUT)
        return StreamFile(sys.stdout.buffer, STDOUT)
    if target.exists() and not target.is_file():
        return StreamFile(target.open("wb"), str(target))
    return AtomicFile(target, overwrite=overwrite)


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
