"""Reads and writes files and pipes completely, and counts the bytes."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from shazip.errors import MemoryLimitError

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Called as progress(original bytes, archive bytes), every few milliseconds, when compressing and
# when decompressing. Within a payload, decoding estimates the archive bytes.
Progress = Callable[[int, int], None]


def silent(original: int, archive: int) -> None:
    """Ignore progress."""


_PIECE = 1 << 20


def as_bytes(data: Buffer) -> memoryview:
    """Return the bytes of any buffer as a flat view; a copy if they are not contiguous.

    Raises TypeError for other objects, such as str and None.
    """
    try:
        view = memoryview(data)
    except TypeError:
        kind = type(data).__name__
        raise TypeError(f"a bytes-like object is required, not {kind!r}") from None
    try:
        return view.cast("B")
    except TypeError:  # strided, empty in some dimension, or of items that Python does not know
        return memoryview(view.tobytes())


def read_full(source: BinaryIO, size: int) -> bytes:
    """Return the next `size` bytes of `source`, fewer only at its end.

    Memory grows with the bytes read, not with `size`, which may come from a hostile header.
    """
    piece = _read(source, min(size, _PIECE))
    if len(piece) == size:
        return piece
    pieces = bytearray(piece)
    while piece and len(pieces) < size:
        piece = _read(source, min(size - len(pieces), _PIECE))
        pieces += piece
    return bytes(pieces)


def _read(source: BinaryIO, size: int) -> bytes:
    piece: object = source.read(size)
    if isinstance(piece, bytes):
        return piece
    if piece is None:
        raise BlockingIOError(errno.EAGAIN, "a source that does not wait has nothing at hand")
    if isinstance(piece, str):
        raise TypeError("the source must be opened in binary mode")
    return bytes(as_bytes(piece))  # type: ignore[arg-type]


def skip(source: BinaryIO, size: int) -> bool:
    """Pass over `size` > 0 bytes of `source`; return whether they were there."""
    if source.seekable():
        # The last byte is read, because seeking past the end is no error.
        source.seek(size - 1, os.SEEK_CUR)
        return len(source.read(1)) == 1
    while size:
        piece = _read(source, min(size, _PIECE))
        if not piece:
            return False
        size -= len(piece)
    return True


def write_full(sink: BinaryIO, data: Buffer) -> None:
    """Write all of `data`, although a raw file may take less in one call."""
    left = memoryview(data)
    while left:
        taken: int | None = sink.write(left)
        if taken is None and isinstance(sink, io.RawIOBase):
            raise BlockingIOError(errno.EAGAIN, "a sink that does not wait takes nothing now")
        left = left[len(left) if taken is None else taken :]


def require(file: object, method: str) -> None:
    """Raise TypeError for what is no file to `read` from or to `write` to."""
    if not hasattr(file, method):
        raise TypeError(f"a file with {method}() is required, not {type(file).__name__!r}")


class Reader:
    """Reads a file in full and counts the bytes in `size`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end."""
        data = read_full(self._file, size)
        self.size += len(data)
        return data


class Writer:
    """Writes to a file in full and counts the bytes in `size`; without a file only counts."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file
        self.size = 0

    def write(self, data: bytes) -> None:
        """Write all of `data`."""
        if self._file is not None:
            write_full(self._file, data)
        self.size += len(data)


class OutputLimit:
    """The most bytes that the content of an archive may have; any number if `size` is None."""

    def __init__(self, size: int | None = None) -> None:
        self._size = size
        self._taken = 0

    def take(self, size: int) -> None:
        """Count `size` bytes about to be decoded. Raises MemoryLimitError beyond the limit."""
        self._taken += size
        if self._size is not None and self._taken > self._size:
            raise MemoryLimitError(
                f"the content has {self._taken} bytes or more, the limit is {self._size}"
            )


def offset(progress: Progress, original: int, archive: int) -> Progress:
    """Return the progress of a block that begins after so many bytes of the whole."""
    return lambda done, coded: progress(original + done, archive + coded)
