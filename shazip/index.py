"""The index behind an archive's frames: their sizes, so that a reader finds any frame at once.

    index = magic | version | size | checksum | entries | checksum | size

An entry is a frame's compressed and original size; docs/format.md gives every byte. Where index and
frames differ, readers trust the frames (spans.py). Standard library only.
"""

from __future__ import annotations

import struct
import zlib

from shazip.container import FORMAT_VERSION, INDEX_MAGIC, pack_varint
from shazip.errors import CorruptError, FormatError, TruncatedError

MAX_ENTRIES_SIZE = 1 << 26  # bytes; more than 8 million frames of 16 MiB
_START = struct.Struct("<4sBI")
_CHECKSUM = struct.Struct("<I")
_TAIL = struct.Struct("<II")

INDEX_START_SIZE = _START.size + _CHECKSUM.size
INDEX_TAIL_SIZE = _TAIL.size


def pack_entry(compressed_size: int, original_size: int) -> bytes:
    """Return the entry of one frame."""
    return pack_varint(compressed_size) + pack_varint(original_size)


def pack_index(entries: bytes) -> bytes:
    """Return the index with these entries, joined."""
    start = _START.pack(INDEX_MAGIC, FORMAT_VERSION, len(entries))
    tail = _TAIL.pack(zlib.crc32(entries), len(entries))
    return start + _CHECKSUM.pack(zlib.crc32(start)) + entries + tail


def parse_index_start(data: bytes) -> int:
    """Return the size of the entries of the index that begins with these INDEX_START_SIZE bytes."""
    if len(data) < INDEX_START_SIZE:
        raise TruncatedError(f"the index ends after {len(data)} bytes")
    if _CHECKSUM.pack(zlib.crc32(data[: _START.size])) != data[_START.size : INDEX_START_SIZE]:
        raise CorruptError("the index's checksum does not match")
    size = int(_START.unpack_from(data)[2])
    if not 0 < size <= MAX_ENTRIES_SIZE:
        raise FormatError(f"an index with {size} bytes of entries, at most {MAX_ENTRIES_SIZE}")
    return size


def parse_index_rest(data: bytes, size: int) -> bytes:
    """Return the `size` bytes of entries in `data`, an index without its start."""
    if len(data) < size + INDEX_TAIL_SIZE:
        raise TruncatedError(f"the index ends after {len(data)} of {size + INDEX_TAIL_SIZE} bytes")
    if _TAIL.pack(zlib.crc32(data[:size]), size) != data[size:]:
        raise CorruptError("the index's checksum does not match")
    return data[:size]


def parse_entries(entries: bytes) -> list[tuple[int, int]]:
    """Return (compressed size, original size) of each frame."""
    numbers = []
    number = shift = 0
    for byte in entries:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
        elif shift > 63:
            raise CorruptError("the index holds a size beyond 2**63")
    if shift or len(numbers) % 2:
        raise CorruptError("the index ends inside an entry")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


class Entries:
    """The entries of the frames so far, to write the next index or to check it."""

    def __init__(self) -> None:
        self._entries = bytearray()
        self.frames = 0
        self.index_size = 0  # bytes of indexes so far

    def add(self, compressed_size: int, original_size: int) -> None:
        """Add the entry of the frame that has just ended."""
        self._entries += pack_entry(compressed_size, original_size)
        del self._entries[:-MAX_ENTRIES_SIZE]
        self.frames += 1

    def extend(self, others: Entries) -> None:
        """Add the entries of frames that were made elsewhere."""
        self._entries += others._entries
        del self._entries[:-MAX_ENTRIES_SIZE]
        self.frames += others.frames

    def pack(self) -> bytes:
        """Return the index of all frames."""
        return pack_index(bytes(self._entries))

    def check(self, entries: bytes) -> None:
        """Raise CorruptError unless an index's `entries` are those of the frames before it."""
        parse_entries(entries)
        before = self._entries[: -len(entries)]
        if not self._entries.endswith(entries) or (before and before[-1] >= 0x80):
            raise CorruptError("the index does not match the frames before it")
