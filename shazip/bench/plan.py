"""Plans a run: the files, the tools and shazip's own rows."""

from __future__ import annotations

import hashlib
import shlex
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from shazip.bench.results import Input
from shazip.bench.tools import TOOLS, Library, Program, Shazip, Tool
from shazip.errors import ShazipError
from shazip.levels import LEVELS, level_of

QUICK_SIZE = 8 << 10
# Tools are chosen by the first word of their names.
NAMES = (*(tool.name.split()[0].lower() for tool in TOOLS), "shazip")


class RefusedError(ShazipError):
    """A file that cannot be measured."""


@dataclass(frozen=True)
class Subject:
    """A file to be measured, or its beginning."""

    file: Input
    data: bytes


def open_subject(path: Path, limit: int | None = None) -> Subject:
    """Return a file with its hash, cut to `limit` bytes; the hash stays that of the whole file."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise RefusedError("is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError("is no regular file")
    data = path.read_bytes()
    if not data:
        raise RefusedError("is empty: there is nothing to measure")
    kept = data[:limit]
    name = path.name if len(kept) == len(data) else f"{path.name}, the first {len(kept):,} bytes"
    return Subject(Input(name, len(kept), hashlib.sha256(data).hexdigest()), kept)


def contestants(
    names: Collection[str], model: str | None, variants: Iterable[str], *, quick: bool = False
) -> list[Tool]:
    """Return the tools called `names` or all of them, shazip with its `variants` last."""
    tools: list[Tool] = [*competitors(names, quick=quick)]
    if not names or "shazip" in names:
        tools += shazip_rows(model, variants)
    return tools


def competitors(names: Iterable[str], *, quick: bool = False) -> list[Library | Program]:
    """Return the tools called `names`, or all; `quick` leaves out programs, as some are slow."""
    chosen = set(names) or set(NAMES)
    tools = [tool for tool in TOOLS if tool.name.split()[0].lower() in chosen]
    return [tool for tool in tools if isinstance(tool, Library)] if quick else tools


def shazip_rows(model: str | None, variants: Iterable[str]) -> list[Tool]:
    """Return shazip with `model`, and again for each of `variants`, strings of options."""
    rows: list[Tool] = [shazip_row("shazip", model, [])]
    for variant in variants:
        options = shlex.split(variant)
        rows.append(shazip_row(f"shazip {variant.strip()}", model, options))
    return rows


def _split(option: str) -> list[str]:
    """Return `--name=value` as two parts, anything else as it is."""
    return option.split("=", 1) if option.startswith("--") else [option]


def _take_model(options: list[str]) -> str | None:
    """Remove -m or --model with its value from `options`, and return the value."""
    for flag in ("-m", "--model"):
        if flag in options[:-1]:
            at = options.index(flag)
            _, name = options.pop(at), options.pop(at)
            return name
    return None


def shazip_row(name: str, model: str | None, options: list[str]) -> Shazip:
    """Return shazip with these options of `shazip compress`; a model among them wins.

    Without a model the content chooses, and the model that counts is the level's.
    """
    from shazip.model import file as modelfile
    from shazip.model import store as modelstore

    options = [part for option in options for part in _split(option)]
    model = _take_model(options) or model
    levels = [int(part[1:]) for part in options if part in {f"-{number}" for number in LEVELS}]
    network = level_of(levels[-1] if levels else None).network
    path = modelstore.find_path(model or network).resolve()  # tools work in folders of their own
    metadata = modelfile.read_metadata(path)
    return Shazip(name, path, metadata, tuple(options), chosen=model is None)
