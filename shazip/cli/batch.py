"""The files of one command line: walks folders with -r, and counts the progress over all files."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Name = str | OSError  # a file, or the error of a folder


def expand(
    names: Sequence[str], *, recursive: bool, wanted: Callable[[str], bool]
) -> Iterator[Name]:
    """Yield `names`; if `recursive`, each folder's `wanted` regular files in its place, sorted.

    It follows no links inside a folder. An unreadable folder yields its error.
    """
    for name in names:
        if recursive and Path(name).is_dir():
            yield from _walk(name, wanted)
        else:
            yield name


def _walk(folder: str, wanted: Callable[[str], bool]) -> Iterator[Name]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield error
        return
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, wanted)
        elif entry.is_file(follow_symlinks=False) and wanted(entry.name):
            yield entry.path


@dataclass
class Batch:
    """The progress over several files."""

    files: int
    size: int  # bytes of those that are regular files
    done: int = 0  # bytes of the files before the current one
    number: int = 0  # of the current file, from 1
    start: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, names: Sequence[Name]) -> Batch | None:
        """Return the batch of several `names`, None for a single one."""
        return cls(len(names), sum(map(_size, names))) if len(names) > 1 else None

    def begin(self) -> None:
        """Begin the next file."""
        self.number += 1

    def end(self, name: str) -> None:
        """Count the file as done, whether it succeeded or failed."""
        self.done += _size(name)


def _size(name: Name) -> int:
    try:
        status = os.stat(name) if isinstance(name, str) and name != "-" else None  # noqa: PTH116
    except OSError:
        return 0
    return status.st_size if status and stat.S_ISREG(status.st_mode) else 0
