"""`shazip bench`: compares shazip with other compressors on the user's own files."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import click

from shazip.bench.plan import (
    NAMES,
    QUICK_SIZE,
    Subject,
    competitors,
    open_subject,
    shazip_rows,
)
from shazip.bench.results import Results
from shazip.bench.session import QUICK, Extent, Session
from shazip.bench.tables import document, summary_lines
from shazip.bench.trial import Patience
from shazip.cli.flags import model_option
from shazip.cli.report import FAILURES, Reporter, say, tell


@click.command(
    short_help="Compare with other compressors.",
    epilog="Example: shazip bench -t xz -t shazip notes.txt",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@model_option
@click.option(
    "-s",
    "--shazip",
    "variants",
    multiple=True,
    metavar="OPTIONS",
    help="Another row: `shazip compress` with these options, such as '--no-mix' or '-m tiny'.",
)
@click.option(
    "-t",
    "--tool",
    "names",
    multiple=True,
    type=click.Choice(NAMES, case_sensitive=False),
    help="Only this tool; may be repeated.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=3,
    help="Rounds of measuring; tables show the median.",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=60,
    metavar="SECONDS",
    help="Seconds on a file after which a tool gets no further round.",
)
@click.option("--quick", is_flag=True, help="The first 8 KiB, one round, no programs.")
@click.option(
    "--curves", is_flag=True, help="Measure the first file also by size, by lanes and by stage."
)
@click.option("--plots", type=click.Path(path_type=Path), metavar="FOLDER", help="Draw pictures.")
@click.option("--svg", is_flag=True, help="Pictures as SVG instead of PNG.")
@click.option("--json", "form", flag_value="json", help="Results as JSON on standard output.")
@click.option("--markdown", "form", flag_value="markdown", help="Tables as Markdown.")
def bench(files: tuple[str, ...], **flags: Any) -> None:
    """Compress and decompress each FILE with every compressor at hand, and compare.

    Each figure comes from a process of its own and a checked round trip.
    """
    wishes = Wishes(**flags)
    if wishes.plots and importlib.util.find_spec("matplotlib") is None:
        raise click.ClickException("--plots needs matplotlib: pip install 'shazip[bench]'")
    session = _session(wishes)
    subjects, failed = _open_all(files, wishes)
    for subject in subjects:
        session.measure(subject)
    if wishes.curves and subjects:
        session.draw_curves(subjects[0], QUICK if wishes.quick else Extent())
    if subjects:
        _finish(session.results(), wishes)
    if failed or any(row.failure and row.tool.startswith("shazip") for row in session.rows):
        raise click.exceptions.Exit(1)


@dataclass(frozen=True)
class Wishes:
    """The values of the flags."""

    model: str | None
    variants: tuple[str, ...]
    names: tuple[str, ...]
    rounds: int
    patience: float
    quick: bool
    curves: bool
    plots: Path | None
    svg: bool
    form: str | None  # "json", "markdown" or None for tables that fill


def _session(wishes: Wishes) -> Session:
    own = not wishes.names or "shazip" in wishes.names
    return Session(
        [
            *competitors(wishes.names, quick=wishes.quick),
            *(shazip_rows(wishes.model, wishes.variants) if own else ()),
        ],
        Patience(1 if wishes.quick else wishes.rounds, wishes.patience),
        # With --json and --markdown standard output has the result, and the terminal the progress.
        table=sys.stdout if wishes.form is None else _terminal(),
        status=_terminal(),
    )


def _terminal() -> TextIO | None:
    return sys.stderr if sys.stderr is not None and sys.stderr.isatty() else None


def _open_all(files: Iterable[str], wishes: Wishes) -> tuple[list[Subject], bool]:
    """Return the files that can be measured, and whether there were others."""
    reporter = Reporter.current()
    subjects, failed = [], False
    for name in files:
        try:
            subjects.append(open_subject(Path(name), QUICK_SIZE if wishes.quick else None))
        except FAILURES as error:
            reporter.failure(error, name)
            failed = True
    return subjects, failed


def _finish(results: Results, wishes: Wishes) -> None:
    """Print the rest of the results, and draw."""
    if wishes.form == "json":
        tell(results.dumps().rstrip())
    elif wishes.form == "markdown":
        tell(document(results).rstrip())
    else:
        for line in summary_lines(results):
            tell(line)
    if wishes.plots:
        from shazip.bench.plots import save_all

        for path in save_all(results, wishes.plots, "svg" if wishes.svg else "png"):
            say(f"{path}: drawn")
