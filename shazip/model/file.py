"""Model files: the integers of one network, checked before use, and the id that archives name."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as pack_tensors

from shazip.atomic import write_file
from shazip.errors import MemoryLimitError, ModelError
from shazip.model.arithmetic import (
    ARITHMETIC_VERSION,
    ATTENDED_MAX,
    GROUPS_MAX,
    INT16_MAX,
    LIMITS,
    MIXING,
    START_MEMORY_MAX,
    VOCABULARIES,
    Field,
    Sizes,
    exp_logit_max,
    layout,
    products,
)
from shazip.model.config import ALPHABET, NetworkConfig
from shazip.model.vocabulary import BYTES, MAX_STRING, Vocabulary

METADATA_KEY = "shazip"  # one key: safetensors writes several in varying order
# The largest network that docs/arithmetic.md allows takes 50 kB, and its record some more. Bounded,
# because a reader of JSON takes thirty times the size of what it reads.
MAX_HEADER_SIZE = 1 << 20
# Copies of the tensors that are alive at once: read, packed by an engine, and one in between.
_COPIES = 3
SAFETENSORS_NAMES = {"int8": "I8", "uint8": "U8", "int16": "I16", "uint16": "U16", "int32": "I32"}


@dataclass(frozen=True)
class IntegerModel:
    """A checked model: all shapes and ranges are those of docs/arithmetic.md, section 6."""

    config: NetworkConfig
    tensors: Mapping[str, np.ndarray]  # read-only arrays
    id: bytes  # 16 bytes over configuration, arithmetic version and tensors
    name: str = ""  # a label for people
    # "training" (its record) and "canary"; no bit depends on them
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def memory(self) -> int:
        """The most bytes that the tensors take, an engine's packed ones included."""
        return _COPIES * sum(tensor.nbytes for tensor in self.tensors.values())

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The strings of its symbols."""
        return _vocabulary(self.config, self.tensors)

    @property
    def mixing(self) -> dict[str, np.ndarray] | None:
        """Start values of mixing that the model brings, or None."""
        own = {name: self.tensors[name] for name in MIXING if name in self.tensors}
        return own or None

    def __repr__(self) -> str:
        return f"IntegerModel(name={self.name!r}, id={self.id.hex()}, {self.config})"


def build(
    config: NetworkConfig,
    tensors: Mapping[str, np.ndarray],
    *,
    name: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> IntegerModel:
    """Check `tensors` against `config` and return them as a model. Raises ModelError."""
    check_config(config)
    check_layout(config, {key: (str(t.dtype), t.shape) for key, t in tensors.items()})
    frozen = {}
    for key in sorted(tensors):
        frozen[key] = np.ascontiguousarray(tensors[key]).copy()
        frozen[key].flags.writeable = False
    check_values(config, frozen)
    return IntegerModel(config, frozen, model_id(config, frozen), name, dict(metadata or {}))


def changed(
    model: IntegerModel,
    tensors: Mapping[str, np.ndarray] = MappingProxyType({}),
    *,
    config: NetworkConfig | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> IntegerModel:
    """Return `model` with these tensors and configuration in place of its own, checked again.

    It drops the metadata, whose canary belongs to the old tensors.
    """
    parts = {**model.tensors, **tensors}
    return build(config or model.config, parts, name=model.name, metadata=metadata)


def with_window(model: IntegerModel, window: int) -> IntegerModel:
    """Return `model` with attention that sees `window` steps: another model, without a canary."""
    if not model.config.layers:
        raise ModelError(f"model {model.name!r} has no layers, so no window")
    memory = model.tensors["start.memory"]
    kept = memory[:, max(0, memory.shape[1] - (window - 1)) :]
    return changed(model, {"start.memory": kept}, config=replace(model.config, window=window))


def save(model: IntegerModel, path: Path, *, overwrite: bool = True) -> None:
    """Write `model` as a file, whole or not at all."""
    write_file(path, pack(model), overwrite=overwrite)


def pack(model: IntegerModel) -> bytes:
    """Return `model` as a safetensors file; equal models give equal bytes."""
    document = {
        "arithmetic": ARITHMETIC_VERSION,
        "config": asdict(model.config),
        "id": model.id.hex(),
        "name": model.name,
        **model.metadata,
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return pack_tensors(dict(model.tensors), {METADATA_KEY: text})


def load(path: Path, memory_limit: int | None = None) -> IntegerModel:
    """Read and check a model file.

    Raises ModelError for other files, and MemoryLimitError, before it reads any tensor, for a model
    that takes more than `memory_limit` bytes.
    """
    try:
        return _load(Path(path), memory_limit)
    except (ModelError, MemoryLimitError) as error:
        raise type(error)(f"{path}: {error}") from None
    except SafetensorError as error:
        reason = str(error).splitlines()[0] if str(error) else "unreadable"
        raise ModelError(f"{path}: not a model file ({reason})") from None


def read_metadata(path: Path) -> dict[str, Any]:
    """Return a model file's metadata ("id", "name", "config", ...) without reading a tensor."""
    try:
        _check_header(Path(path))
        with safe_open(path, framework="numpy") as file:
            return _parse_metadata(file.metadata())
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    except SafetensorError:
        raise ModelError(f"{path}: not a model file") from None


def _check_header(path: Path) -> None:
    """Raise ModelError unless `path` is a file with a header of at most MAX_HEADER_SIZE."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ModelError("not a regular file")
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > MAX_HEADER_SIZE:
        raise ModelError(f"not a model file: its header has {size} bytes, not {MAX_HEADER_SIZE}")


def _load(path: Path, memory_limit: int | None) -> IntegerModel:
    _check_header(path)
    with safe_open(path, framework="numpy") as file:
        document = _parse_metadata(file.metadata())
        config = parse_config(document.get("config"))
        slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        # Before any tensor is read, so that a hostile file costs no memory.
        shapes = {key: (_dtype(view), tuple(view.get_shape())) for key, view in slices.items()}
        check_layout(config, shapes)
        _check_memory(shapes, memory_limit)
        tensors = {key: file.get_tensor(key) for key in slices}
    extra = {k: v for k, v in document.items() if k not in ("arithmetic", "config", "id", "name")}
    model = build(config, tensors, name=str(document.get("name", "")), metadata=extra)
    if document.get("id") != model.id.hex():
        raise ModelError(
            f"its id says {str(document.get('id'))[:40]!r}, its contents {model.id.hex()}"
        )
    return model


def _check_memory(
    shapes: Mapping[str, tuple[str, tuple[int, ...]]], memory_limit: int | None
) -> None:
    size = _COPIES * sum(np.dtype(kind).itemsize * prod(shape) for kind, shape in shapes.values())
    if memory_limit is not None and size > memory_limit:
        raise MemoryLimitError(f"takes {size} bytes of memory, the limit is {memory_limit}")


def _dtype(view: Any) -> str:
    names = {code: name for name, code in SAFETENSORS_NAMES.items()}
    return names.get(view.get_dtype(), str(view.get_dtype()))


def _parse_metadata(metadata: dict[str, str] | None) -> dict[str, Any]:
    text = (metadata or {}).get(METADATA_KEY)
    if text is None:
        raise ModelError("not a shazip model: a safetensors file without shazip's metadata")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise ModelError("its metadata is not JSON") from None
    if not isinstance(document, dict):
        raise ModelError("its metadata is not a JSON object")
    version = document.get("arithmetic")
    if version != ARITHMETIC_VERSION:
        raise ModelError(f"made for arithmetic version {version!r}, this is {ARITHMETIC_VERSION}")
    return document


def parse_config(values: Any) -> NetworkConfig:
    """Turn the JSON object of a configuration into a NetworkConfig within the limits."""
    names = {*LIMITS, "attention", "vocabulary"}
    if not isinstance(values, dict) or set(values) != names:
        raise ModelError(f"its configuration must have the fields {', '.join(sorted(names))}")
    attention = values["attention"]
    integers = [values[name] for name in (*LIMITS, "vocabulary")]
    if not isinstance(attention, list) or any(type(x) is not int for x in integers + attention):
        raise ModelError("its configuration holds a value that is no integer")
    if len(attention) > LIMITS["layers"]:
        raise ModelError(f"its configuration names {len(attention)} layers with attention")
    try:
        config = NetworkConfig(**{**values, "attention": tuple(attention)})
    except ValueError as error:
        raise ModelError(f"its configuration is impossible: {error}") from None
    check_config(config)
    return config


def check_config(config: NetworkConfig) -> None:
    """Raise ModelError for sizes beyond the limits of docs/arithmetic.md."""
    for name, most in LIMITS.items():
        if getattr(config, name) > most:
            raise ModelError(f"its {name} is {getattr(config, name)}, more than {most}")
    if (groups := config.boom_width // config.width) > GROUPS_MAX:
        raise ModelError(f"its boom_width is {groups} times its width, more than {GROUPS_MAX}")
    if (attended := config.heads * config.window) > ATTENDED_MAX:
        raise ModelError(f"its heads * window is {attended}, more than {ATTENDED_MAX}")
    if config.vocabulary not in VOCABULARIES:
        raise ModelError(f"its vocabulary has {config.vocabulary} symbols, not 256, 512 or 1024")


def check_layout(config: NetworkConfig, found: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
    """Raise ModelError for missing or extra tensors, and for wrong types or shapes."""
    sizes = _sizes({name: shape for name, (_, shape) in found.items()})
    most = min(START_MEMORY_MAX, config.window - 1)
    if sizes.start_memory > most:
        raise ModelError(
            f"its start state has {sizes.start_memory} memory vectors, more than {most}"
        )
    most = MAX_STRING * config.vocabulary
    if max(sizes.string_bytes, sizes.merges) > most:
        raise ModelError(
            f"its vocabulary has {sizes.string_bytes} bytes and {sizes.merges} merges, "
            f"more than {most}"
        )
    wanted = layout(config, sizes)
    if lacking := wanted.keys() - found.keys():
        raise ModelError(f"lacks the tensor {min(lacking)!r}")
    if extra := found.keys() - wanted.keys():
        raise ModelError(f"has an unknown tensor {min(extra)!r}")
    for name, expected in wanted.items():
        if found[name] != (expected.dtype, expected.shape):
            dtype, shape = found[name]
            wish = f"{expected.dtype} {expected.shape}"
            raise ModelError(f"tensor {name!r} is {dtype} {tuple(shape)}, must be {wish}")


def check_values(config: NetworkConfig, tensors: Mapping[str, np.ndarray]) -> None:
    """Raise ModelError for values with which a sum could overflow, and for wrong tables."""
    sizes = _sizes({name: tensor.shape for name, tensor in tensors.items()})
    for name, expected in layout(config, sizes).items():
        _check_range(name, tensors[name], expected)
    _vocabulary(config, tensors)
    most_likely = exp_logit_max(config.vocabulary)
    for name, first in (("table.exp_score", INT16_MAX), ("table.exp_logit", most_likely)):
        table = tensors.get(name)
        if table is not None and (int(table[0]), int(table[-1])) != (first, 0):
            raise ModelError(f"tensor {name!r} must begin with {first} and end with 0")
    for product in products(config):
        multiplier = sum(np.abs(tensors[name].astype(np.int64)) for name in product.multipliers)
        most = ((1 << (30 + int(tensors[product.shift][0]))) - 1) // product.bound
        if int(np.max(multiplier)) > most:
            found = int(np.max(multiplier))
            raise ModelError(f"{' + '.join(product.multipliers)} is {found}, more than {most}")


def _sizes(shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
    """Return what tensors of these shapes add to the configuration; a missing one adds nothing."""

    def length(name: str, axis: int, axes: int) -> int:
        shape = shapes.get(name, ())
        return shape[axis] if len(shape) == axes else 0

    return Sizes(
        length("start.memory", 1, 3),
        length("vocabulary.bytes", 0, 1),
        length("vocabulary.merges", 0, 2),
        any(name in shapes for name in MIXING),
    )


def _vocabulary(config: NetworkConfig, tensors: Mapping[str, np.ndarray]) -> Vocabulary:
    if config.vocabulary == ALPHABET:
        return BYTES
    try:
        return Vocabulary.from_tensors(tensors)
    except ValueError as error:
        raise ModelError(str(error)) from None


def _check_range(name: str, values: np.ndarray, expected: Field) -> None:
    if values.size == 0:
        return
    low, high = int(values.min()), int(values.max())
    if low < expected.low or high > expected.high:
        found = low if low < expected.low else high
        raise ModelError(f"tensor {name!r} holds {found}, outside {expected.low}..{expected.high}")


def model_id(config: NetworkConfig, tensors: Mapping[str, np.ndarray]) -> bytes:
    """Return the 16 bytes that archives name a model by (docs/arithmetic.md, section 6)."""
    shapes = {name: [str(tensors[name].dtype), tensors[name].shape] for name in tensors}
    head = {"arithmetic": ARITHMETIC_VERSION, "config": asdict(config), "tensors": shapes}
    digest = hashlib.sha256(json.dumps(head, sort_keys=True, separators=(",", ":")).encode())
    for name in sorted(tensors):
        digest.update(tensors[name].astype(tensors[name].dtype.newbyteorder("<")).tobytes())
    return digest.digest()[:16]
