"""Names of archives and of originals, and the files below folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

SUFFIX = ".shz"
TAR_SUFFIX = ".tshz"  # short for .tar.shz
SUFFIXES = (SUFFIX, TAR_SUFFIX)

Name = str | OSError  # a file, or the error of a folder


def is_archive(name: str) -> bool:
    """Whether `name` is that of an archive."""
    return name.endswith(SUFFIXES)


def archive_name(name: str) -> str:
    """The archive of the original `name`: with `.shz`."""
    return name + SUFFIX


def original_name(name: str) -> str:
    """The original of the archive `name`: without `.shz`, or `.tar` instead of `.tshz`.

    Raises ValueError for other names.
    """
    original = name.removesuffix(SUFFIX)
    if name.endswith(TAR_SUFFIX) and Path(name).name != TAR_SUFFIX:
        original = name.removesuffix(TAR_SUFFIX) + ".tar"
    if original == name or Path(original).name in ("", ".", "..") or original.endswith("/"):
        raise ValueError("unknown suffix")
    return original


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
