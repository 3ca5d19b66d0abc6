"""shazip: a neural compressor whose archives open on every machine.

import shazip
packed = shazip.compress(data)
assert shazip.decompress(packed) == data
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import PathFinder

TYPE_CHECKING = False  # as in typing, whose import takes longer than all that is here
if TYPE_CHECKING:
    from shazip.archive import Codec, compress, decompress
    from shazip.compressor import Compressor, Decompressor
    from shazip.errors import (
        CorruptError,
        FormatError,
        MemoryLimitError,
        ModelError,
        ShazipError,
        TruncatedError,
    )
    from shazip.file import ShazipFile, open
    from shazip.frames import Info, info
    from shazip.spans import Index

__version__ = "0.1.0"

__all__ = [
    "Codec",
    "Compressor",
    "CorruptError",
    "Decompressor",
    "FormatError",
    "Index",
    "Info",
    "MemoryLimitError",
    "ModelError",
    "ShazipError",
    "ShazipFile",
    "TruncatedError",
    "compress",
    "decompress",
    "info",
    "open",
]

# Loaded on first use: `shazip --help` and `info` need neither NumPy nor a model.
_MODULES = {
    "Codec": "archive",
    "Compressor": "compressor",
    "CorruptError": "errors",
    "Decompressor": "compressor",
    "FormatError": "errors",
    "Index": "spans",
    "Info": "frames",
    "MemoryLimitError": "errors",
    "ModelError": "errors",
    "ShazipError": "errors",
    "ShazipFile": "file",
    "TruncatedError": "errors",
    "compress": "archive",
    "decompress": "archive",
    "info": "frames",
    "open": "file",
}


def _find_compiled_module() -> None:
    """Let the source folder, which python finds first in a clone, use the installed module."""
    if PathFinder.find_spec("shazip._native", __path__) is None:
        installed = [os.path.join(entry, "shazip") for entry in sys.path]  # noqa: PTH118 (speed)
        spec = PathFinder.find_spec("shazip._native", installed)
        if spec is not None and spec.origin is not None:
            __path__.append(os.path.dirname(spec.origin))  # noqa: PTH120


def _refuse_sub_interpreters() -> None:
    """Refuse sub-interpreters, in which constriction waits forever."""
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    try:
        interpreters = import_module(name)
    except ImportError:  # not every Python has sub-interpreters
        return
    if interpreters.get_current() != interpreters.get_main():
        raise ImportError("shazip runs in Python's main interpreter only, not in a sub-interpreter")


def _refuse_free_threading() -> None:
    """Refuse Python without its global lock, in which shazip has never been tested."""
    locked = getattr(sys, "_is_gil_enabled", lambda: True)
    if not locked():
        raise ImportError("shazip needs Python's global lock: start Python with PYTHON_GIL=1")


_refuse_sub_interpreters()
_refuse_free_threading()
_find_compiled_module()


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'shazip' has no attribute '{name}'")
    value: object = getattr(import_module(f"shazip.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
