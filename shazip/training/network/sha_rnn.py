"""The float SHA-RNN (Merity 2019); quantise.py turns it into the integer model."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from shazip.model.config import NetworkConfig
from shazip.training.integer.grid import BOOM_MAX, BOOM_MIN, Grid, norm
from shazip.training.network import kernels
from shazip.training.network.attention import Attention
from shazip.training.network.lstm import lstm
from shazip.training.network.regularise import Dropout, drop_connect, drop_rows
from shazip.training.network.trainable import LayerState, State, Trainable
from shazip.training.settings import Regularisation

GELU_SLOPE = 1.702  # GELU as x * sigmoid(1.702 x)


class Network(Trainable):
    """SHA-RNN over a vocabulary of V symbols; its embedding is also the matrix of the logits."""

    def __init__(
        self,
        config: NetworkConfig,
        dropout: float = 0.0,
        regularisation: Regularisation | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.regularisation = wishes = regularisation or Regularisation()
        self.embedding = nn.Parameter(torch.empty(config.vocabulary, config.width))
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.grid = Grid()  # of the logits' product; the input's is a table without rounding
        self.layers = nn.ModuleList(
            Layer(config, index in config.attention, dropout, wishes.drop_weights)
            for index in range(config.layers)
        )
        self.drop_input = Dropout(wishes.drop_input)
        self.drop_output = Dropout(wishes.drop_output)
        nn.init.normal_(self.embedding, std=0.5 / math.sqrt(config.width))

    def start(self, lanes: int) -> State:
        """Return the state before the first symbol: zeros and an empty memory."""
        width = self.config.width
        zeros, empty = self.bias.new_zeros(lanes, width), self.bias.new_zeros(lanes, 0, width)
        return tuple(
            LayerState(zeros, zeros, empty if index in self.config.attention else None)
            for index in range(self.config.layers)
        )

    def outputs(
        self, symbols: Tensor, state: State, generator: Generator | None = None
    ) -> tuple[Tensor, Tensor, State]:
        part = self.regularisation.drop_symbols if self.training else 0.0
        x, after = drop_rows(self.embedding, part, generator), []
        rows: Tensor | None = symbols  # of x: the first layer's input is one of only V
        if self.drop_input.active:
            x, rows = self.drop_input(F.embedding(symbols, x), generator), None
        for layer, before in zip(self.layers, state, strict=True):
            x, carried = layer(x, before, generator, rows)
            rows = None
            after.append(carried)
        return x, self.drop_output(x, generator), tuple(after)

    def logits(self, x: Tensor) -> Tensor:
        # In bfloat16 a logit of 16 would be off by 0.06, which the loss would see.
        with torch.autocast(x.device.type, enabled=False):
            weight = self.grid.weight(self.embedding)
            return F.linear(self.grid.operand(x), weight, self.grid.bias(self.bias))


class Layer(nn.Module):
    """LSTM, in some layers attention, Boom, with layer norms of their own around each."""

    def __init__(
        self, config: NetworkConfig, attends: bool, dropout: float, drop_weights: float
    ) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.norm_input = norm(config.width)
        self.lstm = Lstm(config.width, config.width, drop_weights)
        self.attention = Attention(config) if attends else None
        self.norm_query = norm(config.width) if attends else None
        self.norm_memory = norm(config.width) if attends else None
        self.norm_residual = norm(config.width)
        self.norm_boom = norm(config.width)
        self.boom = Boom(config)

    def forward(
        self, x: Tensor, state: LayerState, generator: Generator | None, rows: Tensor | None = None
    ) -> tuple[Tensor, LayerState]:
        """Return the output for `x` (steps, lanes, width), and the state after the last step.

        With `rows` (steps, lanes), `x` is (any, width) and `rows` holds indices into it.
        """
        # No residual around the LSTM.
        h, (h_last, c_last) = self.lstm(self.norm_input(x), state, generator, rows)
        h, memory = self.dropout(h, generator), None
        if self.attention is not None:
            assert self.norm_query is not None
            assert self.norm_memory is not None
            assert state.memory is not None
            query = self.norm_query(h)
            attended, memory = self.attention(query, self.norm_memory(h), state.memory)
            h = query + self.dropout(attended, generator)
        boom = self.boom(self.norm_boom(h))
        h = self.norm_residual(h) + self.dropout(boom, generator)
        return h, LayerState(h_last, c_last, memory)


class Lstm(nn.Module):
    """LSTM with gates in the order i, f, g, o and one bias."""

    def __init__(self, width: int, inputs: int, drop_weights: float = 0.0) -> None:
        super().__init__()
        self.drop_weights = drop_weights
        bound = 1 / math.sqrt(width)
        self.w_input = nn.Parameter(torch.empty(4 * width, inputs).uniform_(-bound, bound))
        self.w_state = nn.Parameter(torch.empty(4 * width, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(4 * width))
        with torch.no_grad():
            self.bias[width : 2 * width] = 1.0  # the forget gate starts open
        self.grid_input, self.grid_state = Grid(), Grid()

    def forward(
        self, x: Tensor, state: LayerState, generator: Generator | None, rows: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the outputs and the last (h, c), as lstm.lstm does."""
        part = self.drop_weights if self.training else 0.0
        w_input = self.grid_input.weight(self.w_input)
        w_state = drop_connect(self.grid_state.weight(self.w_state), part, generator)
        bias = self.grid_input.bias(self.grid_state.bias(self.bias))
        x, limited = self.grid_input.operand(x), self.grid_state.fitted
        start = state.h, state.c
        return lstm(x, start, w_input, w_state, bias, rows=rows, limited=limited)


class Boom(nn.Module):
    """Boom: width -> boom_width, GELU, then the sum of the chunks of width (Merity 2019)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(config.width, config.boom_width)
        self.grid = Grid()

    def forward(self, x: Tensor) -> Tensor:
        # x sigmoid(a x) = silu(a x) / a: scaled weights save two passes over the wide activations.
        weight = self.grid.weight(self.linear.weight) * GELU_SLOPE
        bias = self.grid.bias(self.linear.bias) * GELU_SLOPE
        wide = F.linear(self.grid.operand(x), weight, bias)
        if self.grid.fitted:
            wide = wide.clamp(BOOM_MIN * GELU_SLOPE, BOOM_MAX * GELU_SLOPE)
        if kernels.fits(wide, x):
            return kernels.Boom.apply(wide, x.shape[-1], 1 / GELU_SLOPE)  # type: ignore[no-any-return, no-untyped-call]
        chunks = F.silu(wide).view(*x.shape[:-1], -1, x.shape[-1])
        return chunks.sum(-2, dtype=x.dtype) / GELU_SLOPE
