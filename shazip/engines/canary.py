"""Proves an engine on a model's canary: hashes of its frequencies over fixed columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from shazip.errors import ModelError
from shazip.model.arithmetic import probe
from shazip.model.config import NetworkConfig
from shazip.predictor import Engine

SHORT_PROBE = (64, 8)  # steps, lanes
LONG_PROBE_LANES = 19


def check_canary(engine: Engine) -> None:
    """Raise ModelError unless the frequencies over the short probe are the recorded ones."""
    _compare(engine, "short", probe_hash(engine, *SHORT_PROBE))


def check_long(engine: Engine) -> None:
    """Raise ModelError if the engine fails the long probe or its lanes depend on each other."""
    check_canary(engine)
    _compare(engine, "long", probe_hash(engine, *long_probe(engine.model.config)))
    _check_lanes(engine)


def probe_hash(engine: Engine, steps: int, lanes: int) -> str:
    """Return the SHA-256 (hex) of all frequencies over a probe (docs/arithmetic.md, section 7)."""
    digest = hashlib.sha256()
    predictor = engine.prober(lanes)
    for column in probe(steps, lanes, engine.model.vocabulary.strings):
        digest.update(predictor.predict(len(column)).astype("<u4", copy=False).tobytes())
        predictor.update(column)
    return digest.hexdigest()


def probe_columns(engine: Engine) -> Iterator[np.ndarray]:
    """Yield the columns of the short probe."""
    return probe(*SHORT_PROBE, engine.model.vocabulary.strings)


def long_probe(config: NetworkConfig) -> tuple[int, int]:
    """Return the steps and lanes of the long probe of a model of this shape."""
    return min(config.window, 1024) + config.vocabulary // 4, LONG_PROBE_LANES


def record_canary(engine: Engine) -> dict[str, str]:
    """Return the hashes of both probes, for the metadata of a new model."""
    return {
        "short": probe_hash(engine, *SHORT_PROBE),
        "long": probe_hash(engine, *long_probe(engine.model.config)),
    }


def _compare(engine: Engine, which: str, found: str) -> None:
    canary = engine.model.metadata.get("canary")
    if not isinstance(canary, dict) or not isinstance(canary.get(which), str):
        raise ModelError(f"model {engine.model.name!r} has no {which} canary to check an engine by")
    if canary[which] != found:
        raise ModelError(
            f"the {engine.name} engine computes other frequencies than model {engine.model.name!r} "
            f"({engine.model.id.hex()}) records; nothing it wrote could be read elsewhere"
        )


def _check_lanes(engine: Engine) -> None:
    many = [engine.prober(lanes) for lanes in (1, 2, 7, 33)]
    for column in probe(SHORT_PROBE[0], 33, engine.model.vocabulary.strings):
        rows = []
        for predictor, lanes in zip(many, (1, 2, 7, 33), strict=True):
            live = min(lanes, len(column))
            rows.append(predictor.predict(live)[0])
            predictor.update(column[:live])
        if any((row != rows[0]).any() for row in rows):
            raise ModelError(f"the {engine.name} engine's frequencies depend on the lane count")
