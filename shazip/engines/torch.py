"""The torch engine: docs/arithmetic.md on a CPU or a CUDA device, one code path for both."""

from __future__ import annotations

import torch

from shazip.engines.torch_graph import GraphPredictor, proves
from shazip.engines.torch_network import CHUNK, Network
from shazip.engines.torch_predictor import TorchPredictor
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
        # Whether steps are CUDA graphs; None: not tried yet.
        self.graphs: bool | None = None if self.device.type == "cuda" else False

    def predictor(self, lanes: int) -> TorchPredictor:
        """Return a predictor of `lanes` lanes at the model's start state."""
        if self.graphs is None:
            self.graphs = proves(self)
        if self.graphs:
            try:
                return GraphPredictor(self, lanes)
            except RuntimeError:  # no memory for the buffers that a graph keeps
                torch.cuda.empty_cache()
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
