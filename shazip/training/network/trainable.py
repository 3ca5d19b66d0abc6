"""The contract between the trainer and a network, and the state that a network carries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from torch import Generator, Tensor, nn


@dataclass(frozen=True)
class LayerState:
    """The state of a layer between two steps."""

    h: Tensor  # (lanes, width)
    c: Tensor  # (lanes, width)
    memory: Tensor | None  # (lanes, past steps < window, width), with attention only

    def detach(self) -> LayerState:
        """Return the same state, through which no gradient flows."""
        memory = None if self.memory is None else self.memory.detach()
        return LayerState(self.h.detach(), self.c.detach(), memory)

    def to(self, device: str) -> LayerState:
        """Return the same state on another device."""
        memory = None if self.memory is None else self.memory.to(device)
        return LayerState(self.h.to(device), self.c.to(device), memory)


State = tuple[LayerState, ...]


class Trainable(nn.Module, ABC):
    """A network over a vocabulary of V symbols, as the trainer and `eval` use it.

    Dropout acts in training mode and draws from the `generator` of a call.
    """

    config: Any  # the sizes from which new_network makes such a network
    bias: nn.Parameter  # (V,), of the logits

    @abstractmethod
    def start(self, lanes: int) -> State:
        """Return the state before the first symbol."""

    @abstractmethod
    def outputs(
        self, symbols: Tensor, state: State, generator: Generator | None = None
    ) -> tuple[Tensor, Tensor, State]:
        """Return the last layer's output (steps, lanes, width), before and after its dropout.

        The third result is the state after `symbols` (steps, lanes).
        """

    @abstractmethod
    def logits(self, x: Tensor) -> Tensor:
        """Return the logits (steps, lanes, V), in float32 even under autocast, of an output."""

    def forward(
        self, symbols: Tensor, state: State, generator: Generator | None = None
    ) -> tuple[Tensor, State]:
        """Return the logits of every next symbol (steps, lanes, V) and the state afterwards."""
        _, dropped, after = self.outputs(symbols, state, generator)
        return self.logits(dropped), after
