"""The learning rate as a function of the bytes seen."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Warm-up, a constant peak, then a cosine down to `floor` over the last part of the run.

    With `decay` 1 this is the usual cosine; with less, the checkpoint from before the decay can go
    on for as long as one likes. `drops` lower the rate at given parts of the run.
    """

    total: int  # bytes of the whole run
    peak: float = 2e-3
    warmup: int = 1_000_000  # bytes over which the rate rises from nothing
    decay: float = 1.0  # the last part of the run, 0..1, in which the rate falls
    floor: float = 0.01  # of the peak, reached at the end
    drops: tuple[float, ...] = ()  # parts of the run, 0..1, after which the rate is lowered
    drop_factor: float = 0.5  # to this part of what it was
    quantise_last: float = 0.04  # the last part of the run, 0..1, on the integer model's grids

    def __post_init__(self) -> None:
        if self.total < 1:
            raise ValueError(f"total is {self.total} bytes, must be at least 1")
        parts = (self.decay, self.floor, self.drop_factor, self.quantise_last, *self.drops)
        if not all(0 <= part <= 1 for part in parts):
            raise ValueError("decay, floor, drops and quantise_last are parts of a whole, 0 to 1")

    @property
    def decay_start(self) -> int:
        """Bytes after which the rate falls."""
        return round(self.total * (1 - self.decay))

    def quantised(self, done: int) -> bool:
        """Return whether the update that follows `done` bytes sees the integer arithmetic."""
        return done > self.total * (1 - self.quantise_last)

    def rate(self, done: int) -> float:
        """Return the learning rate of the update that follows `done` bytes."""
        rate = self.peak * min(1.0, (done + 1) / self.warmup if self.warmup else 1.0)
        rate *= self.drop_factor ** sum(done >= part * self.total for part in self.drops)
        if self.decay == 0 or done <= self.decay_start:
            return rate
        part = min(1.0, (done - self.decay_start) / (self.total - self.decay_start))
        return rate * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * part)))
