"""shazip.Index: the places of an archive's frames, so that reading can begin at any of them.

It uses the archive's own index (index.py) if that matches the frames; otherwise it reads their
headers.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shazip.container import HEADER_SIZE, START_SIZE, check_end_mark, end_mark_size, parse_header
from shazip.errors import CorruptError, ShazipError
from shazip.frames import pass_frame, walk
from shazip.index import (
    INDEX_START_SIZE,
    INDEX_TAIL_SIZE,
    MAX_ENTRIES_SIZE,
    Entries,
    parse_entries,
    parse_index_rest,
    parse_index_start,
)
from shazip.streams import read_full

_LEAST_FRAME = HEADER_SIZE + end_mark_size(0)


@dataclass(frozen=True)
class Span:
    """The place of one frame in the archive, and of its content in the archive's content."""

    offset: int
    compressed_size: int
    start: int
    original_size: int


class Index:
    """The frames of an archive, in their order.

    For a damaged or truncated archive it has the frames before the damage; `failure` is the error
    after them, at the offset `end`.
    """

    def __init__(
        self, places: Iterable[tuple[int, int, int]], failure: ShazipError | None = None
    ) -> None:
        """Take (offset, compressed size, original size) of each frame."""
        spans = []
        self.end = self.original_size = 0
        for offset, compressed_size, original_size in places:
            spans.append(Span(offset, compressed_size, self.original_size, original_size))
            self.original_size += original_size
            self.end = offset + compressed_size
        self.frames = tuple(spans)
        self.failure = failure
        self._starts = [span.start for span in spans]

    @classmethod
    def read(cls, source: str | os.PathLike[str] | BinaryIO) -> Index:
        """Return the index of an archive: a path, or an open file that can seek, from its start."""
        if isinstance(source, str | os.PathLike):
            with Path(source).open("rb") as file:
                return cls.read(file)
        places = recorded(source)
        if places is not None and all(_is_frame(source, *place) for place in places):
            return cls(places)
        return cls(*_walked(source))

    def find(self, position: int) -> Span | None:
        """Return the frame that holds the byte of the content at `position`."""
        place = bisect_right(self._starts, position) - 1
        if 0 <= position < self.original_size:
            return self.frames[place]
        return None

    def entries_before(self, span: Span) -> Entries:
        """Return the entries of the frames before `span`, which the next index begins with."""
        entries = Entries()
        for frame in self.frames:
            if frame.offset >= span.offset:
                break
            entries.add(frame.compressed_size, frame.original_size)
        return entries

    def check(self, file: BinaryIO, span: Span) -> None:
        """Raise CorruptError unless the frame at `span` has the sizes given there."""
        file.seek(span.offset)
        frame = pass_frame(file, read_full(file, START_SIZE))
        if (frame.compressed_size, frame.original_size) != (
            span.compressed_size,
            span.original_size,
        ):
            raise CorruptError("the index does not match the frame")


def recorded(file: BinaryIO) -> list[tuple[int, int, int]] | None:
    """Return the places in an archive's indexes, None unless they cover all of it."""
    places: list[tuple[int, int, int]] = []
    stop = file.seek(0, os.SEEK_END)
    while stop > 0:
        try:
            entries, stop = _index_before(file, stop)
        except ShazipError:
            return None
        for compressed_size, original_size in reversed(entries):
            stop -= compressed_size
            if stop < 0 or compressed_size < _LEAST_FRAME:
                return None
            places.append((stop, compressed_size, original_size))
    return places[::-1]


def _index_before(file: BinaryIO, stop: int) -> tuple[list[tuple[int, int]], int]:
    """Return the entries of the index that ends at `stop`, and where it begins."""
    file.seek(max(stop - 4, 0))
    size = int.from_bytes(read_full(file, 4), "little")
    start = stop - INDEX_START_SIZE - size - INDEX_TAIL_SIZE
    if size > MAX_ENTRIES_SIZE or start < 0:
        raise CorruptError("no index")
    file.seek(start)
    if parse_index_start(read_full(file, INDEX_START_SIZE)) != size:
        raise CorruptError("no index")
    return parse_entries(parse_index_rest(read_full(file, size + INDEX_TAIL_SIZE), size)), start


def _is_frame(file: BinaryIO, offset: int, compressed_size: int, original_size: int) -> bool:
    """Return whether a header lies at `offset`, and an end mark where the frame ends."""
    try:
        file.seek(offset)
        parse_header(read_full(file, HEADER_SIZE))
        end_size = end_mark_size(original_size)
        file.seek(offset + compressed_size - end_size)
        check_end_mark(read_full(file, end_size), original_size)
    except ShazipError:
        return False
    return True


def _walked(file: BinaryIO) -> tuple[list[tuple[int, int, int]], ShazipError | None]:
    places = []
    file.seek(0)
    try:
        for frame in walk(file):
            places.append((frame.offset, frame.compressed_size, frame.original_size))
    except ShazipError as error:
        return places, error.with_traceback(None)
    return places, None
