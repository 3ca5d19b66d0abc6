"""The range coder: halves of symbols and integer frequencies to 32-bit words and back.

The interval of a number is [cumulative, cumulative + freq) of TOTAL; docs/format.md ("Payload")
has the rest. constriction does the work; no other module imports it.
"""

from __future__ import annotations

import constriction  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from shazip.errors import CorruptError
from shazip.model.arithmetic import FREQUENCY_TOTAL as TOTAL

PRECISION = TOTAL.bit_length() - 1  # 24, constriction's own default

# constriction adds 1 to each of the n weights it is given and scales the rest to TOTAL - n. Handed
# freqs - 1 its scale is exactly 1 and it codes with freqs. Exact in float32: freqs and all sums of
# weights are integers up to 2**24.
_family = constriction.stream.model.Categorical(perfect=False)

_ONE = np.float32(1)  # a Python 1 would be converted at every step

# Rows coded in one call, which is cheaper than a call for each.
_PENDING_ROWS = 256
# One column in so many is charged to the payload's bits: all of them take 5 % of the time.
_SAMPLING = 17
# Bits: more than the rounding of 2**29 logarithms adds up to.
_SLACK = 1.0


class Encoder:
    """Codes columns of at most `lanes` numbers into one payload."""

    def __init__(self, lanes: int, size: int = 0) -> None:
        """Start a payload of about `size` bytes. Raises MemoryError if they are not to be had."""
        _reserve(2 * size)  # constriction's array of words doubles when it is full
        self._coder = constriction.stream.queue.RangeEncoder()
        capacity = max(lanes, _PENDING_ROWS)
        self._column = np.empty(capacity, np.int32)
        self._weights = np.empty((capacity, 0), np.float32)
        self._pending = 0

    def encode(self, column: NDArray[np.uint16], freqs: NDArray[np.uint32]) -> None:
        """Append `column` (live,), coded with `freqs` (live, n): numbers below n."""
        width = freqs.shape[1]
        if width != self._weights.shape[1]:
            self._flush()
            self._weights = np.empty((len(self._column), width), np.float32)
        if self._pending + len(column) > len(self._column):
            self._flush()
        stop = self._pending + len(column)
        self._column[self._pending : stop] = column
        self._weights[self._pending : stop] = freqs
        self._pending = stop

    @property
    def size(self) -> int:
        """Bytes of payload so far, without the pending words."""
        return 4 * int(self._coder.num_words())

    def finish(self) -> bytes:
        """Return the payload: 32-bit words, little-endian."""
        self._flush()
        words: NDArray[np.uint32] = self._coder.get_compressed()
        return words.astype("<u4", copy=False).tobytes()

    def _flush(self) -> None:
        if not self._pending:
            return
        weights = self._weights[: self._pending]
        np.subtract(weights, _ONE, out=weights)
        self._coder.encode(self._column[: self._pending], _family, weights)
        self._pending = 0


class Decoder:
    """Decodes the columns of one payload, in the order of encoding."""

    def __init__(self, payload: bytes) -> None:
        """Start at the first word of `payload`. Raises MemoryError."""
        words = np.frombuffer(payload, "<u4").astype(np.uint32, copy=False)
        _reserve(len(payload))  # constriction takes a copy
        self._coder = constriction.stream.queue.RangeDecoder(words)
        self._budget = 32.0 * len(words) + _SLACK
        self._columns = 0

    def decode(self, freqs: NDArray[np.uint32]) -> NDArray[np.uint16]:
        """Return the next column (live,), decoded with `freqs` (live, n): numbers below n.

        Raise CorruptError for some impossible payloads; most of those decode to wrong symbols.
        """
        weights = freqs.astype(np.float32)
        np.subtract(weights, _ONE, out=weights)
        try:
            column: NDArray[np.int32] = self._coder.decode(_family, weights)
        except BaseException as error:
            if not _is_from_coder(error):
                raise
            raise CorruptError("the payload is impossible: no symbols encode to it") from None
        self._columns += 1
        if self._columns % _SAMPLING == 0:
            self._charge(freqs, column)
        return column.astype(np.uint16)

    def _charge(self, freqs: NDArray[np.uint32], column: NDArray[np.int32]) -> None:
        """Raise CorruptError if the decoded numbers cost more bits than the payload has.

        Zeros without end follow the last word, and symbols with them. The encoder emits a word for
        each factor 2**32 that its `size` loses, and a number of frequency f makes `size` smaller by
        TOTAL / f at least. So a payload has at least the sum of log2(TOTAL / f) bits, over all
        columns and over those in the sample.
        """
        spent = freqs[np.arange(len(column)), column]
        self._budget -= len(spent) * PRECISION - float(np.log2(spent).sum())
        if self._budget < 0:
            raise CorruptError("the payload has fewer bits than its symbols cost")

    def finish(self) -> None:
        """Raise CorruptError if the payload holds more than the symbols decoded so far."""
        if not self._coder.maybe_exhausted():
            raise CorruptError("the payload continues after the last symbol")


def _reserve(size: int) -> None:
    """Raise MemoryError if `size` bytes are not to be had: constriction would abort the process."""
    np.empty(size, np.uint8)


def _is_from_coder(error: BaseException) -> bool:
    # A Rust panic arrives as pyo3_runtime.PanicException, a BaseException that cannot be imported.
    return isinstance(error, AssertionError) or type(error).__name__ == "PanicException"
