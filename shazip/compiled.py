"""The compiled module shazip._native (native/), and the threads that its parts share."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from shazip.cpus import available_cpus
from shazip.errors import ShazipError, SlowWarning
from shazip.process import signals_held

if TYPE_CHECKING:
    from shazip import _native


def missing_module() -> str:
    """Return a sentence: where the compiled module is missing, and how to install it."""
    folder = Path(__file__).parent
    return (
        f"{folder} holds no compiled module for this Python and none is installed; "
        "run `pip install .` in the source folder, which needs a C++ compiler"
    )


def warn_of_slowness() -> None:
    """Warn that torch does what the compiled module should do."""
    warnings.warn(SlowWarning(f"{missing_module()}; until then torch, slower"), stacklevel=3)


def load_module() -> ModuleType:
    """Return the compiled module. Raises ShazipError, which says how to install it."""
    try:
        with signals_held():  # nanobind drops the SystemExit of a handler that runs meanwhile
            module = importlib.import_module("shazip._native")
    except ImportError as error:
        raise ShazipError(
            f"the native engine cannot be loaded ({error}); reinstall shazip with a C++ compiler,"
            " or pip install 'shazip[torch]' and use the torch engine"
        ) from None
    return module


def new_pool(threads: int | None) -> _native.Pool:
    """Return a pool of threads for the compiled module; None means one for each processor."""
    pool: _native.Pool = load_module().Pool(threads or available_cpus())
    return pool
