"""Saves the intact frames of a damaged archive and reports the places of the others.

A frame goes to the sink only when its end mark has proved all of it. After a damaged one,
reading resumes at the end that its own block headers give, at the next frame in the archive's
index, or at the next header whose checksum holds. That header may belong to a frame inside a
payload, but only in an archive of archives whose block headers are damaged.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from typing import BinaryIO

from shazip.archive import Codec
from shazip.container import HEADER_SIZE, INDEX_MAGIC, MAGIC, START_SIZE, parse_header
from shazip.errors import ShazipError
from shazip.frames import pass_frame
from shazip.index import INDEX_START_SIZE, parse_index_start
from shazip.spans import recorded
from shazip.streams import Reader, Writer, read_full
from shazip.units import plural

_WINDOW = 1 << 20  # bytes that are searched at once


@dataclass(frozen=True)
class Loss:
    """A part of an archive that gave nothing."""

    offset: int  # in the archive
    stop: int
    original_size: int | None  # bytes of content that were there; None if nothing says how many
    reason: str

    def __str__(self) -> str:
        size = "an unknown number of" if self.original_size is None else str(self.original_size)
        return (
            f"lost: bytes {self.offset}-{self.stop} of the archive, {size} bytes of content"
            f" ({self.reason})"
        )


@dataclass(frozen=True)
class Salvage:
    """The frames saved from an archive, and what was lost."""

    frames: int
    original_size: int  # bytes written
    losses: tuple[Loss, ...]

    def __str__(self) -> str:
        found, lost = plural(self.frames, "intact frame"), plural(len(self.losses), "part")
        return f"{found}, {self.original_size} bytes; {lost} lost"


def salvage(codec: Codec, source: BinaryIO, sink: BinaryIO) -> Salvage:
    """Write the content of every intact frame of `source`, a file that can seek, to `sink`."""
    end = source.seek(0, os.SEEK_END)
    places = recorded(source) or []
    writer = Writer(sink)
    losses: list[Loss] = []
    position = frames = 0
    while position < end or not (frames or losses):
        try:
            position, is_frame = _take(codec, source, position, writer)
            frames += is_frame
        except ShazipError as error:
            stop, size = _next(source, position, end, places)
            losses.append(Loss(position, stop, size, str(error)))
            position = stop
    return Salvage(frames, writer.size, tuple(losses))


def _take(codec: Codec, source: BinaryIO, position: int, writer: Writer) -> tuple[int, bool]:
    """Write the frame at `position`; return where it ends, and whether it was no index."""
    source.seek(position)
    reader, frame = Reader(source), codec.frame_decoder()
    with tempfile.TemporaryFile() as content:
        while not frame.eof:
            content.write(frame.feed(reader.read(frame.needed)))
        content.seek(0)
        shutil.copyfileobj(content, writer)
    return position + reader.size, frame.entries is None


def _next(
    source: BinaryIO, position: int, end: int, places: list[tuple[int, int, int]]
) -> tuple[int, int | None]:
    """Return where reading resumes after damage at `position`, and the size of content between."""
    try:
        source.seek(position)
        frame = pass_frame(source, read_full(source, START_SIZE))
    except ShazipError:
        return _recorded_next(source, position, end, places)
    stop = position + frame.compressed_size
    if stop < end and not _begins(source, stop):  # bytes are missing or too many
        return _recorded_next(source, position, end, places)
    return stop, frame.original_size


def _recorded_next(
    source: BinaryIO, position: int, end: int, places: list[tuple[int, int, int]]
) -> tuple[int, int | None]:
    for offset, compressed_size, original_size in places:
        if offset == position:
            stop = offset + compressed_size
            inner = _search(source, position + 1, stop)
            if inner < stop and _lead(source, inner, stop):
                return inner, None
            return stop, original_size
    return _search(source, position + 1, end), None


def _lead(source: BinaryIO, position: int, stop: int) -> bool:
    """Return whether frames lead from `position` to `stop` or beyond, so that an index lied.

    Frames inside a payload do not: the end of the frame around them follows.
    """
    source.seek(position)
    try:
        while position < stop:
            position += pass_frame(source, read_full(source, START_SIZE)).compressed_size
    except ShazipError:
        return False
    return True


def _search(source: BinaryIO, position: int, end: int) -> int:
    """Return where the next header or index begins whose checksum holds, `end` if none does."""
    while position < end:
        source.seek(position)
        window = read_full(source, _WINDOW + len(MAGIC) - 1)
        at = window.find(MAGIC[:-1])
        while at >= 0:
            if _begins(source, position + at):
                return position + at
            at = window.find(MAGIC[:-1], at + 1)
        position += _WINDOW
    return end


def _begins(source: BinaryIO, position: int) -> bool:
    source.seek(position)
    data = read_full(source, HEADER_SIZE)
    try:
        if data.startswith(INDEX_MAGIC):
            parse_index_start(data[:INDEX_START_SIZE])
        else:
            parse_header(data)
    except ShazipError:
        return False
    return True
