"""Makes an archive of blocks: cuts it into frames and writes their index.

blocks -> choice.py -> FrameEncoder (framing.py) -> frames -> index

A frame ends where its size is reached, or where another model wins on a block.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from shazip.choice import Choice
from shazip.framing import FrameEncoder
from shazip.index import Entries
from shazip.streams import Progress, Reader, Writer, offset, silent

if TYPE_CHECKING:
    from shazip.archive import Codec
    from shazip.model.file import IntegerModel


class ArchiveEncoder:
    """Makes one archive: `block` for each block, of at most `room` bytes, then `end`, `index`."""

    def __init__(self, codec: Codec, frame_size: int | None = None, *, split: bool = True) -> None:
        """Cut a frame after `frame_size` bytes; only if `split`, also where another model wins."""
        self._codec = codec
        self._most = frame_size or sys.maxsize
        self._split = split
        self._start_part()
        self._frame: FrameEncoder | None = None
        self._sizes = (0, 0)  # bytes of the frame and of its content
        self.entries = Entries()
        self.blocks = 0
        self.models: dict[str, None] = {}  # names or ids of the models used, in their order

    @property
    def room(self) -> int:
        """The most bytes that the next block may have."""
        return min(self._codec.coding.block_size, self._most - self._part)

    def block(self, block: bytes, progress: Progress | None = None) -> bytes:
        """Return `block`, coded, with whatever ends and begins before and behind it."""
        model = self._model(block)
        packed = b""
        if self._frame is None or self._frame.model_id != model.id:
            packed = self._end_frame() + self._begin_frame(model, block)
        assert self._frame is not None
        packed += self._count(self._frame.block(block, progress), len(block))
        self.blocks += 1
        self._part += len(block)
        if self._part == self._most:
            packed += self._end_frame()
            self._start_part()
        return packed

    def end(self) -> bytes:
        """Return the end of the last frame; without any block an empty frame."""
        begin = b""
        if self._frame is None and not self.entries.frames:
            begin = self._begin_frame(self._model(b""), b"")
        return begin + self._end_frame()

    def index(self) -> bytes:
        """Return the index of several frames, b"" for one."""
        return self.entries.pack() if self.entries.frames > 1 else b""

    def _start_part(self) -> None:
        """Forget what was before: equal parts of the input become equal frames."""
        self._part = 0  # bytes since then
        self._choice: Choice | None = self._codec.new_choice()
        self._fixed: IntegerModel | None = None

    def _model(self, block: bytes) -> IntegerModel:
        if self._fixed is not None:
            return self._fixed
        model = self._codec.candidate(self._choice.next(block) if self._choice else 0)
        if self._choice is None or not self._split:
            self._fixed = model
        return model

    def _begin_frame(self, model: IntegerModel, first_block: bytes) -> bytes:
        self._frame = self._codec.frame_encoder(first_block, model)
        self.models[model.name or model.id.hex()] = None
        return self._count(self._frame.header())

    def _end_frame(self) -> bytes:
        if self._frame is None:
            return b""
        packed = self._count(self._frame.end())
        self._frame = None
        self.entries.add(*self._sizes)
        self._sizes = (0, 0)
        return packed

    def _count(self, packed: bytes, original_size: int = 0) -> bytes:
        compressed, original = self._sizes
        self._sizes = (compressed + len(packed), original + original_size)
        return packed


def encode_stream(
    encoder: ArchiveEncoder, reader: Reader, writer: Writer, progress: Progress = silent
) -> None:
    """Write the frames of all that `reader` has."""
    while block := reader.read(encoder.room):
        report = offset(progress, reader.size - len(block), writer.size)
        writer.write(encoder.block(block, report))
        progress(reader.size, writer.size)
    writer.write(encoder.end())
