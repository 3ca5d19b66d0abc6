"""Archives: compress and decompress bytes and streams; models, engines and memory are seen to here.

compress, decompress -> Codec -> FrameEncoder, FrameDecoder (codec.py)
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from shazip.codec import BlockProgress, FrameDecoder, FrameEncoder
from shazip.container import MAX_BLOCK_BITS, START_SIZE, Header, check_start
from shazip.errors import MemoryLimitError
from shazip.frames import FrameInfo, Info, info
from shazip.lanes import default_lanes
from shazip.loader import Loader
from shazip.predictor import (
    Engine,
    Predictor,
    block_memory,
    check_supported,
    least_memory,
    new_header,
    open_predictor,
    predictor_memory,
)
from shazip.streams import Data, read_full, write_full

if TYPE_CHECKING:
    from shazip.model.file import IntegerModel

__all__ = [
    "DEFAULT_BLOCK_SIZE",
    "DEFAULT_MEMORY_LIMIT",
    "Codec",
    "FrameInfo",
    "Info",
    "Progress",
    "Summary",
    "compress",
    "decompress",
    "info",
]

# Called as progress(bytes read, bytes written), every few milliseconds. In a payload that is being
# decoded the bytes read are estimated; at its end they are exact again.
Progress = Callable[[int, int], None]

DEFAULT_BLOCK_SIZE = 1 << 20
DEFAULT_MEMORY_LIMIT = 1 << 30


@dataclass(frozen=True)
class Summary:
    """What one call of `compress_stream` or `decompress_stream` did."""

    original_size: int
    compressed_size: int
    blocks: int


def compress(
    data: Data,
    *,
    model: IntegerModel | str | Path | None = None,
    lanes: int | None = None,
    mix: bool = True,
) -> bytes:
    """Return `data` as an archive: one frame, made with the default model or `model`."""
    return Codec(model, lanes=lanes, mix=mix).compress(data)


def decompress(
    data: Data,
    *,
    model: IntegerModel | str | Path | None = None,
    max_size: int | None = None,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
) -> bytes:
    """Return the content of the archive `data`; its model is found by the header's id.

    Raise MemoryLimitError, before decoding, if the content is larger than `max_size` or decoding
    takes more than `memory_limit` bytes.
    """
    return Codec(model, memory_limit=memory_limit).decompress(data, max_size=max_size)


class Codec:
    """A model and the settings to use it with; what is loaded stays loaded from call to call.

    `engine` is a name or an engine that is open already; `device` and `threads` go to the engine.
    Decompression takes lanes, block size and mixing from the archive, and another model where the
    archive names another.
    """

    def __init__(
        self,
        model: IntegerModel | str | Path | None = None,
        *,
        engine: Engine | str | None = None,
        device: str | None = None,
        threads: int | None = None,
        mix: bool = True,
        lanes: int | None = None,
        block_size: int = DEFAULT_BLOCK_SIZE,
        memory_limit: int = DEFAULT_MEMORY_LIMIT,
    ) -> None:
        if lanes is not None and lanes < 1:
            raise ValueError(f"lanes is {lanes}, must be at least 1")
        if block_size not in [1 << bits for bits in range(MAX_BLOCK_BITS + 1)]:
            raise ValueError(f"block_size is {block_size}, must be a power of two up to 2**28")
        self.block_size = block_size
        self.memory_limit = memory_limit
        self._lanes = lanes
        self._mix = mix
        self._threads = threads
        self._loader = Loader(model, engine, device, threads)

    @property
    def model(self) -> IntegerModel:
        """The model that compresses; loaded when first asked for."""
        return self._loader.model

    def compress(self, data: Data) -> bytes:
        """Return `data` as an archive: one frame."""
        sink = io.BytesIO()
        self.compress_stream(io.BytesIO(data), sink)
        return sink.getvalue()

    def decompress(self, data: Data, *, max_size: int | None = None) -> bytes:
        """Return the content of the archive `data`, if it is not larger than `max_size`."""
        if max_size is not None and (size := info(data).original_size) > max_size:
            raise MemoryLimitError(f"the content has {size} bytes, more than max_size={max_size}")
        return b"".join(self.decompress_blocks(io.BytesIO(data)))

    def compress_stream(
        self, source: BinaryIO, sink: BinaryIO, *, progress: Progress | None = None
    ) -> Summary:
        """Write all of `source` to `sink` as one frame; block size and lanes bound the memory."""
        tally = _Tally(progress)
        block = read_full(source, self.block_size)
        frame = self.frame_encoder(len(block))
        tally.add(0, write_full(sink, frame.header()))
        while block:
            tally.add(len(block), write_full(sink, frame.block(block, tally.report)))
            block = read_full(source, self.block_size)
        tally.add(0, write_full(sink, frame.end()))
        return Summary(tally.read, tally.written, frame.blocks)

    def decompress_stream(
        self, source: BinaryIO, sink: BinaryIO | None, *, progress: Progress | None = None
    ) -> Summary:
        """Write the content of the archive `source` to `sink`; without a sink only check it."""
        tally = _Tally(progress)
        blocks = 0
        for block in self._decompress(source, tally):
            blocks += 1
            if sink is not None:
                write_full(sink, block)
        return Summary(tally.written, tally.read, blocks)

    def decompress_blocks(self, source: BinaryIO) -> Iterator[bytes]:
        """Yield the content of the archive `source` block by block."""
        return self._decompress(source, _Tally(None))

    def frame_encoder(self, first_block_size: int) -> FrameEncoder:
        """Return the encoder of a frame whose first block has so many bytes."""
        lanes = self._lanes or default_lanes(first_block_size)
        header = new_header(
            self.model.id,
            first_block_size,
            lanes=max(1, min(lanes, first_block_size)),
            block_bits=self.block_size.bit_length() - 1,
            mix=self._mix,
        )
        self._admit(header)
        return FrameEncoder(header, self._open_predictor)

    def frame_decoder(self, progress: BlockProgress | None = None) -> FrameDecoder:
        """Return the decoder of one frame."""
        return FrameDecoder(self._admit, self._open_predictor, progress)

    def _decompress(self, source: BinaryIO, tally: _Tally) -> Iterator[bytes]:
        piece = read_full(source, START_SIZE)
        while True:
            frame = self.frame_decoder(tally.report_decoding)
            while not frame.eof:
                content = frame.feed(piece)
                tally.add(len(piece), len(content))
                if content:
                    yield content
                piece = read_full(source, frame.needed or START_SIZE)
            if not piece:
                return
            check_start(piece, first=False)

    def _admit(self, header: Header) -> None:
        """Refuse a frame that needs another version of shazip or too much memory."""
        check_supported(header)
        self._check_memory(least_memory(header))

    def _open_predictor(self, header: Header) -> Predictor:
        engine = self._loader.engine(header.model_id)
        self._check_memory(block_memory(header) + predictor_memory(engine, header))
        return open_predictor(engine, header, self._threads)

    def _check_memory(self, size: int) -> None:
        if size > self.memory_limit:
            raise MemoryLimitError(
                f"the archive asks for {size} bytes of memory, the limit is {self.memory_limit}"
            )


class _Tally:
    """Counts the bytes of whole blocks; `report` adds those of the block under way."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.read = 0
        self.written = 0

    def add(self, read: int, written: int) -> None:
        self.read += read
        self.written += written
        self.report(0, 0)

    def report(self, read: int, written: int) -> None:
        if self._progress is not None:
            self._progress(self.read + read, self.written + written)

    def report_decoding(self, original: int, payload: int) -> None:
        self.report(payload, original)
