"""A Transformer of torch's own layers, to hold SHA-RNN against in benchmarks.paper; no product."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from shazip.model.config import ALPHABET
from shazip.training.network.architecture import new_network
from shazip.training.network.trainable import LayerState, State, Trainable
from shazip.training.settings import Regularisation


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a Transformer; the inner width is four times the width."""

    width: int
    layers: int = 4
    heads: int = 4
    window: int = 256  # symbols that it sees; also the length of a training window
    vocabulary: int = ALPHABET  # symbols


class Transformer(Trainable):
    """Decoder with learned positions and a tied embedding; otherwise used as Network is.

    In training a window stands alone, as usual for Transformers. In evaluation each piece of half a
    window is read after the half before it, so that every prediction sees half a window or more;
    the state is past symbols.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Parameter(torch.empty(config.vocabulary, config.width))
        self.positions = nn.Parameter(torch.empty(config.window, 1, config.width))
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        for table in (self.embedding, self.positions):
            nn.init.normal_(table, std=0.5 / math.sqrt(config.width))
        layer = nn.TransformerEncoderLayer(
            *(config.width, config.heads, 4 * config.width, 0.0), activation="gelu", norm_first=True
        )
        norm = nn.LayerNorm(config.width)
        self.layers = nn.TransformerEncoder(layer, config.layers, norm, enable_nested_tensor=False)

    def start(self, lanes: int) -> State:
        """Return the state before the first symbol: nothing was seen."""
        nothing = self.bias.new_zeros(lanes, 0)
        return (LayerState(nothing, nothing, nothing),)

    def outputs(
        self, symbols: Tensor, state: State, generator: Generator | None = None
    ) -> tuple[Tensor, Tensor, State]:
        """Return the last layer's output (steps, lanes, width), twice, and the state afterwards."""
        if self.training:
            x = self._read(symbols)
            return x, x, state
        half, past = self.config.window // 2, state[0].memory.T.long()  # (steps, lanes)
        found = []
        for piece in symbols.split(half):
            found.append(self._read(torch.cat([past, piece]))[len(past) :])
            past = torch.cat([past, piece])[-half:]
        x = torch.cat(found)
        return x, x, (LayerState(state[0].h, state[0].c, past.T.float()),)

    def logits(self, x: Tensor) -> Tensor:
        """Return the logits (steps, lanes, symbols) of the last layer's output."""
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(x.float(), self.embedding, self.bias)

    def _read(self, symbols: Tensor) -> Tensor:
        x = F.embedding(symbols, self.embedding) + self.positions[: len(symbols)]
        mask = nn.Transformer.generate_square_subsequent_mask(len(symbols), x.device)
        read: Tensor = self.layers(x, mask, is_causal=True)
        return read


@new_network.register
def _(
    sizes: TransformerConfig, dropout: float = 0.0, regularisation: Regularisation | None = None
) -> Transformer:
    return Transformer(sizes)
