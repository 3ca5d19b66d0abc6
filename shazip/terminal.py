"""The width of a terminal and of text, in columns, which are not characters; printable names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import takewhile
from typing import TextIO


def columns(stream: TextIO) -> int:
    """Return the columns of the terminal that `stream` writes to, 80 if unknown."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


def width(text: str) -> int:
    """Return the columns that `text`, without control characters, takes."""
    return max(_ends(text), default=0)


def cut(text: str, columns: int) -> str:
    """Return the beginning of `text` that fits into so many columns."""
    fitting = takewhile(lambda end: end <= columns, _ends(text))
    return text[: sum(1 for _ in fitting)]


def _ends(text: str) -> Iterator[int]:
    """Yield for each character the column after it."""
    from wcwidth import wcwidth  # loads more than help and version need

    end = 0
    for character in text:
        end += max(wcwidth(character), 0)
        yield end


def printable(text: str) -> str:
    """`text` with escapes for control characters and undecodable bytes, so that it is one line."""
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    # Python decodes the byte 0xNN of a name that is not UTF-8 as the lone surrogate U+DCNN.
    if 0xDC80 <= ord(char) <= 0xDCFF:
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
