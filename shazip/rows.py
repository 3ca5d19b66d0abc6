"""Whole rows of a predictor that codes in halves, from as few second halves as possible.

trace.py uses them for the cost of every byte inside a symbol and for the likeliest symbols.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shazip.halves import second_bits
from shazip.model.arithmetic import FREQUENCY_TOTAL
from shazip.model.vocabulary import Vocabulary
from shazip.predictor import Predictor

_SCALE = np.uint64(FREQUENCY_TOTAL)


class Prefixes:
    """Ranges of the row that begin like a symbol: its numbers follow the order of the strings.

    `bounds` (V, L + 1, 2) has [low, high) for the first 0..L bytes, L being the longest string's;
    from the symbol's own length on it is the symbol alone.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.size = vocabulary.size
        self.bits = (vocabulary.size - 1).bit_length()
        self.lengths = vocabulary.lengths
        longest = int(vocabulary.lengths.max())
        numbers = np.arange(vocabulary.size)
        self.bounds = np.empty((vocabulary.size, longest + 1, 2), np.intp)
        self.bounds[:] = np.stack([numbers, numbers + 1], axis=1)[:, None]
        for size in range(longest):
            self._set_bounds(vocabulary.strings, size)

    def _set_bounds(self, strings: tuple[bytes, ...], size: int) -> None:
        start = 0
        for stop in range(1, len(strings) + 1):
            if stop < len(strings) and strings[stop][:size] == strings[start][:size]:
                continue
            longer = start + np.flatnonzero(self.lengths[start:stop] > size)
            self.bounds[longer, size] = start, stop
            start = stop

    @cached_property
    def halves(self) -> NDArray[np.uint16]:
        """The first halves (V, R) that the ranges of a symbol cut, right-aligned.

        The last is the symbol's own; it repeats in unused places on the left.
        """
        shift = second_bits(self.bits)
        cut = self.bounds & (1 << shift) - 1 != 0  # a range that ends between two first halves
        rows = [
            [*sorted(set((bounds[at] >> shift).tolist()) - {number >> shift}), number >> shift]
            for number, (bounds, at) in enumerate(zip(self.bounds, cut, strict=True))
        ]
        most = max(map(len, rows))
        return np.array([[row[-1]] * (most - len(row)) + row for row in rows], np.uint16)

    @cached_property
    def asked(self) -> NDArray[np.intp]:
        """The number of different first halves of each symbol (V,)."""
        others: NDArray[np.intp] = (self.halves != self.halves[:, -1:]).sum(axis=1)
        return 1 + others


class Rows:
    """The rows of one step in `live` lanes, filled in as second halves are requested."""

    def __init__(self, predictor: Predictor, prefixes: Prefixes, live: int) -> None:
        self._predictor = predictor
        self._prefixes = prefixes
        self._lanes = np.arange(live)
        self._firsts = predictor.first(live).astype(np.uint64) * _SCALE  # (live, A)
        # A half that is not known has its whole mass at its beginning, so that sums over ranges
        # are exact that do not end within it. A row sums to 2**48.
        self._masses = np.zeros((live, self._firsts.shape[1], self._seconds), np.uint64)
        self._masses[:, :, 0] = self._firsts
        self._known = np.zeros(self._firsts.shape, bool)

    def likeliest(self, count: int) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
        """Return the `count` likeliest symbols (live, count), best first, and their bits."""
        live, order = len(self._lanes), np.argsort(self._firsts, axis=1)[:, ::-1]
        masses = np.zeros_like(self._masses)
        for rank in range(order.shape[1]):
            halves = order[:, rank].astype(np.uint16)
            masses[self._lanes, halves] = self._ask(halves)
            least = np.partition(masses.reshape(live, -1), -count, axis=1)[:, -count]
            following = order[:, rank + 1 : rank + 2]
            if (np.take_along_axis(self._firsts, following, 1)[:, :1] <= least[:, None]).all():
                break  # no symbol of another half is likelier
        flat = masses.reshape(live, -1)
        found = np.argpartition(flat, -count, axis=1)[:, -count:]
        found = np.take_along_axis(
            found, np.argsort(np.take_along_axis(flat, found, 1), axis=1)[:, ::-1], 1
        )
        return found.astype(np.uint16), -_log2(np.take_along_axis(flat, found, 1)) + 48

    def byte_bits(self, column: NDArray[np.uint16]) -> NDArray[np.float64]:
        """Return the bits (live, L) of each byte of the coded symbols (live,).

        Call it last: afterwards the predictor is ready for the update with `column`.
        """
        halves = self._prefixes.halves[column]
        for place in range(
            halves.shape[1] - int(self._prefixes.asked[column].max()), halves.shape[1]
        ):
            self._ask(halves[:, place])
        return prefix_bits(self._masses.reshape(len(column), -1), self._prefixes, column)

    @property
    def _seconds(self) -> int:
        return 1 << second_bits(self._prefixes.bits)

    def _ask(self, halves: NDArray[np.uint16]) -> NDArray[np.uint64]:
        """Fill in the second halves behind `halves` (live,); return their masses (live, B)."""
        seconds = self._predictor.second(halves)
        firsts = self._firsts[self._lanes, halves, None] // _SCALE
        masses: NDArray[np.uint64] = firsts * seconds
        self._masses[self._lanes, halves] = masses
        return masses


def prefix_bits(
    masses: NDArray[np.uint64], prefixes: Prefixes, column: NDArray[np.uint16]
) -> NDArray[np.float64]:
    """Return the bits (live, L) of each byte of symbols (live,) by masses (live, V), rows alike.

    Byte k costs log2 of the mass of all symbols that begin with the k bytes before it, divided by
    the mass of those that begin with it as well; the last byte's divisor is the symbol's own mass.
    """
    sums = np.zeros((len(masses), prefixes.size + 1), np.uint64)
    np.cumsum(masses, axis=1, out=sums[:, 1:])
    bounds = prefixes.bounds[column]  # (live, L + 1, 2)
    ends = np.take_along_axis(sums[:, None], bounds, axis=2)
    return -np.diff(_log2(ends[:, :, 1] - ends[:, :, 0]), axis=1)


def _log2(masses: NDArray[np.uint64]) -> NDArray[np.float64]:
    return np.log2(masses.astype(np.float64))  # exact in float64: masses are at most 2**48
