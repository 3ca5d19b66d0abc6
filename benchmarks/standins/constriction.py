"""What shazip uses of constriction, in Python's whole numbers, for processors it has no wheel for.

Slow, and for benchmarks.aarch64 only: it lets the engines run where constriction cannot be
installed. It gives constriction's words (the tests compare them).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

PRECISION = 24
WORD = 1 << 32


class Categorical:
    """A family of models; the weights that come with the symbols are frequencies less 1."""

    def __init__(self, perfect: bool) -> None:
        assert not perfect


def _cumulative(weights: np.ndarray) -> np.ndarray:
    """Return int64 (n, 257): the exclusive sums of the frequencies."""
    sums = np.cumsum(weights.astype(np.int64) + 1, axis=1)
    assert (sums[:, -1] == 1 << PRECISION).all()
    return np.hstack([np.zeros((len(sums), 1), np.int64), sums])


class _Interval:
    """[low, low + size) in units of 2**(-32 * words - 64); the message is a number inside."""

    def __init__(self) -> None:
        self.low, self.size, self.words = 0, WORD * WORD - 1, 0

    def narrow(self, start: int, stop: int) -> None:
        scale = self.size >> PRECISION
        self.low += scale * start
        self.size = scale * (stop - start)
        if self.size < WORD:
            self.low, self.size, self.words = self.low * WORD, self.size * WORD, self.words + 1


class RangeEncoder:
    """Codes symbols to words."""

    def __init__(self) -> None:
        self._interval = _Interval()

    def encode(self, symbols: np.ndarray, family: Categorical, weights: np.ndarray) -> None:
        """Append `symbols`, each with its row of `weights`."""
        for symbol, sums in zip(symbols, _cumulative(weights), strict=True):
            self._interval.narrow(int(sums[symbol]), int(sums[symbol + 1]))

    def num_words(self) -> int:
        """Return the number of words so far."""
        return len(self.get_compressed())

    def get_compressed(self) -> np.ndarray:
        """Return the words, uint32."""
        interval = self._interval
        if not interval.words and interval.size == WORD * WORD - 1:
            return np.zeros(0, np.uint32)
        point = -(-interval.low // WORD)
        count = interval.words + 1
        digits = np.frombuffer((point % WORD**count).to_bytes(4 * count, "big"), ">u4")
        # Whatever follows, the number must stay inside the interval.
        inside = point < (interval.low + interval.size) // WORD
        return np.append(digits, [] if inside else [0]).astype(np.uint32)


class RangeDecoder:
    """Codes words back to symbols."""

    def __init__(self, words: np.ndarray) -> None:
        self._words = [int(word) for word in words]
        self._interval = _Interval()
        self._point = self._word(0) * WORD + self._word(1)  # the message less low, as far as known

    def _word(self, index: int) -> int:
        return self._words[index] if index < len(self._words) else 0

    def decode(self, family: Categorical, weights: np.ndarray) -> np.ndarray:
        """Return the next symbol for each row of `weights`, int32."""
        return np.array([self._decode(sums) for sums in _cumulative(weights)], np.int32)

    def _decode(self, sums: np.ndarray) -> int:
        interval = self._interval
        scale = interval.size >> PRECISION
        assert self._point // scale < 1 << PRECISION
        symbol = int(np.searchsorted(sums, self._point // scale, side="right")) - 1
        self._point -= scale * int(sums[symbol])
        shifted = interval.words
        interval.low = 0  # only the size matters here
        interval.narrow(int(sums[symbol]), int(sums[symbol + 1]))
        if interval.words > shifted:
            self._point = self._point * WORD + self._word(interval.words + 1)
        return symbol

    def maybe_exhausted(self) -> bool:
        """Tell whether no word is left but those that the last symbols need."""
        return self._interval.words + 2 >= len(self._words)


stream: Any = SimpleNamespace(
    model=SimpleNamespace(Categorical=Categorical),
    queue=SimpleNamespace(RangeEncoder=RangeEncoder, RangeDecoder=RangeDecoder),
)
