"""The torch engine: docs/arithmetic.md on a CPU or a CUDA device, one code path for both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from shazip.engines.torch_network import CHUNK, Network, State
from shazip.errors import ShazipError
from shazip.model.file import IntegerModel


class TorchEngine:
    """The network of `model` on `device`; `threads` bounds torch's CPU threads during a call."""

    name = "torch"
    pool = None  # torch's threads cannot mix

    def __init__(
        self, model: IntegerModel, *, device: str | None = None, threads: int | None = None
    ) -> None:
        self.model = model
        self.device = _device(device or "cpu")
        self.threads = threads
        with torch.inference_mode():
            self.network = Network(model, self.device)

    def predictor(self, lanes: int) -> TorchPredictor:
        """Return a predictor of `lanes` lanes at the model's start state."""
        return TorchPredictor(self, lanes)

    def prober(self, lanes: int) -> TorchPredictor:
        """Return such a predictor for a probe, which has few lanes.

        It uses one thread. Several would wait for each other where other processes keep the cores
        busy, and a second would become minutes.
        """
        predictor = self.predictor(lanes)
        predictor.threads = 1
        return predictor

    def state_size(self, lanes: int) -> int:
        """Return the bytes of `lanes` lanes: their state and the buffers of a step."""
        config = self.model.config
        memory = len(config.attention) * config.window * config.width
        recurrent = config.layers * config.width * 12
        step = 8 * (6 * 4 * config.width + 4 * config.boom_width + 8 * config.vocabulary)
        return lanes * (memory + recurrent + step)


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
            return freqs.to(torch.int32).cpu().numpy().view(np.uint32)

    def update(self, column: np.ndarray) -> None:
        """Take the symbols uint16 (live,) that followed the last prediction."""
        with torch.inference_mode():
            symbols = torch.from_numpy(column.astype(np.int64))
            self.state.symbols[: len(column)] = symbols.to(self.engine.device)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"unknown device {name!r}") from None
    if device.type not in CHUNK:
        raise ValueError(f"the torch engine runs on {' and '.join(CHUNK)}, not on {name!r}")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ShazipError(f"device {name!r} is not here: torch finds no CUDA device")
    return device


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
