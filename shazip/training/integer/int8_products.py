"""Chooses the steps with which a product's operands and weights become int8 at the least error.

Each channel of an operand may have its own step, since the columns of the weight absorb it. The
balance ranges from 0, one step for all, to 1, each channel fills its own range. Clipping the rarest
values makes all others finer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shazip.model.arithmetic import OPERAND_MAX

BALANCES = (0.0, 0.25, 0.5, 0.75, 1.0)
CLIPS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
ROW_CLIPS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)


@dataclass(frozen=True)
class Product:
    """An int8 product in place of `inputs @ weight.T`."""

    steps: Tensor  # (k,) operand = round(input / steps)
    weight: Tensor  # (rows, k), integers
    row_steps: Tensor  # (rows,) result = integer product * row_steps
    bias: Tensor  # (rows,) the mean error of rounding, to be added


def fit_product(inputs: Tensor, weight: Tensor) -> Product:
    """Return the int8 product of least squared error over `inputs` (n, k) for `weight`."""
    results = inputs @ weight.T

    def error(steps: Tensor) -> float:
        columns = weight * steps
        row_steps = columns.abs().amax(1, keepdim=True).clamp_min(1e-12) / OPERAND_MAX
        rounded = (columns / row_steps).round().mul_(row_steps)
        return float((results - to_operand(inputs, steps) @ rounded.T).square_().sum())

    clip = 1.0
    for _ in range(2):  # balance and clip in turn: the best balance hardly depends on the clip
        balance = min(BALANCES, key=lambda b: error(scaled_steps(inputs, b, clip)))
        clip = min(CLIPS, key=lambda c: error(scaled_steps(inputs, balance, c)))
    return fit_weight(inputs, weight, scaled_steps(inputs, balance, clip))


def fit_weight(inputs: Tensor, weight: Tensor, steps: Tensor) -> Product:
    """Return the int8 product for operands with the given `steps` (k,)."""
    operands = to_operand(inputs, steps)
    integers, row_steps = _fit_rows(weight * steps, operands.square().mean(0))
    results = (operands @ integers.T) * row_steps
    return Product(steps, integers, row_steps, (inputs @ weight.T - results).mean(0))


def fit_steps(inputs: Tensor, balance: float) -> Tensor:
    """Return the steps (k,) of least error, relative to each channel's size."""
    spread = inputs.square().mean(0).sqrt().clamp_min(1e-6)

    def error(steps: Tensor) -> float:
        return float(((to_operand(inputs, steps) * steps - inputs) / spread).square().sum())

    return min((scaled_steps(inputs, balance, clip) for clip in CLIPS), key=error)


def scaled_steps(inputs: Tensor, balance: float, clip: float) -> Tensor:
    """Return steps (k,) in proportion to each channel's range to the power of `balance`."""
    most = inputs.abs().amax(0).clamp_min(1e-4)
    shape = most**balance
    return shape * ((most / shape).max() * clip / OPERAND_MAX)


def to_operand(inputs: Tensor, steps: Tensor) -> Tensor:
    """Return `inputs` as whole multiples of `steps` in [-127, 127]."""
    return (inputs / steps).round_().clamp_(-OPERAND_MAX, OPERAND_MAX)


def _fit_rows(columns: Tensor, power: Tensor) -> tuple[Tensor, Tensor]:
    """Return integers (rows, k) and row steps for `columns`; `power` weighs the columns' errors."""
    most = columns.abs().amax(1).clamp_min(1e-12)
    best = torch.full_like(most, torch.inf)
    row_steps = most / OPERAND_MAX
    for clip in ROW_CLIPS:
        steps = most * (clip / OPERAND_MAX)
        rounded = to_operand(columns, steps[:, None]) * steps[:, None]
        error = ((rounded - columns).square() * power).sum(1)
        row_steps = torch.where(error < best, steps, row_steps)
        best = torch.minimum(best, error)
    return to_operand(columns, row_steps[:, None]), row_steps
