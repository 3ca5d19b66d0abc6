"""The compiled module shazip._native (native/), and the threads that its parts share."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from shazip.errors import ShazipError


def available_threads() -> int:
    """Return how many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_module() -> ModuleType:
    """Return the compiled module. Raises ShazipError, naming the way out."""
    try:
        module = importlib.import_module("shazip._native")
    except ImportError as error:
        raise ShazipError(
            f"the native engine cannot be loaded ({error}); reinstall shazip with a C++ compiler,"
            " or pip install 'shazip[torch]' and use the torch engine"
        ) from None
    return module


def new_pool(threads: int | None) -> object:
    """Return threads that the compiled module can share out its work to, None: all processors."""
    pool: object = load_module().Pool(threads or available_threads())
    return pool
