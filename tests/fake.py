"""A predictor that counts symbols and an engine around it: the codec's tests need no network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FakeModel:
    id: bytes = bytes(range(16))
    name: str = "fake"


class CountingPredictor:
    """Adaptive order-0: each lane predicts by how often it has seen each symbol."""

    def __init__(self, lanes: int, step: int = 32) -> None:
        self.counts = np.ones((lanes, 256), np.uint64)
        self.step = step

    def predict(self, live: int) -> np.ndarray:
        counts = self.counts[:live]
        bounds = np.zeros((live, 257), np.uint64)
        np.cumsum(counts, axis=1, out=bounds[:, 1:])
        bounds = bounds * np.uint64(2**24 - 256) // bounds[:, -1:]
        return (1 + np.diff(bounds)).astype(np.uint32)

    def update(self, column: np.ndarray) -> None:
        self.counts[np.arange(len(column)), column] += np.uint64(self.step)


class FakeEngine:
    name = "fake"

    def __init__(self, model: FakeModel | None = None, step: int = 32, lane_size: int = 2048):
        self.model = model or FakeModel()
        self.step = step
        self.lane_size = lane_size
        self.opened = 0

    def predictor(self, lanes: int) -> CountingPredictor:
        self.opened += 1
        return CountingPredictor(lanes, self.step)

    def state_size(self, lanes: int) -> int:
        return lanes * self.lane_size
