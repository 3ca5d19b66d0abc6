"""The content of an archive as a raw file that can seek; file.py puts an io.BufferedReader on it.

seek -> Index -> the frame that holds the position -> Codec.decompress_blocks from there on
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from shazip.archive import Codec
from shazip.errors import ShazipError, again
from shazip.spans import Index, Span

if TYPE_CHECKING:
    from typing_extensions import Buffer


class RawReader(io.RawIOBase):
    """Decodes the archive in `file` from its start, after `seek` from the frame at the position.

    It can seek if the file can and the archive begins at the file's start.
    """

    _block: bytes

    def __init__(self, file: BinaryIO, codec: Codec) -> None:
        self._file = file
        self._codec = codec
        self._seekable = _at_start(file)
        self._index: Index | None = None
        self._position = 0
        self._failure: Exception | None = None
        self._begin(codec.decompress_blocks(file), 0)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return whether `seek` works."""
        return self._seekable

    def tell(self) -> int:
        """Return the position in the content."""
        return self._position

    @property
    def index(self) -> Index:
        """The places of the frames, read on first use."""
        if self._index is None:
            here = self._file.tell()
            self._index = Index.read(self._file)
            self._file.seek(here)
        return self._index

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a byte of the content; the next read decodes its frame."""
        if not self._seekable:
            raise io.UnsupportedOperation("the archive's file cannot seek")
        if whence == os.SEEK_END:
            if self.index.failure is not None:
                raise again(self.index.failure)
            offset += self.index.original_size
        elif whence == os.SEEK_CUR:
            offset += self._position
        if offset < 0:
            raise ValueError(f"position {offset} lies before the start")
        if not 0 <= offset - self._start <= len(self._block):
            self._jump(offset)
        self._position = offset
        return offset

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill `buffer` from the block at the position; return how many bytes, 0 at the end."""
        if self._failure is not None:
            raise again(self._failure)  # a second read after damage must not look like the end
        target = memoryview(buffer).cast("B")
        try:
            block = self._fill()
        except BaseException as error:
            self._failure = again(error)
            raise
        size = min(len(target), len(block))
        target[:size] = block[:size]
        self._position += size
        return size

    def close(self) -> None:
        """Free the memory of decoding; the archive's file stays open."""
        self._begin(iter(()), 0)
        super().close()

    def _fill(self) -> memoryview:
        """Return the bytes of a block from the position on, none at the end."""
        while self._position - self._start >= len(self._block):
            block = next(self._blocks, b"")
            if not block:
                return memoryview(b"")
            self._start += len(self._block)
            self._block = block
        return memoryview(self._block)[self._position - self._start :]

    def _jump(self, position: int) -> None:
        """Go to the frame with `position`, unless the current frame holds it further on."""
        span = self.index.find(position)
        if span is not None and span.start <= self._start <= position and self._failure is None:
            return
        self._failure = None
        if span is None and self.index.failure is None:
            self._begin(iter(()), position)  # behind the end
            return
        try:
            if span is not None:
                self.index.check(self._file, span)
        except ShazipError as error:
            self._failure = again(error)  # raised by a read there, not by a seek
            return
        if span is None:  # in what is damaged, which is decoded as far as it goes
            span = Span(self.index.end, 0, self.index.original_size, 0)
        self._file.seek(span.offset)
        blocks = self._codec.decompress_blocks(self._file, self.index.entries_before(span))
        self._begin(blocks, span.start)

    def _begin(self, blocks: Iterator[bytes], start: int) -> None:
        self._blocks = blocks
        self._start = start  # of the block in the content
        self._block = b""


def _at_start(file: BinaryIO) -> bool:
    try:
        return file.seekable() and file.tell() == 0
    except (AttributeError, OSError):
        return False
