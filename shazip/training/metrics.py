"""Metrics of a run, one JSON object per line, and the guard against a diverging loss."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shazip.atomic import write_file
from shazip.training.errors import TrainingError

SMOOTHING = 0.98  # of the loss that guard and progress use: about 50 updates
RISE = 1.0  # bits per byte above the best so far: the run has diverged
DOUBT = 0.3  # bits per byte above the best so far: the last checkpoint is kept


class Metrics:
    """The metrics file of a run whose checkpoint has trained on `done` bytes."""

    def __init__(self, path: Path, done: int) -> None:
        self.path = path
        # The resumed run measures again what came after the checkpoint.
        lines = [json.dumps(line) + "\n" for line in read(path) if line["bytes"] <= done]
        write_file(path, "".join(lines).encode())

    def write(self, **values: Any) -> None:
        """Append one line."""
        with self.path.open("a") as file:
            file.write(json.dumps(values) + "\n")


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a metrics file; an incomplete last line is skipped."""
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def last(path: Path) -> float | None:
    """Return the last bits per byte in a metrics file: of a validation if the run has any."""
    lines = list(read(path))
    for kind in ("valid_average", "bpb"):
        if found := [line[kind] for line in lines if kind in line]:
            return float(found[-1])
    return None


class Guard:
    """The smoothed loss in bits per byte, held against the best so far."""

    def __init__(self) -> None:
        self.best = math.inf
        self._sum = self._weight = 0.0

    @property
    def bpb(self) -> float:
        """The smoothed loss; infinite before the first update."""
        return self._sum / self._weight if self._weight else math.inf

    @property
    def sound(self) -> bool:
        """Whether a checkpoint may be overwritten now."""
        return self.bpb <= self.best + DOUBT

    def see(self, bpb: float) -> None:
        """Add the loss of one update. Raises TrainingError when the run diverges."""
        self._sum = SMOOTHING * self._sum + (1 - SMOOTHING) * bpb
        self._weight = SMOOTHING * self._weight + (1 - SMOOTHING)
        # The first few updates are too noisy for a best.
        if self._weight > 0.5:
            self.best = min(self.best, self.bpb)
        if self.bpb > self.best + RISE:
            raise TrainingError(f"the loss diverged: {self.bpb:.3f} bpb after {self.best:.3f}")
