"""Finds models: those that ship with shazip, those in the user's folder, and files by their path.

A folder of models holds `<name>/<name>.safetensors`, or `<name>.safetensors` directly. The file
`default` in the user's folder holds the id of the default model, if the user chose one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shazip.errors import ModelError
from shazip.model import file as modelfile
from shazip.model.file import IntegerModel
from shazip.model.folders import SUFFIX, model_files, shipped_folder, user_folder

# The content chooses between these and PLAIN (choice.py), unless the user chose a default model.
# The first that ships is the default model; without any of them it is the last resort.
NETWORKS = ("text", "wikipedia")
LAST_RESORT = "tiny"
PLAIN = "none"  # the model without layers, for what no network helps
DEFAULT_FILE = "default"


@dataclass(frozen=True)
class Installed:
    """A model file in a folder; its tensors are neither read nor checked yet."""

    name: str
    path: Path
    id: bytes
    metadata: dict[str, Any]


def default(memory_limit: int | None = None) -> IntegerModel:
    """Return the default model."""
    return find(None, memory_limit)


def find(wanted: str | Path | None, memory_limit: int | None = None) -> IntegerModel:
    """Return the model with this name or id (hex), or in this file; None means the default."""
    return modelfile.load(find_path(wanted), memory_limit)


def find_id(model_id: bytes, memory_limit: int | None = None) -> IntegerModel:
    """Return the installed model with this 16-byte id."""
    models = installed()
    for model in models:
        if model.id == model_id:
            return modelfile.load(model.path, memory_limit)
    present = ", ".join(f"{model.name} ({model.id.hex()})" for model in models) or "none"
    raise ModelError(
        f"no model {model_id.hex()} is installed; present: {present}; if you have its file: "
        f"shazip models --install FILE, which puts it into {user_folder()}"
    )


def chosen() -> bytes | None:
    """Return the id of the default model that the user chose, None without a choice."""
    try:
        return bytes.fromhex((user_folder() / DEFAULT_FILE).read_text().strip())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        raise ModelError(f"{user_folder() / DEFAULT_FILE} holds no model id") from None


def default_path() -> Path:
    """Return the file of the default model: the chosen one, or the first of NETWORKS that ships."""
    return _networks()[0]


def _networks() -> list[Path]:
    """Return the files of the default model and, if the user chose none, of other NETWORKS."""
    wanted = chosen()
    if wanted is not None:
        paths = [model.path for model in installed() if model.id == wanted]
        if not paths:
            raise ModelError(
                f"the default model {wanted.hex()} is not installed; choose another: "
                "shazip models --default NAME"
            )
        return paths[:1]
    shipped = _shipped()
    found = [shipped[name] for name in NETWORKS if name in shipped]
    if not found and LAST_RESORT in shipped:
        found = [shipped[LAST_RESORT]]
    if found:
        return found
    raise ModelError(f"no default model is installed in {' or '.join(map(str, folders()))}")


def candidates(network: str | None = None) -> tuple[Path, ...]:
    """Return the files of the models to choose from: that of `network`, or all NETWORKS; PLAIN."""
    networks = _networks() if network is None else [find_path(network)]
    plain = _shipped().get(PLAIN)
    return (*networks, *([plain] if plain and plain not in networks else []))


def _shipped() -> dict[str, Path]:
    return {path.stem: path for path in model_files(shipped_folder())}


def find_path(wanted: str | Path | None) -> Path:
    """Return the file of a model named by its name, id or path; None means the default model."""
    if wanted is None:
        return default_path()
    models = installed()
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
    """Return the models of all folders, the user's first; other files are skipped."""
    found = []
    for folder in folders():
        for path in model_files(folder):
            try:
                metadata = modelfile.read_metadata(path)
                model_id = bytes.fromhex(str(metadata.get("id")))
            except (ModelError, OSError, ValueError):
                continue
            found.append(Installed(path.stem, path, model_id, metadata))
    return found


def folders() -> list[Path]:
    """Return the folders of models: the user's, then the one that ships."""
    return [user_folder(), shipped_folder()]
