"""The main path: a block becomes a payload and comes back. Read this first, then framing.py.

    block -> lanes -> column -> predictor.first -> range coder -> predictor.second -> range coder
          -> predictor.update -> payload

A symbol is coded as two halves (halves.py), so that the predictor considers only symbols that are
still possible. Encoding and decoding are the same loop and differ in the source of the halves.
Blocks share the predictor's state; a stored block drops it on both sides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shazip.coder import Decoder, Encoder
from shazip.errors import CorruptError
from shazip.halves import join, split
from shazip.lanes import columns, deinterleave, interleave
from shazip.model.vocabulary import Vocabulary
from shazip.predictor import Predictor
from shazip.streams import Progress

# Symbols between two calls of progress: some milliseconds of a fast network.
_PROGRESS_SYMBOLS = 256


def encode_block(
    block: bytes, lanes: int, predictor: Predictor, progress: Progress | None = None
) -> tuple[int, bytes] | None:
    """Return the symbols in `block` and its payload, or None if that would not be smaller."""
    bits, size = predictor.vocabulary.bits, len(block)
    symbols = interleave(predictor.vocabulary.parse(block), lanes)
    encoder = Encoder(lanes, size)
    report = _PROGRESS_SYMBOLS
    for start, stop in columns(len(symbols), lanes):
        column = symbols[start:stop]
        firsts, seconds = split(column, bits)
        encoder.encode(firsts, predictor.first(stop - start))
        encoder.encode(seconds, predictor.second(firsts))
        predictor.update(column)
        if stop >= report:
            report = stop + _PROGRESS_SYMBOLS
            if encoder.size > size + 4:  # sealing may take one word fewer than it would now
                return None
            if progress is not None:
                progress(size * stop // len(symbols), encoder.size)
    payload = encoder.finish()
    return (len(symbols), payload) if len(payload) < size else None


def decode_block(
    payload: bytes,
    count: int,
    size: int,
    lanes: int,
    predictor: Predictor,
    progress: Progress | None = None,
) -> bytes:
    """Return the `size` bytes of the block whose `count` symbols `payload` codes."""
    bits, fit = predictor.vocabulary.bits, _Fit(predictor.vocabulary, count, size)
    symbols = np.empty(count, np.uint16)
    decoder = Decoder(payload)
    report = _PROGRESS_SYMBOLS
    for start, stop in columns(len(symbols), lanes):
        firsts = decoder.decode(predictor.first(stop - start))
        seconds = decoder.decode(predictor.second(firsts))
        symbols[start:stop] = column = join(firsts, seconds, bits)
        predictor.update(column)
        if stop >= report:
            report = stop + _PROGRESS_SYMBOLS
            fit.check(symbols[:stop])
            if progress is not None:
                progress(size * stop // count, len(payload) * stop // count)
    decoder.finish()
    fit.check(symbols)
    del decoder  # a copy of the payload that the memory limit does not count any more
    return predictor.vocabulary.join(deinterleave(symbols, lanes))


class _Fit:
    """Whether the strings of a block's symbols can still have the block's size together."""

    def __init__(self, vocabulary: Vocabulary, count: int, size: int) -> None:
        self._lengths = vocabulary.lengths
        self._longest = int(vocabulary.lengths.max())
        self._left = size  # bytes that no checked symbol stands for
        self._count = count
        self._checked = 0

    def check(self, symbols: NDArray[np.uint16]) -> None:
        """Raise CorruptError unless more symbols after `symbols` (n,) can make up the size."""
        self._left -= int(self._lengths[symbols[self._checked :]].sum())
        self._checked = len(symbols)
        missing = self._count - self._checked
        if not missing <= self._left <= self._longest * missing:
            raise CorruptError("the symbols stand for more or fewer bytes than the block has")
