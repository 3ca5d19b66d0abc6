"""AWD-LSTM (Merity 2017), the baseline that SHA-RNN is measured against; never an exact model."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from shazip.training.network.regularise import Dropout, drop_rows
from shazip.training.network.sha_rnn import Lstm
from shazip.training.network.trainable import LayerState, State, Trainable
from shazip.training.settings import AwdLstmConfig, Regularisation


class AwdLstm(Trainable):
    """A stack of LSTMs with locked dropout between them.

    Each LSTM has one bias; cuDNN's has two, of which only the sum matters.
    """

    def __init__(
        self,
        config: AwdLstmConfig,
        dropout: float = 0.0,
        regularisation: Regularisation | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.regularisation = wishes = regularisation or Regularisation()
        rows = config.vocabulary
        self.embedding = nn.Parameter(torch.empty(rows, config.width).uniform_(-0.1, 0.1))
        self.bias = nn.Parameter(self.embedding.new_zeros(rows))
        self.widths = [config.width, *[config.hidden] * (config.layers - 1), config.width]
        self.layers = nn.ModuleList(
            Lstm(width, inputs, wishes.drop_weights) for inputs, width in pairwise(self.widths)
        )
        self.drop_input = Dropout(wishes.drop_input, locked=True)
        self.dropout = Dropout(dropout, locked=True)
        self.drop_output = Dropout(wishes.drop_output, locked=True)

    def start(self, lanes: int) -> State:
        """Return the state before the first symbol: zeros."""
        zeros = [self.bias.new_zeros(lanes, width) for width in self.widths[1:]]
        return tuple(LayerState(zero, zero, None) for zero in zeros)

    def outputs(
        self, symbols: Tensor, state: State, generator: Generator | None = None
    ) -> tuple[Tensor, Tensor, State]:
        part = self.regularisation.drop_symbols if self.training else 0.0
        x = F.embedding(symbols, drop_rows(self.embedding, part, generator))
        x = self.drop_input(x, generator)
        after: list[LayerState] = []
        for layer, before in zip(self.layers, state, strict=True):
            if after:
                x = self.dropout(x, generator)
            x, (h, c) = layer(x, before, generator)
            after.append(LayerState(h, c, None))
        return x, self.drop_output(x, generator), tuple(after)

    def logits(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(x, self.embedding, self.bias)
