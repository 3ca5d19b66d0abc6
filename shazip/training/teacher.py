"""The teacher of a distillation: a trained network whose probabilities another network learns."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from shazip.training.errors import TrainingError
from shazip.training.export import read_trained
from shazip.training.files import trained_file
from shazip.training.network.trainable import State
from shazip.training.settings import TrainConfig


class Teacher:
    """A network that only predicts; a lane's state is the caller's to keep."""

    def __init__(self, path: Path, config: TrainConfig) -> None:
        """Load a run's averaged weights, or float weights.

        Raises TrainingError if they were trained with another vocabulary than `config` has.
        """
        trained = read_trained(path)
        if trained.vocabulary != config.vocabulary:
            raise TrainingError(f"{path} was trained with another vocabulary")
        self.digest = hashlib.sha256(trained_file(path).read_bytes()).hexdigest()
        self.network = trained.network.eval().requires_grad_(False).to(config.device)
        self._settings = config.distillation

    def loss(self, symbols: Tensor, state: State, logits: Tensor) -> tuple[Tensor, State]:
        """Return the divergence (nats) from the teacher, summed over symbols, and its new state.

        `symbols` (steps, lanes) led to the learner's `logits` (steps, lanes, V). Both are divided
        by the temperature, whose square keeps the gradients' size (Hinton 2015, section 2).
        """
        heat = self._settings.temperature
        with torch.no_grad():
            found, state = self.network(symbols, state)
            wanted = F.log_softmax(found.float() / heat, -1)
        learned = F.log_softmax(logits.float() / heat, -1)
        loss = F.kl_div(learned, wanted, reduction="sum", log_target=True)
        return loss * heat**2, tuple(layer.detach() for layer in state)


def teacher_of(config: TrainConfig) -> Teacher | None:
    """Return the teacher that the configuration names, None without one."""
    path = config.distillation.teacher
    return None if path is None else Teacher(path, config)
