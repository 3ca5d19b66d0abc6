"""Parts of an archive's content; only frames that hold them are decoded if the file can seek."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import BinaryIO

from shazip.archive import Codec, Summary
from shazip.file import ShazipFile
from shazip.streams import Progress, Writer, silent
from shazip.units import Range

_PIECE = 1 << 20


def decompress_ranges(
    codec: Codec,
    source: BinaryIO,
    sink: BinaryIO,
    ranges: Iterable[Range],
    progress: Progress = silent,
) -> Summary:
    """Write these parts of the content of the archive `source` to `sink`.

    Raises ValueError for a range that goes beyond the content, or back where `source` cannot.
    """
    writer = Writer(sink)
    with ShazipFile(source, codec=codec) as file:
        for start, stop in ranges:
            _go(file, start)
            while stop is None or file.tell() < stop:
                piece = file.read1(_PIECE if stop is None else min(_PIECE, stop - file.tell()))
                if not piece:
                    break
                writer.write(piece)
                progress(writer.size, 0)
            _check(file, start, start if stop is None else stop)
    return Summary(writer.size, 0, 0)


def _check(file: ShazipFile, start: int, stop: int) -> None:
    """Raise ValueError unless the content reaches to `stop`; reading has come as far as it can."""
    size = file.tell()
    if size == start and file.seekable():  # nothing was read, perhaps behind the end
        size = file.seek(0, os.SEEK_END)
    if size < stop:
        raise ValueError(f"bytes up to {stop} are wanted of {size}")


def _go(file: ShazipFile, position: int) -> None:
    if file.seekable():
        file.seek(position)
        return
    if file.tell() > position:
        raise ValueError("the archive's file cannot go back for a range before another")
    while file.tell() < position and file.read1(min(_PIECE, position - file.tell())):
        pass
