"""`shazip eval`: how well a model predicts files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shazip.cli.convert import for_each
from shazip.cli.eval_trained import TrainedEvaluation, is_trained, open_with_window
from shazip.cli.inputs import input_status, open_source, refuse_kinds
from shazip.cli.options import (
    COUNT,
    CodecOptions,
    FileOptions,
    coding,
    computing,
    files_argument,
    grouped,
    quiet_and_verbose,
)
from shazip.cli.progress import progress_of
from shazip.cli.report import Reporter, printable, tell

if TYPE_CHECKING:
    from shazip.cli.measure import Measurement
    from shazip.predictor import Engine

ROW = "{:>13} {:>13} {:>8} {:>7} {:>7} {:>6}  {:<8} {:<6} {:<12}  {}"
TITLES = (
    *("original", "predicted", "bpb", "blocks", "stored", "lanes"),
    *("engine", "mixing", "model", "name"),
)


@click.command("eval")
@files_argument
@coding
@computing
@click.option("--window", type=COUNT, help="Steps that attention sees, instead of the model's.")
@click.option("--text", type=click.Path(path_type=Path), help="To calibrate float weights on.")
@quiet_and_verbose
@grouped
def evaluate(files: tuple[str, ...], _: FileOptions, settings: CodecOptions) -> None:
    """Measure the bits per byte that a model needs for each FILE, without coding.

    It is the cross-entropy, with the lanes and blocks of compress: of the float64 softmax of the
    exact logits with --no-mix, else of the frequencies after mixing. A model file
    (*.safetensors) may also stand before the FILEs, instead of -m.

    So may a run's folder or a checkpoint: both the float network and the exact model that it
    becomes are measured, alone, with state and memory carried through the whole FILE.
    """
    flags = click.get_current_context().params
    if len(files) > 1 and is_trained(files[0]):
        if settings.model is not None:
            raise click.UsageError(f"give either -m or {files[0]}.")
        _trained(files, settings, flags["window"], flags["text"])
        return
    if settings.model is None and len(files) > 1 and Path(files[0]).suffix == ".safetensors":
        settings, files = replace(settings, model=files[0]), files[1:]
    reporter = click.get_current_context().ensure_object(Reporter)
    evaluation = Evaluation(settings, reporter, flags["window"])
    for_each(files or ("-",), evaluation.add, reporter)


def _trained(
    files: tuple[str, ...], settings: CodecOptions, window: int | None, text: Path | None
) -> None:
    reporter = click.get_current_context().ensure_object(Reporter)
    evaluation = TrainedEvaluation(Path(files[0]), settings, window, text)
    tell(ROW.format(*TITLES))

    def add(name: str) -> None:
        for engine, found in evaluation.measure(name, reporter.quiet):
            tell(row(found, engine, False, evaluation.name, name))

    for_each(files[1:], add, reporter)


class Evaluation:
    """The table, one row a file; engine and model are shared."""

    def __init__(
        self, settings: CodecOptions, reporter: Reporter, window: int | None = None
    ) -> None:
        self._settings = settings
        self._window = window
        self._reporter = reporter
        self._engine: Engine | None = None

    def add(self, name: str) -> None:
        """Measure one file and print its row."""
        from shazip.cli.measure import Meter

        refuse_kinds(name, input_status(name), follow=True, special=True)
        with open_source(name) as source:
            if self._engine is None:
                self._engine = self._open()
                tell(ROW.format(*TITLES))
            with progress_of(name, source.size, quiet=self._reporter.quiet) as report:
                found = Meter(self._engine, self._settings, report).measure(source.file)
            engine = self._engine
            tell(row(found, engine.name, self._settings.mix, engine.model.name, source.name))

    def _open(self) -> Engine:
        engine = self._settings.open_engine()
        if self._window is None:
            return engine
        return open_with_window(engine.model, self._settings, self._window)


def row(found: Measurement, engine: str, mix: bool, model: str, name: str) -> str:
    """Return a line of the table."""
    return ROW.format(
        found.size,
        math.ceil(found.bits / 8),
        f"{found.bpb:.4f}" if found.size else "-",
        found.blocks,
        found.stored,
        found.lanes,
        engine,
        "yes" if mix else "no",
        printable(model),
        printable(name),
    )
