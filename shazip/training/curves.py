"""Draws learning curves of runs; needs matplotlib, but not torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from shazip.picture import LIGHT, Scheme, mark_good, new_figure, style
from shazip.training import metrics
from shazip.training.errors import TrainingError
from shazip.training.settings import METRICS

Lines = Sequence[Mapping[str, Any]]

KINDS = ("bpb", "valid", "valid_average")
TITLES = {"bpb": "training", "valid": "validation", "valid_average": "validation, average"}
COLORS = len(LIGHT.others) + len(LIGHT.ours)
STYLES: dict[str, dict[str, Any]] = {
    "bpb": {"linewidth": 0.8, "alpha": 0.5},
    "valid": {"linestyle": ":", "marker": ".", "markersize": 4},
    "valid_average": {"linewidth": 1.8, "marker": "o", "markersize": 3},
}
HEADROOM = 20  # the first 1/HEADROOM of a curve may leave the picture, to keep its end legible


def read_run(path: Path) -> Lines:
    """Return the metrics of a run's folder or metrics file. Raises TrainingError if it has none."""
    file = path / METRICS if path.is_dir() else path
    file.stat()  # raises the system's error, with the file's name, if it is missing
    lines = list(metrics.read(file))
    if not any(curve(lines, kind)[0] for kind in KINDS):
        raise TrainingError("contains no measurements of a training run")
    return lines


def curve(lines: Lines, kind: str) -> tuple[list[float], list[float]]:
    """Return bytes in millions and bits per byte of one kind of measurement."""
    points = [(line["bytes"] / 1e6, line[kind]) for line in lines if kind in line]
    return [x for x, _ in points], [y for _, y in points]


def draw(runs: Mapping[str, Lines], scheme: Scheme = LIGHT) -> Figure:
    """Draw bits per byte against bytes: training thin, validation dotted, the average's thick."""
    with style(scheme):
        figure, axes = new_figure()
        top = 0.0
        for index, lines in enumerate(runs.values()):
            for kind in KINDS:
                xs, ys = curve(lines, kind)
                if xs:
                    axes.plot(xs, ys, color=f"C{index % COLORS}", **STYLES[kind])
                    top = max(top, *islice(ys, len(ys) // HEADROOM, None))
        axes.set_ylim(top=top * 1.02)
        axes.legend(handles=_legend(list(runs), scheme), fontsize=8)
        mark_good(axes, "smaller, sooner", right=False)
        axes.set(
            xlabel="training, MB (10⁶ bytes)",
            ylabel="bits per byte",
            title="Learning curves",
        )
    return figure


def _legend(names: Sequence[str], scheme: Scheme) -> list[Line2D]:
    """Return a line for each run, by its colour, and one for each kind of measurement."""
    runs = [
        Line2D([], [], color=f"C{index % COLORS}", linewidth=3, label=name)
        for index, name in enumerate(names)
    ]
    kinds = [
        Line2D([], [], color=scheme.text, label=TITLES[kind], **STYLES[kind]) for kind in KINDS
    ]
    return [*runs, *kinds]
