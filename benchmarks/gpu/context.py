"""What every piece is given: folders, the device, sizes, and the time it has."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MARGIN = 30.0  # seconds to save and measure in, after a training stops
RECIPE = "recipe.json"  # in a bundle: its texts and weights, and the settings of the run


@dataclass(frozen=True)
class Scale:
    """The sizes of all pieces."""

    model: str = "wikipedia"
    lanes: tuple[int, ...] = (64, 256, 1024, 4096, 16384)
    steps: int = 64  # timed, after as many untimed ones
    archive: int = 1 << 16  # bytes compressed on both sides
    stream: int = 1 << 20  # bytes compressed, at most, to time a number of lanes
    coder: tuple[int, int] = (4096, 1 << 18)  # lanes, and symbols for each thread
    text_lanes: int = 512
    windows: tuple[int, ...] = (0, 128, 512, 2000, 5000)
    heads: tuple[int, ...] = (4,)  # a window's piece has one head
    study: dict[str, Any] = field(
        default_factory=lambda: {
            "preset": "base",
            "lanes": 256,
            "total": 24_000_000,
            "quantise_last": 0.0,
        }
    )
    paper: dict[str, Any] = field(default_factory=lambda: {"preset": "paper"})
    paper_seconds: float = 300.0
    share: float = 1.0  # of the estimated seconds


_TINY: dict[str, Any] = {
    "width": 16,
    "boom_width": 16,
    "layers": 2,
    "attention": (0,),
    "window": 8,
    "lanes": 4,
    "steps": 8,
    "total": 256,
    "quantise_last": 0.0,
}
# For practice on a CPU: everything runs, nothing is worth publishing.
QUICK = Scale(
    *("tiny", (2, 4), 3, 512, 256, (32, 256), 4, (0, 8), (2,)),
    *(_TINY, {**_TINY, "kind": "lamb"}, 5.0, 0.05),
)


@dataclass(frozen=True)
class Context:
    """Where a piece reads and writes, what it runs on, and until when (time.time())."""

    bundle: Path
    work: Path
    device: str
    scale: Scale
    end: float
    finish: bool = False  # let the rate of the long training fall to its end

    @property
    def seconds(self) -> float:
        """The seconds that are left."""
        return self.end - time.time()

    @property
    def threads(self) -> int | None:
        """The threads of the torch engine: on a busy CPU several would wait for each other."""
        return 1 if self.device == "cpu" else None

    @property
    def recipe(self) -> dict[str, Any]:
        """What the bundle holds."""
        found: dict[str, Any] = json.loads((self.bundle / RECIPE).read_text())
        return found

    def text(self, name: str) -> Path:
        """Return the file of an unpacked text of the bundle."""
        return self.work / "texts" / name

    def sample(self, size: int) -> bytes:
        """Return `size` bytes of the bundle's held-out text, repeated if it is shorter."""
        content = self.text(self.recipe["valid"]).read_bytes()
        return (content * (size // len(content) + 1))[:size]
