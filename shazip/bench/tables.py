"""Formats results as text: a table for terminals, and Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from shazip.bench.results import Input, Point, Results, Row, speed

COLUMNS = (
    "tool",
    "bytes",
    "bpb",
    "ratio",
    "compress kB/s",
    "decompress kB/s",
    "peak MB",
    "+ model",
    "+ model + program",
)
SEEN, UNKNOWN = "*", "?"
NOTES = {
    SEEN: f"{SEEN} this file was part of the model's training data",
    UNKNOWN: f"{UNKNOWN} the model does not name its training data",
}


def picture(name: str, text: str) -> str:
    """Return Markdown that shows NAME.svg, on dark pages NAME-dark.svg, or says `text`."""
    dark = f'<source media="(prefers-color-scheme: dark)" srcset="{name}-dark.svg">'
    return f'<picture>{dark}<img alt="{text}" src="{name}.svg"></picture>\n'


def cells(row: Row) -> list[str]:
    """Return a row's figures as text for COLUMNS; after a failure only the name and the reason."""
    if row.failure:
        return [row.tool, row.failure]
    if not row.packed:
        return [row.tool, "..."]
    return [
        row.tool,
        f"{row.packed:,}{_mark(row)}",
        f"{row.bpb:.3f}",
        f"{row.ratio:.2f}",
        _speed(row.size, row.compress_seconds),
        _speed(row.size, row.decompress_seconds),
        f"{row.peak / 1e6:.0f}" if row.peak else "",
        f"{row.with_model:,}",
        "" if row.with_program is None else f"{row.with_program:,}",
    ]


def _mark(row: Row) -> str:
    return UNKNOWN if row.trained_on is None else SEEN if row.trained_on else ""


def _speed(size: int, seconds: tuple[float, ...]) -> str:
    middle, spread = speed(size, seconds)
    return f"{_three_digits(middle)}" + ("" if spread is None else f" ±{spread:.0%}")


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def notes(rows: Iterable[Row]) -> list[str]:
    """Return the explanations of the marks that occur."""
    marks = {_mark(row) for row in rows}
    return [text for mark, text in NOTES.items() if mark in marks]


def text_lines(rows: Sequence[Row]) -> list[str]:
    """Return a table's header and rows with aligned columns of fixed width."""
    return [layout(COLUMNS), *(layout(cells(row)) for row in rows)]


WIDTHS = (17, 12, 6, 6, 15, 15, 7, 12, 17)


def layout(line: Sequence[str]) -> str:
    """Return one line of a terminal's table: the name to the left, figures to the right."""
    if len(line) == 2:
        return f"{line[0]:{WIDTHS[0]}}  {line[1]}"
    padded = (f"{cell:>{width}}" for cell, width in zip(line[1:], WIDTHS[1:], strict=True))
    return "  ".join((f"{line[0]:{WIDTHS[0]}}", *padded)).rstrip()


def heading(file: Input) -> str:
    """Return the line above one file's table."""
    return f"{file.name}: {file.size:,} bytes"


def markdown(rows: Sequence[Row]) -> str:
    """Return one file's table in Markdown; shazip's rows in bold."""
    lines = [_row(COLUMNS), "|---" + "|--:" * (len(COLUMNS) - 1) + "|"]
    for row in rows:
        line = cells(row)
        if row.tool.startswith("shazip") and not row.failure:
            line = [f"**{cell}**" if cell else "" for cell in line]
        lines.append(_row(line + [""] * (len(COLUMNS) - len(line))))
    return "\n".join([*lines, *(f"\n{note}" for note in notes(rows))]) + "\n"


def _row(line: Iterable[str]) -> str:
    return f"| {' | '.join(line)} |"


def matrix(results: Results) -> str:
    """Return the compressed bytes of all files in Markdown; the smallest of a file in bold.

    There is a column for each tool that ran on every file and did not fail on all of them.
    """
    tried = Counter(row.tool for row in results.rows)
    failed = Counter(row.tool for row in results.rows if row.failure)
    tools = [tool for tool in tried if failed[tool] < tried[tool] == len(results.files)]
    lines = [_row(["bytes", "original", *tools]), "|---" + "|--:" * (len(tools) + 1) + "|"]
    for file in results.files:
        packed = {row.tool: row for row in results.rows_of(file.name) if not row.failure}
        least = min((row.packed for row in packed.values()), default=0)
        line = [file.name, f"{file.size:,}"]
        for tool in tools:
            text = f"{packed[tool].packed:,}{_mark(packed[tool])}" if tool in packed else "failed"
            line.append(f"**{text}**" if tool in packed and packed[tool].packed == least else text)
        lines.append(_row(line))
    return "\n".join([*lines, *(f"\n{note}" for note in notes(results.rows))]) + "\n"


def summary_lines(results: Results) -> list[str]:
    """Return the lines below a terminal's tables: the curves and the machine."""
    lines = []
    for points, unit in ((results.by_size, "bytes"), (results.by_lanes, "lanes")):
        if points:
            lines += [*curve_lines(points, unit), ""]
    if results.stages:
        lines += [stages_line(results), ""]
    return [*lines, versions_line(results), machine_line(results)]


def stages_line(results: Results) -> str:
    """Return the cost of a byte by stage, in one line."""
    parts = (f"{name} {cost / 1000:.2f}" for name, cost in results.stages.items())
    return f"Microseconds a byte: {', '.join(parts)}."


def versions_line(results: Results) -> str:
    """Return the sentence that names the versions of all tools."""
    texts = {}
    for row in results.rows:
        if row.version:
            texts[row.tool] = f"{row.tool}: {row.version}" + (f" ({row.note})" if row.note else "")
    return f"Versions: {'; '.join(texts.values())}.\n"


def curve_lines(points: Sequence[Point], unit: str) -> list[str]:
    """Return bits per byte over sizes or lanes as text, one line for each tool."""
    xs = list(dict.fromkeys(point.x for point in points))
    lines = [f"{'bpb at ' + unit:17}" + "".join(f"{x:>10,}" for x in xs)]
    for tool, found in by_tool(points).items():
        lines.append(f"{tool:17}" + "".join(f"{point.bpb:10.3f}" for point in found))
    return lines


def by_tool(points: Iterable[Point]) -> dict[str, list[Point]]:
    """Return each tool's points in their order."""
    lines: dict[str, list[Point]] = {}
    for point in points:
        lines.setdefault(point.tool, []).append(point)
    return lines


def document(results: Results) -> str:
    """Return a whole run in Markdown."""
    parts = [machine_line(results), versions_line(results)]
    for file in results.files:
        parts.append(f"## {heading(file)}\n\n{markdown(results.rows_of(file.name))}")
    if len(results.files) > 1:
        parts.append(f"## All files\n\n{matrix(results)}")
    for points, unit in ((results.by_size, "bytes"), (results.by_lanes, "lanes")):
        if points:
            parts.append(f"## {unit.capitalize()}\n\n{curve_markdown(points, unit)}")
    if results.stages:
        parts.append(f"## Stages\n\n{stages_line(results)}\n")
    return "\n".join(parts)


def curve_markdown(points: Sequence[Point], unit: str) -> str:
    """Return bits per byte over sizes or lanes in Markdown, with the speed of each point."""
    xs = list(dict.fromkeys(point.x for point in points))
    lines = [
        _row([f"bpb (kB/s) at {unit}", *(f"{x:,}" for x in xs)]),
        "|---" + "|--:" * len(xs) + "|",
    ]
    for tool, found in by_tool(points).items():
        lines.append(_row([tool, *(f"{p.bpb:.3f} ({_three_digits(p.speed)})" for p in found)]))
    return "\n".join(lines) + "\n"


def machine_line(results: Results) -> str:
    """Return the sentence that names the machine and the method."""
    machine = results.machine
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}; "
        f"shazip {machine['shazip']}, Python {machine['python']}. kB/s: 1000 bytes a second, the "
        "median of the rounds ± half their range; a library is timed without Python's start, a "
        "program and shazip with theirs.\n"
    )
