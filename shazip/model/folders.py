"""The folders of models: the user's and the one that ships; without NumPy, to keep help quick."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_data_path

VARIABLE = "SHAZIP_MODELS"
SUFFIX = ".safetensors"
_METADATA_KEY = "shazip"  # of a model file; docs/arithmetic.md, section 6
_MOST = 1 << 20  # bytes of a model file's header


def user_folder() -> Path:
    """Return $SHAZIP_MODELS, or shazip/models in the platform's folder for a user's data."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else user_data_path("shazip", appauthor=False) / "models"


def shipped_folder() -> Path:
    """Return shazip/models of a wheel, or models/ of the source tree."""
    package = Path(__file__).parent.parent
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def model_files(folder: Path) -> Iterator[Path]:
    """Yield the files in `folder` that have the name of a model's."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        path = entry / f"{entry.name}{SUFFIX}" if entry.is_dir() else entry
        if path.suffix == SUFFIX and path.is_file():
            yield path


def model_names() -> dict[str, str]:
    """Return the names of installed models by the ids (hex) that their files state, unchecked."""
    names: dict[str, str] = {}
    for folder in (user_folder(), shipped_folder()):
        for path in model_files(folder):
            try:
                names.setdefault(_stated_id(path), path.stem)
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                continue  # no model file
    return names


def _stated_id(path: Path) -> str:
    import json  # more than help needs

    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(min(size, _MOST)))
    return str(json.loads(header["__metadata__"][_METADATA_KEY])["id"])
