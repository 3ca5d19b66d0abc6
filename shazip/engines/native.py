"""The native engine: exact inference in C++ (native/) on any CPU, without torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shazip.compiled import load_module
from shazip.cpus import available_cpus
from shazip.errors import ModelError

if TYPE_CHECKING:
    from shazip import _native
    from shazip.model.file import IntegerModel


class NativePredictor:
    """The network alone, over some lanes, in its start state."""

    def __init__(self, network: _native.Network, lanes: int) -> None:
        # It counts its costs, for benchmarks.
        self.native: _native.Predictor = load_module().Predictor(network, lanes)
        # Bound here, so that predict and update are one call into C++ each.
        self.predict: Callable[[int], NDArray[np.uint32]] = self.native.predict
        self.logits: Callable[[int], NDArray[np.int16]] = self.native.logits
        self.update: Callable[[NDArray[np.uint16]], None] = self.native.update


class NativeEngine:
    """One model, packed for this processor; threads never change a bit."""

    name = "native"

    def __init__(
        self, model: IntegerModel, threads: int | None = None, *, variant: str = ""
    ) -> None:
        """Pack `model`; `threads` None means all processors.

        `variant` forces an instruction set, for tests; the fastest proven one is the default.
        """
        self.model = model
        config = model.config
        try:
            self._network: _native.Network = load_module().Network(
                width=config.width,
                boom_width=config.boom_width,
                layers=config.layers,
                attention=list(config.attention),
                window=config.window,
                heads=config.heads,
                vocabulary=config.vocabulary,
                tensors=dict(model.tensors),
                threads=threads or available_cpus(),
                variant=variant,
            )
        except ValueError as error:
            raise ModelError(f"model {model.name or model.id.hex()}: {error}") from None
        self.variant = self._network.variant
        self.pool = self._network.pool  # its threads, which mixing shares

    def predictor(self, lanes: int) -> NativePredictor:
        """Return a network in its start state."""
        return NativePredictor(self._network, lanes)

    def prober(self, lanes: int) -> NativePredictor:
        """Return a network in its start state: a probe takes only milliseconds."""
        return self.predictor(lanes)

    def state_size(self, lanes: int) -> int:
        """Return the bytes that a predictor of so many lanes allocates."""
        return self._network.state_size(lanes)


def variants() -> list[str]:
    """Return the instruction sets of this build that this processor runs, the fastest first."""
    names: list[str] = load_module().variants()
    return names
