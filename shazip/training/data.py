"""Training text: every lane of the batch walks contiguous segments, so that state and memory can be carried over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SEGMENT = 1 << 16  # bytes a lane reads in one place before it moves on


@dataclass(frozen=True)
class Corpus:
    """A byte file and the share of the training bytes that it gets."""

    path: Path
    weight: float = 1.0


class Feed:
    """Endless windows of the corpora for `lanes` lanes; a function of seed and position alone."""

    def __init__(self, corpora: list[Corpus], lanes: int, seed: int) -> None:
        self.seed = seed
        self.texts = [np.memmap(corpus.path, np.uint8, "r") for corpus in corpora]
        total = sum(corpus.weight for corpus in corpora)
        self.shares = [corpus.weight / total for corpus in corpora]
        self.taken = [0] * len(corpora)  # segments handed out
        self.places = [[0, 0, 0] for _ in range(lanes)]  # text, position, end

    def read(self, steps: int) -> np.ndarray:
        """Return the next symbols, uint8 (steps + 1, lanes); the last row is the first of the next call."""
        window = np.empty((steps + 1, len(self.places)), np.uint8)
        for lane, place in enumerate(self.places):
            window[:, lane] = self._walk(place, steps)
        return window

    def state_dict(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "taken": list(self.taken),
            "places": [list(p) for p in self.places],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seed, self.taken = state["seed"], list(state["taken"])
        self.places = [list(place) for place in state["places"]]

    def _walk(self, place: list[int], steps: int) -> np.ndarray:
        pieces, need = [], steps + 1
        while need:
            if place[1] == place[2]:
                place[:] = self._next_segment()
            text, start, end = place
            piece = self.texts[text][start : min(end, start + need)]
            pieces.append(piece)
            place[1] += len(piece)
            need -= len(piece)
        place[1] -= 1  # the last symbol is a target now and an input next time
        return np.concatenate(pieces)

    def _next_segment(self) -> list[int]:
        # The corpus furthest behind its share; within it, a new random order of segments in every epoch.
        count = sum(self.taken) + 1
        debts = [
            share * count - taken for share, taken in zip(self.shares, self.taken, strict=True)
        ]
        text = int(np.argmax(debts))
        segments = -(-len(self.texts[text]) // SEGMENT)
        epoch, index = divmod(self.taken[text], segments)
        order = np.random.default_rng((self.seed, text, epoch)).permutation(segments)
        self.taken[text] += 1
        start = int(order[index]) * SEGMENT
        return [text, start, min(start + SEGMENT, len(self.texts[text]))]
