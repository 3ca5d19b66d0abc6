"""The range coder: symbols and integer frequencies to 32-bit words and back.

A symbol's interval is [cumulative, cumulative + freq) of TOTAL; docs/format.md ("Payload") has the
rest. constriction does the work; no other module imports it.
"""

from __future__ import annotations

import constriction  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from shazip.arithmetic import FREQUENCY_TOTAL as TOTAL
from shazip.config import ALPHABET
from shazip.errors import CorruptError

PRECISION = TOTAL.bit_length() - 1  # 24, constriction's own default

# constriction adds 1 to every weight it is given and scales the rest to TOTAL - ALPHABET. Handed
# freqs - 1 its scale is exactly 1 and it codes with freqs: every sum is an integer below 2**24,
# which float32 holds exactly.
_family = constriction.stream.model.Categorical(perfect=False)

# Rows that are collected and coded in one call, which costs a fifth of a call for each.
_PENDING_ROWS = 256


class Encoder:
    """Codes columns of symbols into one payload."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()
        self._symbols = np.empty(_PENDING_ROWS, np.int32)
        self._freqs = np.empty((_PENDING_ROWS, ALPHABET), np.uint32)
        self._pending = 0

    def encode(self, column: NDArray[np.uint8], freqs: NDArray[np.uint32]) -> None:
        """Append the symbols of `column` (n,), coded with `freqs` (n, 256)."""
        stop = self._pending + len(column)
        if stop > _PENDING_ROWS:
            self._flush()
            stop = len(column)
        if stop > _PENDING_ROWS:
            self._code(column.astype(np.int32), freqs)
            return
        self._symbols[self._pending : stop] = column
        self._freqs[self._pending : stop] = freqs
        self._pending = stop

    @property
    def size(self) -> int:
        """Bytes of payload so far, without the symbols that are still pending."""
        return 4 * int(self._coder.num_words())

    def finish(self) -> bytes:
        """Return the payload: 32-bit words, little-endian."""
        self._flush()
        words: NDArray[np.uint32] = self._coder.get_compressed()
        return words.astype("<u4").tobytes()

    def _flush(self) -> None:
        if self._pending:
            self._code(self._symbols[: self._pending], self._freqs[: self._pending])
            self._pending = 0

    def _code(self, symbols: NDArray[np.int32], freqs: NDArray[np.uint32]) -> None:
        self._coder.encode(symbols, _family, _weights(freqs))


class Decoder:
    """Hands back the columns of one payload, in the order in which they were encoded."""

    def __init__(self, payload: bytes) -> None:
        words = np.frombuffer(payload, "<u4").astype(np.uint32)
        self._coder = constriction.stream.queue.RangeDecoder(words)

    def decode(self, freqs: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """Return the next column (n,), decoded with `freqs` (n, 256).

        Raise CorruptError for some payloads that no symbols give; most decode to wrong symbols.
        """
        try:
            column: NDArray[np.int32] = self._coder.decode(_family, _weights(freqs))
        except BaseException as error:
            if not _is_from_coder(error):
                raise
            raise CorruptError("no symbols give this payload") from None
        return column.astype(np.uint8)

    def finish(self) -> None:
        """Raise CorruptError if the payload holds more than the symbols decoded so far."""
        if not self._coder.maybe_exhausted():
            raise CorruptError("the payload goes on after the last symbol")


def _weights(freqs: NDArray[np.uint32]) -> NDArray[np.float32]:
    return (freqs - 1).astype(np.float32)


def _is_from_coder(error: BaseException) -> bool:
    # A Rust panic arrives as pyo3_runtime.PanicException, a BaseException that cannot be imported.
    return isinstance(error, AssertionError) or type(error).__name__ == "PanicException"
