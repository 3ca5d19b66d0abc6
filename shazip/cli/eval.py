"""`shazip eval`: how well a model predicts files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shazip.cli.convert import for_each
from shazip.cli.inputs import input_status, open_source, refuse_kinds
from shazip.cli.options import (
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
@quiet_and_verbose
@grouped
def evaluate(files: tuple[str, ...], _: FileOptions, settings: CodecOptions) -> None:
    """Measure the bits per byte that a model needs for each FILE, without coding.

    It is the cross-entropy, with the lanes and blocks of compress: of the float64 softmax of the
    exact logits with --no-mix, else of the frequencies after mixing. A model file
    (*.safetensors) may also stand before the FILEs, instead of -m.
    """
    if settings.model is None and len(files) > 1 and Path(files[0]).suffix == ".safetensors":
        settings, files = replace(settings, model=files[0]), files[1:]
    reporter = click.get_current_context().ensure_object(Reporter)
    evaluation = Evaluation(settings, reporter)
    for_each(files or ("-",), evaluation.add, reporter)


class Evaluation:
    """The table, one row a file; engine and model are shared."""

    def __init__(self, settings: CodecOptions, reporter: Reporter) -> None:
        self._settings = settings
        self._reporter = reporter
        self._engine: Engine | None = None

    def add(self, name: str) -> None:
        """Measure one file and print its row."""
        from shazip.cli.measure import Meter

        refuse_kinds(name, input_status(name), follow=True, special=True)
        with open_source(name) as source:
            if self._engine is None:
                self._engine = self._settings.open_engine()
                tell(ROW.format(*TITLES))
            with progress_of(name, source.size, quiet=self._reporter.quiet) as report:
                found = Meter(self._engine, self._settings, report).measure(source.file)
            tell(self._row(found, self._engine, source.name))

    def _row(self, found: Measurement, engine: Engine, name: str) -> str:
        return ROW.format(
            found.size,
            math.ceil(found.bits / 8),
            f"{found.bpb:.4f}" if found.size else "-",
            found.blocks,
            found.stored,
            found.lanes,
            engine.name,
            "yes" if self._settings.mix else "no",
            printable(engine.model.name),
            printable(name),
        )
