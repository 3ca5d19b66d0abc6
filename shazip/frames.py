"""`info`: reads an archive's headers and skips its payloads by seeking.

Standard library only: no NumPy, no model.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from shazip.container import (
    HEADER_SIZE,
    START_SIZE,
    BlockHeader,
    Header,
    Kind,
    block_header_size,
    check_end_mark,
    check_start,
    end_mark_size,
    is_index,
    parse_block_header,
    parse_header,
    parse_kind,
)
from shazip.errors import TruncatedError
from shazip.index import (
    INDEX_START_SIZE,
    INDEX_TAIL_SIZE,
    Entries,
    parse_index_rest,
    parse_index_start,
)
from shazip.streams import as_bytes, read_full, skip

if TYPE_CHECKING:
    from typing_extensions import Buffer


@dataclass(frozen=True)
class FrameInfo:
    """One frame: its header, the sums over its block headers, and these if they were wanted."""

    header: Header
    blocks: int
    stored_blocks: int
    original_size: int
    compressed_size: int
    offset: int = 0  # in the archive
    block_headers: tuple[BlockHeader, ...] = ()


@dataclass(frozen=True)
class Info:
    """An archive: one frame, or several put together."""

    frames: tuple[FrameInfo, ...]
    index_size: int = 0  # bytes of all indexes

    @property
    def original_size(self) -> int:
        """Bytes of the content."""
        return sum(frame.original_size for frame in self.frames)

    @property
    def compressed_size(self) -> int:
        """Bytes of the archive."""
        return self.index_size + sum(frame.compressed_size for frame in self.frames)

    @property
    def blocks(self) -> int:
        """Blocks in all frames."""
        return sum(frame.blocks for frame in self.frames)

    @property
    def stored_blocks(self) -> int:
        """Blocks stored as they are."""
        return sum(frame.stored_blocks for frame in self.frames)

    @property
    def bpb(self) -> float:
        """Compressed bits per original byte; 0 for empty content."""
        return 8 * self.compressed_size / self.original_size if self.original_size else 0.0

    @property
    def lanes(self) -> int:
        """Lanes of the first frame."""
        return self.frames[0].header.lanes

    @property
    def model_id(self) -> bytes:
        """The model that the first frame names."""
        return self.frames[0].header.model_id


def info(source: Buffer | str | os.PathLike[str] | BinaryIO, *, blocks: bool = False) -> Info:
    """Return sizes, model and versions of the archive `source`: bytes, a path or an open file.

    It checks headers, end marks and indexes, but reads no payload, and so notices no damage there.
    With `blocks` each frame has its block headers, too.
    """
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            return _info(file, blocks)
    if hasattr(source, "read"):
        return _info(cast(BinaryIO, source), blocks)
    return _info(io.BytesIO(as_bytes(source)), blocks)


def _info(file: BinaryIO, blocks: bool) -> Info:
    entries = Entries()
    frames = tuple(walk(file, entries, blocks=blocks))
    return Info(frames, entries.index_size)


def walk(
    file: BinaryIO, entries: Entries | None = None, *, blocks: bool = False
) -> Iterator[FrameInfo]:
    """Yield each frame of the archive that `file` holds from here on; offsets are from here, too.

    Raises CorruptError for an index that does not match the frames before it.
    """
    entries = entries or Entries()
    offset = 0
    start = read_full(file, START_SIZE)
    check_start(start)
    while True:
        if is_index(start):
            offset += (size := pass_index(file, start, entries))
            entries.index_size += size
        else:
            frame = pass_frame(file, start, blocks=blocks)
            entries.add(frame.compressed_size, frame.original_size)
            yield replace(frame, offset=offset)
            offset += frame.compressed_size
        start = read_full(file, START_SIZE)
        if not start:
            return
        check_start(start, first=False)


def pass_index(file: BinaryIO, start: bytes, entries: Entries) -> int:
    """Pass over an index, of which `start` is read, and check it; return its size."""
    size = parse_index_start(start + read_full(file, INDEX_START_SIZE - START_SIZE))
    entries.check(parse_index_rest(read_full(file, size + INDEX_TAIL_SIZE), size))
    return INDEX_START_SIZE + size + INDEX_TAIL_SIZE


def pass_frame(file: BinaryIO, start: bytes, *, blocks: bool = False) -> FrameInfo:
    """Read a frame's headers, after its `start`, and skip its payloads; keep them for `blocks`."""
    header = parse_header(start + read_full(file, HEADER_SIZE - START_SIZE))
    block_size = block_header_size(header)
    kept: list[BlockHeader] = []
    count = stored = original_size = payload_size = 0
    while (kind := parse_kind(first := read_full(file, 1))) is not Kind.END:
        block = parse_block_header(first + read_full(file, block_size - 1), header)
        if not skip(file, block.payload_size):
            raise TruncatedError("truncated: the archive ends inside a payload")
        if blocks:
            kept.append(block)
        count += 1
        stored += kind is Kind.STORED
        original_size += block.original_size
        payload_size += block.payload_size
    end_size = end_mark_size(original_size)
    check_end_mark(first + read_full(file, end_size - 1), original_size)
    size = HEADER_SIZE + count * block_size + payload_size + end_size
    return FrameInfo(header, count, stored, original_size, size, block_headers=tuple(kept))
