"""Opens engines, implementations of docs/arithmetic.md, after the model's canary has proved them.

`native` is C++ and the default; `torch` runs on CUDA devices and is the readable reference.
"""

from __future__ import annotations

import importlib.util

from shazip.compiled import missing_module, warn_of_slowness
from shazip.engines.canary import (
    SHORT_PROBE,
    check_canary,
    check_long,
    long_probe,
    probe_hash,
    record_canary,
)
from shazip.errors import MemoryLimitError, ShazipError
from shazip.model.file import IntegerModel, with_window
from shazip.predictor import Engine
from shazip.settings import ENGINES

__all__ = [
    "available",
    "check_canary",
    "check_long",
    "long_probe",
    "open_engine",
    "open_unproved",
    "open_with_window",
    "probe_hash",
    "record_canary",
]

NAMES = dict(zip(ENGINES, ("shazip._native", "torch"), strict=True))  # and the module of each


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
