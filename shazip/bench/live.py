"""The table that fills while the benchmark runs: redrawn on a terminal, else line by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from shazip.bench.results import Input, Row
from shazip.bench.tables import heading, notes, text_lines
from shazip.terminal import columns, cut


class LiveTable:
    """The table of one file."""

    def __init__(self, stream: TextIO, file: Input) -> None:
        self._stream = stream
        self._redraw = stream.isatty()
        self._shown = 0  # lines on the screen, or written for good
        stream.write(f"{heading(file)}\n")

    def show(self, rows: Sequence[Row], done: int) -> None:
        """Show the rows so far; the first `done` are final."""
        lines = text_lines(rows)
        if self._redraw:
            self._draw([cut(line, columns(self._stream) - 1) for line in lines])
        elif done:
            self._write(lines[self._shown : done + 1])
            self._shown = done + 1

    def close(self, rows: Sequence[Row]) -> None:
        """Show the rows that a narrow terminal hid, explain the marks and leave an empty line."""
        if self._redraw:
            self._draw(text_lines(rows))
        self._write([*notes(rows), ""])

    def _draw(self, lines: list[str]) -> None:
        if self._shown:
            self._stream.write(f"\x1b[{self._shown}F")
        self._write([f"\x1b[K{line}" for line in lines])
        self._shown = len(lines)

    def _write(self, lines: list[str]) -> None:
        self._stream.write("".join(f"{line}\n" for line in lines))
        self._stream.flush()


class Status:
    """One line on a terminal that names the measurement under way; nothing anywhere else."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream and stream.isatty() else None

    def show(self, text: str) -> None:
        """Replace the line; an empty text wipes it out."""
        if self._stream:
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()
