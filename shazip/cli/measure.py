"""The cross-entropy of a model on a file, block by block as `compress` codes it, without coding."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from shazip.coder import PRECISION
from shazip.container import Header
from shazip.lanes import columns, default_lanes, interleave
from shazip.predictor import Engine, new_header, open_predictor
from shazip.quicklook import looks_incompressible
from shazip.streams import read_full

if TYPE_CHECKING:
    from shazip.cli.options import CodecOptions

LOGIT_STEPS = 32  # in a unit of the logits
REPORT_SYMBOLS = 256

# Called as progress(bytes done, bytes they cost).
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Measurement:
    """What a file would cost."""

    size: int  # bytes
    bits: float
    blocks: int
    stored: int  # blocks that would be kept as they are
    lanes: int

    @property
    def bpb(self) -> float:
        """Bits per byte; 0 for an empty file."""
        return self.bits / self.size if self.size else 0.0


class Meter:
    """Measures one file with lanes, blocks and stored blocks as in its archive."""

    def __init__(self, engine: Engine, settings: CodecOptions, progress: Progress | None) -> None:
        self._engine = engine
        self._settings = settings
        self._progress = progress
        self._predictor: Any = None  # as in FrameEncoder: dropped by a stored block
        self._size = 0
        self._bits = 0.0

    def measure(self, source: BinaryIO) -> Measurement:
        """Return what all of `source` costs."""
        block = read_full(source, self._settings.block_size)
        header = self._header(len(block))
        blocks = stored = 0
        while block:
            bits = None if looks_incompressible(block) else self._coded(block, header)
            if bits is None:
                stored += 1
                self._predictor = None
            blocks += 1
            self._size += len(block)
            self._bits += 8 * len(block) if bits is None else bits
            block = read_full(source, self._settings.block_size)
        return Measurement(self._size, self._bits, blocks, stored, header.lanes)

    def _header(self, first_block_size: int) -> Header:
        lanes = self._settings.lanes or default_lanes(first_block_size)
        return new_header(
            self._engine.model.id,
            first_block_size,
            lanes=max(1, min(lanes, first_block_size)),
            block_bits=self._settings.block_size.bit_length() - 1,
            mix=self._settings.mix,
        )

    def _coded(self, block: bytes, header: Header) -> float | None:
        """Return the bits of a block, or None if it would be stored."""
        if self._predictor is None:
            self._predictor = open_predictor(self._engine, header, self._settings.threads)
        cost = frequency_bits if header.mixing_version else logit_bits
        symbols = interleave(np.frombuffer(block, np.uint8), header.lanes)
        bits, report = 0.0, REPORT_SYMBOLS
        for start, stop in columns(len(symbols), header.lanes):
            column = symbols[start:stop]
            bits += cost(self._predictor, column)
            self._predictor.update(column)
            if stop >= report and self._progress:
                report = stop + REPORT_SYMBOLS
                self._progress(self._size + stop, math.ceil((self._bits + bits) / 8))
        return bits if bits < 8 * len(block) else None


def logit_bits(predictor: Any, column: np.ndarray) -> float:
    """Return the bits of the symbols by the float64 softmax of the network's exact logits."""
    nats = predictor.logits(len(column)).astype(np.float64) / LOGIT_STEPS  # (live, 256)
    nats -= nats.max(axis=1, keepdims=True)
    chosen = nats[np.arange(len(column)), column]
    return float((np.log(np.exp(nats).sum(axis=1)) - chosen).sum() / math.log(2))


def frequency_bits(predictor: Any, column: np.ndarray) -> float:
    """Return the bits of the symbols by the exact frequencies."""
    freqs = predictor.predict(len(column))[np.arange(len(column)), column]
    return float(PRECISION * len(column) - np.log2(freqs.astype(np.float64)).sum())
