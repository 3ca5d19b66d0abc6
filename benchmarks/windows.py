"""Windows of measured files found again in training texts: hashed, looked up, compared by bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.intp]

SLAB = 1 << 22  # bytes of a text looked up at once: about 300 MB of memory
FILTER_BITS = 26  # 64 MiB of flags; 5 million windows set 7 % of them
MULTIPLIER = 0x9E3779B97F4A7C15
LETTERS = np.random.default_rng(13).integers(1 << 64, size=256, dtype=np.uint64)


def hashes(text: Bytes, size: int) -> NDArray[np.uint64]:
    """Return the 64-bit polynomial hash of each of the len(text) - size + 1 windows of `size`."""
    count = len(text) - size + 1
    if count <= 0:
        return np.zeros(0, np.uint64)
    whole, done = np.zeros(len(text) + 1, np.uint64), 0
    part, width, factor = LETTERS[text], 1, MULTIPLIER  # part: windows of `width`, a power of two
    while True:
        if size & width:
            whole = whole[: len(part) - done] * np.uint64(factor) + part[done:]
            done += width
        if done == size:
            return whole[:count]
        part = part[:-width] * np.uint64(factor) + part[width:]
        width, factor = 2 * width, factor * factor % (1 << 64)


@dataclass(frozen=True)
class Hits:
    """Where windows of the measured files occur in a text: ascending offsets, window numbers."""

    offsets: Offsets
    windows: Offsets


class Windows:
    """The distinct windows of `size` bytes of named files, numbered by hash.

    Two different windows with one hash would count as one: 5 million windows make that happen once
    in a million corpora. Matches in a text are compared byte by byte.
    """

    def __init__(self, files: Mapping[str, bytes], size: int) -> None:
        self.size = size
        self._joined = np.frombuffer(b"".join(files.values()), np.uint8)
        parts = {name: hashes(np.frombuffer(data, np.uint8), size) for name, data in files.items()}
        starts = np.cumsum([0, *map(len, files.values())])[:-1]
        where = [
            start + np.arange(len(part)) for start, part in zip(starts, parts.values(), strict=True)
        ]
        self._keys, first = np.unique(np.concatenate([*parts.values()]), return_index=True)
        self._places = np.concatenate(where)[first]
        self.of = {name: np.unique(self._find(part)) for name, part in parts.items()}
        self._filter = np.zeros(1 << FILTER_BITS, bool)
        self._filter[self._keys >> np.uint64(64 - FILTER_BITS)] = True

    def __len__(self) -> int:
        return len(self._keys)

    def window(self, number: int) -> bytes:
        """Return the bytes of one window."""
        place = self._places[number]
        return self._joined[place : place + self.size].tobytes()

    def hits(self, text: Bytes) -> Hits:
        """Return all places of `text` that hold a window of the measured files."""
        found = [self._hits(text, start) for start in range(0, len(text), SLAB)]
        none = np.zeros(0, np.intp)
        return Hits(
            np.concatenate([none, *(hit.offsets for hit in found)]),
            np.concatenate([none, *(hit.windows for hit in found)]),
        )

    def _hits(self, text: Bytes, start: int) -> Hits:
        slab = text[start : start + SLAB + self.size - 1]
        keys = hashes(slab, self.size)
        offsets = np.flatnonzero(self._filter[keys >> np.uint64(64 - FILTER_BITS)])
        numbers = self._find(keys[offsets])
        equal = self._keys[numbers] == keys[offsets]
        offsets, numbers = offsets[equal], numbers[equal]
        if len(offsets):
            here = sliding_window_view(slab, self.size)[offsets]
            there = sliding_window_view(self._joined, self.size)[self._places[numbers]]
            same = (here == there).all(axis=1)
            offsets, numbers = offsets[same], numbers[same]
        return Hits(offsets + start, numbers)

    def _find(self, keys: NDArray[np.uint64]) -> Offsets:
        return np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
