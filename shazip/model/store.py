"""Finding models: those that ship with shazip, those in the user's folder, and files by their path.

A folder of models holds `<name>/<name>.safetensors`, or `<name>.safetensors` directly.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shazip.errors import ModelError
from shazip.model import file as modelfile
from shazip.model.file import IntegerModel

SUFFIX = ".safetensors"
DEFAULTS = ("base", "tiny")  # the first that is installed is the default model


@dataclass(frozen=True)
class Installed:
    """A model file that was found; its tensors are not read and not yet checked."""

    name: str
    path: Path
    id: bytes
    metadata: dict[str, Any]


def default() -> IntegerModel:
    """Return the model that compresses when none is named."""
    return modelfile.load(find_path(None))


def find(wanted: str | Path) -> IntegerModel:
    """Return the model with this name or id (hex), or in this file."""
    return modelfile.load(find_path(wanted))


def find_id(model_id: bytes) -> IntegerModel:
    """Return the installed model with this 16-byte id."""
    models = installed()
    for model in models:
        if model.id == model_id:
            return modelfile.load(model.path)
    present = ", ".join(f"{model.name} ({model.id.hex()})" for model in models) or "none"
    raise ModelError(f"no model {model_id.hex()} is installed; present: {present}")


def find_path(wanted: str | Path | None) -> Path:
    """Return the file of a model named by its name, id or path; None means the default model."""
    models = installed()
    if wanted is None:
        names = [name for name in DEFAULTS if any(model.name == name for model in models)]
        if not names:
            raise ModelError(f"no default model is installed in {' or '.join(map(str, folders()))}")
        wanted = names[0]
    if isinstance(wanted, str):
        for model in models:
            if wanted in (model.name, model.id.hex()):
                return model.path
    path = Path(wanted)
    if isinstance(wanted, Path) or path.exists() or len(path.parts) > 1 or path.suffix == SUFFIX:
        return path
    present = ", ".join(model.name for model in models) or "none"
    raise ModelError(f"no model is called {wanted!r}; present: {present}")


def installed() -> list[Installed]:
    """Return the models of all folders, the user's first; files that are no models are left out."""
    found = []
    for folder in folders():
        for path in _files(folder):
            try:
                metadata = modelfile.read_metadata(path)
                model_id = bytes.fromhex(str(metadata.get("id")))
            except (ModelError, OSError, ValueError):
                continue
            found.append(Installed(path.stem, path, model_id, metadata))
    return found


def folders() -> list[Path]:
    """Return where models are looked for: the user's folder, then the one that ships."""
    return [user_folder(), shipped_folder()]


def user_folder() -> Path:
    """Return $SHAZIP_MODELS, or shazip/models in the platform's folder for a user's data."""
    if chosen := os.environ.get("SHAZIP_MODELS"):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "shazip" / "models"


def shipped_folder() -> Path:
    """Return shazip/models of a wheel, or models/ of the source tree."""
    package = Path(__file__).parent.parent
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def _files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        path = entry / f"{entry.name}{SUFFIX}" if entry.is_dir() else entry
        if path.suffix == SUFFIX and path.is_file():
            yield path
