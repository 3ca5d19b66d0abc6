"""The folders of models: the user's and the one that ships; without NumPy, to keep help quick."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path

VARIABLE = "SHAZIP_MODELS"


def user_folder() -> Path:
    """Return $SHAZIP_MODELS, or shazip/models in the platform's folder for a user's data."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else user_data_path("shazip", appauthor=False) / "models"


def shipped_folder() -> Path:
    """Return shazip/models of a wheel, or models/ of the source tree."""
    package = Path(__file__).parent.parent
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"
