"""Training text: lanes walk contiguous segments, so that state and memory can be carried on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shazip.texts.corpora import SMALLEST_PART, span
from shazip.training.errors import TrainingError

SEGMENT = 1 << 16  # bytes a lane reads in one place before it moves on

# What published figures are measured on must never be learned.
HELD_OUT = {"53d316e0e29ca5b23b7afb87f21aebed82f5a35b07a00ef17403154229ebe30c": "enwik8.valid"}


@dataclass(frozen=True)
class Corpus:
    """A byte file and the weight that its share of the training bytes is proportional to."""

    path: Path
    weight: float = 1.0
    part: str = ""  # of those that corpora.split names; all of the file by default

    @property
    def name(self) -> str:
        """The file's name, and which part of it this is."""
        return f"{self.path.name}, {self.part}" if self.part else self.path.name


class Feed:
    """Endless windows of the corpora for `lanes` lanes; a function of seed and position alone."""

    def __init__(self, corpora: Sequence[Corpus], lanes: int, seed: int) -> None:
        self.texts = [open_text(corpus) for corpus in corpora]
        self.hashes = [refuse_held_out(corpus) for corpus in corpora]
        total = sum(corpus.weight for corpus in corpora)
        self.shares = [corpus.weight / total for corpus in corpora]
        self.seed = seed
        self.taken = [0] * len(corpora)  # segments handed out
        self.places = [[0, 0, 0] for _ in range(lanes)]  # text, position, end

    def read(self, steps: int) -> np.ndarray:
        """Return the next symbols, uint8 (steps + 1, lanes); the last row comes again next time."""
        window = np.empty((steps + 1, len(self.places)), np.uint8)
        for lane, place in enumerate(self.places):
            window[:, lane] = self._walk(place, steps + 1)
            place[1] -= 1  # the last symbol is a target now and an input next time
        return window

    def state_dict(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "hashes": list(self.hashes),
            "taken": list(self.taken),
            "places": [list(place) for place in self.places],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken. Raises TrainingError if the corpora are others."""
        if state["hashes"] != self.hashes:
            raise TrainingError("the training files are not those that the run began with")
        self.seed, self.taken = state["seed"], list(state["taken"])
        self.places = [list(place) for place in state["places"]]

    def _walk(self, place: list[int], need: int) -> np.ndarray:
        pieces = []
        while need:
            if place[1] == place[2]:
                place[:] = self._next_segment()
            text, start, end = place
            piece = self.texts[text][start : min(end, start + need)]
            pieces.append(piece)
            place[1] += len(piece)
            need -= len(piece)
        return np.concatenate(pieces)

    def _next_segment(self) -> list[int]:
        # From the corpus furthest behind its share, in a new random order in every epoch.
        count = sum(self.taken) + 1
        debts = [part * count - taken for part, taken in zip(self.shares, self.taken, strict=True)]
        text = int(np.argmax(debts))
        segments = -(-len(self.texts[text]) // SEGMENT)
        epoch, index = divmod(self.taken[text], segments)
        order = np.random.default_rng((self.seed, text, epoch)).permutation(segments)
        self.taken[text] += 1
        start = int(order[index]) * SEGMENT
        return [text, start, min(start + SEGMENT, len(self.texts[text]))]


def open_text(corpus: Corpus) -> np.ndarray:
    """Map the bytes of a text. Raises TrainingError if there are too few to learn from."""
    start, stop = span(corpus.path, corpus.part)
    if stop - start < SMALLEST_PART:
        raise TrainingError(f"{corpus.path} has {stop} bytes, too few to learn from")
    return np.memmap(corpus.path, np.uint8, "r")[start:stop]


def refuse_held_out(corpus: Corpus) -> str:
    """Return the text's SHA-256 in hex. Raises TrainingError for what published figures need."""
    digest = hashlib.sha256(open_text(corpus).data).hexdigest()
    if digest in HELD_OUT:
        raise TrainingError(f"{corpus.path} is {HELD_OUT[digest]}: held out, never trained on")
    return digest
