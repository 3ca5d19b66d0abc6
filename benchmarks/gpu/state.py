"""A run's state without what is large and soon forgotten, small enough to be brought home."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from shazip.training.checkpoint import (
    load_checkpoint,
    load_weights,
    parse_config,
    plain,
    save_checkpoint,
    save_weights,
)
from shazip.training.export import read_trained
from shazip.training.parallel import Workers
from shazip.training.settings import CHECKPOINT, Corpus
from shazip.training.trainer import Trainer

STATE, WEIGHTS = "state.pt", "text-weights.safetensors"
# Lane states, text positions and dropout begin anew at home; the lanes' memory is most of a
# checkpoint.
KEPT = ("model", "optimiser", "grids", "done", "updates", "average_start", "seconds")
TYPES = {"model": torch.float16, "optimiser": torch.bfloat16}


def save_state(checkpoint: Path, folder: Path) -> dict[str, int]:
    """Write the averaged weights, and what else resuming needs, in 16 bits; return the sizes."""
    config, state = load_checkpoint(checkpoint)
    content = {name: narrow(state[name], TYPES.get(name)) for name in KEPT if name in state}
    content["config"] = json.dumps(plain(config), default=str)
    torch.save(content, folder / STATE)
    trained = read_trained(checkpoint)
    save_weights(trained.network, trained.vocabulary, folder / WEIGHTS, trained.record)
    return {name: (folder / name).stat().st_size for name in (STATE, WEIGHTS)}


def narrow(value: Any, kind: torch.dtype | None) -> Any:
    """Return nested dictionaries and lists with their float32 matrices and vectors as `kind`."""
    if isinstance(value, dict):
        return {name: narrow(each, kind) for name, each in value.items()}
    if isinstance(value, list):
        return [narrow(each, kind) for each in value]
    if kind and isinstance(value, torch.Tensor) and value.dtype == torch.float32 and value.dim():
        return value.to(kind)
    return value


def restore(source: Path, folder: Path, corpora: tuple[Corpus, ...]) -> Path:
    """Make a run of what save_state wrote to `source`; return its checkpoint.

    `shazip train --resume` continues it. It reads `corpora` from their beginnings. Raises
    FileExistsError if there is a run already.
    """
    content = torch.load(source / STATE, map_location="cpu", weights_only=True)
    content["average"] = load_weights(source / WEIGHTS)[0].state_dict()
    config = parse_config(content.pop("config"))
    config = replace(config, corpora=corpora or config.corpora, device="cpu", threads=1)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CHECKPOINT).exists():
        raise FileExistsError(f"{folder} already holds a run")
    with Workers(1) as workers:
        trainer = Trainer(config, workers)
        trainer.load_state_dict({**trainer.state_dict(), **content})
        save_checkpoint(trainer, folder / CHECKPOINT)
    return folder / CHECKPOINT
