"""Hostile model files: refused, or a model that codes on the native engine."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from random_models import random_model
from safetensors.numpy import load as unpack
from safetensors.numpy import save as pack

from shazip.archive import Codec
from shazip.engines import open_unproved
from shazip.errors import ShazipError
from shazip.model import file as modelfile
from shazip.model.config import NetworkConfig

from . import mutate
from .archives import TEXT

MEMORY = 1 << 26
CONFIGS = (NetworkConfig(8, 16, 2, (1,), 4, 2), NetworkConfig(8, 8, 1, (0,), 4, 1, 512))


@cache
def seeds() -> tuple[bytes, ...]:
    """Return model files of several sizes, with single bytes and with strings."""
    return tuple(
        modelfile.pack(random_model(seed, config, kind))
        for config in CONFIGS
        for seed, kind in enumerate(("calm", "edge"))
    )


def make(rng: Random) -> bytes:
    """Return a model file with damaged bytes, or with other content under the right id."""
    packed = rng.choice(seeds())
    if rng.randrange(4) == 0:
        at = 8 + rng.randrange(2) * int.from_bytes(packed[:8], "little")
        return packed[:at] + mutate.data(rng, packed[at:])
    tensors = {name: tensor.copy() for name, tensor in unpack(packed).items()}
    document = _document(packed)
    rng.choice((_value, _value, _shape, _config, _record, _missing))(rng, tensors, document)
    document["id"] = _id(document, tensors)
    return pack(tensors, {modelfile.METADATA_KEY: json.dumps(document)})


def _document(packed: bytes) -> dict[str, Any]:
    end = 8 + int.from_bytes(packed[:8], "little")
    text = json.loads(packed[8:end])["__metadata__"][modelfile.METADATA_KEY]
    document: dict[str, Any] = json.loads(text)
    return document


def _id(document: dict[str, Any], tensors: dict[str, np.ndarray]) -> str:
    """Return the id that the loader expects, if the configuration is one."""
    try:
        return modelfile.model_id(modelfile.parse_config(document["config"]), tensors).hex()
    except ShazipError:
        return str(document["id"])


def _any(rng: Random, tensors: dict[str, np.ndarray]) -> str:
    return rng.choice(sorted(tensors))


def _value(rng: Random, tensors: dict[str, np.ndarray], _: dict[str, Any]) -> None:
    """Set some values of a tensor to any that its type has."""
    name = _any(rng, tensors)
    flat = tensors[name].reshape(-1)
    kind = np.iinfo(flat.dtype)
    for _ in range(rng.choice((1, 1, 4, 400))):
        value = rng.choice((kind.min, kind.max, 0, mutate.number(rng, 8)))
        if flat.size:
            flat[rng.randrange(flat.size)] = min(max(value, kind.min), kind.max)


def _shape(rng: Random, tensors: dict[str, np.ndarray], _: dict[str, Any]) -> None:
    """Lengthen, shorten or flatten a tensor, or give it another type."""
    name = _any(rng, tensors)
    changes: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda t: t[:-1],
        lambda t: np.concatenate([t, t]),
        lambda t: t.reshape(-1),
        lambda t: t[None],
        lambda t: t.astype(np.int64),
        lambda t: t.astype(np.float32),
        lambda t: np.zeros(0, t.dtype),
    ]
    tensors[name] = np.ascontiguousarray(rng.choice(changes)(tensors[name]))


def _config(rng: Random, _: dict[str, np.ndarray], document: dict[str, Any]) -> None:
    name = rng.choice(sorted(document["config"]))
    value = rng.choice((mutate.number(rng, 40), -1, "8", None, 1e9, True, [], [0, 0], [99]))
    document["config"][name] = value


def _record(rng: Random, _: dict[str, np.ndarray], document: dict[str, Any]) -> None:
    """Write anything into what no bit depends on."""
    anything: list[Any] = [10**400, -1, 1e308, None, "\x1b[2J\n", "x" * 100000, [], {"a": [{}]}]
    names = ("name", "training", "canary", "arithmetic", "more")
    document[rng.choice(names)] = rng.choice(anything)


def _missing(rng: Random, tensors: dict[str, np.ndarray], _: dict[str, Any]) -> None:
    tensor = tensors.pop(_any(rng, tensors))
    if rng.randrange(2):
        tensors["unknown"] = tensor


def judge(case: bytes) -> bool:
    """Load the model and code with it; return whether it was accepted."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(case)
        with contextlib.suppress(ShazipError):
            modelfile.read_metadata(path)
        try:
            model = modelfile.load(path, MEMORY)
            engine = open_unproved(model, "native", threads=1)
        except ShazipError:
            return False
    codec = Codec(engine=engine, lanes=3, memory_limit=MEMORY)
    assert codec.decompress(codec.compress(TEXT)) == TEXT
    return True
