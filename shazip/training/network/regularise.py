"""What keeps a large network from learning its text by heart (Merity 2017, AWD-LSTM; 4)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Generator, Tensor, nn


@dataclass(frozen=True)
class Regularisation:
    """Parts left out at random, beside those between layers, and penalties on the activations."""

    drop_symbols: float = 0.0  # of the embedding's rows: the symbol is nothing for a whole window
    drop_input: float = 0.0  # of the embedded symbols
    drop_output: float = 0.0  # of what the logits are made from
    drop_weights: float = 0.0  # DropConnect: of each LSTM's recurrent weights
    activation: float = 0.0  # AR: times the mean square of the last layer's output, as dropped
    slowness: float = 0.0  # TAR: times the mean square of its change from step to step

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 0 or (field.name.startswith("drop") and value >= 1):
                raise ValueError(f"{field.name} is {value}, must be at least 0, a part below 1")

    @property
    def penalises(self) -> bool:
        """Whether `penalty` is more than 0."""
        return self.activation > 0 or self.slowness > 0

    def penalty(self, raw: Tensor, dropped: Tensor) -> Tensor:
        """Return the sum over steps and lanes (nats) for an output (steps, lanes, width)."""
        total = self.activation * dropped.square().mean()
        if self.slowness and len(raw) > 1:
            total = total + self.slowness * (raw[1:] - raw[:-1]).square().mean()
        return total * raw.shape[0] * raw.shape[1]


class Dropout(nn.Module):
    """Dropout with a generator of its own, so that threads draw the same numbers in every run.

    `locked`, one mask is drawn for all steps of a window (Gal & Ghahramani 2016).
    """

    def __init__(self, part: float, *, locked: bool = False) -> None:
        super().__init__()
        self.part, self.locked = part, locked

    @property
    def active(self) -> bool:
        """Whether anything is left out."""
        return self.training and self.part > 0

    def forward(self, x: Tensor, generator: Generator | None) -> Tensor:
        if not self.active:
            return x
        return x * mask((1, *x.shape[1:]) if self.locked else x.shape, self.part, x, generator)


def drop_rows(table: Tensor, part: float, generator: Generator | None) -> Tensor:
    """Return `table` (rows, width) with whole rows left out."""
    return table * mask((len(table), 1), part, table, generator) if part else table


def drop_connect(weight: Tensor, part: float, generator: Generator | None) -> Tensor:
    """Return `weight` with single weights left out, the same ones at every step of a window."""
    return weight * mask(weight.shape, part, weight, generator) if part else weight


def mask(shape: tuple[int, ...], part: float, like: Tensor, generator: Generator | None) -> Tensor:
    """Return 0 for a `part` at random and 1 / (1 - part) elsewhere, so that means stay."""
    kept = torch.empty(shape, dtype=like.dtype, device=like.device)
    return kept.bernoulli_(1 - part, generator=generator) / (1 - part)
