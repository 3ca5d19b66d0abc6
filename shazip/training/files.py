"""Recognises runs, checkpoints and float weights without loading torch."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from shazip.training.settings import CHECKPOINT


def trained_file(path: Path) -> Path:
    """Return the file that holds the weights of a run's folder, of a checkpoint, of weights."""
    return path / CHECKPOINT if path.is_dir() else path


def is_trained(path: Path) -> bool:
    """Return whether `path` is a run's folder, a checkpoint, or a file of float weights."""
    if path.suffix == ".pt" or (path / CHECKPOINT).is_file():
        return True
    if path.suffix != ".safetensors" or not path.is_file():
        return False
    try:
        with safe_open(path, "numpy") as file:
            return "embedding" in file.keys()  # noqa: SIM118 (not a dict)
    except SafetensorError:
        return False
