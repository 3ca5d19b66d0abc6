"""What tests read from checkpoints."""

from __future__ import annotations

from pathlib import Path

from shazip.training.checkpoint import load_checkpoint
from shazip.training.network.architecture import new_network
from shazip.training.network.trainable import Trainable


def load_network(path: Path) -> Trainable:
    """Return the network of a checkpoint with its averaged weights."""
    config, state = load_checkpoint(path)
    network = new_network(config.network)
    network.load_state_dict(state["average"])
    return network
