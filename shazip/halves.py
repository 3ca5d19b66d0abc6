"""The two halves of a symbol: splits and joins them, and derives their frequencies from a row.

A symbol of `bits` bits is coded as its upper bits // 2 bits and then the rest, so that mixing skips
symbols that the first half excludes (docs/format.md, section 6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shazip.compiled import load_module
from shazip.errors import ShazipError
from shazip.model.arithmetic import FREQUENCY_TOTAL

if TYPE_CHECKING:
    from shazip.model.vocabulary import Vocabulary
    from shazip.predictor import Network


def second_bits(bits: int) -> int:
    """Return the bits of the second half of a symbol of so many bits."""
    return bits - bits // 2


def split(column: NDArray[np.uint16], bits: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Return the first and the second halves (live,) of symbols (live,) of so many bits."""
    second = second_bits(bits)
    return np.right_shift(column, second), np.bitwise_and(column, (1 << second) - 1)


def join(firsts: NDArray[np.uint16], seconds: NDArray[np.uint16], bits: int) -> NDArray[np.uint16]:
    """Return the symbols (live,) that have these halves (live,)."""
    symbols: NDArray[np.uint16] = np.left_shift(firsts, second_bits(bits)) | seconds
    return symbols


class Halves:
    """The predictor (predictor.py) of a network without mixing."""

    def __init__(self, network: Network, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._network = network
        self._first, self._second = _functions()
        self.row: NDArray[np.uint32]
        self._firsts = 1 << vocabulary.bits // 2

    def first(self, live: int) -> NDArray[np.uint32]:
        """Return frequencies (live, A) of the symbols' first halves."""
        self.row = self._network.predict(live)
        return self._first(self.row, self._firsts)

    def second(self, firsts: NDArray[np.uint16]) -> NDArray[np.uint32]:
        """Return frequencies (live, B) of the second halves behind `firsts` (live,)."""
        return self._second(self.row, self._firsts, firsts)

    def update(self, column: NDArray[np.uint16]) -> None:
        """Take the symbols (live,) that came."""
        self._network.update(column)


def _functions() -> tuple[Callable[..., NDArray[np.uint32]], Callable[..., NDArray[np.uint32]]]:
    """Return first_half and second_half, compiled if possible, because they run at each step."""
    try:
        module = load_module()
    except ShazipError:
        return first_half, second_half
    return module.first_half, module.second_half


def first_half(freqs: NDArray[np.uint32], firsts: int) -> NDArray[np.uint32]:
    """Return the frequencies of first halves (live, firsts): sums of `freqs` (live, V)."""
    sums: NDArray[np.uint32] = freqs.reshape(len(freqs), firsts, -1).sum(axis=2, dtype=np.uint32)
    return sums


def second_half(
    freqs: NDArray[np.uint32], firsts: int, column: NDArray[np.uint16]
) -> NDArray[np.uint32]:
    """Return the frequencies of second halves (live, B), from `freqs` (live, V), given the column.

    Each is at least 1 and each row sums to 2**24.
    """
    part = freqs.reshape(len(freqs), firsts, -1)[np.arange(len(column)), column]  # (live, B)
    return in_proportion(part)


def in_proportion(parts: NDArray[np.integer[Any]]) -> NDArray[np.uint32]:
    """Return frequencies (rows, n) in proportion to `parts` (rows, n), whose sums are above 0.

    Each is at least 1 and each row sums to 2**24. Sums of up to 2**40 - 1 do not overflow.
    """
    bounds = np.zeros((len(parts), parts.shape[1] + 1), np.uint64)
    np.cumsum(parts, axis=1, out=bounds[:, 1:])
    scaled = bounds * np.uint64(FREQUENCY_TOTAL - parts.shape[1]) // bounds[:, -1:]
    rows: NDArray[np.uint32] = (1 + np.diff(scaled)).astype(np.uint32)
    return rows
