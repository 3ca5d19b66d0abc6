"""`shazip train`: begin or resume a training run in a folder."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from shazip.cli import progress, train_config
from shazip.cli.options import quiet_and_verbose
from shazip.cli.report import Reporter
from shazip.cli.train_options import PATH, around, changeable, fixed
from shazip.texts.corpora import KNOWN, check_file

if TYPE_CHECKING:
    from shazip.training.data import Corpus
    from shazip.training.distributed import Group
    from shazip.training.run import RunConfig, Standing
    from shazip.training.trainer import TrainConfig, Trainer


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
    if resume and (texts or weights or corpus):
        raise click.UsageError("the texts of a run that is resumed are fixed.")
    from shazip.training.distributed import ElsewhereError, joined

    try:
        with joined() as group, _stopping() as stop, _drawing(folder, reporter, group) as line:
            around = {"report": line.report if line else None, "stop": stop, "group": group}
            with group.together():
                corpora = () if resume else corpora_of(texts, corpus)
            trainer = _go(reporter, folder, corpora, weights, given, around)
    except ElsewhereError:
        raise SystemExit(1) from None
    if group.rank == 0:
        done = progress.amount(trainer.done)
        reporter.summary(str(folder), f"{done} in {trainer.updates} updates")
    if stop.number is not None:
        raise SystemExit(128 + stop.number)


def _go(
    reporter: Reporter,
    folder: Path,
    corpora: tuple[Corpus, ...],
    weights: Path | None,
    given: dict[str, Any],
    around: dict[str, Any],
) -> Trainer:
    """Begin a run with `corpora`, or resume one if there are none."""
    from shazip.training import run

    group: Group = around["group"]

    def told(config: TrainConfig) -> TrainConfig:
        for text in train_config.lines(config) if reporter.verbose and not group.rank else ():
            reporter.summary(str(folder), text)
        return config

    if corpora:
        with group.together():
            config = told(train_config.begin(corpora, weights, given, group))
        return run.begin(config, folder, _around(given), weights=weights, **around)
    change = lambda config: told(train_config.resumed(config, given))  # noqa: E731
    return run.resume(folder, _around(given), change=change, **around)


def _around(given: dict[str, Any]) -> RunConfig:
    from shazip.training.run import RunConfig

    return train_config.known(RunConfig(), given)


def corpora_of(texts: tuple[str, ...], name: str | None) -> tuple[Corpus, ...]:
    """Return the TEXTs of a command line, or the training part of the corpus called `name`."""
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


def _drawing(folder: Path, reporter: Reporter, group: Group) -> AbstractContextManager[Line | None]:
    return Line(folder.name) if progress.drawn(reporter.quiet or group.rank) else nullcontext()


class Line(progress.ProgressLine):
    """The progress line of a run: `base  12.4%  1.931 bpb  4.2 kB/s  eta 1:02:03`."""

    def __init__(self, name: str) -> None:
        super().__init__(name, None)

    def report(self, now: Standing) -> None:
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
