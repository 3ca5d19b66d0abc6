"""Whether a model has seen a file while it was trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def was_trained_on(metadata: Mapping[str, Any], sha256: str) -> bool | None:
    """Tell if the file with this hash was trained on; None if the model does not tell."""
    hashes = set(_hashes(metadata.get("training")))
    return sha256 in hashes if hashes else None


def _hashes(record: Any) -> Iterator[str]:
    """Yield every "sha256" in a training record, wherever it lists its files."""
    if isinstance(record, Mapping):
        if isinstance(found := record.get("sha256"), str):
            yield found.lower()
        record = list(record.values())
    if isinstance(record, list):
        for item in record:
            yield from _hashes(item)
