"""A file or an archive, and where its bits go."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from shazip.archive import Codec
from shazip.container import MAGIC, Header
from shazip.frames import info
from shazip.predictor import Engine
from shazip.settings import CONTEXTS, Coding
from shazip.streams import Progress, offset, silent
from shazip.trace import Trace, Tracer, joined

LIKELIEST = 5  # symbols shown at each place


@dataclass(frozen=True)
class Look:
    """A traced file."""

    name: str
    data: bytes
    trace: Trace
    models: list[str]  # names, without repetitions
    mixed: bool
    archive_size: int | None  # bytes of the archive that it was read from


class Viewer:
    """Looks into files with what compresses them, and into archives with what compressed them."""

    def __init__(
        self,
        codec: Codec,
        *,
        threads: int | None = None,
        likeliest: int = LIKELIEST,
    ) -> None:
        """Trace with the engines and settings of `codec`, which decodes archives."""
        self._codec = codec
        self._threads = threads
        self._likeliest = likeliest

    def look(self, name: str, source: bytes, progress: Progress = silent) -> Look:
        """Return what `source`, a file or an archive, costs and where."""
        if not source.startswith(MAGIC):
            engine = self._codec.engine(self._codec.model.id)
            found = self._trace(engine, self._codec.coding, source, progress)
            return Look(name, source, found, [engine.model.name], self._codec.coding.mix, None)
        data = b"".join(self._codec.decompress_blocks(io.BytesIO(source)))
        traces, models, mixed = [], [], False
        for header, start, stop in _frames(source):
            engine = self._codec.engine(header.model_id)
            coding, report = _coding(header), offset(progress, start, 0)
            traces.append(self._trace(engine, coding, data[start:stop], report))
            models.append(engine.model.name)
            mixed |= coding.mix
        return Look(name, data, joined(traces), list(dict.fromkeys(models)), mixed, len(source))

    def _trace(self, engine: Engine, coding: Coding, data: bytes, progress: Progress) -> Trace:
        tracer = Tracer(engine, coding, threads=self._threads, likeliest=self._likeliest)
        return tracer.trace(data, progress)[1]


def _frames(source: bytes) -> Iterator[tuple[Header, int, int]]:
    """Yield each frame's header and where its content begins and ends."""
    frames = info(source).frames
    ends = accumulate(frame.original_size for frame in frames)
    for frame, end in zip(frames, ends, strict=True):
        yield frame.header, end - frame.original_size, end


def _coding(header: Header) -> Coding:
    mix, contexts = bool(header.mixing_version), CONTEXTS[header.contexts]
    return Coding(header.lanes, 1 << header.block_bits, mix, contexts)
