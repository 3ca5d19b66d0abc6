"""The LSTM of the float network: three large matrix products around one small product per step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

State = tuple[Tensor, Tensor]


def lstm(
    x: Tensor, state: State, w_input: Tensor, w_state: Tensor, bias: Tensor
) -> tuple[Tensor, State]:
    """Run an LSTM over `x` (steps, lanes, d); return its outputs, same shape, and the last (h, c), each (lanes, d).

    Weights are (4d, d), gates in the order i, f, g, o. Under autocast the products run in its type.
    """
    h, c = state
    if x.is_cuda:
        weights = [w_input, w_state, bias, torch.zeros_like(bias)]
        out, hn, cn = torch._VF.lstm(  # type: ignore[attr-defined]
            x, (h[None].to(x.dtype), c[None].to(x.dtype)), weights, True, 1, 0.0, True, False, False
        )
        return out, (hn[0], cn[0])
    product = x.dtype
    if torch.is_autocast_enabled(x.device.type):
        product = torch.get_autocast_dtype(x.device.type)
    out, cell = _Lstm.apply(x, h, c, w_input, w_state, bias, product)
    return out, (out[-1], cell)


class _Lstm(torch.autograd.Function):
    """Own backward: the input product and both weight gradients are single products over all steps.

    Autograd over a loop would make a small product per step for each, and oneDNN's fused LSTM has no bfloat16 training here.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,  # (steps, lanes, d)
        h: Tensor,
        c: Tensor,
        w_input: Tensor,
        w_state: Tensor,
        bias: Tensor,
        product: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        steps, lanes, d = x.shape
        xp, wp = x.to(product), w_input.to(product)
        gates = (xp.view(-1, d) @ wp.T).view(steps, lanes, 4 * d).to(x.dtype)
        gates += bias
        wsp = w_state.to(product)
        recurrent = wsp.T.contiguous()
        out, cells = torch.empty_like(x), torch.empty_like(x)
        tanhs = torch.empty_like(x)
        h_first, c_first = h, c
        for step in range(steps):
            g = gates[step]
            g += h.to(product) @ recurrent
            i, f, z, o = g.split(d, 1)
            g[:, : 2 * d].sigmoid_()
            z.tanh_()
            o.sigmoid_()
            c = torch.addcmul(i * z, f, c, out=cells[step])
            h = torch.mul(o, torch.tanh(c, out=tanhs[step]), out=out[step])
        ctx.save_for_backward(xp, wp, wsp, h_first, c_first, gates, cells, tanhs, out)
        ctx.product = product
        return out, c.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor, d_cell: Tensor) -> tuple[Tensor | None, ...]:
        xp, wp, wsp, h_first, c_first, gates, cells, tanhs, out = ctx.saved_tensors
        steps, lanes, d = out.shape
        i, f, z, o = gates.split(d, 2)
        before = torch.cat([c_first[None], cells[:-1]])
        # Everything that does not depend on the gradient coming from the next step, for all steps at once.
        via_cell = torch.stack([z * i * (1 - i), before * f * (1 - f), i * (1 - z * z)], 2)
        via_out = tanhs * o * (1 - o)
        through = o * (1 - tanhs * tanhs)
        d_gates = torch.empty_like(gates)
        narrow = torch.empty_like(gates, dtype=ctx.product)
        dh = torch.zeros_like(h_first)
        dc = d_cell.clone()
        for step in reversed(range(steps)):
            dh = d_out[step] + dh
            dc.addcmul_(dh, through[step])
            dg = d_gates[step].view(lanes, 4, d)
            torch.mul(via_cell[step], dc[:, None], out=dg[:, :3])
            torch.mul(via_out[step], dh, out=dg[:, 3])
            dc = dc * f[step]
            dh = torch.mm(narrow[step].copy_(d_gates[step]), wsp).to(out.dtype)
        narrow = narrow.view(-1, 4 * d)
        dx = (narrow @ wp).view_as(xp).to(out.dtype)
        d_input = (narrow.T @ xp.view(-1, d)).to(out.dtype)
        states = torch.cat([h_first[None], out[:-1]]).to(ctx.product).view(-1, d)
        d_state = (narrow.T @ states).to(out.dtype)
        return dx, dh, dc, d_input, d_state, d_gates.sum((0, 1)), None
