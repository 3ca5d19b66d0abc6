"""The range coder: symbols and integer frequencies to 32-bit words and back; the only module that imports constriction.

interval of a symbol: [cumulative, cumulative + freq) of TOTAL; 64-bit range, 32-bit words (docs/format.md, "Payload")
"""

from __future__ import annotations

import constriction
import numpy as np
from numpy.typing import NDArray

from shazip.errors import CorruptError

ALPHABET = 256
PRECISION = 24
TOTAL = 1 << PRECISION

# Rows collected before they are coded in one call: one call for each row would cost more than the coding itself.
_PENDING_ROWS = 256

# constriction adds 1 to every weight it is given and scales the weights to sum to TOTAL - ALPHABET. Handed freqs - 1
# its scale is exactly 1 and it codes with freqs: all sums stay below 2**24, so float32 holds them exactly.
_family = constriction.stream.model.Categorical(perfect=False)


class Encoder:
    """Collects columns of symbols into one payload."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()
        self._symbols = np.empty(_PENDING_ROWS, np.int32)
        self._rows = np.empty((_PENDING_ROWS, ALPHABET), np.uint32)
        self._pending = 0

    def encode(self, column: NDArray[np.uint8], freqs: NDArray[np.uint32]) -> None:
        """Append the symbols of `column` (n,), coded with `freqs` (n, 256)."""
        live = len(column)
        if self._pending + live > len(self._symbols):
            self._flush()
        if live > len(self._symbols):
            self._encode(column.astype(np.int32), freqs)
            return
        stop = self._pending + live
        self._symbols[self._pending : stop] = column
        self._rows[self._pending : stop] = freqs
        self._pending = stop

    @property
    def size(self) -> int:
        """Bytes that the payload would have by now, but for symbols that wait to be coded in one call."""
        return 4 * int(self._coder.num_words())

    def finish(self) -> bytes:
        """Return the payload: little-endian 32-bit words."""
        self._flush()
        words: NDArray[np.uint32] = self._coder.get_compressed()
        return words.astype("<u4").tobytes()

    def _flush(self) -> None:
        if self._pending:
            self._encode(self._symbols[: self._pending], self._rows[: self._pending])
            self._pending = 0

    def _encode(self, symbols: NDArray[np.int32], rows: NDArray[np.uint32]) -> None:
        self._coder.encode(symbols, _family, (rows - 1).astype(np.float32))


class Decoder:
    """Hands back the columns of one payload, in the order in which they were encoded."""

    def __init__(self, payload: bytes) -> None:
        words = np.frombuffer(payload, "<u4").astype(np.uint32)
        self._coder = constriction.stream.queue.RangeDecoder(words)

    def decode(self, freqs: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """Return the next column (n,), decoded with `freqs` (n, 256)."""
        weights = (freqs - 1).astype(np.float32)
        try:
            column: NDArray[np.int32] = self._coder.decode(_family, weights)
        except BaseException as error:
            if not _is_coder_error(error):
                raise
            raise CorruptError("the payload is no code for any symbol") from None
        return column.astype(np.uint8)

    def finish(self) -> None:
        """Raise CorruptError if symbols were left in the payload."""
        if not self._coder.maybe_exhausted():
            raise CorruptError("the payload is longer than the symbols in it")


def _is_coder_error(error: BaseException) -> bool:
    # A Rust panic arrives as pyo3_runtime.PanicException, a BaseException that cannot be imported.
    return isinstance(error, AssertionError) or type(error).__name__ == "PanicException"
