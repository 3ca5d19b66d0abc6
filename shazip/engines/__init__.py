"""Opens engines, implementations of docs/arithmetic.md, after the model's canary has proved them.

`native` is C++ and the default; `torch` runs on CUDA devices and is the readable reference.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator

import numpy as np

from shazip.engines.compiled import missing_module, warn_of_slowness
from shazip.errors import MemoryLimitError, ModelError, ShazipError
from shazip.model.arithmetic import probe
from shazip.model.config import NetworkConfig
from shazip.model.file import IntegerModel, with_window
from shazip.predictor import Engine
from shazip.settings import ENGINES

NAMES = dict(zip(ENGINES, ("shazip._native", "torch"), strict=True))  # and the module of each
SHORT_PROBE = (64, 8)  # steps, lanes
LONG_PROBE_LANES = 19


def available() -> list[str]:
    """Return the names of the engines that this installation can open, best first."""
    return [name for name, needs in NAMES.items() if importlib.util.find_spec(needs) is not None]


def open_engine(
    model: IntegerModel,
    name: str | None = None,
    *,
    device: str | None = None,
    threads: int | None = None,
    memory_limit: int | None = None,
) -> Engine:
    """Return an engine for `model` that has passed its canary; `name` None chooses.

    A device other than the CPU means the torch engine. Raises ModelError if the engine computes
    other frequencies than the model file records, MemoryLimitError if the canary takes more than
    `memory_limit` bytes.
    """
    engine = open_unproved(model, name, device=device, threads=threads)
    _, lanes = SHORT_PROBE
    size = model.memory + engine.state_size(lanes)
    if memory_limit is not None and size > memory_limit:
        raise MemoryLimitError(
            f"model {model.name!r} takes {size} bytes of memory for its canary, "
            f"the limit is {memory_limit}"
        )
    check_canary(engine)
    return engine


def open_unproved(
    model: IntegerModel,
    name: str | None = None,
    *,
    device: str | None = None,
    threads: int | None = None,
) -> Engine:
    """Return an engine without checking a canary, for a model that comes from no file."""
    return _create(model, name or _choose(device), device, threads)


def open_with_window(
    model: IntegerModel,
    window: int | None,
    name: str | None = None,
    *,
    device: str | None = None,
    threads: int | None = None,
) -> Engine:
    """Return an engine for `model` whose attention sees `window` steps; None: the model's own."""
    if window in (None, model.config.window):
        return open_engine(model, name, device=device, threads=threads)
    return open_unproved(with_window(model, window), name, device=device, threads=threads)


def check_canary(engine: Engine) -> None:
    """Raise ModelError unless the frequencies over the short probe are the recorded ones."""
    _compare(engine, "short", probe_hash(engine, *SHORT_PROBE))


def check_long(engine: Engine) -> None:
    """Raise ModelError if the engine fails the long probe or its lanes depend on each other."""
    check_canary(engine)
    _compare(engine, "long", probe_hash(engine, *long_probe(engine.model.config)))
    _check_lanes(engine)


def probe_hash(engine: Engine, steps: int, lanes: int) -> str:
    """Return the SHA-256 (hex) of all frequencies over a probe (docs/arithmetic.md, section 7)."""
    digest = hashlib.sha256()
    predictor = engine.prober(lanes)
    for column in probe(steps, lanes, engine.model.vocabulary.strings):
        digest.update(predictor.predict(len(column)).astype("<u4", copy=False).tobytes())
        predictor.update(column)
    return digest.hexdigest()


def probe_columns(engine: Engine) -> Iterator[np.ndarray]:
    """Yield the columns of the short probe."""
    return probe(*SHORT_PROBE, engine.model.vocabulary.strings)


def long_probe(config: NetworkConfig) -> tuple[int, int]:
    """Return the steps and lanes of the long probe of a model of this shape."""
    return min(config.window, 1024) + config.vocabulary // 4, LONG_PROBE_LANES


def record_canary(engine: Engine) -> dict[str, str]:
    """Return the hashes of both probes, for the metadata of a new model."""
    return {
        "short": probe_hash(engine, *SHORT_PROBE),
        "long": probe_hash(engine, *long_probe(engine.model.config)),
    }


def _compare(engine: Engine, which: str, found: str) -> None:
    canary = engine.model.metadata.get("canary")
    if not isinstance(canary, dict) or not isinstance(canary.get(which), str):
        raise ModelError(f"model {engine.model.name!r} has no {which} canary to check an engine by")
    if canary[which] != found:
        raise ModelError(
            f"the {engine.name} engine computes other frequencies than model {engine.model.name!r} "
            f"({engine.model.id.hex()}) records; nothing it wrote could be read elsewhere"
        )


def _check_lanes(engine: Engine) -> None:
    many = [engine.prober(lanes) for lanes in (1, 2, 7, 33)]
    for column in probe(SHORT_PROBE[0], 33, engine.model.vocabulary.strings):
        rows = []
        for predictor, lanes in zip(many, (1, 2, 7, 33), strict=True):
            live = min(lanes, len(column))
            rows.append(predictor.predict(live)[0])
            predictor.update(column[:live])
        if any((row != rows[0]).any() for row in rows):
            raise ModelError(f"the {engine.name} engine's frequencies depend on the lane count")


def _choose(device: str | None) -> str:
    names = available()
    if device is not None and device != "cpu":
        return "torch"
    if not names:
        raise ShazipError(f"no engine is installed: {missing_module()}, or install torch")
    if names[0] != "native":
        warn_of_slowness()
    return names[0]


def _create(model: IntegerModel, name: str, device: str | None, threads: int | None) -> Engine:
    if name not in NAMES:
        raise ValueError(f"unknown engine {name!r}, known are {', '.join(NAMES)}")
    if name not in available():
        remedy = {
            "native": f"{missing_module()}, or use the torch engine",
            "torch": "install it with: pip install 'shazip[torch]'",
        }
        raise ShazipError(f"the {name} engine is not installed; {remedy[name]}")
    if name == "native" and device not in (None, "cpu"):
        raise ValueError(f"the native engine runs on the CPU, not on {device!r}")
    if not model.config.layers:
        from shazip.engines.constant import ConstantEngine

        return ConstantEngine(model, name, threads)
    if name == "native":
        from shazip.engines.native import NativeEngine

        return NativeEngine(model, threads=threads)
    from shazip.engines.torch import TorchEngine

    return TorchEngine(model, device=device, threads=threads)
