"""The architectures that can be trained, by the names that the command line and checkpoints use."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from torch import nn

from shazip.model.config import NetworkConfig
from shazip.training.errors import TrainingError
from shazip.training.network.attention import Attention
from shazip.training.network.awd_lstm import AwdLstm
from shazip.training.network.sha_rnn import Network
from shazip.training.network.trainable import Trainable
from shazip.training.settings import AwdLstmConfig, Regularisation, name_of


@singledispatch
def new_network(
    sizes: Any, dropout: float = 0.0, regularisation: Regularisation | None = None
) -> Trainable:
    """Return a network of the given sizes with random weights.

    A study may register an architecture of its own by the type of its sizes.
    """
    raise TypeError(f"no architecture has sizes of type {type(sizes).__name__}")


@new_network.register
def _(
    sizes: NetworkConfig, dropout: float = 0.0, regularisation: Regularisation | None = None
) -> Trainable:
    return Network(sizes, dropout, regularisation)


@new_network.register
def _(
    sizes: AwdLstmConfig, dropout: float = 0.0, regularisation: Regularisation | None = None
) -> Trainable:
    return AwdLstm(sizes, dropout, regularisation)


def sha_rnn(network: Trainable) -> Network:
    """Return `network` if it is a SHA-RNN. Raises TrainingError for others, never exact."""
    if not isinstance(network, Network):
        raise TrainingError(
            f"only a sha-rnn becomes an exact model, not an {name_of(network.config)}"
        )
    return network


def parameters(network: nn.Module) -> tuple[int, int]:
    """Return the number of parameters as trained, and after the folding that quantise does.

    It folds all of attention's gates into other vectors, except the one that scales the values.
    """
    trained = sum(parameter.numel() for parameter in network.parameters())
    folded = 0
    for module in network.modules():
        if isinstance(module, Attention):
            vectors = (module.query_gate, module.key_gate, module.value_gate)
            folded += sum(p.numel() for p in (*vectors, *module.value_layer.parameters()))
            folded -= module.value_gate.numel()
    return trained, trained - folded
