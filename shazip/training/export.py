"""Turns a checkpoint into a model that compresses: reads, quantises, measures for the record.

checkpoint or float weights -> Trained -> integer model, with the training's record
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shazip.engines import open_engine
from shazip.measure import Meter
from shazip.model import file as modelfile
from shazip.model.file import IntegerModel
from shazip.model.vocabulary import Vocabulary
from shazip.settings import Coding
from shazip.training.checkpoint import load_checkpoint, load_weights
from shazip.training.data import sample
from shazip.training.errors import TrainingError
from shazip.training.evaluate import bits_per_byte
from shazip.training.files import trained_file
from shazip.training.integer.grid import set_grids
from shazip.training.integer.quantise import quantise
from shazip.training.network.architecture import new_network, sha_rnn
from shazip.training.network.trainable import Trainable
from shazip.training.parallel import Workers
from shazip.training.settings import Corpus


@dataclass(frozen=True)
class Trained:
    """The content of a checkpoint: network, vocabulary, a record of its training, the texts."""

    network: Trainable
    vocabulary: Vocabulary
    record: dict[str, Any]
    corpora: tuple[Corpus, ...]


def read_trained(path: Path, *, average: bool = True) -> Trained:
    """Return the network of a run's folder, a checkpoint, or a file of float weights."""
    if path.suffix == ".safetensors":
        return Trained(*load_weights(path), ())
    config, state = load_checkpoint(trained_file(path))
    network = new_network(config.network)
    network.load_state_dict(state["average" if average else "model"])
    set_grids(network, state.get("grids", {}))
    texts = [
        {"name": corpus.name, "weight": corpus.weight, "sha256": digest}
        for corpus, digest in zip(config.corpora, state["feed"]["hashes"], strict=True)
    ]
    counts = {key: state[key] for key in ("done", "updates")}
    record = {"texts": texts, **counts, "seed": config.seed}
    return Trained(network, config.vocabulary, record, config.corpora)


def to_integer(trained: Trained, text: Path | None, name: str) -> IntegerModel:
    """Return the integer model, calibrated on `text` or on the run's own."""
    corpora = trained.corpora if text is None else (Corpus(text),)
    if not corpora:
        raise TrainingError("float weights name no training text: give one with --text")
    symbols = sample(corpora, trained.vocabulary)
    network = sha_rnn(trained.network)
    return quantise(network, trained.vocabulary, symbols, name=name, training=trained.record)


def with_result(model: IntegerModel, trained: Trained, valid: Path) -> IntegerModel:
    """Return the model with its own and the float network's bits per byte of `valid` on record."""
    with valid.open("rb") as file:
        found = Meter(open_engine(model), Coding(mix=False)).measure(file)
    result = {
        "valid": valid.name,
        "lanes": found.lanes,
        "bpb": round(found.bpb, 4),
        "float_bpb": round(_float_bpb(trained, valid, found.lanes), 4),
    }
    training = {**model.metadata["training"], **result}
    return modelfile.changed(model, metadata={**model.metadata, "training": training})


def _float_bpb(trained: Trained, text: Path, lanes: int) -> float:
    """Return the float network's bits per byte on `text`, without its integer grids."""
    network = copy.deepcopy(trained.network)
    set_grids(network, {})
    with Workers(1) as workers:
        whole = np.fromfile(text, np.uint8)
        return bits_per_byte(network, trained.vocabulary, whole, lanes, workers)
