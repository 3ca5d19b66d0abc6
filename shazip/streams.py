"""Reading and writing files that may be pipes: in full, however little each call moves."""

from __future__ import annotations

import os
from typing import BinaryIO

Data = bytes | bytearray | memoryview

_PIECE = 1 << 20


def read_full(source: BinaryIO, size: int) -> bytes:
    """Return the next `size` bytes of `source`, fewer only at its end.

    Memory grows with what is there, not with `size`, which may come from a hostile header.
    """
    piece = source.read(min(size, _PIECE))
    if len(piece) == size:
        return piece
    pieces = bytearray(piece)
    while piece and len(pieces) < size:
        piece = source.read(min(size - len(pieces), _PIECE))
        pieces += piece
    return bytes(pieces)


def skip(source: BinaryIO, size: int) -> bool:
    """Pass over `size` > 0 bytes of `source`; return whether they were there."""
    if source.seekable():
        # The last byte is read, because seeking past the end is no error.
        source.seek(size - 1, os.SEEK_CUR)
        return len(source.read(1)) == 1
    while size:
        piece = source.read(min(size, _PIECE))
        if not piece:
            return False
        size -= len(piece)
    return True


def write_full(sink: BinaryIO, data: Data) -> int:
    """Write all of `data`, although a raw file may take less in one call; return its size."""
    left = memoryview(data)
    while left:
        left = left[sink.write(left) :]
    return len(data)
