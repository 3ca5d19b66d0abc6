"""Pieces about training: attention's heads and windows, the paper's preset, the long run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.gpu.context import MARGIN, Context
from benchmarks.gpu.state import save_state
from shazip.training import metrics, run
from shazip.training.checkpoint import load_checkpoint
from shazip.training.configure import changed, new_config
from shazip.training.distributed import ALONE
from shazip.training.settings import CHECKPOINT, CONFIG, METRICS, Corpus, RunConfig, TrainConfig

FAR = 1 << 42  # bytes: a total that is not reached
# The rate stays at its peak; the optimiser begins anew, so the rate rises first.
ENDLESS: dict[str, Any] = {"total": FAR, "warmup": 4_000_000, "quantise_last": 0.0, "decay": 0.0}
PEAK = 2e-3  # unless the recipe has the rate of its run
VALID_SECONDS, SAVE_SECONDS = 60.0, 150.0
QUANTISED = 0.05  # of the falling part: in integer arithmetic
CAUTION = 0.9  # of the bytes that the speed so far promises for the falling part


def study(context: Context, name: str, sizes: dict[str, Any]) -> dict[str, Any]:
    """Train a network of bytes of the base size with other attention; return its curve.

    One that is stopped for time resumes in the next call.
    """
    found = _bytes_run(context, f"study-{name}", context.scale.study | sizes, context.seconds)
    return {**found, "unfinished": not found["complete"]}


def paper(context: Context) -> dict[str, Any]:
    """Train the paper's preset for some minutes; return its curve."""
    seconds = min(context.seconds, context.scale.paper_seconds)
    return _bytes_run(context, "paper", context.scale.paper, seconds)


def long_run(context: Context) -> dict[str, Any]:
    """Continue the bundle's weights, in the time that is left; save what is needed to resume.

    It is never finished, so each call continues it. With `finish` the rate falls to its end, the
    last part in integer arithmetic.
    """
    folder = context.work / "text"
    weights = context.bundle / context.recipe["weights"]
    given = {
        "peak": PEAK,
        **context.recipe["settings"],
        **ENDLESS,
        "lanes": context.scale.text_lanes,
        "device": context.device,
    }
    config = new_config(corpora(context), given, ALONE, weights)
    change = falling(context, folder / CHECKPOINT) if context.finish else keep
    found = train(context, folder, config, context.seconds, weights, change)
    return {**found, "state": save_state(folder / CHECKPOINT, context.work), "unfinished": True}


def keep(config: TrainConfig) -> TrainConfig:
    """Return the configuration as it is."""
    return config


def falling(context: Context, checkpoint: Path) -> Callable[[TrainConfig], TrainConfig]:
    """Return the change that lets the rate fall in the time left, at the speed so far.

    A run whose rate falls already keeps its end.
    """
    config, state = load_checkpoint(checkpoint)
    if config.schedule.total < FAR:
        return keep
    done, speed = state["done"], state["done"] / state["seconds"]
    part = max(1, round(CAUTION * speed * (context.seconds - margin(context.seconds))))
    total = done + part
    ending = {"total": total, "decay": part / total, "quantise_last": QUANTISED * part / total}
    return lambda old: changed(old, ending)


def _bytes_run(
    context: Context, name: str, given: dict[str, Any], seconds: float
) -> dict[str, Any]:
    config = new_config(corpora(context), {**given, "device": context.device}, ALONE)
    return train(context, context.work / name, config, seconds)


def corpora(context: Context) -> tuple[Corpus, ...]:
    """Return the bundle's texts."""
    texts = context.recipe["texts"]
    return tuple(Corpus(context.text(text["name"]), text["weight"]) for text in texts)


def margin(seconds: float) -> float:
    """Return the part of so many seconds that is left for saving."""
    return min(MARGIN, seconds / 4)


def train(
    context: Context,
    folder: Path,
    config: TrainConfig,
    seconds: float,
    weights: Path | None = None,
    change: Callable[[TrainConfig], TrainConfig] = keep,
) -> dict[str, Any]:
    """Begin or resume the run in `folder` and stop it in time; return its curve so far.

    It makes one update at least, so that every call gets on.
    """
    end, first = time.time() + seconds - margin(seconds), iter([False])
    valid = context.text(context.recipe["valid"])
    wishes = RunConfig(
        valid, valid_seconds=min(VALID_SECONDS, seconds / 5), save_seconds=SAVE_SECONDS
    )
    around: dict[str, Any] = {"stop": lambda: next(first, time.time() >= end)}
    if (folder / CHECKPOINT).exists():
        trainer = run.resume(folder, wishes, change=change, **around)
    else:
        trainer = run.begin(config, folder, wishes, weights=weights, **around)
    return {
        "config": json.loads((folder / CONFIG).read_text()),
        "bytes": trainer.done,
        "updates": trainer.updates,
        "seconds": trainer.seconds,
        "complete": trainer.done >= trainer.config.schedule.total,
        "curve": list(metrics.read(folder / METRICS)),
    }
