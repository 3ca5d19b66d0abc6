"""The contestants: compression libraries, programs on the PATH, and shazip itself."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import itertools
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from zlib import ZLIB_RUNTIME_VERSION

from shazip import __version__
from shazip.bench import worker

ORIGINAL = "original"
BENCH = "pip install 'shazip[bench]'"
PACKAGE = Path(__file__).resolve().parent.parent
# Programs print their version after a "v", "version" or a bracket.
_VERSION = re.compile(r"(?:\bv|\bversion |\] |\) |: )(\d+(?:\.\d+)*\w*)", re.IGNORECASE)


class Tool(Protocol):
    """One row of a table: a compressor with fixed settings."""

    @property
    def name(self) -> str: ...

    @property
    def note(self) -> str:
        """Details that the name omits: memory, window."""

    @property
    def source(self) -> str:
        """Where the tool comes from."""

    def version(self) -> str | None:
        """Return the version found on this machine, None if the tool is missing."""

    @property
    def packed(self) -> str:
        """The compressed file's name in the tool's folder."""

    @property
    def result(self) -> str:
        """The decompressed file's name there."""

    def command(self, action: str) -> list[str]:
        """Return the command of `action`: "compress" ORIGINAL, or "decompress" `packed`."""

    def sizes(self) -> tuple[int, int]:
        """Return the bytes of model and program; 0 where only a run shows them."""


@dataclass(frozen=True)
class Library:
    """A compressor in Python's standard library or a package; timed without Python's start."""

    name: str
    codec: str  # a function of worker.py
    module: str
    parts: tuple[str, ...]  # prefixes of its shared libraries' file names
    note: str = ""
    package: str = ""  # on PyPI; none for the standard library
    source: str = BENCH
    packed: str = "packed"
    result: str = "result"

    def version(self) -> str | None:
        """Return the package's version; the standard library exposes only zlib's."""
        try:
            if self.package:
                return f"{self.package} {importlib.metadata.version(self.package)}"
            importlib.import_module(self.module)
        except ImportError:  # PackageNotFoundError is one too
            return None
        zlib = f"zlib {ZLIB_RUNTIME_VERSION}"
        return zlib if self.module == "zlib" else f"Python {platform.python_version()}"

    def command(self, action: str) -> list[str]:
        """Return the worker's command; -P keeps this folder's modules from hiding others."""
        files = _files(self, action)
        return [sys.executable, "-P", worker.__file__, self.codec, action, *files, *self.parts]

    def sizes(self) -> tuple[int, int]:
        """Return zeros: the worker reports the libraries that it loads."""
        return 0, 0


@dataclass(frozen=True)
class Program:
    """A compressor on the PATH; timed from its start to its end."""

    name: str
    executables: tuple[str, ...]  # the first that is found
    packing: tuple[str, ...]  # arguments; ORIGINAL, `packed` and `result` are names in its folder
    unpacking: tuple[str, ...]
    packed: str = "packed"
    result: str = "result"
    note: str = ""
    source: str = "not on the PATH"

    def _path(self) -> str | None:
        return next(filter(None, map(shutil.which, self.executables)), None)

    def version(self) -> str | None:
        """Return the first version that the program prints when run without arguments."""
        path = self._path()
        if path is None:
            return None
        try:
            said = subprocess.run([path], stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return "unknown"
        found = _VERSION.search((said.stdout + said.stderr).decode(errors="replace"))
        return found[1] if found else "unknown"

    def command(self, action: str) -> list[str]:
        """Return the program's command."""
        arguments = self.packing if action == "compress" else self.unpacking
        return [self._path() or self.executables[0], *arguments]

    def sizes(self) -> tuple[int, int]:
        """Return the size of the executable."""
        path = self._path()
        return 0, Path(path).stat().st_size if path else 0


@dataclass(frozen=True)
class Shazip:
    """shazip's command; timed from start to end, the check of its models included."""

    name: str = "shazip"
    model: Path | None = None  # the largest model file that it uses
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    options: tuple[str, ...] = ()  # further options of `shazip compress`
    chosen: bool = False  # by the content: the command names no model
    note: str = ""
    source: str = ""
    packed: str = "packed.shz"
    result: str = "result"

    def version(self) -> str | None:
        """Return this package's version and the model's."""
        model = f", model {self.model.stem} {self.metadata.get('id')}" if self.model else ""
        return f"{__version__}{model}"

    def command(self, action: str) -> list[str]:
        """Return the command line as a user types it."""
        model = ["-m", str(self.model)] if self.model and not self.chosen else []
        options = self.options if action == "compress" else self.decoding_options()
        source, target = _files(self, action)
        return [
            sys.executable,
            "-m",
            "shazip",
            action,
            "-qf",
            *model,
            *options,
            "-o",
            target,
            source,
        ]

    def decoding_options(self) -> tuple[str, ...]:
        """Return the options that `shazip decompress` has as well: engine, threads, device."""
        known = ("--engine", "--threads", "--device")
        pairs = itertools.pairwise((*self.options, ""))
        return tuple(part for pair in pairs if pair[0] in known for part in pair)

    def sizes(self) -> tuple[int, int]:
        """Return the bytes of the model file and of the installed package."""
        return self.model.stat().st_size if self.model else 0, package_size()


def _files(tool: Library | Shazip, action: str) -> tuple[str, str]:
    """Return the names of the files that `action` reads and writes."""
    return (ORIGINAL, tool.packed) if action == "compress" else (tool.packed, tool.result)


@functools.cache
def package_size() -> int:
    """Return the bytes of shazip's installed files: no models, no byte code, no dependencies."""
    files = (path for path in PACKAGE.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files if path.suffix not in (".pyc", ".safetensors"))


TOOLS: tuple[Library | Program, ...] = (
    Library("gzip -9", "gzip", "zlib", ("zlib.", "libz.")),
    Library("bzip2 -9", "bzip2", "_bz2", ("_bz2.", "libbz2.")),
    Library("xz -9e", "xz", "_lzma", ("_lzma.", "liblzma.")),
    Library("zstd --ultra -22", "zstd", "zstandard", ("backend_c.", "_cffi."), package="zstandard"),
    Library("brotli -q 11", "brotli", "brotli", ("_brotli.",), "-w 24", "brotli"),
    Library(
        "PPMd -o10",
        "ppmd",
        "pyppmd",
        ("_ppmd.",),
        f"variant H as in 7z, {worker.PPMD_MEMORY >> 20} MiB",
        "pyppmd",
    ),
    Program(
        "7z -mx=9",
        ("7z", "7zz", "7za"),
        ("a", "-t7z", "-mx=9", "-bso0", "packed.7z", ORIGINAL),
        ("e", "-y", "-bso0", "-oout", "packed.7z"),
        "packed.7z",
        f"out/{ORIGINAL}",
    ),
    Program(
        "zpaq -m5",
        ("zpaq",),
        ("add", "packed.zpaq", ORIGINAL, "-m5"),
        ("extract", "packed.zpaq", ORIGINAL, "-to", "result", "-f"),
        "packed.zpaq",
    ),
    Program("paq8px -8", ("paq8px",), ("-8", ORIGINAL, "packed"), ("-d", "packed", "result")),
    Program("cmix", ("cmix",), ("-c", ORIGINAL, "packed"), ("-d", "packed", "result")),
    Program(
        "lstm-compress", ("lstm-compress",), ("-c", ORIGINAL, "packed"), ("-d", "packed", "result")
    ),
)
