"""Figures about a traced text: kinds of bytes, costliest words and lines, costs along the file."""

from __future__ import annotations

import lzma
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WORDS = re.compile(rb"[0-9A-Za-z_\x80-\xff]{2,64}")
_LINES = re.compile(rb"[^\n]+\n?")
_SPACE = b" \t\r\n\v\f"
_MARKUP = b"<>[]{}()|=&;#*/\\@^~`$%_+\"'"
_PUNCTUATION = b".,:!?-"
_TOP = 30
_BINS = 2048  # at most so many points along the file
_PIECE = 32  # bytes of the xz stream that are decoded at a time

KINDS = ("letters", "digits", "white space", "punctuation", "markup and signs", "UTF-8", "control")


def kinds(data: bytes, bits: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Return for each kind of byte its name, how many there are and what they cost."""
    classes = _classes()[np.frombuffer(data, np.uint8)]
    counts = np.bincount(classes, minlength=len(KINDS))
    costs = np.bincount(classes, bits, minlength=len(KINDS))
    return [
        {"name": name, "count": int(count), "bits": round(float(cost), 1)}
        for name, count, cost in zip(KINDS, counts, costs, strict=True)
        if count
    ]


def _classes() -> NDArray[np.uint8]:
    classes = np.full(256, KINDS.index("control"), np.uint8)
    classes[128:] = KINDS.index("UTF-8")
    for name, members in (
        ("letters", bytes(range(65, 91)) + bytes(range(97, 123))),
        ("digits", bytes(range(48, 58))),
        ("white space", _SPACE),
        ("punctuation", _PUNCTUATION),
        ("markup and signs", _MARKUP),
    ):
        classes[np.frombuffer(members, np.uint8)] = KINDS.index(name)
    return classes


def costliest_words(data: bytes, bits: NDArray[np.float64]) -> list[list[float]]:
    """Return [start, size, occurrences, bits of all of them] of words, the costliest first."""
    sums = _sums(bits)
    words: dict[bytes, list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
    for match in _WORDS.finditer(data):
        start, stop = match.span()
        entry = words[match[0]]
        if not entry[2]:
            entry[:2] = start, stop - start
        entry[2] += 1
        entry[3] += float(sums[stop] - sums[start])
    return _top(words.values())


def costliest_lines(data: bytes, bits: NDArray[np.float64]) -> list[list[float]]:
    """Return [start, size, number from 1, bits] of lines, the costliest first."""
    sums = _sums(bits)
    spans = (match.span() for match in _LINES.finditer(data))
    lines = [[start, stop - start, 0, float(sums[stop] - sums[start])] for start, stop in spans]
    top = _top(lines)
    for line in top:
        line[2] = 1 + data.count(b"\n", 0, int(line[0]))
    return top


def _top(entries: Iterable[list[float]]) -> list[list[float]]:
    best = sorted(entries, key=lambda entry: -entry[3])[:_TOP]
    return [[*entry[:3], round(entry[3], 1)] for entry in best]


def along(data: bytes, costs: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Return bits per byte in each piece of `step` bytes: of `costs` by name, and of xz -9e."""
    size = len(data)
    step = 1024 * max(1, -(-size // (1024 * _BINS)))
    ends = np.minimum(np.arange(0, size + step, step), size)
    lengths = np.maximum(np.diff(ends), 1)
    curves = {name: np.diff(_sums(bits)[ends]) / lengths for name, bits in costs.items()}
    curves["xz"] = np.diff(np.interp(ends, *xz_progress(data))) / lengths
    rounded = {name: np.round(curve, 3).tolist() for name, curve in curves.items()}
    return {"step": step, "curves": rounded}


def xz_progress(data: bytes) -> tuple[list[int], list[float]]:
    """Return bytes of `data` and the bits of an LZMA stream after which they are decoded, rising.

    The stream is LZMA alone at xz's level 9e, without the container; its decoder gives out each
    byte as soon as it can, so this is how the cost is spread, but for some bytes of look-ahead.
    """
    packed = lzma.compress(data, lzma.FORMAT_ALONE, preset=9 | lzma.PRESET_EXTREME)
    decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    done, places, bits = 0, [0], [0.0]
    for at in range(0, len(packed), _PIECE):
        found = 0 if decoder.eof else len(decoder.decompress(packed[at : at + _PIECE]))
        if found:
            done += found
            places.append(done)
            bits.append(8.0 * min(at + _PIECE, len(packed)))
    bits[-1] = 8.0 * len(packed)
    return places, bits


def _sums(bits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum(bits)])
