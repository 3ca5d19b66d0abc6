"""`shazip plot`: learning curves of training runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from shazip.atomic import AtomicFile
from shazip.cli.flags import PATH, force_option, output_option, quiet_and_verbose
from shazip.cli.refusals import refuse_target
from shazip.cli.report import Reporter
from shazip.units import plural

KINDS = (".png", ".svg")


@click.command(epilog="Example: shazip plot run other-run -o curves.svg")
@click.argument("runs", nargs=-1, required=True, type=PATH, metavar="RUN...")
@output_option("FILE", "Picture to write, .png or .svg.", default="curves.png")
@click.option("--dark", is_flag=True, help="Colours for dark pages.")
@force_option("Overwrite FILE.")
@quiet_and_verbose
@click.pass_obj
def plot(
    reporter: Reporter, /, runs: tuple[Path, ...], output: Path, dark: bool, force: bool
) -> None:
    """Draw bits per byte against bytes for each RUN, a run's folder or a file of its metrics.

    Thin lines are training, dotted ones validation, thick ones validation of the averaged
    weights.
    """
    kind = output.suffix.lower()
    if kind not in KINDS:
        raise click.UsageError(f"{str(output)!r} ends neither in .png nor in .svg.")
    refuse_target(output, None, overwrite=force)
    if importlib.util.find_spec("matplotlib") is None:
        raise click.ClickException("plot needs matplotlib: pip install 'shazip[plot]'")
    from shazip.picture import DARK, LIGHT, save
    from shazip.training.curves import draw, read_run
    from shazip.training.errors import TrainingError

    lines = {}
    for path in runs:
        try:
            lines[str(path)] = read_run(path)
        except TrainingError as error:
            raise click.ClickException(f"{path}: {error}") from error
    with AtomicFile(output, overwrite=force) as file:
        scheme = DARK if dark else LIGHT
        save(draw(lines, scheme), file.file, kind[1:], scheme)
        file.commit(None)
    reporter.summary(str(output), plural(len(runs), "run"))
