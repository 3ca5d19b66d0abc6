"""Archives: compress and decompress bytes and streams; models, engines and memory are looked after here.

compress, decompress -> Codec -> FrameEncoder, FrameDecoder (codec.py)
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from shazip.codec import BlockProgress, FrameDecoder, FrameEncoder
from shazip.container import HEADER_SIZE, MAX_BLOCK_BITS, Header, refuse_junk
from shazip.errors import MemoryLimitError
from shazip.lanes import default_lanes
from shazip.listing import FrameInfo, Info, info
from shazip.predictor import (
    ARITHMETIC_VERSION,
    Engine,
    Predictor,
    memory_size,
    mixing_fields,
    open_predictor,
    refuse_unknown_versions,
)
from shazip.streams import read_full, write_full

if TYPE_CHECKING:
    from shazip.modelfile import IntegerModel

__all__ = [
    "Codec",
    "FrameInfo",
    "Info",
    "Progress",
    "Summary",
    "compress",
    "decompress",
    "info",
]

# Called as progress(bytes read, bytes written) so far, every few milliseconds.
Progress = Callable[[int, int], None]
Data = bytes | bytearray | memoryview

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
    """Return `data` as an archive: one frame."""
    return Codec(model, lanes=lanes, mix=mix).compress(data)


def decompress(
    data: Data,
    *,
    model: IntegerModel | str | Path | None = None,
    max_size: int | None = None,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
) -> bytes:
    """Return the content of the archive `data`; the model is found by the header's id."""
    return Codec(model, memory_limit=memory_limit).decompress(data, max_size=max_size)


class Codec:
    """A model and the settings to use it with; keeps the model loaded from call to call."""

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
        if block_size not in (1 << bits for bits in range(MAX_BLOCK_BITS + 1)):
            raise ValueError(f"block_size is {block_size}, must be a power of two to 2**28")
        self.block_size = block_size
        self.memory_limit = memory_limit
        self._choice = model
        self._lanes = lanes
        self._mix = mix
        self._engine_name = engine if isinstance(engine, str) else None
        self._device = device
        self._threads = threads
        self._engine = None if isinstance(engine, str) else engine
        self._model = self._engine.model if self._engine else None

    @property
    def model(self) -> IntegerModel:
        """The model that compresses; loaded when first asked for."""
        if self._model is None:
            self._model = _load(self._choice)
        return self._model

    def compress(self, data: Data) -> bytes:
        """Return `data` as an archive: one frame."""
        sink = io.BytesIO()
        self.compress_stream(io.BytesIO(data), sink)
        return sink.getvalue()

    def decompress(self, data: Data, *, max_size: int | None = None) -> bytes:
        """Return the content of the archive `data`; raise MemoryLimitError if it is larger than `max_size`."""
        if max_size is not None and (size := info(data).original_size) > max_size:
            raise MemoryLimitError(f"the content has {size} bytes, more than max_size={max_size}")
        sink = io.BytesIO()
        self.decompress_stream(io.BytesIO(data), sink)
        return sink.getvalue()

    def compress_stream(
        self, source: BinaryIO, sink: BinaryIO, *, progress: Progress | None = None
    ) -> Summary:
        """Write all of `source` to `sink` as one frame; memory stays bounded by the block size and lanes."""
        block = read_full(source, self.block_size)
        frame = self.frame_encoder(len(block))
        tally = _Tally(progress)
        tally.add(0, _write(sink, frame.header()))
        while block:
            tally.add(len(block), _write(sink, frame.block(block, tally.report)))
            block = read_full(source, self.block_size)
        tally.add(0, _write(sink, frame.end()))
        return Summary(tally.read, tally.written, frame.blocks)

    def decompress_stream(
        self, source: BinaryIO, sink: BinaryIO | None, *, progress: Progress | None = None
    ) -> Summary:
        """Write the content of the archive `source` to `sink`, or only check it if `sink` is None."""
        tally = _Tally(progress)
        for block in self._decompress(source, tally):
            _write(sink, block)
        return Summary(tally.written, tally.read, tally.blocks)

    def decompress_blocks(self, source: BinaryIO) -> Iterator[bytes]:
        """Yield the content of the archive `source` block by block."""
        return self._decompress(source, _Tally(None))

    def _decompress(self, source: BinaryIO, tally: _Tally) -> Iterator[bytes]:
        piece = read_full(source, HEADER_SIZE)
        while True:
            frame = self.frame_decoder(tally.report_decoding)
            while not frame.eof:
                content = frame.feed(piece)
                tally.add(len(piece), len(content))
                if content:
                    yield content
                piece = read_full(source, frame.needed)
            tally.blocks += frame.blocks
            piece = read_full(source, HEADER_SIZE)
            if not piece:
                return
            refuse_junk(piece)

    def frame_encoder(self, first_block_size: int) -> FrameEncoder:
        """Return the encoder of a frame whose first block has so many bytes."""
        wanted = self._lanes or default_lanes(first_block_size)
        header = Header(
            self.model.id,
            lanes=max(1, min(wanted, first_block_size)),
            block_bits=self.block_size.bit_length() - 1,
            arithmetic_version=ARITHMETIC_VERSION,
            **(mixing_fields(first_block_size) if self._mix else {}),
        )
        self.admit(header)
        return FrameEncoder(header, self.open_predictor)

    def frame_decoder(self, progress: BlockProgress | None = None) -> FrameDecoder:
        """Return a decoder of one frame."""
        return FrameDecoder(self.admit, self.open_predictor, progress)

    def admit(self, header: Header) -> None:
        """Refuse a frame that needs another version of shazip or too much memory; nothing is allocated before."""
        refuse_unknown_versions(header)
        self._check_memory(memory_size(header))

    def open_predictor(self, header: Header) -> Predictor:
        """Return the predictor that a frame needs, in its start state."""
        engine = self._engine_for(header.model_id)
        self._check_memory(memory_size(header) + engine.state_size(header.lanes))
        return open_predictor(engine, header, self._threads)

    def _check_memory(self, size: int) -> None:
        if size > self.memory_limit:
            raise MemoryLimitError(
                f"the archive asks for {size} bytes of memory, the limit is {self.memory_limit}"
            )

    def _engine_for(self, model_id: bytes) -> Engine:
        if self._engine is None or self._engine.model.id != model_id:
            from shazip.engines import open_engine

            self._engine = open_engine(
                self._model_for(model_id),
                self._engine_name,
                device=self._device,
                threads=self._threads,
            )
        return self._engine

    def _model_for(self, model_id: bytes) -> IntegerModel:
        from shazip import modelstore

        given = self._model if self._choice is None else self.model
        if given is not None and given.id == model_id:
            return given
        return modelstore.find_id(model_id)


def _load(choice: IntegerModel | str | Path | None) -> IntegerModel:
    from shazip import modelstore

    if choice is None:
        return modelstore.default()
    return modelstore.find(choice) if isinstance(choice, str | Path) else choice


def _write(sink: BinaryIO | None, data: bytes) -> int:
    if sink is not None:
        write_full(sink, data)
    return len(data)


class _Tally:
    """Counts the bytes of whole blocks and adds what the block under way reports."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.read = 0
        self.written = 0
        self.blocks = 0

    def add(self, read: int, written: int) -> None:
        self.read += read
        self.written += written
        self.report(0, 0)

    def report(self, read: int, written: int) -> None:
        if self._progress:
            self._progress(self.read + read, self.written + written)

    def report_decoding(self, original: int, payload: int) -> None:
        self.report(payload, original)
