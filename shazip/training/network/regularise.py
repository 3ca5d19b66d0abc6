"""Dropout and penalties, which keep a large network from memorising its text (Merity 2017; 4)."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from shazip.training.settings import Regularisation


def penalty(wishes: Regularisation, raw: Tensor, dropped: Tensor) -> Tensor:
    """Return AR and TAR, summed over steps and lanes (nats), of an output (steps, lanes, width)."""
    total = wishes.activation * dropped.square().mean()
    if wishes.slowness and len(raw) > 1:
        total = total + wishes.slowness * (raw[1:] - raw[:-1]).square().mean()
    return total * raw.shape[0] * raw.shape[1]


class Dropout(nn.Module):
    """Dropout that draws from a given generator, so that threads draw equal numbers in every run.

    If `locked`, one mask serves all steps of a window (Gal & Ghahramani 2016).
    """

    def __init__(self, part: float, *, locked: bool = False) -> None:
        super().__init__()
        self.part, self.locked = part, locked

    @property
    def active(self) -> bool:
        """Whether it drops anything."""
        return self.training and self.part > 0

    def forward(self, x: Tensor, generator: Generator | None) -> Tensor:
        if not self.active:
            return x
        return x * mask((1, *x.shape[1:]) if self.locked else x.shape, self.part, x, generator)


def drop_rows(table: Tensor, part: float, generator: Generator | None) -> Tensor:
    """Return `table` (rows, width) with whole rows dropped."""
    return table * mask((len(table), 1), part, table, generator) if part else table


def drop_connect(weight: Tensor, part: float, generator: Generator | None) -> Tensor:
    """Return `weight` with single weights dropped, the same ones at every step of a window."""
    return weight * mask(weight.shape, part, weight, generator) if part else weight


def mask(shape: tuple[int, ...], part: float, like: Tensor, generator: Generator | None) -> Tensor:
    """Return 0 for a `part` at random and 1 / (1 - part) elsewhere, so that means stay."""
    kept = torch.empty(shape, dtype=like.dtype, device=like.device)
    return kept.bernoulli_(1 - part, generator=generator) / (1 - part)
