"""Draws results as PNG or SVG; the only module here that needs matplotlib."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from shazip.bench.results import Point, Results, Row, speed
from shazip.bench.tables import by_tool

OURS, OTHERS = "#c03028", "#30507a"


def save_all(
    results: Results, folder: Path, kind: str = "png", names: Container[str] | None = None
) -> list[Path]:
    """Draw one picture for each kind of figure in `results`, or those of `names`; return paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with style():
        for name, figure in _figures(results):
            if names is None or name in names:
                paths.append(folder / f"{name}.{kind}")
                save(figure, paths[-1], kind)
    return paths


def style() -> AbstractContextManager[None]:
    """Return the settings for making and saving figures."""
    # A fixed salt, text as text, no date: equal results give equal SVGs, which git can compare.
    return mpl.rc_context({"svg.hashsalt": "shazip", "svg.fonttype": "none", "font.size": 10})


def save(figure: Figure, target: Path | BinaryIO, kind: str) -> None:
    """Write a figure as png or svg."""
    metadata = {"Date": None} if kind == "svg" else {}
    with style():
        figure.savefig(target, format=kind, dpi=150, bbox_inches="tight", metadata=metadata)


def _figures(results: Results) -> Iterator[tuple[str, Figure]]:
    for file in results.files:
        rows = [row for row in results.rows_of(file.name) if not row.failure]
        if rows:
            title = f"{file.name}, {file.size:,} bytes"
            yield "size-speed-" + re.sub(r"[^\w.]+", "-", file.name), size_speed(rows, title)
    if results.by_size:
        yield "by-size", by_size(results.by_size)
    if results.by_lanes:
        yield "by-lanes", by_lanes(results.by_lanes)
    if results.stages:
        yield "stages", stages(dict(results.stages))


def new_figure(width: float = 7, height: float = 4.5) -> tuple[Figure, Axes]:
    """Return an empty figure of so many inches and its axes."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def size_speed(rows: Sequence[Row], title: str) -> Figure:
    """Draw bits per byte against compression speed, one point for each tool."""
    figure, axes = new_figure()
    for row in rows:
        x, spread = speed(row.size, row.compress_seconds)
        color = _color(row.tool)
        axes.errorbar(x, row.bpb, xerr=x * (spread or 0), fmt="o", color=color)
        offset = (5, -13) if any(_is_just_above(other, row) for other in rows) else (5, 5)
        axes.annotate(row.tool, (x, row.bpb), offset, textcoords="offset points", color=color)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.2, y=0.1)
    axes.grid(alpha=0.3)
    axes.set(xlabel="compression, kB/s (log)", ylabel="bits per byte", title=title)
    return figure


def _is_just_above(other: Row, row: Row) -> bool:
    """Return whether a label above the point of `row` would hide the point of `other`."""
    near = (
        0.5
        < speed(other.size, other.compress_seconds)[0] / speed(row.size, row.compress_seconds)[0]
        < 4
    )
    return near and 0 < other.bpb - row.bpb < 0.15


def by_size(points: Sequence[Point]) -> Figure:
    """Draw bits per byte against the input's size, one line for each tool."""
    figure, axes = new_figure()
    for tool, line in by_tool(points).items():
        color = _color(tool) if tool.startswith("shazip") else None
        width = 2.5 if tool.startswith("shazip") else 1.2
        xs, ys = [point.x for point in line], [point.bpb for point in line]
        axes.plot(xs, ys, "o-", markersize=3, linewidth=width, color=color, label=tool)
    _powers(axes, [point.x for point in points])
    axes.legend()
    axes.set(xlabel="input, bytes (log)", ylabel="bits per byte", title="Short inputs")
    return figure


def by_lanes(points: Sequence[Point]) -> Figure:
    """Draw bits per byte and speed against the number of lanes."""
    figure, axes = new_figure()
    other = axes.twinx()
    for line in by_tool(points).values():
        xs = [point.x for point in line]
        axes.plot(xs, [point.bpb for point in line], "o-", color=OURS)
        other.plot(xs, [point.speed for point in line], "s--", color=OTHERS)
    _powers(axes, [point.x for point in points])
    axes.set_ylabel("bits per byte (solid)", color=OURS)
    other.set_ylabel("compression, kB/s (dashed)", color=OTHERS)
    other.set_ylim(bottom=0)
    axes.set(xlabel="lanes (log)", title="Lanes")
    return figure


def stages(costs: dict[str, float]) -> Figure:
    """Draw where the time of a byte goes."""
    figure, axes = new_figure(height=1 + 0.4 * len(costs))
    names = list(costs)[::-1]
    bars = axes.barh(names, [costs[name] / 1000 for name in names], color=OTHERS)
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.margins(x=0.1)
    axes.set(xlabel="microseconds a byte", title="Cost of a byte by stage")
    return figure


def _powers(axes: Axes, values: Iterable[int]) -> None:
    """Give the x axis powers of two, named at the measured values only."""
    ticks = sorted(set(values))
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.grid(alpha=0.3)


def _color(tool: str) -> str:
    return OURS if tool.startswith("shazip") else OTHERS
