"""`shazip bench`: compares shazip with other compressors on the user's own files."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import click

from shazip.bench.plan import NAMES, QUICK_SIZE, Subject, contestants, open_subject
from shazip.bench.results import Results
from shazip.bench.session import QUICK, Extent, Session
from shazip.bench.tables import document, summary_lines
from shazip.bench.trial import Patience
from shazip.cli.convert import any_fails
from shazip.cli.flags import COUNT, PATH, model_option
from shazip.cli.report import Reporter, say, tell


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
    "--rounds", type=COUNT, default=3, help="Rounds of measuring; tables show the median."
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
@click.option("--plots", type=PATH, metavar="FOLDER", help="Draw pictures.")
@click.option("--svg", is_flag=True, help="Pictures as SVG instead of PNG.")
@click.option("--json", "form", flag_value="json", help="Results as JSON on standard output.")
@click.option("--markdown", "form", flag_value="markdown", help="Tables as Markdown.")
def bench(
    files: tuple[str, ...],
    model: str | None,
    variants: tuple[str, ...],
    names: tuple[str, ...],
    rounds: int,
    patience: float,
    quick: bool,
    curves: bool,
    plots: Path | None,
    svg: bool,
    form: str | None,
) -> None:
    """Compress and decompress each FILE with every compressor at hand, and compare.

    Each figure comes from a process of its own and a checked round trip.
    """
    if plots and importlib.util.find_spec("matplotlib") is None:
        raise click.ClickException("--plots needs matplotlib: pip install 'shazip[bench]'")
    terminal = sys.stderr if sys.stderr is not None and sys.stderr.isatty() else None
    session = Session(
        contestants(names, model, variants, quick=quick),
        Patience(1 if quick else rounds, patience),
        # With --json and --markdown standard output has the result, and the terminal the progress.
        table=sys.stdout if form is None else terminal,
        status=terminal,
    )
    subjects, failed = _open_all(files, QUICK_SIZE if quick else None)
    for subject in subjects:
        session.measure(subject)
    if curves and subjects:
        session.draw_curves(subjects[0], QUICK if quick else Extent())
    if subjects:
        _finish(session.results(), form, plots, "svg" if svg else "png")
    if failed or any(row.failure and row.tool.startswith("shazip") for row in session.rows):
        raise click.exceptions.Exit(1)


def _open_all(names: tuple[str, ...], limit: int | None) -> tuple[list[Subject], bool]:
    """Return the files that can be measured, and whether there were others."""
    subjects: list[Subject] = []

    def open_one(name: str) -> None:
        subjects.append(open_subject(Path(name), limit))

    failed = any_fails(names, open_one, Reporter.current())
    return subjects, failed


def _finish(results: Results, form: str | None, plots: Path | None, kind: str) -> None:
    """Print all results as JSON or Markdown, or what follows the tables, and draw."""
    if form == "json":
        tell(results.dumps().rstrip())
    elif form == "markdown":
        tell(document(results).rstrip())
    else:
        for line in summary_lines(results):
            tell(line)
    if plots:
        from shazip.bench.plots import save_all

        for path in save_all(results, plots, kind):
            say(f"{path}: drawn")
