"""Attention of the float network over the window's own steps and a memory of earlier ones."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shazip.model.config import NetworkConfig
from shazip.training.integer.grid import Grid, norm


class Attention(nn.Module):
    """Attention whose only matrix is the query's; one memory serves as key and value."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.heads, self.window = config.heads, config.window
        self.query = nn.Linear(config.width, config.width)
        self.norm = norm(config.width)
        self.query_gate = nn.Parameter(torch.zeros(config.width))
        self.key_gate = nn.Parameter(torch.zeros(config.width))
        self.value_gate = nn.Parameter(torch.zeros(config.width))
        # Over-parameterises value_gate; value_scale() folds both into one vector.
        self.value_layer = nn.Linear(config.width, 2 * config.width)
        self.grid, self.grid_memory, self.grid_focus = Grid(), Grid(), Grid()

    def value_scale(self) -> Tensor:
        """Return the vector (width,) that equals all of the value's parameters."""
        with torch.autocast(self.value_gate.device.type, enabled=False):
            gate, value = self.value_layer(torch.sigmoid(self.value_gate)).chunk(2)
        return torch.sigmoid(gate) * torch.tanh(value)

    def forward(self, x: Tensor, new: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Return the attention's output (steps, lanes, width) and the memory for the next window.

        `memory` is (lanes, past, width), `new` is shaped as x. A step sees itself and window - 1
        steps before.
        """
        steps, _, width = x.shape
        new = self.grid_memory.operand(new).transpose(0, 1).contiguous()
        # (qs q) . (ks k) = (qs ks q) . k, and the values' factor can wait for the weighted sum.
        gates = torch.sigmoid(self.query_gate) * torch.sigmoid(self.key_gate)
        weight, bias = self.grid.weight(self.query.weight), self.grid.bias(self.query.bias)
        query = F.linear(self.grid.operand(x), weight, bias)
        q = self.grid_focus.operand(self.norm(query) * gates) / math.sqrt(width / self.heads)
        q = split_heads(q.transpose(0, 1), self.heads)
        # Two parts, (lanes * heads, any, width / heads), because the first needs no gradient.
        parts = [split_heads(part.to(query.dtype), self.heads) for part in (memory, new)]
        scores = torch.cat([q @ part.transpose(1, 2) for part in parts], -1)
        scores = torch.softmax(scores + band(steps, scores.shape[2], self.window, x), -1)
        scores, past = scores.to(query.dtype), memory.shape[1]
        found = torch.baddbmm(scores[..., :past] @ parts[0], scores[..., past:], parts[1])
        found = join_heads(found, self.heads)
        memory = torch.cat([memory, new], 1)
        kept = min(self.window - 1, memory.shape[1])
        return found.transpose(0, 1) * self.value_scale(), memory[:, memory.shape[1] - kept :]


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Turn `x` (lanes, n, width) into (lanes * heads, n, width / heads)."""
    lanes, n, width = x.shape
    return x.reshape(lanes, n, heads, width // heads).transpose(1, 2).flatten(0, 1)


def join_heads(x: Tensor, heads: int) -> Tensor:
    """Turn `x` (lanes * heads, n, width / heads) back into (lanes, n, width)."""
    return x.view(-1, heads, *x.shape[1:]).transpose(1, 2).flatten(2)


def band(steps: int, total: int, window: int, like: Tensor) -> Tensor:
    """Return (steps, total) for the last `steps`: 0 where a step may look, -inf elsewhere."""
    query = torch.arange(total - steps, total, device=like.device)[:, None]
    key = torch.arange(total, device=like.device)[None]
    hidden = (key > query) | (key <= query - window)
    return like.new_zeros(steps, total).masked_fill_(hidden, -math.inf)
