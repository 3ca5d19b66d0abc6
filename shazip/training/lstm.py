"""The LSTM of the float network: large products over all steps, and one small product per step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from shazip.arithmetic import OPERAND_MAX
from shazip.training.grid import CELL_LIMIT, GATE_MAX, GATE_MIN, hidden_operand


def lstm(
    x: Tensor,
    state: tuple[Tensor, Tensor],
    w_input: Tensor,
    w_state: Tensor,
    bias: Tensor,
    *,
    limited: bool = False,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run an LSTM over `x` (steps, lanes, n); return outputs (steps, lanes, d) and the last (h, c).

    h and c are (lanes, d), the weights (4d, n) and (4d, d), rows in the order i, f, g, o. Under
    autocast the products run in its type; cells and gates stay in the type of `x`. `limited`, gates
    and cells end where the integer model's do, and h meets w_state in steps of 1/127.
    """
    if x.is_cuda and not limited:
        return _cudnn(x, state, [w_input, w_state, bias, torch.zeros_like(bias)])
    device, product = x.device.type, x.dtype
    if torch.is_autocast_enabled(device):
        product = torch.get_autocast_dtype(device)
    out, cell = _Lstm.apply(x, *state, w_input, w_state, bias, product, limited)  # type: ignore[no-untyped-call]
    return out, (out[-1], cell)


def _cudnn(
    x: Tensor, state: tuple[Tensor, Tensor], weights: list[Tensor]
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    start = [part[None].contiguous() for part in state]
    # biases, one layer, no dropout, kept for the backward pass, one direction, time first
    out, h, c = torch._VF.lstm(x, start, weights, True, 1, 0.0, True, False, False)
    return out.to(x.dtype), (h[0].to(x.dtype), c[0].to(x.dtype))


class _Lstm(torch.autograd.Function):
    """LSTM with its own backward pass.

    The input's product and both weight gradients are single products over all steps; autograd over
    a loop would make small ones per step, and oneDNN's fused LSTM keeps bfloat16 for inference.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        h: Tensor,
        c: Tensor,
        w_input: Tensor,
        w_state: Tensor,
        bias: Tensor,
        product: torch.dtype,
        limited: bool,
    ) -> tuple[Tensor, Tensor]:
        narrow_x, narrow_input, narrow_state = (t.to(product) for t in (x, w_input, w_state))
        gates = (narrow_x @ narrow_input.T).to(x.dtype).add_(bias)  # (steps, lanes, 4d)
        recurrent = narrow_state.T.contiguous()
        d = h.shape[1]
        out, cells, tanhs = (x.new_empty(*x.shape[:2], d) for _ in range(3))
        start = h, c
        if limited:
            recurrent = (w_state / OPERAND_MAX).to(product).T.contiguous()
        for step, gate in enumerate(gates):
            gate += (hidden_operand(h) if limited else h).to(product) @ recurrent
            if limited:
                gate.clamp_(GATE_MIN, GATE_MAX)
            i, f, g, o = gate.chunk(4, 1)
            gate[:, : 2 * d].sigmoid_()
            g.tanh_()
            o.sigmoid_()
            c = torch.addcmul(i * g, f, c, out=cells[step])
            if limited:
                c.clamp_(-CELL_LIMIT, CELL_LIMIT)
            h = torch.mul(o, torch.tanh(c, out=tanhs[step]), out=out[step])
        ctx.limited = limited
        ctx.save_for_backward(
            narrow_x, narrow_input, narrow_state, *start, gates, cells, tanhs, out
        )
        return out, c.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor, d_cell: Tensor) -> tuple[Tensor | None, ...]:
        x, w_input, w_state, h, c, gates, cells, tanhs, out = ctx.saved_tensors
        d_gates, narrow, d_h, d_c = _backward_steps(
            d_out, d_cell, w_state, gates, torch.cat([c[None], cells[:-1]]), tanhs
        )
        before = torch.cat([h[None], out[:-1]])
        if ctx.limited:
            before = hidden_operand(before).div_(OPERAND_MAX)
        before = before.to(x.dtype).flatten(0, 1)
        narrow = narrow.flatten(0, 1)
        d_x = (narrow @ w_input).view_as(x).to(out.dtype)
        d_input = (narrow.T @ x.flatten(0, 1)).to(out.dtype)
        d_state = (narrow.T @ before).to(out.dtype)
        return d_x, d_h, d_c, d_input, d_state, d_gates.sum((0, 1)), None, None


def _backward_steps(
    d_out: Tensor, d_cell: Tensor, w_state: Tensor, gates: Tensor, before: Tensor, tanhs: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients at the gates, also in the product's type, and at the first h and c."""
    steps, lanes, d = d_out.shape
    i, f, g, o = gates.chunk(4, 2)
    # What does not depend on the gradients of later steps, for all steps at once.
    to_cell = torch.stack([g * i * (1 - i), before * f * (1 - f), i * (1 - g * g)], 2)
    to_out = tanhs * o * (1 - o)
    through = o * (1 - tanhs * tanhs)
    d_gates, narrow = torch.empty_like(gates), torch.empty_like(gates, dtype=w_state.dtype)
    d_h, d_c = torch.zeros_like(d_out[0]), d_cell.clone()
    for step in reversed(range(steps)):
        d_h = d_out[step] + d_h
        d_c = torch.addcmul(d_c, d_h, through[step])
        d_gate = d_gates[step].view(lanes, 4, d)
        torch.mul(to_cell[step], d_c[:, None], out=d_gate[:, :3])
        torch.mul(to_out[step], d_h, out=d_gate[:, 3])
        d_c = d_c * f[step]
        d_h = torch.mm(narrow[step].copy_(d_gates[step]), w_state).to(d_out.dtype)
    return d_gates, narrow, d_h, d_c
