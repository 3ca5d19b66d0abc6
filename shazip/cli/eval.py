"""`shazip eval`: measures how well a model predicts files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from shazip.cli.convert import for_each
from shazip.cli.flags import (
    COUNT,
    PATH,
    coding,
    computing,
    files_argument,
    force_option,
    quiet_and_verbose,
)
from shazip.cli.options import CodecOptions, FileOptions, grouped
from shazip.cli.refusals import refuse_target
from shazip.cli.report import Reporter, as_usage
from shazip.cli.table import Table, json_option
from shazip.output import open_output
from shazip.source import open_source
from shazip.terminal import printable
from shazip.training.files import is_trained

if TYPE_CHECKING:
    from shazip.measure import Measurement
    from shazip.streams import Progress

    Measure = Callable[[BinaryIO, Progress], Iterable[Measurement]]

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
@click.option("--text", type=PATH, help="Text to calibrate float weights on.")
@click.option(
    "--per-byte",
    type=PATH,
    metavar="OUT",
    help="Write the bits of every byte of FILE to OUT as float64 (NumPy's .npy).",
)
@force_option("Overwrite OUT.")
@json_option
@quiet_and_verbose
@grouped
def evaluate(
    files: tuple[str, ...],
    where: FileOptions,
    settings: CodecOptions,
    window: int | None,
    text: Path | None,
    per_byte: Path | None,
) -> None:
    """Measure the bits per byte that a model needs for each FILE, without coding.

    The figure is the cross-entropy with the lanes and blocks of compress: of the frequencies after
    mixing, or with --no-mix of the float64 softmax of the exact logits. A model file
    (*.safetensors) before the FILEs replaces -m.

    A run's folder or a checkpoint before the FILEs measures the float network and the exact model
    made from it, both without mixing, with state and memory carried through the whole FILE.
    """
    if len(files) > 1 and is_trained(Path(files[0])):
        if per_byte is not None:
            raise click.UsageError("--per-byte measures exact models only; export the run first.")
        if settings.model is not None:
            raise click.UsageError(f"give either -m or {files[0]}.")
        measure, files = _trained(Path(files[0]), settings, window, text), files[1:]
    else:
        if settings.model is None and len(files) > 1 and Path(files[0]).suffix == ".safetensors":
            settings, files = replace(settings, model=files[0]), files[1:]
        if per_byte is not None and len(files) > 1:
            raise click.UsageError("--per-byte takes one FILE.")
        measure = _exact(settings, window, per_byte, overwrite=where.force)
    reporter, table = Reporter.current(), Table(ROW, TITLES)

    def add(name: str) -> None:
        with (
            open_source(name) as source,
            reporter.progress(source.name, source.size) as progress,
        ):
            for found in measure(source.file, progress):
                add_row(table, found, source.name)

    for_each(files or ("-",), add, reporter)


def _trained(
    trained: Path, settings: CodecOptions, window: int | None, text: Path | None
) -> Measure:
    """Return a function that measures a trained network and the exact model made from it."""
    import numpy as np

    from shazip.training.side_by_side import SideBySide

    with as_usage():
        both = SideBySide(
            trained,
            window=window,
            text=text,
            engine=settings.engine,
            device=settings.device,
            threads=settings.threads,
        )

    def measure(source: BinaryIO, progress: Progress) -> Iterator[Measurement]:
        data = np.frombuffer(source.read(), np.uint8)
        return both.measure(data, settings.lanes, progress)

    return measure


def _exact(
    settings: CodecOptions, window: int | None, per_byte: Path | None, *, overwrite: bool
) -> Measure:
    """Return a function that measures a model and writes every byte's bits to `per_byte`."""
    engine = cache(partial(settings.open_engine, window))  # not before the first file is open

    def measure(source: BinaryIO, progress: Progress) -> Iterator[Measurement]:
        import numpy as np

        from shazip.measure import Meter
        from shazip.trace import Tracer

        if per_byte is None:
            meter = Meter(engine(), settings.coding, threads=settings.threads)
            yield meter.measure(source, progress)
            return
        # Before the work, which takes time, but open only for what the work gives.
        refuse_target(per_byte, None, overwrite=overwrite)
        tracer = Tracer(engine(), settings.coding, threads=settings.threads)
        found, trace = tracer.trace(source.read(), progress)
        with open_output(per_byte, overwrite=overwrite) as out:
            np.lib.format.write_array(out, trace.bits)
            out.commit(None)
        yield found

    return measure


def add_row(table: Table, found: Measurement, name: str) -> None:
    """Print one measurement."""
    record = found.record()
    cells = (
        *(found.size, record["predicted_size"], f"{found.bpb:.4f}" if found.size else "-"),
        *(found.blocks, found.stored, found.lanes, found.engine, "yes" if found.mixing else "no"),
        *(printable(found.model), printable(name)),
    )
    table.add(cells, {"name": name, **record})
