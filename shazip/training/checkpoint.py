"""Files of a run, written atomically: checkpoints to resume from, float weights to begin with."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as pack_tensors

from shazip.atomic import write_file
from shazip.model.vocabulary import Vocabulary
from shazip.training import sealed
from shazip.training.errors import TrainingError
from shazip.training.network.architecture import new_network
from shazip.training.network.trainable import Trainable
from shazip.training.settings import (
    SIZES,
    Corpus,
    Distillation,
    OptimiserConfig,
    Regularisation,
    Schedule,
    Sizes,
    TrainConfig,
    name_of,
)
from shazip.training.trainer import Trainer

VERSION = 4
UNSEALED = 3  # the version before, the same without a checksum of the file
METADATA_KEY = "shazip"  # one key: safetensors writes several in varying order


def save_checkpoint(trainer: Trainer, path: Path) -> None:
    """Write the whole state of the run, so that it resumes as if it had not stopped.

    All processes of a group call it, and process 0 writes.
    """
    content = {
        "version": VERSION,
        "config": json.dumps(plain(trainer.config), default=str),
        "trainer": trainer.state_dict(),
    }
    if trainer.group.rank == 0:
        sealed.save(content, path)


def load_checkpoint(path: Path) -> tuple[TrainConfig, dict[str, Any]]:
    """Return the configuration and the trainer's state.

    Raises TrainingError with the file's name for other and for damaged files.
    """
    content, whole = sealed.load(path)
    version = content.get("version")
    if version not in (UNSEALED, VERSION):
        raise TrainingError(f"{path} is no checkpoint of version {UNSEALED} or {VERSION}")
    if version == VERSION and not whole:
        raise TrainingError(f"{path} is damaged: its checksum is missing")
    try:
        return parse_config(content["config"]), content["trainer"]
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{path} has no configuration that this version knows") from error


def save_config(config: TrainConfig, path: Path) -> None:
    """Write the configuration as JSON, to be read by people."""
    text = json.dumps(plain(config), default=str, indent=1) + "\n"
    write_file(path, text.encode())


def plain(config: TrainConfig) -> dict[str, Any]:
    """Return the configuration as dictionaries; paths stay paths."""
    fields = asdict(config)
    fields["network"]["architecture"] = name_of(config.network)
    fields["vocabulary"] = config.vocabulary.plain()
    return fields


def parse_config(text: str) -> TrainConfig:
    """Return the configuration that save_checkpoint wrote as JSON."""
    fields = json.loads(text)
    if fields["optimiser"].pop("lamb", False):  # before there were three optimisers
        fields["optimiser"]["kind"] = "lamb"
    fields["network"] = parse_sizes(fields["network"])
    fields["vocabulary"] = Vocabulary.from_plain(fields["vocabulary"])
    fields["regularisation"] = Regularisation(**fields.get("regularisation", {}))
    distillation = fields.get("distillation", {})
    if distillation.get("teacher"):
        distillation["teacher"] = Path(distillation["teacher"])
    fields["distillation"] = Distillation(**distillation)
    fields["optimiser"] = OptimiserConfig(**_tuples(fields["optimiser"]))
    fields["schedule"] = Schedule(**_tuples(fields["schedule"]))
    corpora = fields["corpora"]
    fields["corpora"] = tuple(Corpus(**{**each, "path": Path(each["path"])}) for each in corpora)
    return TrainConfig(**fields)


def parse_sizes(fields: dict[str, Any]) -> Sizes:
    """Return the sizes that a file holds as a dictionary; without a name they are SHA-RNN's."""
    fields = dict(fields)
    return SIZES[fields.pop("architecture", "sha-rnn")](**_tuples(fields))


def save_weights(
    network: Trainable,
    vocabulary: Vocabulary,
    path: Path,
    record: dict[str, Any],
    *,
    overwrite: bool = True,
) -> None:
    """Write the weights alone, as float16, with `record` (JSON) on how they came about."""
    half = {name: tensor.to("cpu", torch.float16) for name, tensor in network.state_dict().items()}
    sizes = {**asdict(network.config), "architecture": name_of(network.config)}
    metadata = {"network": sizes, "vocabulary": vocabulary.plain(), "training": record}
    packed = pack_tensors(half, {METADATA_KEY: json.dumps(metadata)})
    write_file(path, packed, overwrite=overwrite)


def load_weights(path: Path) -> tuple[Trainable, Vocabulary, dict[str, Any]]:
    """Return a float32 network, its vocabulary and the record that save_weights wrote.

    Raises TrainingError for other files.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = json.loads(file.metadata()[METADATA_KEY])
            names = list(file.keys())
            tensors = {name: file.get_tensor(name).float() for name in names}
        network = new_network(parse_sizes(metadata["network"]))
        network.load_state_dict(tensors)
        vocabulary = Vocabulary.from_plain(metadata.get("vocabulary", {"merges": []}))
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise TrainingError(f"{path} holds no weights of a float network") from error
    return network, vocabulary, metadata["training"]


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """Return `fields` with tuples, which JSON does not have, in place of lists."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}
