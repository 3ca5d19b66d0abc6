"""Compressor and Decompressor: archives in pieces, in the shape of the stdlib's lzma and bz2."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shazip.archive import Codec, codec_for
from shazip.encoder import ArchiveEncoder
from shazip.streams import as_bytes

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from shazip.model.file import IntegerModel


class Compressor:
    """Compresses data that comes in pieces, block by block: into one frame, unless `split`."""

    def __init__(
        self,
        codec: Codec | None = None,
        *,
        model: IntegerModel | str | os.PathLike[str] | None = None,
        level: int | None = None,
        split: bool = False,
    ) -> None:
        """Compress with `codec`, or as `model`, `level` and the content say.

        If `split`, a new frame begins where another model suits the content better, and an index
        follows several frames. A Decompressor reads one frame, so the default is one.
        """
        self._encoder = ArchiveEncoder(codec_for(codec, model, level), split=split)
        self._pending = bytearray()
        self._flushed = False

    def compress(self, data: Buffer) -> bytes:
        """Take `data`; return the blocks that it completes as archive bytes, or b""."""
        self._refuse_flushed()
        self._pending += as_bytes(data)
        size = self._encoder.room
        pieces = []
        while len(self._pending) >= size:
            pieces.append(self._encoder.block(bytes(self._pending[:size])))
            del self._pending[:size]
        return b"".join(pieces)

    def flush(self) -> bytes:
        """Return the rest of the archive; the compressor cannot be used afterwards."""
        self._refuse_flushed()
        self._flushed = True
        last = self._encoder.block(bytes(self._pending)) if self._pending else b""
        return last + self._encoder.end() + self._encoder.index()

    def _refuse_flushed(self) -> None:
        if self._flushed:
            raise ValueError("the compressor has been flushed")


class Decompressor:
    """Decompresses one frame that comes in pieces, block by block."""

    def __init__(
        self,
        codec: Codec | None = None,
        *,
        model: IntegerModel | str | os.PathLike[str] | None = None,
    ) -> None:
        """Decompress with `codec`; `model` is tried before the installed ones."""
        self._frame = codec_for(codec, model).frame_decoder()
        self._pending = bytearray()  # a part of the frame's next structure
        self._ready = bytearray()  # content not yet returned
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        """Whether the end mark has been reached and all content returned."""
        return self._frame.eof and not self._ready

    @property
    def needs_input(self) -> bool:
        """Whether `decompress` needs more data before it can return content."""
        return not (self._frame.eof or self._ready or len(self._pending) >= self._frame.needed)

    def decompress(self, data: Buffer, max_length: int = -1) -> bytes:
        """Take `data`; return the content at hand, at most `max_length` bytes unless negative.

        Data after the frame is kept in `unused_data`.
        """
        if self.eof:
            raise EOFError("the end of the frame has been reached")
        self._pending += as_bytes(data)
        while len(self._pending) >= self._frame.needed and not self._frame.eof:
            if 0 <= max_length <= len(self._ready):
                break
            piece = bytes(self._pending[: self._frame.needed])
            del self._pending[: len(piece)]
            self._ready += self._frame.feed(piece)
        if self._frame.eof:
            self.unused_data += bytes(self._pending)
            self._pending.clear()
        content = bytes(self._ready if max_length < 0 else self._ready[:max_length])
        del self._ready[: len(content)]
        return content
