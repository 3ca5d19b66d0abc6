"""Runs a training in a folder: updates, checkpoints, validation, metrics, and a clean stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from shazip.progress import Standing
from shazip.training.checkpoint import load_checkpoint, load_weights, save_checkpoint, save_config
from shazip.training.data import open_text
from shazip.training.distributed import ALONE, ElsewhereError, Group, LostError
from shazip.training.errors import TrainingError
from shazip.training.evaluate import bits_per_byte, word_perplexity
from shazip.training.metrics import Guard, Metrics
from shazip.training.network.trainable import Trainable
from shazip.training.parallel import Workers
from shazip.training.settings import (
    BEFORE_DECAY,
    CHECKPOINT,
    CONFIG,
    METRICS,
    NT_ASGD,
    Corpus,
    RunConfig,
    TrainConfig,
)
from shazip.training.teacher import teacher_of
from shazip.training.trainer import Trainer, Update

VALID_LANES = 16


def begin(
    config: TrainConfig,
    folder: Path,
    run: RunConfig,
    *,
    weights: Path | None = None,
    report: Callable[[Standing], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    group: Group = ALONE,
) -> Trainer:
    """Train from the start, or from exported `weights`; return the trainer where it stopped.

    Raises TrainingError if the folder already holds a run, or if the loss diverges; LostError if
    another process of the `group` is lost.
    """
    with Workers(config.threads) as workers:
        with group.together():
            if group.rank == 0:
                _make(folder)
            trainer = Trainer(config, workers, group, teacher_of(config))
            if weights is not None:
                trainer.take_weights(*load_weights(weights)[:2])
            session = _Run(trainer, folder, run, report, stop)
        # One seed gives the same weights everywhere, if all have the same torch.
        group.equalise([p for network in trainer.networks for p in network.parameters()])
        session.go()
    return trainer


def resume(
    folder: Path,
    run: RunConfig,
    *,
    change: Callable[[TrainConfig], TrainConfig] = lambda config: config,
    report: Callable[[Standing], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    group: Group = ALONE,
) -> Trainer:
    """Continue from the folder's checkpoint; `change` may alter its configuration."""
    config, state = group.share(lambda: load_checkpoint(folder / CHECKPOINT))
    with group.together():
        config = change(config)
    with Workers(config.threads) as workers:
        with group.together():
            trainer = Trainer(config, workers, group, teacher_of(config))
            trainer.load_state_dict(state)
            session = _Run(trainer, folder, run, report, stop)
        session.go()
    return trainer


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CHECKPOINT).exists():
        raise TrainingError(f"{folder} already holds a run; resume it or choose another folder")


def held_back(run: RunConfig, config: TrainConfig) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the texts to validate and to test on, uint8: from `run` or from a split corpus."""
    text = config.corpora[0]
    valid = Corpus(run.valid) if run.valid else text.part and replace(text, part="valid")
    test = text.part and replace(text, part="test")
    return (open_text(valid) if valid else None), (open_text(test) if test else None)


class _Run:
    """One session of a run; in a group, process 0 alone measures and writes."""

    def __init__(
        self,
        trainer: Trainer,
        folder: Path,
        run: RunConfig,
        report: Callable[[Standing], None] | None,
        stop: Callable[[], bool],
    ) -> None:
        self.trainer, self.folder, self.run = trainer, folder, run
        self.group, self.writes = trainer.group, trainer.group.rank == 0
        self.report, self.stop = report, stop
        self.valid, self.test = held_back(run, trainer.config)
        self.guard = Guard()
        self.metrics = Metrics(folder / METRICS, trainer.done) if self.writes else None
        if self.writes:
            save_config(trainer.config, folder / CONFIG)
        if trainer.config.optimiser.kind == NT_ASGD and self.valid is None:
            raise TrainingError("NT-ASGD needs a text to validate on: give --valid or --corpus")
        self.start, self.start_done = time.monotonic(), trainer.done
        self.saved = self.validated = self.start
        self.recent: list[Update] = []

    def go(self) -> None:
        trainer, total = self.trainer, self.trainer.config.schedule.total
        while trainer.done < total:
            stop, save, validate = self._wishes()
            if stop:
                break
            before = trainer.done
            self._update()
            self._look()
            if before < trainer.config.schedule.decay_start <= trainer.done:
                save_checkpoint(trainer, self.folder / BEFORE_DECAY)
            if save and self.guard.sound:
                save_checkpoint(trainer, self.folder / CHECKPOINT)
                self.saved = time.monotonic()
            if validate:
                self._measure("valid", self.valid, self.run.valid_size)
                self.validated = time.monotonic()
        save_checkpoint(trainer, self.folder / CHECKPOINT)
        if trainer.done >= total:
            self._measure("valid", self.valid)
            self._measure("test", self.test)

    def _wishes(self) -> list[bool]:
        """Return whether to stop, and whether to save and to validate after the next update."""
        now = time.monotonic()
        save = now - self.saved >= self.run.save_seconds
        validate = now - self.validated >= self.run.valid_seconds
        # Clocks differ, and all processes must save at the same update.
        return self.group.any(self.stop(), self.writes and save, self.writes and validate)

    def _update(self) -> None:
        try:
            update = self.trainer.update()
            self.guard.see(update.bpb)
        except LostError:
            raise
        except TrainingError:
            if self.writes:
                raise
            raise ElsewhereError("process 0 reports the same error") from None
        self._log(update)
        self._tell()

    def _look(self) -> None:
        """Validate for NT-ASGD at fixed updates, so that a resumed run does the same."""
        trainer, optimiser = self.trainer, self.trainer.config.optimiser
        if self.valid is None or optimiser.kind != NT_ASGD:
            return
        if trainer.updates % optimiser.interval:
            return
        text = self.valid[: self.run.valid_size]
        bpb = self.group.share(lambda: self._bpb(trainer.network, text))
        trainer.average.measure(bpb, trainer.updates)
        self._write(measured=round(bpb, 5), averaging=trainer.average.since is not None)

    def _log(self, update: Update) -> None:
        self.recent.append(update)
        if self.trainer.updates % self.run.log_updates:
            return
        size = sum(u.size for u in self.recent)
        bpb = sum(u.size * u.bpb for u in self.recent) / size
        norm = sum(u.norm for u in self.recent) / len(self.recent)
        self._write(bpb=round(bpb, 5), rate=update.rate, norm=round(norm, 4))
        self.recent = []

    def _measure(self, name: str, text: np.ndarray | None, size: int | None = None) -> None:
        if text is None or not self.writes:
            return
        part = text[:size]
        for key, network in zip((name, f"{name}_average"), self.trainer.networks, strict=True):
            bpb = self._bpb(network, part)
            found = {key: round(bpb, 5), f"{name}_bytes": len(part)}
            if self.trainer.config.corpora[0].path.is_dir():
                found[f"{key}_perplexity"] = round(word_perplexity(bpb, part), 3)
            self._write(**found)

    def _bpb(self, network: Trainable, text: np.ndarray) -> float:
        vocabulary, workers = self.trainer.config.vocabulary, self.trainer.workers
        return bits_per_byte(network, vocabulary, text, VALID_LANES, workers)

    def _write(self, **values: float) -> None:
        if self.metrics is None:
            return
        trainer = self.trainer
        seconds = round(trainer.seconds, 2)
        when: dict[str, float] = {"bytes": trainer.done, "updates": trainer.updates}
        when["seconds"] = seconds
        if trainer.quantised:
            when["quantised"] = True
        self.metrics.write(**when, **values)

    def _tell(self) -> None:
        if self.report is None:
            return
        done, total = self.trainer.done, self.trainer.config.schedule.total
        speed = (done - self.start_done) / max(time.monotonic() - self.start, 1e-9)
        left = max(total - done, 0) / speed
        self.report(Standing(done, total, self.guard.bpb, speed, left))
