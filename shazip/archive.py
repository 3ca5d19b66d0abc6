"""Archives: compresses and decompresses bytes and streams.

compress, decompress -> Codec -> encoder.py, decoder.py -> framing.py -> codec.py

Codec is here and not in codec.py because it loads models and engines and enforces the memory limit,
none of which the coding of symbols knows.
"""

from __future__ import annotations

import copy
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from shazip.admission import Admission
from shazip.choice import PIECE, Choice
from shazip.codec import encode_block
from shazip.decoder import decode_stream
from shazip.encoder import ArchiveEncoder, encode_stream
from shazip.errors import MemoryLimitError
from shazip.executors import Executor
from shazip.frames import FrameInfo, Info, info
from shazip.framing import FrameDecoder, FrameEncoder
from shazip.index import Entries
from shazip.levels import NONE, level_of
from shazip.loader import Loader
from shazip.parallel import compress_frames, decompress_frames
from shazip.predictor import Engine, new_header
from shazip.settings import BLOCK_SIZE, MEMORY_LIMIT, Coding, integer
from shazip.streams import OutputLimit, Progress, Reader, Writer, as_bytes, require, silent

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from shazip.model.file import IntegerModel

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


@dataclass(frozen=True)
class Summary:
    """Sizes and blocks of one call of `compress_stream` or `decompress_stream`."""

    original_size: int
    compressed_size: int
    blocks: int
    models: tuple[str, ...] = ()  # that compressed, in the order of their first frames


def compress(
    data: Buffer,
    *,
    model: IntegerModel | str | os.PathLike[str] | None = None,
    level: int | None = None,
    lanes: int | None = None,
    mix: bool = True,
) -> bytes:
    """Return `data` as an archive, made with `model` or with the models that suit its content."""
    return Codec(model, level=level, lanes=lanes, mix=mix).compress(data)


def decompress(
    data: Buffer,
    *,
    model: IntegerModel | str | os.PathLike[str] | None = None,
    max_size: int | None = None,
    memory_limit: int = MEMORY_LIMIT,
) -> bytes:
    """Return the content of the archive `data`; its model is found by the header's id.

    Raise MemoryLimitError, before decoding, if the content is larger than `max_size` or decoding
    takes more than `memory_limit` bytes.
    """
    return Codec(model, memory_limit=memory_limit).decompress(data, max_size=max_size)


class Codec:
    """Models and settings; models and engines stay loaded from call to call.

    Without `model` the content chooses between the models that ship (choice.py). `level`, 1
    (fast) to 9 (small), decides what model, contexts and lanes leave open (levels.py). `engine` is
    a name or an open engine; `device` and `threads` go to the engine; `contexts` names mixing's set
    of contexts, "text", "few" or "binary". Decompression takes lanes, block size, mixing and models
    from the archive.
    """

    def __init__(
        self,
        model: IntegerModel | str | os.PathLike[str] | None = None,
        *,
        level: int | None = None,
        engine: Engine | str | None = None,
        device: str | None = None,
        threads: int | None = None,
        mix: bool = True,
        contexts: str | None = None,
        lanes: int | None = None,
        block_size: int = BLOCK_SIZE,
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        chosen = level_of(level)
        if chosen.network == NONE and model is None and not mix:
            raise ValueError(f"level {level} is mixing alone; give a model, or leave mixing on")
        self.level = level
        self.coding = Coding(lanes, block_size, mix, contexts or chosen.contexts, chosen.lanes)
        integer("memory_limit", memory_limit, 0)
        loader = Loader(model, engine, device, threads, memory_limit, chosen.network)
        self._admission = Admission(loader, memory_limit, threads)

    def __repr__(self) -> str:
        coding = self.coding
        level = "" if self.level is None else f"level={self.level}, "
        return (
            f"Codec({self._admission.loader.describe()}, {level}mix={coding.mix}, "
            f"contexts={coding.contexts!r}, lanes={coding.lanes}, "
            f"block_size={coding.block_size})"
        )

    @property
    def memory_limit(self) -> int:
        """The most bytes of memory that a frame may ask for."""
        return self._admission.memory_limit

    @property
    def model(self) -> IntegerModel:
        """The model that compresses, loaded on first use; without one given, the default model."""
        return self._admission.loader.model

    def engine(self, model_id: bytes) -> Engine:
        """Return an engine for the model with this id; raise ModelError if there is none."""
        return self._admission.loader.engine(model_id)

    def candidate(self, number: int) -> IntegerModel:
        """Return a candidate of choice.py; number 0 is `model`."""
        return self._admission.loader.candidate(number)

    def new_choice(self) -> Choice | None:
        """Return what chooses for the blocks of a stream; None if there is only one model."""
        candidates = self._admission.loader.candidates
        several = self.coding.mix and candidates > 1
        return Choice(self._try_out, candidates - 1) if several else None

    def _try_out(self, number: int, sample: bytes) -> int:
        """Return the size of `sample`, coded by a candidate with a lane for each piece."""
        coding = replace(self.coding, lanes=len(sample) // PIECE)
        header = new_header(self.candidate(number), sample, coding)
        coded = encode_block(sample, header.lanes, self._admission.open_predictor(header))
        return len(sample) if coded is None else len(coded[1])

    def compress(self, data: Buffer) -> bytes:
        """Return `data` as an archive."""
        sink = io.BytesIO()
        self.compress_stream(io.BytesIO(as_bytes(data)), sink)
        return sink.getvalue()

    def decompress(self, data: Buffer, *, max_size: int | None = None) -> bytes:
        """Return the content of the archive `data`, if it is not larger than `max_size`."""
        packed = as_bytes(data)
        if max_size is not None:
            OutputLimit(max_size).take(info(packed).original_size)
        return b"".join(self.decompress_blocks(io.BytesIO(packed)))

    def compress_stream(
        self,
        source: BinaryIO,
        sink: BinaryIO,
        *,
        progress: Progress = silent,
        frame_size: int | None = None,
        executor: Executor | None = None,
    ) -> Summary:
        """Write all of `source` to `sink`; block size and lanes bound the memory.

        A frame ends after `frame_size` bytes and where another model suits the content better;
        several frames have an index. `executor` (executors.py) codes frames at once; what it is
        changes no byte.
        """
        require(source, "read")
        require(sink, "write")
        if frame_size is not None:
            integer("frame_size", frame_size, 1)
        if executor is not None:
            return Summary(*compress_frames(self, source, sink, progress, frame_size, executor))
        reader, writer = Reader(source), Writer(sink)
        encoder = ArchiveEncoder(self, frame_size)
        encode_stream(encoder, reader, writer, progress)
        writer.write(encoder.index())
        progress(reader.size, writer.size)
        return Summary(reader.size, writer.size, encoder.blocks, tuple(encoder.models))

    def decompress_stream(
        self,
        source: BinaryIO,
        sink: BinaryIO | None,
        *,
        progress: Progress = silent,
        executor: Executor | None = None,
        max_size: int | None = None,
    ) -> Summary:
        """Write the content of the archive `source` to `sink`; without a sink only check it.

        `executor` (executors.py) decodes frames at once. Raises MemoryLimitError before the block,
        or with an executor the frame, with which the content would exceed `max_size`.
        """
        limit = OutputLimit(max_size)
        require(source, "read")
        if sink is not None:
            require(sink, "write")
        if executor is not None:
            return Summary(*decompress_frames(self, source, sink, progress, executor, limit))
        reader, writer, blocks = Reader(source), Writer(sink), 0
        for block in decode_stream(self, reader, progress, limit=limit):
            writer.write(block)
            blocks += 1
            progress(writer.size, reader.size)
        progress(writer.size, reader.size)
        return Summary(writer.size, reader.size, blocks)

    def decompress_blocks(
        self,
        source: BinaryIO,
        entries: Entries | None = None,
        limit: OutputLimit | None = None,
    ) -> Iterator[bytes]:
        """Yield the content of the archive `source` block by block.

        `entries` are those of frames before, if the source begins in the middle of an archive.
        """
        return decode_stream(self, Reader(source), silent, entries, limit)

    def for_worker(self, workers: int, frame_size: int, *, encodes: bool = False) -> Codec:
        """Return a codec for one of `workers` that share processors and memory (admission.py)."""
        worker = copy.copy(self)
        worker._admission = self._admission.for_worker(workers, frame_size, encodes=encodes)
        return worker

    def frame_encoder(self, first_block: bytes, model: IntegerModel | None = None) -> FrameEncoder:
        """Return the encoder of a frame with this first block.

        Raises whatever is wrong with model, engine or settings before a byte is written.
        """
        header = new_header(model or self.model, first_block, self.coding)
        if first_block:
            self.engine(header.model_id)  # its errors come before those of lanes
        try:
            self._admission.admit(header)
            if first_block:
                self._admission.engine(header)
        except MemoryLimitError:
            raise MemoryLimitError(
                f"{header.lanes} lanes and blocks of {self.coding.block_size} bytes need more "
                f"memory than the limit of {self.memory_limit} bytes"
            ) from None
        return FrameEncoder(header, self._admission.open_predictor)

    def frame_decoder(self, limit: OutputLimit | None = None) -> FrameDecoder:
        """Return the decoder of one frame, whose content counts for `limit`."""
        return FrameDecoder(self._admission.admit, self._admission.open_predictor, limit)


def codec_for(
    codec: Codec | None,
    model: IntegerModel | str | os.PathLike[str] | None = None,
    level: int | None = None,
) -> Codec:
    """Return `codec`, or a new one with the other two. Raises for both, and for other objects."""
    if codec is None:
        return Codec(model, level=level)
    if not isinstance(codec, Codec):
        raise TypeError(f"codec is {codec!r}, must be a Codec")
    if model is not None or level is not None:
        raise ValueError("give either codec, which has a model and a level of its own, or those")
    return codec
