"""The cost of every byte of a text, from the coder's own frequencies.

text -> Meter (blocks, lanes, stored blocks as in the archive) -> Rows -> Trace, in the text's order
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shazip.container import Header
from shazip.lanes import columns, interleave
from shazip.measure import Measurement, Meter
from shazip.model.vocabulary import Vocabulary
from shazip.predictor import Engine, Predictor, open_predictor
from shazip.rows import Prefixes, Rows, prefix_bits
from shazip.settings import Coding
from shazip.streams import Progress, silent

_REPORT_SYMBOLS = 256


@dataclass(frozen=True)
class Trace:
    """The costs of `size` bytes in m symbols; symbols are numbers in `strings`."""

    strings: tuple[bytes, ...]
    bits: NDArray[np.float64]  # (size,): of each byte, after mixing; their sum is the payload's
    network: NDArray[np.float64]  # (size,): by the network alone
    starts: NDArray[np.int64]  # (m,): first bytes of symbols
    likeliest: NDArray[np.uint16]  # (m, K): the likeliest symbols there, best first
    likeliest_bits: NDArray[np.float64]  # (m, K); infinite in blocks that are stored


class Tracer:
    """Traces texts with one engine, coded as `coding` says."""

    def __init__(
        self,
        engine: Engine,
        coding: Coding | None = None,
        *,
        threads: int | None = None,
        likeliest: int = 0,
    ) -> None:
        """Record so many of the `likeliest` symbols, which takes time."""
        self._engine = engine
        self._coding = coding or Coding()
        self._threads = threads
        self._likeliest = likeliest
        self._vocabulary = engine.model.vocabulary
        self._prefixes = Prefixes(self._vocabulary)

    def trace(self, data: bytes, progress: Progress = silent) -> tuple[Measurement, Trace]:
        """Return the costs of `data`, coded as one frame, symbol by symbol."""
        found: list[Trace] = []
        done: list[Trace] = []

        def open_count(header: Header) -> _Counting:
            predictor = open_predictor(self._engine, header, self._threads)
            return _Counting(predictor, self._prefixes, self._vocabulary, self._likeliest, found)

        def take(block: bytes, bits: float | None) -> None:
            done.append(self._stored(block) if bits is None else found[-1])
            found.clear()

        meter = Meter(self._engine, self._coding, threads=self._threads, open_count=open_count)
        measurement = meter.measure(io.BytesIO(data), progress, take)
        return measurement, joined(done or [self._stored(b"")])

    def _stored(self, block: bytes) -> Trace:
        """Return the trace of a block that is kept as it is: 8 bits a byte."""
        size = len(block)
        bits = np.full(size, 8.0)
        symbols = np.zeros((size, self._likeliest), np.uint16)
        unknown = np.full((size, self._likeliest), np.inf)
        return Trace(self._vocabulary.strings, bits, bits, np.arange(size), symbols, unknown)


def joined(traces: list[Trace]) -> Trace:
    """Return the trace of texts put together; their strings become one sorted list."""
    strings = tuple(sorted(set().union(*(trace.strings for trace in traces))))
    numbers = {string: number for number, string in enumerate(strings)}
    sizes = np.cumsum([0, *(len(trace.bits) for trace in traces)])
    likeliest = [
        np.array([numbers[string] for string in trace.strings], np.uint16)[trace.likeliest]
        for trace in traces
    ]
    return Trace(
        strings,
        np.concatenate([trace.bits for trace in traces]),
        np.concatenate([trace.network for trace in traces]),
        np.concatenate([trace.starts + at for trace, at in zip(traces, sizes, strict=False)]),
        np.concatenate(likeliest),
        np.concatenate([trace.likeliest_bits for trace in traces]),
    )


class _Counting:
    """Counts the bits of blocks for a Meter, and appends the trace of each to `found`."""

    def __init__(
        self,
        predictor: Predictor,
        prefixes: Prefixes,
        vocabulary: Vocabulary,
        likeliest: int,
        found: list[Trace],
    ) -> None:
        self._predictor = predictor
        self._prefixes = prefixes
        self._vocabulary = vocabulary
        self._likeliest = likeliest
        self._found = found

    def __call__(
        self, symbols: NDArray[np.uint16], lanes: int, progress: Progress = silent
    ) -> float:
        count, wanted = len(symbols), self._likeliest
        order = interleave(np.arange(count), lanes)
        lengths = np.empty(count, np.int64)
        lengths[order] = self._vocabulary.lengths[symbols]
        starts, size = np.cumsum(lengths) - lengths, int(lengths.sum())
        trace = Trace(
            self._vocabulary.strings,
            np.empty(size),
            np.empty(size),
            starts,
            np.empty((count, wanted), np.uint16),
            np.empty((count, wanted)),
        )
        total, report = 0.0, _REPORT_SYMBOLS
        for start, stop in columns(count, lanes):
            total += self._step(trace, symbols[start:stop], order[start:stop])
            if stop >= report:
                report = stop + _REPORT_SYMBOLS
                progress(stop, math.ceil(total / 8))
        self._found.append(trace)
        return total

    def _step(self, trace: Trace, column: NDArray[np.uint16], order: NDArray[np.int64]) -> float:
        """Record a column, whose symbols have the places `order` in the text; return its bits."""
        rows = Rows(self._predictor, self._prefixes, len(column))
        if self._likeliest:
            found = rows.likeliest(self._likeliest)
            trace.likeliest[order], trace.likeliest_bits[order] = found
        bits = rows.byte_bits(column)  # (live, L)
        network = prefix_bits(self._predictor.row.astype(np.uint64), self._prefixes, column)
        self._predictor.update(column)
        inside = np.arange(bits.shape[1])
        taken = inside < self._vocabulary.lengths[column][:, None]
        places = (trace.starts[order][:, None] + inside)[taken]
        trace.bits[places], trace.network[places] = bits[taken], network[taken]
        return float(bits.sum())
