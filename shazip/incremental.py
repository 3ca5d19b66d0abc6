"""Compressor and Decompressor: archives in pieces, in the shape of the standard library's lzma and bz2."""

from __future__ import annotations

from shazip.archive import Codec, Data
from shazip.codec import FrameEncoder


class Compressor:
    """Compresses data that comes in pieces into one frame, block by block."""

    def __init__(self, codec: Codec | None = None) -> None:
        self._codec = codec or Codec()
        self._frame: FrameEncoder | None = None
        self._pending = bytearray()
        self._flushed = False

    def compress(self, data: Data) -> bytes:
        """Take `data`; return the blocks that are complete, or b""."""
        if self._flushed:
            raise ValueError("compressor has been flushed")
        self._pending += data
        size = self._codec.block_size
        pieces = []
        # A full block waits until more comes: the last one belongs to `flush`.
        while len(self._pending) > size:
            pieces.append(self._block(bytes(self._pending[:size])))
            del self._pending[:size]
        return b"".join(pieces)

    def flush(self) -> bytes:
        """Return the rest of the archive; the compressor cannot be used afterwards."""
        if self._flushed:
            raise ValueError("compressor has been flushed")
        self._flushed = True
        last = self._block(bytes(self._pending)) if self._pending else b""
        if self._frame is None:
            self._frame = self._codec.frame_encoder(0)
            last = self._frame.header()
        return last + self._frame.end()

    def _block(self, block: bytes) -> bytes:
        if self._frame is not None:
            return self._frame.block(block)
        self._frame = self._codec.frame_encoder(len(block))
        return self._frame.header() + self._frame.block(block)


class Decompressor:
    """Decompresses one frame that comes in pieces, block by block."""

    def __init__(self, codec: Codec | None = None) -> None:
        self._frame = (codec or Codec()).frame_decoder()
        self._pending = bytearray()  # not enough yet for the frame's next structure
        self._ready = bytearray()  # decompressed, not asked for yet
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        """Whether the frame's end mark has been reached and all content handed out."""
        return self._frame.eof and not self._ready

    @property
    def needs_input(self) -> bool:
        """Whether `decompress` can give nothing more before it gets more data."""
        return not self._ready and not self._frame.eof and len(self._pending) < self._frame.needed

    def decompress(self, data: Data, max_length: int = -1) -> bytes:
        """Take `data`; return at most `max_length` bytes of content, all that is complete if it is negative.

        Bytes after the frame are kept in `unused_data`.
        """
        if self.eof:
            raise EOFError("the end of the frame has been reached")
        self._pending += data
        while not self._frame.eof and (max_length < 0 or len(self._ready) < max_length):
            needed = self._frame.needed
            if len(self._pending) < needed:
                break
            self._ready += self._frame.feed(bytes(self._pending[:needed]))
            del self._pending[:needed]
        if self._frame.eof:
            self.unused_data, self._pending = self.unused_data + bytes(self._pending), bytearray()
        size = len(self._ready) if max_length < 0 else max_length
        content = bytes(self._ready[:size])
        del self._ready[:size]
        return content
