"""Draws results as PNG or SVG, in both colour schemes (picture.py)."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from shazip.bench.results import Point, Results, Row, speed
from shazip.bench.tables import by_tool
from shazip.picture import Scheme, looks, mark_good, new_figure, save_schemes

Drawing = Callable[[Scheme], Figure]


def save_all(
    results: Results, folder: Path, kind: str = "png", names: Container[str] | None = None
) -> list[Path]:
    """Draw one picture for each kind of figure in `results`, or those of `names`; return paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, draw in _drawings(results):
        if names is None or name in names:
            paths += save_schemes(draw, folder / f"{name}.{kind}")
    return paths


def _drawings(results: Results) -> Iterator[tuple[str, Drawing]]:
    for file in results.files:
        rows = [row for row in results.rows_of(file.name) if not row.failure]
        if rows:
            name = "size-speed-" + re.sub(r"[^\w.]+", "-", file.name)
            yield name, partial(size_speed, rows, f"{file.name}: size and speed")
    if results.by_size:
        yield "by-size", partial(by_size, results.by_size)
    if results.by_lanes:
        yield "by-lanes", partial(by_lanes, results.by_lanes)
    if results.stages:
        yield "stages", partial(stages, dict(results.stages))


def size_speed(rows: Sequence[Row], title: str, scheme: Scheme) -> Figure:
    """Draw bits per byte against the speed of compression (filled) and decompression (hollow)."""
    figure, axes = new_figure(8.5)
    for row in rows:
        look = looks((row.tool for row in rows), scheme)[row.tool]
        color = look["color"]
        ends = [speed(row.size, row.compress_seconds), speed(row.size, row.decompress_seconds)]
        axes.plot([x for x, _ in ends], [row.bpb] * 2, "-", color=color, linewidth=1, zorder=1)
        for (x, spread), fill in zip(ends, (color, scheme.background), strict=True):
            bar: dict[str, Any] = {"xerr": x * spread} if spread else {}
            axes.errorbar(x, row.bpb, **bar, **look, markerfacecolor=fill)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.margins(x=0.08, y=0.15)
    _legend_of_tools(axes, [row.tool for row in rows], scheme)
    mark_good(axes, "smaller and faster", right=True)
    axes.set(xlabel="kB/s (log)", ylabel="bits per byte", title=title)
    return figure


def _legend_of_tools(axes: Axes, tools: Sequence[str], scheme: Scheme) -> None:
    """Name the tools and what filled and hollow marks are, beside the axes."""
    look = looks(tools, scheme)
    ink: dict[str, Any] = {"linestyle": "", "marker": "o", "color": scheme.text}
    marks = [Line2D([], [], linestyle="", label=tool, **look[tool]) for tool in look]
    marks += [
        Line2D([], [], **ink, label="compression"),
        Line2D([], [], **ink, markerfacecolor=scheme.background, label="decompression"),
    ]
    axes.legend(handles=marks, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)


def by_size(points: Sequence[Point], scheme: Scheme) -> Figure:
    """Draw bits per byte against the input's size, one line for each tool."""
    figure, axes = new_figure()
    look = looks((point.tool for point in points), scheme)
    for tool, line in by_tool(points).items():
        width = 2.5 if tool.startswith("shazip") else 1.3
        xs, ys = [point.x for point in line], [point.bpb for point in line]
        axes.plot(xs, ys, linewidth=width, label=tool, **look[tool])
    _powers(axes, [point.x for point in points])
    axes.legend()
    mark_good(axes, "smaller", right=False)
    axes.set(xlabel="input, bytes (log)", ylabel="bits per byte", title="Short inputs")
    return figure


def by_lanes(points: Sequence[Point], scheme: Scheme) -> Figure:
    """Draw bits per byte, and the speeds of both directions, against the number of lanes."""
    figure, axes = new_figure()
    other = axes.twinx()
    other.grid(visible=False)
    size, fast = scheme.ours[0], scheme.others[0]
    curves: list[Line2D] = []
    for line in by_tool(points).values():
        xs = [point.x for point in line]
        curves += axes.plot(xs, [p.bpb for p in line], "o-", color=size, label="bits per byte")
        speeds = [point.speed for point in line]
        curves += other.plot(xs, speeds, "s--", color=fast, label="compression, kB/s")
        if all(point.unpack_seconds for point in line):
            speeds = [point.unpack_speed for point in line]
            hollow: dict[str, Any] = {"color": fast, "markerfacecolor": scheme.background}
            curves += other.plot(xs, speeds, "s:", label="decompression, kB/s", **hollow)
    _powers(axes, [point.x for point in points])
    axes.set_ylabel("bits per byte (lower is better)", color=size)
    other.set_ylabel("kB/s (higher is better)", color=fast)
    other.set_ylim(bottom=0)
    axes.legend(handles=curves, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3)
    axes.set(xlabel="lanes (log)", title="Lanes: size and speed")
    return figure


def stages(costs: dict[str, float], scheme: Scheme) -> Figure:
    """Draw where the time of a byte goes."""
    figure, axes = new_figure(height=1.4 + 0.4 * len(costs))
    names = list(costs)[::-1]
    times = [costs[name] / 1000 for name in names]
    bars = axes.barh(names, times, color=scheme.others[0], label="compression, mean of the threads")
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.margins(x=0.1)
    axes.grid(visible=False, axis="y")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.5 / (1.4 + 0.4 * len(costs)) - 0.05))
    axes.set(xlabel="microseconds a byte (less is better)", title="Cost of a byte by stage")
    return figure


def _powers(axes: Axes, values: Iterable[int]) -> None:
    """Give the x axis powers of two, named at the measured values only."""
    ticks = sorted(set(values))
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
