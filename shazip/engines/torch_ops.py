"""The operations of the exact arithmetic in torch.

Every value is an integer times a power of two, held by float64 (by float32 inside a product), and
below 2**53 (2**24) of its unit: so every operation is exact, in any order and with any fusion, and
no library, device or number of lanes changes a bit. A right shift is a product with 2**-shift, held
in the constants, and a floor. docs/arithmetic.md has the formats and bounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from shazip.model.arithmetic import INT16_MAX, OPERAND_MAX, RESIDUAL_MAX

# The longest sum of int8 products that float32 holds: 1040 * 127**2 < 2**24.
EXACT_LENGTH = (2**24 - 1) // OPERAND_MAX**2

Tensors = Mapping[str, Tensor]  # weights float32, all else float64


class Affine:
    """A layer norm's learned scale and bias, to an int8 operand or to the residual stream."""

    def __init__(self, tensors: Tensors, site: str) -> None:
        operand = f"{site}.shift" in tensors
        self.limit = OPERAND_MAX if operand else RESIDUAL_MAX
        factor = unit(tensors, f"{site}.shift") if operand else 2.0**-11
        self.scale = tensors[f"{site}.scale"] * factor
        self.bias = tensors[f"{site}.bias"] * factor + 0.5

    def __call__(self, z: Tensor) -> Tensor:
        return torch.addcmul(self.bias, z, self.scale).floor_().clamp_(-self.limit, self.limit)


class Linear:
    """A product and its requantisation, except the final floor, which the table look-up does."""

    def __init__(self, tensors: Tensors, site: str, *, offset: int = 0) -> None:
        self.weight = tensors[f"{site}.weight"].t()
        self.factor = tensors[f"{site}.multiplier"] * unit(tensors, f"{site}.shift")
        self.bias = tensors[f"{site}.bias"] / 8 + (0.5 + offset)

    def __call__(self, operand: Tensor) -> Tensor:
        return torch.addcmul(self.bias, product(operand, self.weight), self.factor)


def unit(tensors: Tensors, shift: str) -> float:
    """Return 2**-shift, made by the C library: a device's power function may be off by a bit."""
    return math.ldexp(1.0, -int(tensors[shift].item()))


def product(a: Tensor, b: Tensor) -> Tensor:
    """Return the exact float64 product of float32 matrices (or batches of them) of int8 values."""
    multiply = torch.bmm if a.dim() == 3 else torch.mm
    length = a.shape[-1]
    total = multiply(a[..., :EXACT_LENGTH], b[..., :EXACT_LENGTH, :]).double()
    for start in range(EXACT_LENGTH, length, EXACT_LENGTH):
        part = slice(start, start + EXACT_LENGTH)
        total += multiply(a[..., part], b[..., part, :])
    return total


def normalise(x: Tensor) -> Tensor:
    """Return the layer norm of residuals (live, width) without scale and bias, step 2**-11."""
    width = x.shape[1]
    mean = x.sum(1, keepdim=True).long().mul_(16).div_(width, rounding_mode="floor")
    centred = (x * 16).sub_(mean)
    wide = centred.long()  # the squares' sum may pass 2**53
    variance = wide.mul_(wide).sum(1, keepdim=True).div_(width, rounding_mode="floor")
    root = integer_root(variance.mul_(1 << 12)).clamp_(min=1 << 14)
    gain = torch.full_like(root, 1 << 44).div_(root, rounding_mode="floor")
    # double() first: a product of int64 and a Python float would be float32, which rounds the gain.
    return half_up(centred.mul_(gain.double() * 2.0**-27), INT16_MAX)


def integer_root(x: Tensor) -> Tensor:
    """Return the floor of the square root of int64 values below 2**60."""
    # The seed is the floor or one more: torch's root is not always correctly rounded, but close.
    seed = x.double().sqrt_().add_(0.5).long()
    return seed.sub_((seed * seed > x).long())


def half_up(x: Tensor, limit: int) -> Tensor:
    """Round `x` half up, in place, and limit it to [-limit, limit]."""
    return x.add_(0.5).floor_().clamp_(-limit, limit)


def look_up(table: Tensor, index: Tensor) -> Tensor:
    """Return `table` at the floors of `index`, which must lie inside it; the shape is index's."""
    return table.index_select(0, index.int().view(-1)).view(index.shape)
