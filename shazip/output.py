"""The outputs of the file commands: atomic files, standard output, devices and pipes."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from shazip.atomic import AtomicFile, NamedFile

STDOUT = "(stdout)"


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
