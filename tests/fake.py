"""A predictor that counts symbols and an engine around it: the codec's tests need no network."""

from __future__ import annotations

import importlib
import sys
import types
from dataclasses import dataclass

import numpy as np
import pytest

from shazip.archive import Codec
from shazip.halves import Halves, first_half, second_half
from shazip.model.vocabulary import BYTES, Vocabulary


@dataclass(frozen=True)
class FakeModel:
    """What the codec asks of a model: its id, its vocabulary and what its tensors take."""

    id: bytes = bytes(range(16))
    name: str = "fake"
    memory: int = 0
    vocabulary: Vocabulary = BYTES
    mixing: None = None  # start values of its own


class CountingPredictor:
    """Adaptive order-0 in integers: each lane predicts by how often it has seen each symbol."""

    def __init__(self, lanes: int, weight: int, symbols: int = 256) -> None:
        self.symbols = symbols
        self.counts = np.ones((lanes, symbols), np.uint64)
        self.weight = np.uint64(weight)
        self.live: int | None = None  # lanes of the prediction that waits for its update

    def predict(self, live: int) -> np.ndarray:
        """Return frequencies (live, V)."""
        assert self.live is None, "predict twice without update"
        self.live = live
        bounds = np.zeros((live, self.symbols + 1), np.uint64)
        np.cumsum(self.counts[:live], axis=1, out=bounds[:, 1:])
        bounds = bounds * np.uint64(2**24 - self.symbols) // bounds[:, -1:]
        return (1 + np.diff(bounds)).astype(np.uint32)

    def update(self, column: np.ndarray) -> None:
        """Count the symbols (live,)."""
        assert len(column) == self.live, "update with other lanes than predict"
        assert column.dtype == np.uint16
        self.live = None
        self.counts[np.arange(len(column)), column] += self.weight


def counting(lanes: int, weight: int = 32, vocabulary: Vocabulary = BYTES) -> Halves:
    """Return what a frame's predictor is without mixing."""
    return Halves(CountingPredictor(lanes, weight, vocabulary.size), vocabulary)


class FakeEngine:
    """Opens counting predictors; another `weight` is another arithmetic under the same name."""

    name = "fake"
    pool = None

    def __init__(self, model: FakeModel | None = None, *, weight: int = 32, lane_size: int = 2048):
        self.model = model or FakeModel()
        self.weight = weight
        self.lane_size = lane_size
        self.opened: list[int] = []

    def predictor(self, lanes: int) -> CountingPredictor:
        """Return a predictor in its start state."""
        self.opened.append(lanes)
        return CountingPredictor(lanes, self.weight, self.model.vocabulary.size)

    def prober(self, lanes: int) -> CountingPredictor:
        """Return the same."""
        return self.predictor(lanes)

    def state_size(self, lanes: int) -> int:
        """Return bytes, of which nothing is really allocated before `predictor`."""
        return lanes * self.lane_size


def codec(**settings) -> Codec:
    """Return a codec around a fake engine, without mixing unless asked for."""
    return Codec(**{"engine": FakeEngine(), "mix": False, **settings})


def install(monkeypatch: pytest.MonkeyPatch, module: types.ModuleType) -> None:
    """Put `module` in the place of the part of shazip that has its name."""
    monkeypatch.setitem(sys.modules, module.__name__, module)
    parent, _, name = module.__name__.rpartition(".")
    monkeypatch.setattr(importlib.import_module(parent), name, module, raising=False)


def install_mixing(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Put a fake in the place of shazip.engines.mixing: mixers in `made` change nothing."""
    module = types.ModuleType("shazip.engines.mixing")
    module.MIXING_VERSION = 1
    module.sizes_for = lambda first_block_size: (first_block_size.bit_length(), 3)
    module.memory_size = lambda table_bits, history_bits, lanes, symbol_bits, contexts: (
        2**table_bits + 2**history_bits
    )
    module.check_sizes = lambda table_bits, history_bits: None
    module.made = []

    class Mixer:
        def __init__(self, lanes, *, table_size, history_size, vocabulary, own, contexts, pool):
            module.made.append((lanes, table_size, history_size, pool.threads))

        def first(self, freqs):
            self.freqs = freqs
            return first_half(freqs, 16)

        def second(self, firsts):
            return second_half(self.freqs, 16, firsts)

        def update(self, column):
            pass

    module.Mixer = Mixer
    install(monkeypatch, module)
    return module
