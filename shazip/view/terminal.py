"""A Look as lines for a terminal with 24-bit colours: each byte on a shade of its bits."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shazip.view.look import Look

_FULL = 16.0  # bits of the last shade
_SHADES = 32
_RESET = "\x1b[0m"
# Matplotlib's cividis at six places: perceptually uniform, the same to the colour-blind.
_CIVIDIS = (
    (0, 34, 78),
    (51, 67, 108),
    (95, 98, 111),
    (138, 133, 120),
    (186, 172, 106),
    (254, 232, 56),
)
_TICKS = (0, 0.1, 0.5, 1, 2, 4, 8, 16)


def lines(look: Look) -> Iterator[str]:
    """Yield the lines, with the legend first; controls are shown and never sent."""
    codes = [_code(shade) for shade in range(_SHADES)]
    ticks = " ".join(f"{codes[int(_shades(np.array([t]))[0])]} {t} " for t in _TICKS)
    size, bits = len(look.data), float(look.trace.bits.sum())
    bpb = f"{bits / size:.3f} bits per byte" if size else "empty"
    yield f"{printable(look.name)}: {size} bytes, {bpb}\nbits {ticks}{_RESET}\n\n"
    shades = _shades(look.trace.bits)
    for start, stop in _spans(look.data):
        yield _line(look.data[start:stop], shades[start:stop], codes)


def printable(text: str) -> str:
    """Return `text` with marks for all that a terminal or a bidirectional text would obey."""
    return "".join(_shown(char) for char in text)


def _spans(data: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(data):
        stop = data.find(b"\n", start) + 1 or len(data)
        yield start, stop
        start = stop


def _line(data: bytes, shades: NDArray[np.int64], codes: list[str]) -> str:
    """Return one line; a character of several bytes has the shade of its costliest."""
    parts, at, last = [], 0, -1
    for char in data.decode("utf-8", "surrogateescape"):
        size = len(char.encode("utf-8", "surrogateescape"))
        shade = int(shades[at : at + size].max())
        if shade != last:
            parts.append(codes[shade])
        parts.append(_shown(char))
        at, last = at + size, shade
    return "".join(parts) + _RESET + "\n"


def _shown(char: str) -> str:
    number = ord(char)
    if char == "\n":
        return "↵"
    if char == "\t":
        return "→"
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is no UTF-8
        return f"⟨{number - 0xDC00:02X}⟩"
    if char != " " and unicodedata.category(char)[0] in "CZ":
        return f"⟨U+{number:04X}⟩"
    return char


def _shades(bits: NDArray[np.float64]) -> NDArray[np.int64]:
    places = (_SHADES - 1) * np.sqrt(np.minimum(bits, _FULL) / _FULL)
    return np.asarray(np.rint(places), np.int64)


def _code(shade: int) -> str:
    """Return the escape sequence of a shade and of an ink that can be read on it."""
    place = shade / (_SHADES - 1) * (len(_CIVIDIS) - 1)
    low = min(int(place), len(_CIVIDIS) - 2)
    part = place - low
    red, green, blue = (
        round(a + (b - a) * part) for a, b in zip(_CIVIDIS[low], _CIVIDIS[low + 1], strict=True)
    )
    ink = "0;0;0" if place > 2.5 else "255;255;255"
    return f"\x1b[48;2;{red};{green};{blue}m\x1b[38;2;{ink}m"
