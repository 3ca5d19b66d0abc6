"""The progress line on a terminal: `enwik8  12.4%  1.31 bpb  84 kB/s  eta 3:12`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

from shazip.cli.batch import Batch
from shazip.cli.report import printable
from shazip.streams import Progress, silent
from shazip.terminal import columns, cut, width

REFRESH_SECONDS = 0.2
UNITS = ("B", "kB", "MB", "GB", "TB")


class ProgressLine:
    """Draws one file's progress; erases it on leaving, so that messages get their own line.

    `size` is the size of the input, None for a pipe: an archive if `decoding`, else an original.
    """

    def __init__(
        self,
        name: str,
        size: int | None,
        *,
        decoding: bool = False,
        batch: Batch | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = printable(name)
        self.size = size
        self.decoding = decoding
        self.batch = batch
        self._clock = clock
        self._start = self._drawn = clock()
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._width:
            self._write("")

    def __call__(self, original: int, archive: int) -> None:
        """Redraw for so many bytes of both, at most five times a second."""
        now = self._clock()
        if now - self._drawn < REFRESH_SECONDS:
            return
        self._drawn = now
        self._write(self.text(original, archive, now - self._start))

    def text(self, original: int, archive: int, seconds: float) -> str:
        """The line after so many bytes and `seconds`."""
        done = archive if self.decoding else original
        parts = [self.name, f"{done / self.size:.1%}" if self.size else amount(done)]
        if original and archive:
            parts.append(f"{8 * archive / original:.2f} bpb")
        if original and seconds > 0:
            parts.append(f"{amount(original / seconds)}/s")
        if self.size and done:
            parts.append(f"eta {duration(seconds * max(self.size - done, 0) / done)}")
        if self.batch is not None:
            parts.append(_together(self.batch, done, self._clock()))
        return "  ".join(parts)

    def _write(self, text: str) -> None:
        # One column stays free, since some terminals wrap a full line.
        text = cut(text, columns(sys.stderr) - 1)
        blank = " " * (self._width - width(text))
        sys.stderr.write("\r" + text + blank + ("" if text else "\r"))
        sys.stderr.flush()
        self._width = width(text)


def _together(batch: Batch, done: int, now: float) -> str:
    """The progress of all files, `done` bytes into the current one: (2 of 5, 31.0%, eta 12:10)."""
    parts = [f"{batch.number} of {batch.files}"]
    done += batch.done
    if batch.size:
        parts.append(f"{min(done / batch.size, 1):.1%}")
    if batch.size and done:
        left = (now - batch.start) * max(batch.size - done, 0) / done
        parts.append(f"eta {duration(left)}")
    return f"({', '.join(parts)})"


def drawn(quiet: int) -> bool:
    """Whether progress is drawn: on a terminal, without -q."""
    return not quiet and sys.stderr is not None and sys.stderr.isatty()


def progress_of(
    name: str, size: int | None, *, quiet: int, decoding: bool = False, batch: Batch | None = None
) -> AbstractContextManager[Progress]:
    """The progress line on a terminal without -q, otherwise silence."""
    if not drawn(quiet):
        return nullcontext(silent)
    return ProgressLine(name, size, decoding=decoding, batch=batch)


def amount(size: float) -> str:
    """`size` bytes with two or three digits and a unit: 950 B, 84 kB, 1.2 MB."""
    power = 0
    while size >= 999.5 and power < len(UNITS) - 1:
        size /= 1000
        power += 1
    digits = 1 if power and size < 9.95 else 0
    return f"{size:.{digits}f} {UNITS[power]}"


def duration(seconds: float) -> str:
    """`seconds` as 3:12 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
