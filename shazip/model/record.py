"""Reads what a model file records about itself and its training; archives need none of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shazip.model.file import parse_config, read_metadata


@dataclass(frozen=True)
class Description:
    """A model file in figures, read without its tensors."""

    name: str  # of the file
    id: str
    parameters: int
    bpb: float | None  # of the validation text of its training; None without a record
    path: Path


def describe(path: Path) -> Description:
    """Return the figures of a model file. Raises ModelError for other files."""
    document = read_metadata(path)
    config = parse_config(document.get("config"))
    name, model_id = path.stem, str(document.get("id"))
    return Description(name, model_id, config.parameters, recorded_bpb(document), path)


def recorded_bpb(metadata: Mapping[str, Any]) -> float | None:
    """Return the validation result in a model's training record, None without one."""
    record = metadata.get("training")
    bpb = record.get("bpb") if isinstance(record, dict) else None
    # A record may hold any number, even one that no float holds.
    return bpb if isinstance(bpb, int | float) and 0 <= bpb <= 8 else None


def was_trained_on(metadata: Mapping[str, Any], sha256: str) -> bool | None:
    """Return whether the model was trained on the file with this hash; None without a record."""
    hashes = set(_hashes(metadata.get("training")))
    return sha256 in hashes if hashes else None


def _hashes(record: Any) -> Iterator[str]:
    """Yield every "sha256" in a training record, at any depth."""
    if isinstance(record, Mapping):
        if isinstance(found := record.get("sha256"), str):
            yield found.lower()
        record = list(record.values())
    if isinstance(record, list):
        for item in record:
            yield from _hashes(item)
