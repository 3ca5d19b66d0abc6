"""The native module's training kernels as autograd operations: bfloat16 products on a CPU.

They need a processor that multiplies bfloat16; elsewhere torch does the same in many calls.
"""

from __future__ import annotations

import functools
import math
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from shazip.compiled import load_module, warn_of_slowness
from shazip.errors import ShazipError
from shazip.model.arithmetic import OPERAND_MAX
from shazip.training.integer.grid import CELL_LIMIT, GATE_MAX, GATE_MIN

FREE = (-math.inf, math.inf, math.inf, 0.0)
LIMITED = (GATE_MIN, GATE_MAX, CELL_LIMIT, float(OPERAND_MAX))


@functools.cache
def kernels() -> ModuleType | None:
    """Return the native module if it has training kernels for this processor."""
    try:
        module = load_module()
    except ShazipError:
        warn_of_slowness()
        return None
    return module if hasattr(module, "lstm_forward") else None


def fits(narrow: Tensor, *others: Tensor) -> bool:
    """Return whether the kernels accept `narrow` as bfloat16 and `others` as float32."""
    types = narrow.dtype == torch.bfloat16 and all(t.dtype == torch.float32 for t in others)
    return types and narrow.device.type == "cpu" and kernels() is not None


class Lstm(torch.autograd.Function):
    """The steps of an LSTM after its input's product; as lstm._Lstm, with rows of `inputs`."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        rows: Tensor | None,
        h: Tensor,
        c: Tensor,
        w_state: Tensor,
        bias: Tensor,
        limited: bool,
    ) -> tuple[Tensor, Tensor]:
        shape = (*(inputs.shape[:2] if rows is None else rows.shape), h.shape[1])
        gates = h.new_empty(*shape[:2], 4 * shape[2])
        cells, out = h.new_empty(shape), h.new_empty(shape)
        before = torch.empty_like(out, dtype=torch.bfloat16)
        rows = None if rows is None else rows.contiguous()
        h, c, w_state, bias = (t.detach().contiguous() for t in (h, c, w_state, bias))
        narrow, limits = _bits(inputs.flatten(0, -2)), LIMITED if limited else FREE
        given = narrow, rows, h, c, w_state, bias, limits
        _module().lstm_forward(*given, gates, cells, out, _bits(before))
        ctx.count = 1 if rows is None else len(inputs)
        ctx.save_for_backward(rows, c, w_state, gates, cells, before)
        return out, cells[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor, d_cell: Tensor) -> tuple[Tensor | None, ...]:
        rows, c, w_state, gates, cells, before = ctx.saved_tensors
        d_gates = torch.empty_like(gates, dtype=torch.bfloat16)
        sums = gates.new_zeros(ctx.count, gates.shape[2])  # of the unrounded gradients
        d_h, d_c = torch.empty_like(c), torch.empty_like(c)
        given = d_out.contiguous(), d_cell.contiguous(), rows, c, w_state, gates, cells
        _module().lstm_backward(*given, _bits(d_gates), sums, d_h, d_c)
        d_state = (d_gates.flatten(0, 1).T @ before.flatten(0, 1)).float()
        d_inputs = d_gates if rows is None else sums
        return d_inputs, None, d_h, d_c, d_state, sums.sum(0), None


class Boom(torch.autograd.Function):
    """`wide` (..., boom_width) through silu, summed over chunks of `width`, times `scale`."""

    @staticmethod
    def forward(ctx: Any, wide: Tensor, width: int, scale: float) -> Tensor:
        flat, ctx.scale = wide.detach().flatten(0, -2), scale
        out = torch.empty(len(flat), width)
        _module().boom_forward(_bits(flat), scale, out)
        ctx.save_for_backward(wide)
        return out.view(*wide.shape[:-1], width)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor, None, None]:
        (wide,) = ctx.saved_tensors
        d_wide = torch.empty_like(wide, memory_format=torch.contiguous_format)
        flat, result = _bits(wide.flatten(0, -2)), _bits(d_wide.flatten(0, -2))
        _module().boom_backward(d_out.flatten(0, -2).contiguous(), flat, ctx.scale, result)
        return d_wide, None, None


def _module() -> ModuleType:
    module = kernels()
    assert module is not None
    return module


def _bits(x: Tensor) -> Tensor:
    # NumPy has no bfloat16, so the module takes it as another 16-bit type.
    return x.detach().contiguous().view(torch.int16)
