"""The LSTM of the float network: large products over all steps, one small product per step."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from shazip.model.arithmetic import OPERAND_MAX
from shazip.training.integer.grid import CELL_LIMIT, GATE_MAX, GATE_MIN, hidden_operand
from shazip.training.network import kernels


def lstm(
    x: Tensor,
    state: tuple[Tensor, Tensor],
    w_input: Tensor,
    w_state: Tensor,
    bias: Tensor,
    *,
    rows: Tensor | None = None,
    limited: bool = False,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run an LSTM over `x` (steps, lanes, n); return outputs (steps, lanes, d) and the last (h, c).

    h and c are (lanes, d), the weights (4d, n) and (4d, d), rows in the order i, f, g, o. Under
    autocast the products run in its type; cells and gates stay in the type of `x`. With `rows`
    (steps, lanes), `x` is (any, n) and each entry of `rows` is an index into it. If `limited`,
    gates and cells have the integer model's ranges, and h is rounded to steps of 1/127.
    """
    if x.is_cuda and not limited:
        x = x if rows is None else F.embedding(rows, x)
        return _cudnn(x, state, [w_input, w_state, bias, torch.zeros_like(bias)])
    inputs = F.linear(x, w_input)
    if kernels.fits(inputs, *state, w_state, bias):
        out, cell = kernels.Lstm.apply(inputs, rows, *state, w_state, bias, limited)  # type: ignore[no-untyped-call]
    else:
        inputs = inputs if rows is None else F.embedding(rows, inputs)
        out, cell = _Lstm.apply(inputs, *state, w_state, bias, limited)  # type: ignore[no-untyped-call]
    return out, (out[-1], cell)


def _cudnn(
    x: Tensor, state: tuple[Tensor, Tensor], weights: list[Tensor]
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    start = [part[None].contiguous() for part in state]
    # biases, one layer, no dropout, kept for the backward pass, one direction, time first
    out, h, c = torch._VF.lstm(x, start, weights, True, 1, 0.0, True, False, False)
    return out.to(x.dtype), (h[0].to(x.dtype), c[0].to(x.dtype))


class _Lstm(torch.autograd.Function):
    """LSTM after its input's product, with its own backward pass.

    The weight's gradient is a single product over all steps. Autograd over a loop would make a
    small one per step, and oneDNN's fused LSTM has bfloat16 for inference only.
    """

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        h: Tensor,
        c: Tensor,
        w_state: Tensor,
        bias: Tensor,
        limited: bool,
    ) -> tuple[Tensor, Tensor]:
        product = inputs.dtype
        narrow_state = w_state.to(product)
        gates = inputs.to(h.dtype, copy=True).add_(bias)  # (steps, lanes, 4d)
        recurrent = narrow_state.T.contiguous()
        d = h.shape[1]
        out, cells, tanhs = (h.new_empty(*inputs.shape[:2], d) for _ in range(3))
        start = h, c
        if limited:
            recurrent = (w_state / OPERAND_MAX).to(product).T.contiguous()
        # All views at once: one by one they would cost as much as the arithmetic.
        parts = [part.unbind() for part in (*gates.chunk(4, 2), gates[..., : 2 * d])]
        places = [part.unbind() for part in (gates, cells, tanhs, out)]
        for i, f, g, o, both, gate, cell, tanh, target in zip(*parts, *places, strict=True):
            gate += (hidden_operand(h) if limited else h).to(product) @ recurrent
            if limited:
                gate.clamp_(GATE_MIN, GATE_MAX)
            both.sigmoid_()  # i and f
            g.tanh_()
            o.sigmoid_()
            c = torch.addcmul(i * g, f, c, out=cell)
            if limited:
                c.clamp_(-CELL_LIMIT, CELL_LIMIT)
            h = torch.mul(o, torch.tanh(c, out=tanh), out=target)
        ctx.limited = limited
        ctx.save_for_backward(narrow_state, *start, gates, cells, tanhs, out)
        return out, c.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor, d_cell: Tensor) -> tuple[Tensor | None, ...]:
        w_state, h, c, gates, cells, tanhs, out = ctx.saved_tensors
        d_gates, narrow, d_h, d_c = _backward_steps(
            d_out, d_cell, w_state, gates, torch.cat([c[None], cells[:-1]]), tanhs, out
        )
        before = torch.cat([h[None], out[:-1]])
        if ctx.limited:
            before = hidden_operand(before).div_(OPERAND_MAX)
        before = before.to(narrow.dtype).flatten(0, 1)
        d_state = (narrow.flatten(0, 1).T @ before).to(out.dtype)
        return narrow, d_h, d_c, d_state, d_gates.sum((0, 1)), None


def _backward_steps(
    d_out: Tensor,
    d_cell: Tensor,
    w_state: Tensor,
    gates: Tensor,
    before: Tensor,
    tanhs: Tensor,
    out: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of the gates, also in the product's type, and of the first h and c."""
    steps, lanes, d = d_out.shape
    i, f, g, o = gates.chunk(4, 2)
    # These terms do not depend on the gradients of later steps, so all steps are computed at once.
    # The derivative of a sigmoid s is s - s * s, which reuses earlier products.
    to_cell = gates.new_empty(steps, lanes, 3, d)
    added, kept = i * g, before * f
    torch.addcmul(added, added, i, value=-1, out=to_cell[:, :, 0])
    torch.addcmul(kept, kept, f, value=-1, out=to_cell[:, :, 1])
    torch.addcmul(i, added, g, value=-1, out=to_cell[:, :, 2])
    to_out = torch.addcmul(out, out, o, value=-1)
    through = torch.addcmul(o, out, tanhs, value=-1)
    d_gates, narrow = torch.empty_like(gates), torch.empty_like(gates, dtype=w_state.dtype)
    d_h, d_c = torch.zeros_like(d_out[0]), d_cell.clone()
    d_parts = d_gates.view(steps, lanes, 4, d)
    views = (
        d_out,
        through,
        to_cell,
        to_out,
        f,
        d_gates,
        d_parts[:, :, :3],
        d_parts[:, :, 3],
        narrow,
    )
    backwards = (reversed(view.unbind()) for view in views)
    for d_now, into, cells, last, keep, d_gate, d_three, d_last, small in zip(
        *backwards, strict=True
    ):
        d_h = d_now + d_h
        d_c = torch.addcmul(d_c, d_h, into)
        torch.mul(cells, d_c[:, None], out=d_three)
        torch.mul(last, d_h, out=d_last)
        d_c = d_c * keep
        d_h = torch.mm(small.copy_(d_gate), w_state).to(d_out.dtype)
    return d_gates, narrow, d_h, d_c
