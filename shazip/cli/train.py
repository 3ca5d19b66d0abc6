"""`shazip train`: begins or resumes a training run in a folder."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from shazip.cli import progress
from shazip.cli.options import quiet_and_verbose
from shazip.cli.report import Reporter
from shazip.cli.train_options import FILE, Sectioned, settings
from shazip.texts.corpora import KNOWN, WORD_CORPORA, check_file
from shazip.training import configure, metrics
from shazip.training.presets import PRESETS
from shazip.training.settings import METRICS, SIZES, Corpus, RunConfig, TrainConfig

if TYPE_CHECKING:
    from shazip.training.distributed import Group
    from shazip.training.run import Standing
    from shazip.training.trainer import Trainer

ANY = "any"  # a corpus without a known hash
EPILOG = """\b
Example:
  shazip train notes.txt -o run --total 20MB      train the default network
  shazip export run -o notes.safetensors          make a model of it
  shazip compress -m notes.safetensors FILE       compress with the model
"""


@click.command(cls=Sectioned, epilog=EPILOG)
@click.argument("texts", nargs=-1, metavar="[TEXT[=WEIGHT]]...")
@click.option("-o", "--output", type=FILE, metavar="RUN", help="Folder of a new run.")
@click.option("--resume", type=FILE, metavar="RUN", help="Continue the run in this folder.")
@click.option(
    "--corpus",
    type=click.Choice([*KNOWN, *WORD_CORPORA, ANY]),
    help="Split the one TEXT: train on 90 %, validate on 5 %, test on 5 %. enwik8 and enwik9 are "
    "checked by SHA-1; wikitext-2 and wikitext-103 are folders with a file for each part, checked "
    "by their numbers of words.",
)
@click.option("--from", "weights", type=FILE, metavar="FILE", help="Begin with exported weights.")
@click.option("--architecture", type=click.Choice(list(SIZES)), help="Kind of network.*  [sha-rnn]")
@click.option(
    "--preset", type=click.Choice(list(PRESETS["sha-rnn"])), help="Sizes; of paper also the recipe."
)
@click.option(
    "--vocabulary",
    "symbols",
    type=FILE,
    metavar="FILE",
    help="Symbols, from `shazip vocabulary`.*  [bytes]",
)
@settings
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

    RUN receives the checkpoint and the metrics. SIGINT and SIGTERM save and stop; --resume
    continues bit for bit and may change every setting not marked with *. Defaults are in brackets.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    folder = output or resume
    if folder is None or (output and resume):
        raise click.UsageError("give either -o RUN for a new run or --resume RUN.")
    if resume and (texts or weights or corpus):
        raise click.UsageError("the texts of a resumed run are fixed.")
    from shazip.training.distributed import ElsewhereError, joined

    try:
        with joined() as group, _stopping() as stop, _drawing(folder, reporter, group) as line:
            around = {"report": line.report if line else None, "stop": stop, "group": group}
            with group.together():
                corpora = () if resume else corpora_of(texts, corpus)
            trainer = _run(reporter, folder, corpora, weights, given, around)
    except ElsewhereError:
        raise SystemExit(1) from None
    if group.rank == 0:
        reporter.note(str(folder), _outcome(trainer, folder))
    if stop.number is not None:
        raise SystemExit(128 + stop.number)


def _run(
    reporter: Reporter,
    folder: Path,
    corpora: tuple[Corpus, ...],
    weights: Path | None,
    given: dict[str, Any],
    around: dict[str, Any],
) -> Trainer:
    """Begin a run with `corpora`, or resume one if there are none."""
    group: Group = around["group"]

    def configured(config: TrainConfig | None) -> TrainConfig:
        try:
            if config is None:
                config = configure.new_config(corpora, given, group, weights)
            else:
                config = configure.resumed(config, given)
        except ValueError as error:
            raise click.UsageError(f"{error}.") from error
        for text in configure.describe(config) if reporter.verbose and not group.rank else ():
            reporter.summary(str(folder), text)
        return config

    from shazip.training import run

    wishes = configure.known(RunConfig(), given)
    if not corpora:
        return run.resume(folder, wishes, change=configured, **around)
    with group.together():
        config = configured(None)
    return run.begin(config, folder, wishes, weights=weights, **around)


def _outcome(trainer: Trainer, folder: Path) -> str:
    """Return the result of a run, and the command that follows."""
    total = trainer.config.schedule.total
    text = f"{progress.amount(trainer.done)} in {trainer.updates} updates"
    if trainer.done < total:
        left = progress.amount(total - trainer.done)
        return f"stopped after {text}, {left} left; next: shazip train --resume {folder}"
    bpb = metrics.last(folder / METRICS)
    text += f", {bpb:.3f} bits per byte" if bpb is not None else ""
    if not isinstance(trainer.config.network, SIZES["sha-rnn"]):
        return f"{text}; next: shazip eval {folder} FILE"
    return f"{text}; next: shazip export {folder} -o {folder.name}.safetensors"


def corpora_of(texts: tuple[str, ...], name: str | None) -> tuple[Corpus, ...]:
    """Return the TEXTs of a command line, or the training part of the corpus called `name`."""
    if not texts:
        raise click.UsageError("no text to train on.")
    if name is None:
        return tuple(_corpus(text) for text in texts)
    if len(texts) > 1:
        raise click.UsageError(f"--corpus {name} is one text, not {len(texts)}.")
    path = Path(texts[0]).resolve()
    if name in KNOWN:
        check_file(path, KNOWN[name])
    if name in WORD_CORPORA:
        WORD_CORPORA[name].check(path)
    return (Corpus(path, part="train"),)


def _corpus(text: str) -> Corpus:
    path, equals, weight = text.rpartition("=")
    if not equals or Path(text).exists():
        return Corpus(Path(text).resolve())
    try:
        return Corpus(Path(path).resolve(), float(weight))
    except ValueError:
        raise click.UsageError(f"{weight!r} is not a weight for {path}.") from None


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
