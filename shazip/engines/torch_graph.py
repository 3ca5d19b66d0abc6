"""A step of the torch engine as one CUDA graph: one launch instead of some hundred.

A graph repeats operations on the same memory, so the whole step works on tensors of fixed shapes:
all lanes, and all of attention's window with the vectors masked that are not written yet. The
engine uses graphs only after a probe gave the frequencies of the step without one. No GPU has run
this yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from shazip.engines.canary import SHORT_PROBE, probe_columns
from shazip.engines.torch_network import Ring, State
from shazip.engines.torch_predictor import TorchPredictor, exactly, to_numpy

if TYPE_CHECKING:
    from shazip.engines.torch import TorchEngine

# Takes work on fixed tensors; returns a function that repeats it and returns the same tensor.
Capture = Callable[[Callable[[], Tensor]], Callable[[], Tensor]]
WARM_UP = 3  # runs before a capture: libraries allocate their workspaces in the first


def capture(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """Record `work` as a CUDA graph. Raises RuntimeError if CUDA cannot."""
    with torch.cuda.device(work().device):
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                work()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = work()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay


class GraphPredictor(TorchPredictor):
    """A TorchPredictor whose steps of all lanes replay a graph; steps of fewer run as before."""

    def __init__(self, engine: TorchEngine, lanes: int, capture: Capture = capture) -> None:
        super().__init__(engine, lanes)
        self.lanes = lanes
        with exactly(self.threads):
            self._written = self._counts().to(engine.device)
            self._replay = capture(self._step)
            # Warming up has advanced the state.
            self.state.become(State(engine.model, lanes, engine.device))
        self._stale = True  # whether `_written` lacks steps that were made without the graph

    def logits(self, live: int) -> np.ndarray:
        """Make a step without the graph; return int16 (live, V), step 1/32."""
        self._stale = True
        return super().logits(live)

    def predict(self, live: int) -> np.ndarray:
        """Make a step; return uint32 frequencies (live, V), each >= 1, rows summing to 2**24."""
        if live < self.lanes:
            self._stale = True
            return super().predict(live)
        with exactly(self.threads):
            if self._stale:
                self._written.copy_(self._counts())
                self._stale = False
            self.state.written += 1
            return to_numpy(self._replay())

    def _counts(self) -> Tensor:
        """Return what the state has written, int64 (lanes * heads,), on the CPU."""
        return torch.from_numpy(self.state.written.repeat(self.engine.model.config.heads))

    def _step(self) -> Tensor:
        """Advance all lanes; return their frequencies. Nothing in it depends on values."""
        network, window = self.engine.network, self.engine.model.config.window
        entries = torch.arange(window, device=self._written.device)
        ring = Ring(self._written % window, window, entries > self._written[:, None])
        logits = network.step(self.state, self.lanes, ring)
        self._written += 1
        return network.frequencies(logits).to(torch.int32)


def proves(engine: TorchEngine, capture: Capture = capture) -> bool:
    """Return whether a graph can be captured here and gives the step's own frequencies."""
    _, lanes = SHORT_PROBE
    plain = TorchPredictor(engine, lanes)
    try:
        graph = GraphPredictor(engine, lanes, capture)
        # Twice, so that steps with the graph follow steps without it.
        for column in [*probe_columns(engine), *probe_columns(engine)]:
            if not np.array_equal(graph.predict(len(column)), plain.predict(len(column))):
                return False
            graph.update(column)
            plain.update(column)
    except RuntimeError:  # torch's: no memory, or an operation that cannot be captured
        return False
    return True
