"""One step of the network in torch: the layers in the order of docs/arithmetic.md, section 4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from shazip.engines.torch_ops import (
    Affine,
    Linear,
    Tensors,
    half_up,
    look_up,
    normalise,
    product,
    unit,
)
from shazip.model.arithmetic import (
    CELL_MAX,
    FREQUENCY_TOTAL,
    GATE_HALF,
    GELU_HALF,
    LOGIT_ENTRIES,
    LOGIT_MAX,
    OPERAND_MAX,
    RESIDUAL_MAX,
    SCORE_ENTRIES,
)
from shazip.model.config import NetworkConfig
from shazip.model.file import IntegerModel

# Memory values converted to float32 at a time: they stay in a core's cache, or fill a GPU.
CHUNK = {"cpu": 1 << 18, "cuda": 1 << 27}


class State:
    """The state of the lanes between two steps."""

    def __init__(self, model: IntegerModel, lanes: int, device: torch.device) -> None:
        config, tensors = model.config, model.tensors
        self.symbols = torch.full((lanes,), int(tensors["start.symbol"][0]), device=device)
        hidden = torch.tensor(tensors["start.hidden"], dtype=torch.float32, device=device)
        cell = torch.tensor(tensors["start.cell"], dtype=torch.float64, device=device)
        self.hidden = [h.repeat(lanes, 1) for h in hidden]  # (lanes, width) each
        self.cell = [c.repeat(lanes, 1) for c in cell]
        self.memory: dict[int, Tensor] = {}  # int8 (lanes * heads, window, width / heads): rings
        for layer, vectors in zip(config.attention, tensors["start.memory"], strict=True):
            head = config.width // config.heads
            start = torch.tensor(vectors, device=device).view(-1, config.heads, head)
            shape = (lanes * config.heads, config.window, head)
            self.memory[layer] = torch.zeros(shape, dtype=torch.int8, device=device)
            self.memory[layer][:, : len(start)] = start.transpose(0, 1).repeat(lanes, 1, 1)
        # Vectors written so far; a lane that is shorter in one block lags behind in the next.
        self.written = np.full(lanes, tensors["start.memory"].shape[1], np.int64)

    def become(self, other: State) -> None:
        """Take the values of `other`, a state of as many lanes, in place."""
        own = [self.symbols, *self.hidden, *self.cell, *self.memory.values()]
        theirs = [other.symbols, *other.hidden, *other.cell, *other.memory.values()]
        for tensor, values in zip(own, theirs, strict=True):
            tensor.copy_(values)
        self.written[:] = other.written


@dataclass(frozen=True)
class Ring:
    """The memory slots that the live lanes write at this step, and the entries they then see."""

    slots: int | Tensor  # one for all lanes, or int64 (live * heads,)
    seen: int  # no lane sees more entries
    unwritten: Tensor | None  # bool (live * heads, seen): entries that a lane does not have yet

    @classmethod
    def advance(cls, state: State, live: int, config: NetworkConfig) -> Ring:
        before = state.written[:live].copy()
        state.written[:live] += 1
        seen = min(int(before.max()) + 1, config.window)
        if (before == before[0]).all():
            return cls(int(before[0]) % config.window, seen, None)
        rows = torch.from_numpy(before.repeat(config.heads)).to(state.symbols.device)
        entries = torch.arange(seen, device=rows.device)
        return cls(rows % config.window, seen, entries > rows[:, None])


class Network:
    """The model's tensors in the form in which `step` uses them."""

    def __init__(self, model: IntegerModel, device: torch.device) -> None:
        self.config = model.config
        tensors = {
            name: torch.tensor(values, dtype=_carrier(name), device=device)
            for name, values in model.tensors.items()
        }
        self.layers = [Layer(model.config, tensors, i) for i in range(model.config.layers)]
        factor = unit(tensors, "output.activation_shift")
        self.narrow = tensors["output.activation_multiplier"] * factor
        self.output = Linear(tensors, "output")
        self.exp_logit = tensors["table.exp_logit"]

    def step(self, state: State, live: int, ring: Ring | None = None) -> Tensor:
        """Advance the first `live` lanes by their last symbols; return logits (live, V).

        Given a `ring`, the caller counts what is written.
        """
        ring = ring or Ring.advance(state, live, self.config)
        h = state.symbols[:live]
        for layer in self.layers:
            h = layer.step(state, h, live, ring)
        operand = half_up(h * self.narrow, OPERAND_MAX)
        return self.output(operand.float()).floor_().clamp_(-LOGIT_MAX, LOGIT_MAX)

    def frequencies(self, logits: Tensor) -> Tensor:
        """Turn logits (live, V) into frequencies >= 1 whose rows sum to 2**24."""
        below = (logits.amax(1, keepdim=True) - logits).clamp_(max=LOGIT_ENTRIES - 1)
        ends = look_up(self.exp_logit, below).cumsum(1)
        # IEEE 754 division is correctly rounded, so the floor is exact (the page's section 5). The
        # divisor must be a tensor there: for a scalar CUDA multiplies with a rounded reciprocal.
        bounds = torch.floor(ends * (FREQUENCY_TOTAL - self.config.vocabulary) / ends[:, -1:])
        freqs = bounds + 1
        freqs[:, 1:] -= bounds[:, :-1]
        return freqs


def _carrier(name: str) -> torch.dtype:
    return torch.float32 if name.endswith(".weight") else torch.float64


class Layer:
    """LSTM, in some layers attention, Boom."""

    def __init__(self, config: NetworkConfig, tensors: Tensors, index: int) -> None:
        at = f"layers.{index}"
        self.index = index
        self.lstm = Lstm(config, tensors, at)
        self.attention = Attention(config, tensors, at) if index in config.attention else None
        self.boom_norm = Affine(tensors, f"{at}.boom_norm")
        self.skip_norm = Affine(tensors, f"{at}.skip_norm")
        self.boom = Linear(tensors, f"{at}.boom", offset=GELU_HALF)
        self.gelu = 2 * tensors["table.gelu"]  # from step 2**-11 to the residual's 2**-12

    def step(self, state: State, x: Tensor, live: int, ring: Ring) -> Tensor:
        """Turn symbols (layer 0) or residuals (live, width) into residuals (live, width)."""
        h = self.lstm.step(x, state.hidden[self.index][:live], state.cell[self.index][:live])
        if self.attention is not None:
            h = self.attention.step(h, state.memory[self.index], ring)
        z = normalise(h)
        wide = self.boom(self.boom_norm(z).float()).clamp_(0, 2 * GELU_HALF - 1)
        chunks = look_up(self.gelu, wide).view(live, -1, h.shape[1])
        return chunks.sum(1).add_(self.skip_norm(z)).clamp_(-RESIDUAL_MAX, RESIDUAL_MAX)


class Lstm:
    """Gates in the order i, f, g, o; the first layer reads its input product from a table."""

    def __init__(self, config: NetworkConfig, tensors: Tensors, at: str) -> None:
        factor = unit(tensors, f"{at}.gates.shift")
        self.first = f"{at}.input" in tensors
        bias = tensors[f"{at}.input" if self.first else f"{at}.gates.bias"]
        self.bias = bias / 8 + (0.5 + GATE_HALF)
        if not self.first:
            self.norm = Affine(tensors, f"{at}.lstm_norm")
            self.w_input = tensors[f"{at}.lstm_input.weight"].t()
            self.input_factor = tensors[f"{at}.lstm_input.multiplier"] * factor
        self.w_hidden = tensors[f"{at}.lstm_hidden.weight"].t()
        self.hidden_factor = tensors[f"{at}.lstm_hidden.multiplier"] * factor
        # One table for all gates: sigmoids as fractions of 1, after them 2 * tanh as in 2 * i * g.
        self.tanh = tensors["table.tanh"]
        self.table = torch.cat([tensors["table.sigmoid"] * 2.0**-15, 2 * self.tanh])
        which = torch.zeros(4, config.width, dtype=torch.int32, device=self.bias.device)
        which[2] = 2 * GATE_HALF
        self.which = which.flatten()

    def step(self, x: Tensor, hidden: Tensor, cell: Tensor) -> Tensor:
        """Advance `hidden` and `cell` (live, width) in place; return the new residual stream."""
        if self.first:
            gates = self.bias.index_select(0, x)
        else:
            operand = self.norm(normalise(x)).float()
            gates = torch.addcmul(self.bias, product(operand, self.w_input), self.input_factor)
        gates.addcmul_(product(hidden, self.w_hidden), self.hidden_factor)
        index = gates.clamp_(0, 2 * GATE_HALF - 1).int().add_(self.which)
        i, f, g, o = look_up(self.table, index).chunk(4, 1)
        cell.mul_(f).addcmul_(i, g).add_(0.5).floor_().clamp_(-CELL_MAX, CELL_MAX)
        index = (cell * 2.0**-8).add_(0.5 + GATE_HALF).clamp_(0, 2 * GATE_HALF - 1)
        p = look_up(self.tanh, index).mul_(o).add_(0.5).floor_()
        hidden.copy_((p * (127 * 2.0**-15)).add_(0.5).floor_())
        return p.add_(4).mul_(0.125).floor_()


class Attention:
    """Attention of a query over the lane's ring of memory vectors, which are both key and value."""

    def __init__(self, config: NetworkConfig, tensors: Tensors, at: str) -> None:
        self.heads, self.head = config.heads, config.width // config.heads
        self.memory_norm = Affine(tensors, f"{at}.memory_norm")
        self.query_norm8 = Affine(tensors, f"{at}.query_norm8")
        self.query_norm = Affine(tensors, f"{at}.query_norm")
        self.query = Linear(tensors, f"{at}.query")
        self.focus_norm = Affine(tensors, f"{at}.focus_norm")
        factor = unit(tensors, f"{at}.score.shift")
        self.score_factor = tensors[f"{at}.score.multiplier"] * factor
        factor = unit(tensors, f"{at}.value.shift")
        self.value_factor = tensors[f"{at}.value.multiplier"] * factor
        self.exp_score = tensors["table.exp_score"]

    def step(self, h: Tensor, memory: Tensor, ring: Ring) -> Tensor:
        """Write this step into the live rows of `memory`; return residuals (live, width)."""
        live = len(h)
        z = normalise(h)
        rows = memory[: live * self.heads]  # (live * heads, window, head)
        new = self.memory_norm(z).view(-1, self.head).to(torch.int8)
        if isinstance(ring.slots, int):
            rows[:, ring.slots] = new
        else:
            rows[torch.arange(len(rows), device=rows.device), ring.slots] = new
        y = self.query(self.query_norm8(z).float()).floor_().clamp_(-RESIDUAL_MAX, RESIDUAL_MAX)
        focus = self.focus_norm(normalise(y)).float().view(-1, 1, self.head)
        mixed = self._attend(focus, rows[:, : ring.seen], ring.unwritten).view_as(h)
        value = (mixed * self.value_factor).add_(0.5).floor_()
        return value.add_(self.query_norm(z)).clamp_(-RESIDUAL_MAX, RESIDUAL_MAX)

    def _attend(self, focus: Tensor, memory: Tensor, unwritten: Tensor | None) -> Tensor:
        """Return the weighted sums of `memory` (rows, seen, head), float64 (rows, 1, head)."""
        count = max(1, CHUNK[memory.device.type] // (memory.shape[1] * self.head))
        parts = []
        for row in range(0, len(memory), count):
            part = slice(row, row + count)
            mask = None if unwritten is None else unwritten[part, None]
            values = memory[part].float()
            weights = self._weights(product(focus[part], values.transpose(1, 2)), mask)
            # Exact in float32: 127 * sum(weights) < 2**22.
            parts.append(torch.bmm(weights, values))
        return torch.cat(parts).double()

    def _weights(self, raw: Tensor, mask: Tensor | None) -> Tensor:
        """Turn raw scores (rows, 1, seen) into weights, float32 of the same shape, step 2**-14."""
        if mask is not None:
            raw.masked_fill_(mask, -(2.0**40))
        below = (raw.amax(2, keepdim=True) - raw).mul_(self.score_factor).add_(0.5)
        below.clamp_(max=SCORE_ENTRIES - 1)
        if mask is not None:
            below.masked_fill_(mask, SCORE_ENTRIES - 1)  # whose exponential is 0
        e = look_up(self.exp_score, below)
        total = e.sum(2, keepdim=True).long()
        share = torch.full_like(total, 1 << 44).div_(total, rounding_mode="floor")
        return e.mul_(share.double() * 2.0**-30).add_(0.5).floor_().float()
