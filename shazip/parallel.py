"""Codes frames at once, by an executor's threads, processes or machines.

source -> parts -> encode_part or decode_frame in workers (executors.py) -> in order -> sink

Frames stand alone, so the archive is the same for every executor.
"""

from __future__ import annotations

import io
import pickle
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from shazip.container import START_SIZE, check_start, is_index
from shazip.encoder import ArchiveEncoder, encode_stream
from shazip.errors import ShazipError
from shazip.executors import Executor, in_order, sharers
from shazip.frames import pass_frame, pass_index
from shazip.index import Entries
from shazip.streams import OutputLimit, Progress, Reader, Writer

if TYPE_CHECKING:
    from shazip.archive import Codec

FRAME_SIZE = 1 << 24  # bytes, unless told otherwise

_worker = threading.local()

Content = tuple[bytes, int]  # the content of a frame, and its blocks


class Part(NamedTuple):
    """The frames of a part of the input."""

    frames: bytes
    entries: Entries
    blocks: int
    models: tuple[str, ...]


def compress_frames(
    codec: Codec,
    source: BinaryIO,
    sink: BinaryIO,
    progress: Progress,
    frame_size: int | None,
    executor: Executor,
) -> tuple[int, int, int, tuple[str, ...]]:
    """Do Codec.compress_stream with frames coded at once; return the fields of its Summary."""
    reader, writer, entries = Reader(source), Writer(sink), Entries()
    size = frame_size or FRAME_SIZE
    settings = pickle.dumps(codec.for_worker(sharers(executor), size, encodes=True))
    total = blocks = 0
    models: dict[str, None] = {}
    for piece, part in in_order(executor, encode_part, settings, _pieces(reader, size)):
        writer.write(part.frames)
        entries.extend(part.entries)
        models.update(dict.fromkeys(part.models))
        total, blocks = total + len(piece), blocks + part.blocks
        progress(total, writer.size)
    if entries.frames > 1:
        writer.write(entries.pack())
    return total, writer.size, blocks, tuple(models)


def decompress_frames(
    codec: Codec,
    source: BinaryIO,
    sink: BinaryIO | None,
    progress: Progress,
    executor: Executor,
    limit: OutputLimit,
) -> tuple[int, int, int]:
    """Do Codec.decompress_stream with frames decoded at once; return the numbers of its Summary.

    From the first frame on that is too large for the memory, it decodes one after another.
    """
    reader, writer, entries = Reader(source), Writer(sink), Entries()
    most = codec.memory_limit // (16 * sharers(executor))
    settings = pickle.dumps(codec.for_worker(sharers(executor), most))
    total = blocks = 0
    try:
        frames = _frames(reader, entries, most, limit)
        for frame, (content, count) in in_order(executor, decode_frame, settings, frames):
            writer.write(content)
            total, blocks = total + len(frame), blocks + count
            progress(writer.size, total)
    except _LargeFrameError as large:
        rest = cast(BinaryIO, _Chain(large.seen, reader))
        for block in codec.decompress_blocks(rest, entries, limit):
            writer.write(block)
            blocks += 1
            progress(writer.size, reader.size)
    return writer.size, reader.size, blocks


def encode_part(settings: bytes, piece: bytes) -> Part:
    """Return the frames of `piece` by the pickled codec `settings`; runs in a worker."""
    sink, encoder = io.BytesIO(), ArchiveEncoder(_codec(settings))
    encode_stream(encoder, Reader(io.BytesIO(piece)), Writer(sink))
    return Part(sink.getvalue(), encoder.entries, encoder.blocks, tuple(encoder.models))


def decode_frame(settings: bytes, frame: bytes) -> Content:
    """Return the content of `frame`; runs in a worker."""
    sink = io.BytesIO()
    summary = _codec(settings).decompress_stream(io.BytesIO(frame), sink)
    return sink.getvalue(), summary.blocks


def _codec(settings: bytes) -> Codec:
    """Return the codec of this worker, whose model stays loaded from frame to frame."""
    if getattr(_worker, "settings", None) != settings:
        _worker.codec = pickle.loads(settings)
        _worker.settings = settings
    codec: Codec = _worker.codec
    return codec


def _pieces(reader: Reader, size: int) -> Iterator[bytes]:
    """Yield the content of `reader` in pieces of `size` bytes; one empty piece if it has none."""
    piece = reader.read(size)
    while True:
        yield piece
        piece = reader.read(size)
        if not piece:
            return


def _frames(reader: Reader, entries: Entries, most: int, limit: OutputLimit) -> Iterator[bytes]:
    """Yield each frame of an archive, whole, and count it for `limit`; check and skip indexes.

    Raises _LargeFrameError for one whose archive or content has more than `most` bytes.
    """
    start = reader.read(START_SIZE)
    check_start(start)
    while True:
        if is_index(start):
            pass_index(cast(BinaryIO, _Copy(reader)), start, entries)
        else:
            copy = _Copy(reader, start, most)
            frame = pass_frame(cast(BinaryIO, copy), start)
            if frame.original_size > most:
                raise _LargeFrameError(copy.seen)
            limit.take(frame.original_size)
            entries.add(frame.compressed_size, frame.original_size)
            yield bytes(copy.seen)
        start = reader.read(START_SIZE)
        if not start:
            return
        check_start(start, first=False)


class _LargeFrameError(ShazipError):
    """A frame too large to be kept whole; `seen` holds the bytes read of it."""

    def __init__(self, seen: bytearray) -> None:
        super().__init__("a frame is too large to be decoded beside others")
        self.seen = seen


class _Copy:
    """A file that keeps the bytes read through it."""

    def __init__(self, reader: Reader, start: bytes = b"", most: int = sys.maxsize) -> None:
        self._reader = reader
        self._most = most
        self.seen = bytearray(start)

    def seekable(self) -> bool:
        """Return False, so that readers skip nothing unread."""
        return False

    def read(self, size: int) -> bytes:
        """Read, and keep it; raise _LargeFrameError for too much."""
        piece = self._reader.read(size)
        self.seen += piece
        if len(self.seen) > self._most:
            raise _LargeFrameError(self.seen)
        return piece


class _Chain:
    """A file that begins with bytes already read."""

    def __init__(self, seen: bytearray, reader: Reader) -> None:
        self._seen = io.BytesIO(seen)
        self._reader = reader

    def read(self, size: int) -> bytes:
        """Read from the one, then from the other."""
        return self._seen.read(size) or self._reader.read(size)
