"""Continues a text with symbols that a network finds likely."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shazip.predictor import Engine, Network


def continued(
    engine: Engine, prompt: bytes, length: int, *, temperature: float = 1, seed: int = 0
) -> Iterator[bytes]:
    """Yield pieces of the next `length` bytes after `prompt`; equal seeds give equal bytes.

    At a temperature below 1 likelier symbols are drawn more often, at 0 always the likeliest.
    """
    vocabulary = engine.model.vocabulary
    symbols = drawn(engine.predictor(1), vocabulary.parse(prompt), temperature, seed)
    while length > 0:
        string = vocabulary.strings[next(symbols)][:length]
        yield string
        length -= len(string)


def drawn(
    predictor: Network, prompt: NDArray[np.uint16], temperature: float, seed: int
) -> Iterator[int]:
    """Yield symbols that continue `prompt`, without end; the predictor has one lane."""
    for at in range(len(prompt)):
        predictor.predict(1)
        predictor.update(prompt[at : at + 1])
    random = np.random.default_rng(seed)
    while True:
        weights = predictor.predict(1)[0].astype(np.int64)
        if temperature == 0:
            symbol = int(weights.argmax())
        else:
            if temperature != 1:
                scaled = np.log(weights / weights.max()) / temperature
                weights = 1 + (np.exp(scaled) * (1 << 40)).astype(np.int64)
            ends = weights.cumsum()
            symbol = int(np.searchsorted(ends, random.integers(ends[-1]), side="right"))
        predictor.update(np.array([symbol], np.uint16))
        yield symbol
