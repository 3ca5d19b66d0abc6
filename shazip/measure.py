"""Measures the bits that a model needs for a text, without coding; no other file counts them.

text -> lanes -> column -> cost (frequency_bits or logit_bits) -> predictor.update -> sum

The float network of training has another arithmetic and its own sum (training/evaluate.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from shazip.coder import PRECISION
from shazip.container import Header
from shazip.halves import split
from shazip.lanes import columns, interleave
from shazip.predictor import Engine, Network, Predictor, new_header, open_predictor
from shazip.quicklook import looks_incompressible
from shazip.settings import Coding
from shazip.streams import Progress, offset, read_full, silent

LOGIT_STEPS = 32  # in a unit of the logits
_REPORT_SYMBOLS = 256

P = TypeVar("P", Predictor, Network)


@dataclass(frozen=True)
class Measurement:
    """The cost of a text for one model."""

    size: int  # bytes
    bits: float
    blocks: int
    stored: int  # blocks that would be kept as they are
    lanes: int
    engine: str
    model: str
    mixing: bool

    @property
    def bpb(self) -> float:
        """Bits per byte; 0 for an empty text."""
        return self.bits / self.size if self.size else 0.0

    def record(self) -> dict[str, object]:
        """Return it for programs, sizes in bytes."""
        return {
            "original_size": self.size,
            "predicted_size": math.ceil(self.bits / 8),
            "bits": self.bits,
            "bpb": self.bpb,
            "blocks": self.blocks,
            "stored_blocks": self.stored,
            "lanes": self.lanes,
            "engine": self.engine,
            "mixing": self.mixing,
            "model": self.model,
        }


def logit_bits(network: Network, column: NDArray[np.uint16]) -> float:
    """Return the bits of the symbols by the float64 softmax of the network's exact logits."""
    nats = network.logits(len(column)).astype(np.float64) / LOGIT_STEPS  # (live, V)
    nats -= nats.max(axis=1, keepdims=True)
    chosen = nats[np.arange(len(column)), column]
    return float((np.log(np.exp(nats).sum(axis=1)) - chosen).sum() / math.log(2))


def frequency_bits(predictor: Predictor, column: NDArray[np.uint16]) -> float:
    """Return the bits of the symbols by the exact frequencies of their halves."""
    firsts, seconds = split(column, predictor.vocabulary.bits)
    bits = _chosen_bits(predictor.first(len(column)), firsts)
    return bits + _chosen_bits(predictor.second(firsts), seconds)


def _chosen_bits(freqs: NDArray[np.uint32], column: NDArray[np.uint16]) -> float:
    chosen = freqs[np.arange(len(column)), column].astype(np.float64)
    return float(PRECISION * len(column) - np.log2(chosen).sum())


def symbol_bits(
    predictor: P,
    cost: Callable[[P, NDArray[np.uint16]], float],
    symbols: NDArray[np.uint16],
    lanes: int,
    progress: Progress = silent,
) -> float:
    """Return the bits of `symbols`, uint16 (n,) in the time-major order of `lanes` lanes."""
    bits, report = 0.0, _REPORT_SYMBOLS
    for start, stop in columns(len(symbols), lanes):
        column = symbols[start:stop]
        bits += cost(predictor, column)
        predictor.update(column)
        if stop >= report:
            report = stop + _REPORT_SYMBOLS
            progress(stop, math.ceil(bits / 8))
    return bits


class Count(Protocol):
    """Counts the bits of a block's symbols, as `symbol_bits` with a predictor and its cost."""

    def __call__(
        self, symbols: NDArray[np.uint16], lanes: int, progress: Progress = silent
    ) -> float: ...


class Meter:
    """Measures one text with lanes, blocks and stored blocks as in its archive."""

    def __init__(
        self,
        engine: Engine,
        coding: Coding | None = None,
        *,
        threads: int | None = None,
        open_count: Callable[[Header], Count] | None = None,
    ) -> None:
        """Count with the function that `open_count` returns for a header, or by `symbol_bits`."""
        self._engine = engine
        self._coding = coding or Coding()
        self._threads = threads
        self._open_count = open_count or self._open
        self._count: Count | None = None  # as in FrameEncoder: dropped by a stored block

    def measure(
        self,
        source: BinaryIO,
        progress: Progress = silent,
        take: Callable[[bytes, float | None], object] = lambda block, bits: None,
    ) -> Measurement:
        """Return the cost of all of `source`; `take` gets each block's bits, None if stored."""
        block = read_full(source, self._coding.block_size)
        header = new_header(self._engine.model, block, self._coding)
        size = blocks = stored = 0
        total = 0.0
        while block:
            report = offset(progress, size, math.ceil(total / 8))
            bits = None if looks_incompressible(block) else self._coded(block, header, report)
            if bits is None:
                stored += 1
                self._count = None
            take(block, bits)
            blocks += 1
            size += len(block)
            total += 8 * len(block) if bits is None else bits
            block = read_full(source, self._coding.block_size)
        who = self._engine.name, self._engine.model.name, self._coding.mix
        return Measurement(size, total, blocks, stored, header.lanes, *who)

    def _coded(self, block: bytes, header: Header, progress: Progress) -> float | None:
        """Return the bits of a block, or None if it would be stored."""
        if self._count is None:
            self._count = self._open_count(header)
        symbols = interleave(self._engine.model.vocabulary.parse(block), header.lanes)

        def in_bytes(done: int, cost: int) -> None:
            progress(len(block) * done // len(symbols), cost)

        bits = self._count(symbols, header.lanes, in_bytes)
        return bits if bits < 8 * len(block) else None

    def _open(self, header: Header) -> Count:
        if header.mixing_version:
            mixed = open_predictor(self._engine, header, self._threads)
            return partial(symbol_bits, mixed, frequency_bits)
        return partial(symbol_bits, self._engine.predictor(header.lanes), logit_bits)
