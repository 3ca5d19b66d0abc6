"""`shazip train`: begins or resumes a training run in a folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shazip.cli.flags import PATH, quiet_and_verbose
from shazip.cli.report import Reporter, as_usage
from shazip.cli.train_options import Sectioned, settings
from shazip.process import stopping
from shazip.progress import ProgressLine, Standing
from shazip.texts.corpora import KNOWN, WORD_CORPORA
from shazip.training import configure, metrics
from shazip.training.presets import PRESETS
from shazip.training.settings import METRICS, SIZES, RunConfig, TrainConfig
from shazip.units import amount

if TYPE_CHECKING:
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
@click.option("-o", "--output", type=PATH, metavar="RUN", help="Folder of a new run.")
@click.option("--resume", type=PATH, metavar="RUN", help="Continue the run in this folder.")
@click.option(
    "--corpus",
    type=click.Choice([*KNOWN, *WORD_CORPORA, ANY]),
    help="Split the one TEXT: train on 90 %, validate on 5 %, test on 5 %. enwik8 and enwik9 are "
    "checked by SHA-1; wikitext-2 and wikitext-103 are folders with a file for each part, checked "
    "by their numbers of words.",
)
@click.option("--from", "weights", type=PATH, metavar="FILE", help="Begin with exported weights.")
@click.option("--architecture", type=click.Choice(list(SIZES)), help="Kind of network.*  [sha-rnn]")
@click.option(
    "--preset", type=click.Choice(list(PRESETS["sha-rnn"])), help="Sizes; of paper also the recipe."
)
@click.option(
    "--vocabulary",
    "symbols",
    type=PATH,
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
    from shazip.training import run
    from shazip.training.distributed import ElsewhereError, joined

    def settled(make: Callable[..., TrainConfig], *arguments: Any) -> TrainConfig:
        with as_usage():
            config = make(*arguments)
        for text in configure.describe(config) if reporter.verbose and not group.rank else ():
            reporter.summary(str(folder), text)
        return config

    wishes = configure.known(RunConfig(), given)
    try:
        with joined() as group, stopping() as stop, reporter.progress_line(folder.name) as line:
            report = None if line is None or group.rank else partial(_show, line)
            around: dict[str, Any] = {"report": report, "stop": stop, "group": group}
            if resume:
                change = partial(settled, partial(configure.resumed, given=given))
                trainer = run.resume(folder, wishes, change=change, **around)
            else:
                with group.together():
                    with as_usage():
                        corpora = configure.corpora_of(texts, corpus)
                    config = settled(configure.new_config, corpora, given, group, weights)
                trainer = run.begin(config, folder, wishes, weights=weights, **around)
    except ElsewhereError:
        raise SystemExit(1) from None
    if group.rank == 0:
        reporter.note(str(folder), _outcome(trainer, folder))
    if stop.number is not None:
        raise SystemExit(128 + stop.number)


def _show(line: ProgressLine, now: Standing) -> None:
    line.show(lambda _: now.text(digits=3))


def _outcome(trainer: Trainer, folder: Path) -> str:
    """Return the result of a run, and the command that follows."""
    total = trainer.config.schedule.total
    text = f"{amount(trainer.done)} in {trainer.updates} updates"
    if trainer.done < total:
        left = amount(total - trainer.done)
        return f"stopped after {text}, {left} left; next: shazip train --resume {folder}"
    bpb = metrics.last(folder / METRICS)
    text += f", {bpb:.3f} bits per byte" if bpb is not None else ""
    if not isinstance(trainer.config.network, SIZES["sha-rnn"]):
        return f"{text}; next: shazip eval {folder} FILE"
    return f"{text}; next: shazip export {folder} -o {folder.name}.safetensors"
