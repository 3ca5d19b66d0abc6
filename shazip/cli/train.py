"""`shazip train`: begin or resume a training run in a folder."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shazip.cli import progress
from shazip.cli.options import quiet_and_verbose
from shazip.cli.report import Reporter
from shazip.cli.train_options import FIXED, PATH, around, changeable, fixed
from shazip.config import NetworkConfig
from shazip.corpora import KNOWN, check_file

if TYPE_CHECKING:
    from shazip.training.data import Corpus
    from shazip.training.run import Progress, RunConfig
    from shazip.training.trainer import TrainConfig, Trainer

Group = TypeVar("Group")


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT[=WEIGHT]]...")
@click.option("-o", "--output", type=PATH, metavar="RUN", help="Folder of a new run.")
@click.option("--resume", type=PATH, metavar="RUN", help="Go on with the run in this folder.")
@changeable
@around
@fixed
@quiet_and_verbose
@click.pass_obj
def train(
    reporter: Reporter,
    /,
    texts: tuple[str, ...],
    output: Path | None,
    resume: Path | None,
    weights: Path | None,
    corpus: str | None,
    **flags: Any,
) -> None:
    """Train a network on TEXTs, each read in proportion to its WEIGHT (default 1).

    RUN gets the checkpoint, metrics.jsonl and the state before the learning rate decays. SIGINT
    and SIGTERM save and stop; --resume then goes on bit for bit.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    folder = output or resume
    if folder is None or (output and resume):
        raise click.UsageError("give either -o RUN for a new run or --resume RUN.")
    if resume and (texts or weights or corpus or not given.keys().isdisjoint(FIXED)):
        raise click.UsageError("texts, network and order of a run that is resumed are fixed.")
    with _stopping() as stop, _drawing(folder.name, reporter.quiet) as line:
        around: dict[str, Any] = {"report": line.report if line else None, "stop": stop}
        if resume:
            trainer = _resume(resume, given, around)
        else:
            trainer = _begin(_corpora(texts, corpus), folder, weights, given, around)
    reporter.summary(str(folder), f"{progress.amount(trainer.done)} in {trainer.updates} updates")
    if stop.number is not None:
        raise SystemExit(128 + stop.number)


def _begin(
    corpora: tuple[Corpus, ...],
    folder: Path,
    weights: Path | None,
    given: dict[str, Any],
    around: dict[str, Any],
) -> Trainer:
    from shazip.training import run
    from shazip.training.checkpoint import load_weights
    from shazip.training.schedule import Schedule
    from shazip.training.trainer import TrainConfig

    if "total" not in given:
        raise click.UsageError("--total must say how many bytes to train on.")
    network = load_weights(weights)[0].config if weights else NetworkConfig()
    on_cpu = given.get("device", TrainConfig.device) == "cpu"
    threads = min(_cores(), given.get("lanes", TrainConfig.lanes)) if on_cpu else 1
    config = TrainConfig(corpora, Schedule(given["total"]), network, threads=threads)
    return run.begin(_changed(config, given), folder, _around(given), weights=weights, **around)


def _resume(folder: Path, given: dict[str, Any], around: dict[str, Any]) -> Trainer:
    from shazip.training import run

    change = lambda config: _changed(config, given)  # noqa: E731
    return run.resume(folder, _around(given), change=change, **around)


def _changed(config: TrainConfig, given: dict[str, Any]) -> TrainConfig:
    """Return `config` with each given value in the group that has a field of its name."""
    try:
        groups = {
            name: _known(getattr(config, name), given)
            for name in ("network", "schedule", "optimiser")
        }
        return _known(config, {**given, **groups})
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


def _around(given: dict[str, Any]) -> RunConfig:
    from shazip.training.run import RunConfig

    return _known(RunConfig(), given)


def _known(group: Group, given: dict[str, Any]) -> Group:
    names = {field.name for field in fields(group)}  # type: ignore[arg-type]
    return replace(group, **{k: v for k, v in given.items() if k in names})  # type: ignore[type-var]


def _corpora(texts: tuple[str, ...], name: str | None) -> tuple[Corpus, ...]:
    from shazip.training.data import Corpus

    if not texts:
        raise click.UsageError("no text to train on.")
    if name is None:
        return tuple(_corpus(text) for text in texts)
    if len(texts) > 1:
        raise click.UsageError(f"--corpus {name} is one text, not {len(texts)}.")
    path = Path(texts[0]).resolve()
    if name in KNOWN:
        check_file(path, KNOWN[name])
    return (Corpus(path, part="train"),)


def _corpus(text: str) -> Corpus:
    from shazip.training.data import Corpus

    path, equals, weight = text.rpartition("=")
    if not equals or Path(text).exists():
        return Corpus(Path(text).resolve())
    try:
        return Corpus(Path(path).resolve(), float(weight))
    except ValueError:
        raise click.UsageError(f"{weight!r} is no weight for {path}.") from None


def _cores() -> int:
    # Not all systems can tell the cores that this process may use from those that exist.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _drawing(name: str, quiet: int) -> AbstractContextManager[Line | None]:
    # The rule of when to draw is the one of the file commands.
    drawn = progress.progress_of(name, None, quiet=quiet)
    return nullcontext() if isinstance(drawn, nullcontext) else Line(name)


class Line(progress.Progress):
    """The progress line of a run: `base  12.4%  1.931 bpb  4.2 kB/s  eta 1:02:03`."""

    def __init__(self, name: str) -> None:
        super().__init__(name, None)

    def report(self, now: Progress) -> None:
        """Redraw, unless it was done a moment ago."""
        moment = time.monotonic()
        if moment - self._drawn < progress.REFRESH_SECONDS:
            return
        self._drawn = moment
        parts = [self.name, f"{now.done / now.total:.1%}", f"{now.bpb:.3f} bpb"]
        parts.append(f"{progress.amount(now.speed)}/s")
        parts.append(f"eta {progress.duration(now.seconds_left)}")
        self._write("  ".join(parts))


class _Stop:
    """Whether a signal has asked for the end; its `number`, None before."""

    number: int | None = None

    def __call__(self) -> bool:
        return self.number is not None

    def caught(self, number: int, frame: FrameType | None) -> None:
        self.number = number


@contextmanager
def _stopping() -> Iterator[_Stop]:
    """Let SIGINT and SIGTERM end the run after the update it is at, instead of at once."""
    stop = _Stop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop.caught)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
