"""Metrics of a run: one JSON object per line, and a guard against a loss that runs away."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shazip.atomic import replace_file
from shazip.training.errors import TrainingError

SMOOTHING = 0.98  # of the loss that guard and progress look at: about 50 updates
RISE = 1.0  # bits per byte above the best so far that count as diverged
DOUBT = 0.3  # above the best, no checkpoint is overwritten


class Metrics:
    """The file that a run's measurements are appended to; `done` bytes of it were saved."""

    def __init__(self, path: Path, done: int) -> None:
        self.path = path
        # What was measured after the last checkpoint will be measured again.
        lines = [json.dumps(line) + "\n" for line in read(path) if line["bytes"] <= done]
        replace_file(path, lambda file: file.write("".join(lines).encode()))

    def write(self, **values: Any) -> None:
        """Append one line."""
        with self.path.open("a") as file:
            file.write(json.dumps(values) + "\n")


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a metrics file; a last line that was cut is left out."""
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


class Guard:
    """Smoothed loss in bits per byte, and whether it has left the best one behind."""

    def __init__(self) -> None:
        self.best = math.inf
        self._sum = self._weight = 0.0

    @property
    def bpb(self) -> float:
        """The smoothed loss; infinite before the first update."""
        return self._sum / self._weight if self._weight else math.inf

    @property
    def sound(self) -> bool:
        """Whether a checkpoint made now is worth keeping."""
        return self.bpb <= self.best + DOUBT

    def see(self, bpb: float) -> None:
        """Take in the loss of one update. Raises TrainingError when the run diverges."""
        self._sum = SMOOTHING * self._sum + (1 - SMOOTHING) * bpb
        self._weight = SMOOTHING * self._weight + (1 - SMOOTHING)
        # The first few updates say too little for a best.
        if self._weight > 0.5:
            self.best = min(self.best, self.bpb)
        if self.bpb > self.best + RISE:
            raise TrainingError(f"diverged: {self.bpb:.3f} bpb after {self.best:.3f}")
