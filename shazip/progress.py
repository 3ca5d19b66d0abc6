"""How far a long work is, in numbers and on a terminal: `12.4%  1.31 bpb  84 kB/s  eta 3:12`."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TextIO

from shazip.paths import Name
from shazip.terminal import columns, cut, printable, width
from shazip.units import amount, duration

REFRESH_SECONDS = 0.2


@dataclass(frozen=True)
class Standing:
    """How far a work is; None stands for what nobody knows yet."""

    done: int  # bytes
    total: int | None
    bpb: float | None = None
    speed: float | None = None  # bytes per second
    seconds_left: float | None = None

    def text(self, digits: int = 2) -> str:
        """Return it in words, bits per byte with so many `digits`."""
        parts = [f"{self.done / self.total:.1%}" if self.total else amount(self.done)]
        if self.bpb is not None:
            parts.append(f"{self.bpb:.{digits}f} bpb")
        if self.speed is not None:
            parts.append(f"{amount(self.speed)}/s")
        if self.seconds_left is not None:
            parts.append(f"eta {duration(self.seconds_left)}")
        return "  ".join(parts)


def seconds_left(done: int, total: int | None, seconds: float) -> float | None:
    """Return the rest of a work of which `done` of `total` bytes took so many `seconds`."""
    return seconds * max(total - done, 0) / done if total and done else None


@dataclass
class Batch:
    """The progress over several files."""

    files: int
    size: int  # bytes of those that are regular files
    done: int = 0  # bytes of the files before the current one
    number: int = 0  # of the current file, from 1
    start: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, names: Sequence[Name]) -> Batch | None:
        """Return the batch of several `names`, None for a single one."""
        return cls(len(names), sum(map(_size, names))) if len(names) > 1 else None

    @contextmanager
    def file(self, name: str) -> Iterator[None]:
        """Begin the next file, and count it as done, whether it succeeds or fails."""
        self.number += 1
        try:
            yield
        finally:
            self.done += _size(name)

    def text(self, done: int, now: float) -> str:
        """Return the progress, `done` bytes into the current file: (2 of 5, 31.0%, eta 12:10)."""
        parts = [f"{self.number} of {self.files}"]
        done += self.done
        if self.size:
            parts.append(f"{min(done / self.size, 1):.1%}")
        left = seconds_left(done, self.size, now - self.start)
        if left is not None:
            parts.append(f"eta {duration(left)}")
        return f"({', '.join(parts)})"


def _size(name: Name) -> int:
    try:
        status = os.stat(name) if isinstance(name, str) and name != "-" else None  # noqa: PTH116
    except OSError:
        return 0
    return status.st_size if status and stat.S_ISREG(status.st_mode) else 0


class ProgressLine:
    """Draws a work's progress on a terminal; erases it on leaving, so that messages have a line."""

    def __init__(
        self, name: str, stream: TextIO, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = printable(name)
        self._stream = stream
        self._clock = clock
        self.start = self._drawn = clock()
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

    def show(self, text: Callable[[float], str]) -> None:
        """Redraw the line with the text for the seconds so far, at most five times a second."""
        now = self._clock()
        if now - self._drawn >= REFRESH_SECONDS:
            self._drawn = now
            self._write(f"{self.name}  {text(now - self.start)}")

    def _write(self, text: str) -> None:
        # One column stays free, since some terminals wrap a full line.
        text = cut(text, columns(self._stream) - 1)
        blank = " " * (self._width - width(text))
        self._stream.write("\r" + text + blank + ("" if text else "\r"))
        self._stream.flush()
        self._width = width(text)


@dataclass(frozen=True)
class FileProgress:
    """The progress of coding one file of `size` bytes, None for a pipe; see streams.Progress.

    The size is that of the archive if `decoding`, else that of the original.
    """

    line: ProgressLine
    size: int | None
    decoding: bool = False
    batch: Batch | None = None

    def __call__(self, original: int, archive: int) -> None:
        """Show that so many bytes of both are done."""
        self.line.show(lambda seconds: self.text(original, archive, seconds))

    def text(self, original: int, archive: int, seconds: float) -> str:
        """Return the words for so many bytes after so many `seconds`."""
        done = archive if self.decoding else original
        standing = Standing(
            done,
            self.size,
            8 * archive / original if original and archive else None,
            original / seconds if original and seconds > 0 else None,
            seconds_left(done, self.size, seconds),
        )
        if self.batch is None:
            return standing.text()
        return f"{standing.text()}  {self.batch.text(done, self.line.start + seconds)}"


@dataclass(frozen=True)
class DownloadProgress:
    """The progress of a download, called with bytes `before` it, now, and in all if known."""

    line: ProgressLine

    def __call__(self, before: int, done: int, total: int | None) -> None:
        """Show that `done` of `total` bytes are there, `before` of them from an earlier call."""
        self.line.show(lambda seconds: self.text(before, done, total, seconds))

    def text(self, before: int, done: int, total: int | None, seconds: float) -> str:
        """Return the words for so many bytes after so many `seconds`."""
        speed = (done - before) / seconds
        left = (total - done) / speed if total and speed else None
        return Standing(done, total, speed=speed, seconds_left=left).text()
