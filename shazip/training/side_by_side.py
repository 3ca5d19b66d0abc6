"""Measures a trained network and the exact model made from it, side by side.

As in papers, state and memory are carried through the whole text, which is cut into lanes once and
not into blocks. The window may differ from that in training.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shazip.cpus import available_cpus
from shazip.engines import open_with_window
from shazip.engines.torch_predictor import exactly
from shazip.lanes import block_lanes, interleave
from shazip.measure import Measurement, logit_bits, symbol_bits
from shazip.predictor import Engine
from shazip.streams import Progress, silent
from shazip.training.evaluate import bits
from shazip.training.export import read_trained, to_integer
from shazip.training.network.attention import Attention
from shazip.training.network.sha_rnn import Network
from shazip.training.network.trainable import Trainable
from shazip.training.parallel import Workers
from shazip.training.settings import name_of


class SideBySide:
    """Measurements of one trained network; the engine `float` is torch's arithmetic."""

    def __init__(
        self,
        source: Path,
        *,
        window: int | None = None,
        text: Path | None = None,
        engine: str | None = None,
        device: str | None = None,
        threads: int | None = None,
    ) -> None:
        trained = read_trained(source)
        self.name = source.resolve().name
        self.engine: Engine | None = None
        self._threads = threads
        self._vocabulary = trained.vocabulary
        if isinstance(trained.network, Network):
            model = to_integer(trained, text, self.name)
            self.engine = open_with_window(model, window, engine, device=device, threads=threads)
        self._network = _with_window(trained.network, window).to(device or "cpu")

    def measure(
        self, text: NDArray[np.uint8], lanes: int | None, progress: Progress = silent
    ) -> Iterator[Measurement]:
        """Yield the measurements of the float network and the exact model on `text`, uint8 (n,)."""
        lanes = block_lanes(len(text), lanes)
        count = max(1, min(lanes, self._threads or available_cpus()))
        # A single worker is this thread, where torch would use threads that wait for each other.
        with Workers(count) as workers, exactly(1 if count == 1 else None):
            cost = bits(self._network, self._vocabulary, text, lanes, workers, progress=progress)
        yield Measurement(len(text), cost, 1, 0, lanes, "float", self.name, False)
        if self.engine is not None:
            cost = exact_bits(self.engine, text, lanes, progress)
            name = self.engine.name
            yield Measurement(len(text), cost, 1, 0, lanes, name, self.name, False)


def exact_bits(
    engine: Engine, text: NDArray[np.uint8], lanes: int, progress: Progress = silent
) -> float:
    """Return the bits of `text`, uint8 (n,), by the exact logits, in lanes without blocks."""
    symbols = interleave(engine.model.vocabulary.parse(text), lanes)

    def in_bytes(done: int, cost: int) -> None:
        progress(len(text) * done // len(symbols), cost)

    return symbol_bits(engine.predictor(lanes), logit_bits, symbols, lanes, in_bytes)


def _with_window(network: Trainable, window: int | None) -> Trainable:
    if window is None:
        return network
    if not isinstance(network, Network):
        raise ValueError(f"an {name_of(network.config)} has no window")
    for module in network.modules():
        if isinstance(module, Attention):
            module.window = window
    return network
