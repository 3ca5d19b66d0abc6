"""Looks a file up in a model's training record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


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
