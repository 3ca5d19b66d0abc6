"""`shazip eval`: measures how well a model predicts files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from shazip.cli.convert import for_each
from shazip.cli.flags import COUNT, coding, computing, files_argument, quiet_and_verbose
from shazip.cli.options import CodecOptions, FileOptions, grouped
from shazip.cli.output import open_output
from shazip.cli.refusals import refuse_target
from shazip.cli.report import Reporter, as_usage
from shazip.cli.table import Table, json_option
from shazip.source import open_source
from shazip.terminal import printable
from shazip.training.files import is_trained

if TYPE_CHECKING:
    from shazip.measure import Measurement
    from shazip.predictor import Engine
    from shazip.streams import Progress

ROW = "{:>13} {:>13} {:>8} {:>7} {:>7} {:>6}  {:<8} {:<6} {:<12}  {}"
TITLES = (
    *("original", "predicted", "bpb", "blocks", "stored", "lanes"),
    *("engine", "mixing", "model", "name"),
)


@click.command("eval", epilog="Example: shazip eval -m tiny notes.txt")
@files_argument
@coding
@computing
@click.option("--window", type=COUNT, help="Symbols that attention sees, instead of the model's.")
@click.option("--text", type=click.Path(path_type=Path), help="Text to calibrate float weights on.")
@click.option(
    "--per-byte",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Write the bits of every byte of FILE to OUT as float64 (NumPy's .npy).",
)
@click.option("-f", "--force", is_flag=True, help="Overwrite OUT.")
@json_option
@quiet_and_verbose
@grouped
def evaluate(files: tuple[str, ...], _: FileOptions, settings: CodecOptions) -> None:
    """Measure the bits per byte that a model needs for each FILE, without coding.

    The figure is the cross-entropy with the lanes and blocks of compress: of the frequencies after
    mixing, or with --no-mix of the float64 softmax of the exact logits. A model file
    (*.safetensors) before the FILEs replaces -m.

    A run's folder or a checkpoint before the FILEs measures the float network and the exact model
    made from it, both without mixing, with state and memory carried through the whole FILE.
    """
    flags = click.get_current_context().params
    out = flags["per_byte"]
    if len(files) > 1 and is_trained(Path(files[0])):
        if out is not None:
            raise click.UsageError("--per-byte measures exact models only; export the run first.")
        if settings.model is not None:
            raise click.UsageError(f"give either -m or {files[0]}.")
        _trained(files, settings, flags["window"], flags["text"])
        return
    if settings.model is None and len(files) > 1 and Path(files[0]).suffix == ".safetensors":
        settings, files = replace(settings, model=files[0]), files[1:]
    if out is not None and len(files) > 1:
        raise click.UsageError("--per-byte takes one FILE.")
    reporter = Reporter.current()
    evaluation = Evaluation(settings, reporter, flags["window"], out, overwrite=flags["force"])
    for_each(files or ("-",), evaluation.add, reporter)


def _trained(
    files: tuple[str, ...], settings: CodecOptions, window: int | None, text: Path | None
) -> None:
    reporter = Reporter.current()
    import numpy as np

    from shazip.training.side_by_side import SideBySide

    with as_usage():
        both = SideBySide(
            Path(files[0]),
            window=window,
            text=text,
            engine=settings.engine,
            device=settings.device,
            threads=settings.threads,
        )
    table = Table(ROW, TITLES)
    table.begin()

    def add(name: str) -> None:
        with open_source(name) as source:
            data = np.frombuffer(source.file.read(), np.uint8)
        with reporter.progress(name, len(data)) as progress:
            for engine, found in both.measure(data, settings.lanes, progress):
                add_row(table, found, engine, False, both.name, name)

    for_each(files[1:], add, reporter)


class Evaluation:
    """The table, one row a file; engine and model are shared."""

    def __init__(
        self,
        settings: CodecOptions,
        reporter: Reporter,
        window: int | None = None,
        per_byte: Path | None = None,
        *,
        overwrite: bool = False,
    ) -> None:
        self._settings = settings
        self._window = window
        self._reporter = reporter
        self._per_byte = per_byte
        self._overwrite = overwrite
        self._engine: Engine | None = None
        self._table = Table(ROW, TITLES)

    def add(self, name: str) -> None:
        """Measure one file and print its row."""
        with open_source(name) as source:
            if self._engine is None:
                self._engine = self._open()
                self._table.begin()
            with self._reporter.progress(name, source.size) as report:
                found = self._measure(self._engine, source.file, report)
            engine = self._engine
            mix, model = self._settings.mix, engine.model.name
            add_row(self._table, found, engine.name, mix, model, source.name)

    def _measure(self, engine: Engine, source: BinaryIO, report: Progress) -> Measurement:
        from shazip.measure import Meter
        from shazip.trace import Tracer

        coding, threads = self._settings.coding, self._settings.threads
        if self._per_byte is None:
            return Meter(engine, coding, threads=threads).measure(source, report)
        import numpy as np

        # Before the work, which takes time, but open only for what the work gives.
        refuse_target(self._per_byte, None, overwrite=self._overwrite)
        found, trace = Tracer(engine, coding, threads=threads).trace(source.read(), report)
        with open_output(self._per_byte, overwrite=self._overwrite) as out:
            np.lib.format.write_array(out, trace.bits)
            out.commit(None)
        return found

    def _open(self) -> Engine:
        return self._settings.open_engine(self._window)


def add_row(
    table: Table, found: Measurement, engine: str, mix: bool, model: str, name: str
) -> None:
    """Print one measurement."""
    record = {
        "name": name,
        "original_size": found.size,
        "predicted_size": math.ceil(found.bits / 8),
        "bits": found.bits,
        "bpb": found.bpb,
        "blocks": found.blocks,
        "stored_blocks": found.stored,
        "lanes": found.lanes,
        "engine": engine,
        "mixing": mix,
        "model": model,
    }
    cells = (
        *(found.size, record["predicted_size"], f"{found.bpb:.4f}" if found.size else "-"),
        *(found.blocks, found.stored, found.lanes, engine, "yes" if mix else "no"),
        *(printable(model), printable(name)),
    )
    table.add(cells, record)
