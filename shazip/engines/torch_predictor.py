"""The state of a frame in the torch engine, and torch's settings during its steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from shazip.engines.torch_network import State

if TYPE_CHECKING:
    from shazip.engines.torch import TorchEngine


class TorchPredictor:
    """One frame's state: `predict` makes a step of the live lanes, `update` takes the symbols."""

    def __init__(self, engine: TorchEngine, lanes: int) -> None:
        self.engine = engine
        self.threads = engine.threads
        with torch.inference_mode():
            self.state = State(engine.model, lanes, engine.device)

    def logits(self, live: int) -> np.ndarray:
        """Make a step; return int16 (live, V), step 1/32."""
        with exactly(self.threads):
            logits = self.engine.network.step(self.state, live)
            return logits.to(torch.int16).cpu().numpy()

    def predict(self, live: int) -> np.ndarray:
        """Make a step; return uint32 frequencies (live, V), each >= 1, rows summing to 2**24."""
        network = self.engine.network
        with exactly(self.threads):
            freqs = network.frequencies(network.step(self.state, live))
            return to_numpy(freqs.to(torch.int32))

    def update(self, column: np.ndarray) -> None:
        """Take the symbols uint16 (live,) that followed the last prediction."""
        with torch.inference_mode():
            symbols = torch.from_numpy(column.astype(np.int64))
            self.state.symbols[: len(column)] = symbols.to(self.engine.device)


def to_numpy(freqs: Tensor) -> np.ndarray:
    """Return int32 frequencies (live, V) as uint32 in the program's own memory."""
    return freqs.cpu().numpy().view(np.uint32)


@contextmanager
def exactly(threads: int | None) -> Iterator[None]:
    """Run torch with true float32 products and `threads`, then restore the program's settings.

    Both settings are global, so other threads of the process see them during a call.
    """
    before = torch.get_num_threads()
    precisions = _true_float32()
    if threads is not None and threads != before:
        torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            yield
    finally:
        for matmul, precision in precisions:
            matmul.fp32_precision = precision
        if threads is not None and threads != before:
            torch.set_num_threads(before)


def _true_float32() -> list[tuple[Any, str]]:
    """Turn TF32 and bfloat16 products off; return the settings to restore."""
    switched = []
    backends: Any = torch.backends  # its type hints lack the switches
    for matmul in (backends.cuda.matmul, backends.mkldnn.matmul):
        precision = matmul.fp32_precision
        if precision not in ("none", "ieee"):
            switched.append((matmul, precision))
            matmul.fp32_precision = "ieee"
    return switched
