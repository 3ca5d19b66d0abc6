"""Reads training text: lanes walk contiguous segments and carry state and memory along.

Segments are bytes of a text; a lane reads the symbols that its segment is parsed into.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shazip.model.vocabulary import Vocabulary
from shazip.texts.corpora import SMALLEST_PART, locate
from shazip.training.errors import TrainingError
from shazip.training.settings import Corpus

SEGMENT = 1 << 16  # bytes a lane reads in one place before it moves on
SAMPLE = 1 << 22  # bytes that ranges and the start state are fitted on

# Texts of published figures, which must never be learned.
HELD_OUT = {"53d316e0e29ca5b23b7afb87f21aebed82f5a35b07a00ef17403154229ebe30c": "enwik8.valid"}


class Feed:
    """Endless windows of the corpora for `lanes` lanes; a function of seed and position alone."""

    def __init__(
        self, corpora: Sequence[Corpus], vocabulary: Vocabulary, lanes: int, seed: int
    ) -> None:
        self.vocabulary = vocabulary
        self.texts = [open_text(corpus) for corpus in corpora]
        self.hashes = [refuse_held_out(corpus) for corpus in corpora]
        total = sum(corpus.weight for corpus in corpora)
        self.shares = [corpus.weight / total for corpus in corpora]
        self.seed = seed
        self.taken = [0] * len(corpora)  # segments handed out
        self.places = [_Place() for _ in range(lanes)]

    def read(self, steps: int) -> np.ndarray:
        """Return the next symbols, uint16 (steps + 1, lanes); the last row begins the next window.

        Its symbols are targets now and inputs then.
        """
        window = np.empty((steps + 1, len(self.places)), np.uint16)
        for lane, place in enumerate(self.places):
            window[:, lane] = self._walk(place, steps + 1)
            place.done -= 1
        return window

    def state_dict(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "hashes": list(self.hashes),
            "taken": list(self.taken),
            "places": [[place.text, place.start, place.done] for place in self.places],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state`. Raises TrainingError if the corpora are others."""
        if state["hashes"] != self.hashes:
            raise TrainingError("the training files differ from those that the run began with")
        self.seed, self.taken = state["seed"], list(state["taken"])
        self.places = [_Place(text, start, done) for text, start, done in state["places"]]
        for place in self.places:
            self._parse(place)

    def _walk(self, place: _Place, need: int) -> np.ndarray:
        pieces = []
        while need:
            if place.done == len(place.symbols):
                place.text, place.start = self._next_segment()
                place.done = 0
                self._parse(place)
            piece = place.symbols[place.done : place.done + need]
            pieces.append(piece)
            place.done += len(piece)
            need -= len(piece)
        return np.concatenate(pieces)

    def _parse(self, place: _Place) -> None:
        text = self.texts[place.text]
        place.symbols = self.vocabulary.parse(text[place.start : place.start + SEGMENT])

    def _next_segment(self) -> tuple[int, int]:
        # From the corpus furthest behind its share, in a new random order in every epoch.
        count = sum(self.taken) + 1
        debts = [part * count - taken for part, taken in zip(self.shares, self.taken, strict=True)]
        text = int(np.argmax(debts))
        segments = -(-len(self.texts[text]) // SEGMENT)
        epoch, index = divmod(self.taken[text], segments)
        order = np.random.default_rng((self.seed, text, epoch)).permutation(segments)
        self.taken[text] += 1
        return text, int(order[index]) * SEGMENT


@dataclass
class _Place:
    """A lane's place: `done` symbols into the segment that begins at byte `start` of a text."""

    text: int = 0
    start: int = 0
    done: int = 0
    symbols: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint16))


def segments(corpora: Sequence[Corpus], size: int) -> Iterator[np.ndarray]:
    """Yield pieces of the corpora, uint8 (at most SEGMENT,), spread evenly over each.

    They have `size` bytes in all, or fewer if the corpora are small. Each corpus contributes in
    proportion to its weight.
    """
    total = sum(corpus.weight for corpus in corpora)
    for corpus in corpora:
        text = open_text(corpus)
        wanted = min(len(text), round(size * corpus.weight / total))
        count = -(-wanted // SEGMENT)
        for index in range(count):
            start = index * len(text) // count
            yield text[start : start + -(-wanted // count)]


def sample(corpora: Sequence[Corpus], vocabulary: Vocabulary, size: int = SAMPLE) -> np.ndarray:
    """Return symbols, uint16 (n,), of some `size` bytes spread evenly over the corpora."""
    return np.concatenate([vocabulary.parse(piece) for piece in segments(corpora, size)])


def open_text(corpus: Corpus) -> np.ndarray:
    """Map the bytes of a text. Raises TrainingError if there are too few to learn from."""
    path, start, stop = locate(corpus.path, corpus.part)
    if stop - start < SMALLEST_PART:
        raise TrainingError(f"{corpus.path} has {stop} bytes, too few to learn from")
    return np.memmap(path, np.uint8, "r")[start:stop]


def refuse_held_out(corpus: Corpus) -> str:
    """Return the text's SHA-256 in hex. Raises TrainingError for the texts of published figures."""
    digest = hashlib.sha256(open_text(corpus).data).hexdigest()
    if digest in HELD_OUT:
        raise TrainingError(f"{corpus.path} is {HELD_OUT[digest]}: held out from training")
    return digest
