"""Reads an archive frame by frame and checks the indexes behind them; encoder.py makes one.

archive -> frames -> FrameDecoder (framing.py) -> blocks
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shazip.container import START_SIZE, check_start
from shazip.index import Entries
from shazip.streams import OutputLimit, Progress, Reader, offset

if TYPE_CHECKING:
    from shazip.archive import Codec


def decode_stream(
    codec: Codec,
    reader: Reader,
    progress: Progress,
    entries: Entries | None = None,
    limit: OutputLimit | None = None,
) -> Iterator[bytes]:
    """Yield the content of the archive that `reader` reads, block by block.

    `entries` are those of frames before, if it begins in the middle of an archive.
    """
    entries, size = entries or Entries(), 0
    piece = reader.read(START_SIZE)
    check_start(piece, first=not entries.frames)
    while True:
        frame, begin = codec.frame_decoder(limit), reader.size - len(piece)
        while not frame.eof:
            content = frame.feed(piece, offset(progress, size, reader.size - len(piece)))
            if content:
                size += len(content)
                yield content
            piece = reader.read(frame.needed or START_SIZE)
        if frame.entries is None:
            entries.add(reader.size - len(piece) - begin, frame.size)
        else:
            entries.check(frame.entries)
        if not piece:
            return
        check_start(piece, first=False)
