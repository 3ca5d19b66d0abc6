"""The integer model's formats inside the float network, which learns to fit them.

A finish on the grids (trainer.py) uses every int8 operand, weight and limit of docs/arithmetic.md.
It omits roundings finer than training's own noise: those of gates, layer norms and logits.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from shazip.model.arithmetic import CELL_MAX, GATE_HALF, GELU_HALF, INT16_MAX, OPERAND_MAX
from shazip.training.integer.int8_products import Product, to_operand

# Steps of docs/arithmetic.md as units for 1.0.
GATE, BIAS, BOOM, LOGIT, RESIDUAL, NORMAL, CELL = (2**n for n in (8, 11, 8, 5, 12, 11, 16))

# The ranges of the formats.
GATE_MIN, GATE_MAX = -GATE_HALF / GATE, (GATE_HALF - 1) / GATE
BOOM_MIN, BOOM_MAX = -GELU_HALF / BOOM, (GELU_HALF - 1) / BOOM
NORMAL_LIMIT = INT16_MAX / NORMAL
CELL_LIMIT = CELL_MAX / CELL

EPSILON = 1e-12  # of every layer norm

NAMES = ("steps", "row_steps", "shift")


class Grid(nn.Module):
    """The grid of a product's operand and weight; before it is fitted, both pass unchanged.

    It is in no state_dict, whose names then do not depend on it; `grids` and `set_grids` carry it.
    """

    steps: Tensor | None  # (k,) of the operand
    row_steps: Tensor | None  # (rows,) of weight * steps
    shift: Tensor | None  # (rows,) the mean error of rounding, to be added to the bias

    def __init__(self) -> None:
        super().__init__()
        for name in NAMES:
            self.register_buffer(name, None, persistent=False)

    @property
    def fitted(self) -> bool:
        """Whether the grid rounds."""
        return self.steps is not None

    def fit(self, steps: Tensor) -> None:
        """Set the `steps` (k,) of an operand without a weight."""
        self.steps = steps

    def fit_product(self, product: Product) -> None:
        """Take the steps of `product`; its weight may still change."""
        self.steps, self.row_steps, self.shift = product.steps, product.row_steps, product.bias

    def product(self, weight: Tensor) -> Product:
        """Return the int8 product of `weight` (rows, k) on this grid."""
        assert self.steps is not None
        assert self.row_steps is not None
        assert self.shift is not None
        integers = to_operand(weight * self.steps, self.row_steps[:, None])
        return Product(self.steps, integers, self.row_steps, self.shift)

    def operand(self, x: Tensor) -> Tensor:
        """Return `x` (..., k) on the grid; values beyond its ends get no gradient."""
        return x if self.steps is None else _Operand.apply(x, self.steps)  # type: ignore[no-untyped-call]

    def weight(self, weight: Tensor) -> Tensor:
        """Return `weight` (rows, k) on the grid; the gradient passes straight through."""
        if self.row_steps is None:
            return weight
        return _Weight.apply(weight, self.steps, self.row_steps)  # type: ignore[no-any-return, no-untyped-call]

    def bias(self, bias: Tensor) -> Tensor:
        """Return `bias` (rows,) with the correction that the integer model adds."""
        return bias if self.shift is None else bias + self.shift


class Norm(nn.LayerNorm):
    """Layer norm over the last axis; if `limited`, values before the scale are kept in range."""

    limited = False

    def forward(self, x: Tensor) -> Tensor:
        normal = super().forward(x)
        if not self.limited:
            return normal
        room = NORMAL_LIMIT * self.weight.detach().abs()
        return normal.clamp(self.bias.detach() - room, self.bias.detach() + room)


def norm(width: int) -> Norm:
    """Return a layer norm over the last axis."""
    return Norm(width, eps=EPSILON)


def grids(network: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of all fitted grids by name; empty before a finish."""
    return {
        f"{at}.{name}": tensor
        for at, module in network.named_modules()
        if isinstance(module, Grid)
        for name in NAMES
        if (tensor := getattr(module, name)) is not None
    }


def set_grids(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Set the grids that `grids` returned; without any, `network` is a float network again."""
    for at, module in network.named_modules():
        if isinstance(module, Grid):
            for name in NAMES:
                tensor = tensors.get(f"{at}.{name}")
                device = next(network.parameters()).device
                setattr(module, name, None if tensor is None else tensor.to(device))
        elif isinstance(module, Norm):
            module.limited = bool(tensors)


def hidden_operand(h: Tensor) -> Tensor:
    """Return the LSTM's recurrent output as the integer model carries it, times 127."""
    return (h * OPERAND_MAX).round_()


class _Operand(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, steps: Tensor) -> Tensor:
        operand = to_operand(x, steps)
        ctx.save_for_backward(operand.abs() < OPERAND_MAX)
        return operand.mul_(steps)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (inside,) = ctx.saved_tensors
        return gradient * inside, None


class _Weight(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, steps: Tensor, row_steps: Tensor) -> Tensor:
        rows = row_steps[:, None]
        return to_operand(weight * steps, rows).mul_(rows).div_(steps)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient, None, None
