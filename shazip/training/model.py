"""The float SHA-RNN that is trained (Merity 2019); quantise.py turns its weights into the exact integer model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shazip.config import ALPHABET, NetworkConfig
from shazip.training.lstm import lstm

EPSILON = 1e-12  # of every layer norm
GELU_SLOPE = 1.702  # GELU as x * sigmoid(1.702 x)


@dataclass(frozen=True)
class LayerState:
    """What one layer carries from step to step; `memory` is (lanes, past steps < window, width), or None without attention."""

    h: Tensor  # (lanes, width)
    c: Tensor  # (lanes, width)
    memory: Tensor | None

    def detach(self) -> LayerState:
        memory = None if self.memory is None else self.memory.detach()
        return LayerState(self.h.detach(), self.c.detach(), memory)


State = tuple[LayerState, ...]


class Network(nn.Module):
    """SHA-RNN over the 256 symbols: embedding, layers, logits from the same embedding and a bias."""

    def __init__(self, config: NetworkConfig, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Parameter(torch.empty(ALPHABET, config.width))
        self.bias = nn.Parameter(torch.zeros(ALPHABET))
        self.layers = nn.ModuleList(
            Layer(config, index in config.attention, dropout) for index in range(config.layers)
        )
        nn.init.normal_(self.embedding, std=0.5 / math.sqrt(config.width))

    def start(self, lanes: int) -> State:
        """Return the state before the first symbol: zeros and an empty memory."""
        width = self.config.width
        h, empty = self.bias.new_zeros(lanes, width), self.bias.new_zeros(lanes, 0, width)
        return tuple(
            LayerState(h, h, empty if index in self.config.attention else None)
            for index in range(self.config.layers)
        )

    def forward(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        """Turn `symbols` (steps, lanes) into logits of each next symbol (steps, lanes, 256), and the state after them."""
        x = F.embedding(symbols, self.embedding)  # (steps, lanes, width)
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            x, layer_state = layer(x, before)
            after.append(layer_state)
        return F.linear(x, self.embedding, self.bias), tuple(after)


class Layer(nn.Module):
    """LN, LSTM, in some layers attention, Boom; separate layer norms for the residual and the branch."""

    def __init__(self, config: NetworkConfig, attends: bool, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.norm_input = norm(config.width)
        self.lstm = Lstm(config.width)
        self.attention = Attention(config) if attends else None
        self.norm_query = norm(config.width) if attends else None
        self.norm_memory = norm(config.width) if attends else None
        self.norm_residual = norm(config.width)
        self.norm_boom = norm(config.width)
        self.boom = Boom(config)

    def forward(self, x: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        h, (h_last, c_last) = self.lstm(self.norm_input(x), state)  # replaces x: no residual here
        h = self._drop(h)
        memory = None
        if self.attention is not None:
            assert self.norm_query is not None
            assert self.norm_memory is not None
            assert state.memory is not None
            queries = self.norm_query(h)
            attended, memory = self.attention(queries, self.norm_memory(h), state.memory)
            h = queries + self._drop(attended)
        h = self.norm_residual(h) + self._drop(self.boom(self.norm_boom(h)))
        return h, LayerState(h_last, c_last, memory)

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


class Lstm(nn.Module):
    """LSTM of equal input and output width; gates in the order i, f, g, o with one bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(width)
        self.w_input = nn.Parameter(torch.empty(4 * width, width).uniform_(-bound, bound))
        self.w_state = nn.Parameter(torch.empty(4 * width, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(4 * width))
        with torch.no_grad():
            self.bias[width : 2 * width] = 1.0  # gates open towards remembering

    def forward(self, x: Tensor, state: LayerState) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return lstm(x, (state.h, state.c), self.w_input, self.w_state, self.bias)


class Attention(nn.Module):
    """Attention with one matrix, on the query; the gated memory is key and value at once (Merity 2019)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.heads, self.window = config.heads, config.window
        self.query = nn.Linear(config.width, config.width)
        self.norm = norm(config.width)
        self.query_gate = nn.Parameter(torch.zeros(config.width))
        self.key_gate = nn.Parameter(torch.zeros(config.width))
        self.value_gate = nn.Parameter(torch.zeros(config.width))
        self.value_layer = nn.Linear(
            config.width, 2 * config.width
        )  # over-parameterises value_gate

    def value_scale(self) -> Tensor:
        """Return the vector (width,) that the value gate and its over-parameterised layer fold into."""
        f, c = self.value_layer(torch.sigmoid(self.value_gate)).float().chunk(2)
        return torch.sigmoid(f) * torch.tanh(c)

    def forward(self, x: Tensor, new: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Attend from `x` to the last `window` of `memory` (lanes, past, width) and `new`; `x` and `new` are (steps, lanes, width)."""
        steps, lanes, width = x.shape
        memory = torch.cat([memory, new.transpose(0, 1)], 1)  # (lanes, past + steps, width)
        # Both gates act on the narrow side: scores = (qs ks q) k, output = vs (weights k).
        gate = torch.sigmoid(self.query_gate) * torch.sigmoid(self.key_gate)
        scale = gate / math.sqrt(width / self.heads)
        q = split_heads((self.norm(self.query(x)) * scale).transpose(0, 1), self.heads)
        kv = split_heads(memory, self.heads)  # (lanes * heads, past + steps, width / heads)
        scores = q @ kv.transpose(1, 2) + band(steps, kv.shape[1], self.window, x)
        mixed = torch.softmax(scores, -1, torch.float32 if x.dtype != torch.float64 else None)
        out = mixed.to(scores.dtype) @ kv
        out = (
            out.view(lanes, self.heads, steps, -1).permute(2, 0, 1, 3).reshape(steps, lanes, width)
        )
        keep = min(self.window - 1, memory.shape[1])
        return out * self.value_scale(), memory[:, memory.shape[1] - keep :]


class Boom(nn.Module):
    """Boom layer: width -> boom_width, GELU, then the chunks of width are summed (Merity 2019)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(config.width, config.boom_width)

    def forward(self, x: Tensor) -> Tensor:
        # x * sigmoid(a x) = silu(a x) / a: scaling the weights instead saves passes over the wide activations.
        wide = F.silu(F.linear(x, self.linear.weight * GELU_SLOPE, self.linear.bias * GELU_SLOPE))
        dtype = x.dtype
        return wide.unflatten(-1, (-1, x.shape[-1])).sum(-2, dtype=dtype) / GELU_SLOPE


def norm(width: int) -> nn.LayerNorm:
    return nn.LayerNorm(width, eps=EPSILON)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Turn `x` (lanes, n, width) into (lanes * heads, n, width / heads)."""
    lanes, n, width = x.shape
    if heads == 1:
        return x
    return x.view(lanes, n, heads, -1).transpose(1, 2).reshape(lanes * heads, n, width // heads)


def band(steps: int, total: int, window: int, like: Tensor) -> Tensor:
    """Return (steps, total), 0 where step s (at position total - steps + s) may look, -inf elsewhere."""
    query = torch.arange(total - steps, total, device=like.device)[:, None]
    key = torch.arange(total, device=like.device)[None]
    hidden = (key > query) | (key <= query - window)
    return torch.zeros(steps, total, device=like.device, dtype=like.dtype).masked_fill_(
        hidden, -math.inf
    )
