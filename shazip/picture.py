"""How pictures look: two colour schemes, colours and marks that differ, the good corner, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, BinaryIO

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

MARKS, OUR_MARKS = "osD^vPhp", "*XH"


@dataclass(frozen=True)
class Scheme:
    """Colours for pages of one kind."""

    suffix: str  # of a picture's name
    background: str
    text: str
    lines: str  # grid and frames
    ours: tuple[str, ...]  # shazip and its variants
    others: tuple[str, ...]


# Light for white pages, dark for GitHub's #0d1117. Neighbours differ in hue and in lightness, for
# eyes that do not tell red from green; marks differ, too.
LIGHT = Scheme(
    "",
    "#ffffff",
    "#1f2328",
    "#c8ccd1",
    ("#c21f1f", "#f07800", "#8a1c5c"),
    ("#1f5fbf", "#12a085", "#7a5c00", "#7b4fc9", "#52a8e0", "#5f6670", "#2f6b2f", "#c06aa8"),
)
DARK = Scheme(
    "-dark",
    "#0d1117",
    "#e6edf3",
    "#3d444d",
    ("#ff6b5e", "#ffb454", "#ff9bd2"),
    ("#6ea8ff", "#3fd6b0", "#d9c36a", "#b79bff", "#9be0ff", "#aab2bd", "#7ccf6e", "#e3a6d6"),
)
SCHEMES = (LIGHT, DARK)


def style(scheme: Scheme) -> AbstractContextManager[None]:
    """Return the settings for making and saving figures in a scheme."""
    ink = {f"{part}.color": scheme.text for part in ("text", "xtick", "ytick")}
    ground = {f"{part}.facecolor": scheme.background for part in ("figure", "axes", "legend")}
    edges = {f"{part}.edgecolor": scheme.lines for part in ("axes", "legend")}
    settings: dict[Any, Any] = {
        **ink,
        **ground,
        **edges,
        "axes.labelcolor": scheme.text,
        "axes.titleweight": "bold",
        "axes.grid": True,
        "grid.color": scheme.lines,
        "grid.alpha": 0.5,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=(*scheme.others, *scheme.ours)),
        "font.size": 10,
        "legend.framealpha": 0.85,
        # A fixed salt, text as text, no date: equal results give equal SVGs, which git compares.
        "svg.hashsalt": "shazip",
        "svg.fonttype": "none",
    }
    return mpl.rc_context(settings)


def new_figure(width: float = 7, height: float = 4.5) -> tuple[Figure, Axes]:
    """Return an empty figure of so many inches and its axes."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def save(figure: Figure, target: Path | BinaryIO, kind: str, scheme: Scheme = LIGHT) -> None:
    """Write a figure as png or svg."""
    metadata = {"Date": None} if kind == "svg" else {}
    with style(scheme):
        figure.savefig(target, format=kind, dpi=150, bbox_inches="tight", metadata=metadata)


def save_schemes(draw: Callable[[Scheme], Figure], path: Path) -> list[Path]:
    """Write what `draw` draws in both schemes: NAME.svg and NAME-dark.svg, or .png."""
    paths = []
    for scheme in SCHEMES:
        paths.append(path.with_name(f"{path.stem}{scheme.suffix}{path.suffix}"))
        with style(scheme):
            save(draw(scheme), paths[-1], path.suffix[1:], scheme)
    return paths


def looks(tools: Iterable[str], scheme: Scheme) -> Mapping[str, dict[str, Any]]:
    """Return colour and mark for each tool; shazip and its variants stand out."""
    ours = zip(cycle(scheme.ours), cycle(OUR_MARKS), strict=False)
    others = zip(cycle(scheme.others), cycle(MARKS), strict=False)
    found = {}
    for tool in dict.fromkeys(tools):
        color, marker = next(ours if tool.startswith("shazip") else others)
        size = 11 if tool.startswith("shazip") else 7
        found[tool] = {"color": color, "marker": marker, "markersize": size, "zorder": 4 + size}
    return found


def mark_good(axes: Axes, text: str, *, right: bool) -> None:
    """Write `text` with an arrow into the lower corner where the best points lie."""
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.1 * (high - low), high)
    x, shift = (0.985, -14) if right else (0.015, 14)
    axes.annotate(
        f"better: {text}",
        xy=(x, 0.02),
        xytext=(shift, 14),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right" if right else "left",
        style="italic",
        arrowprops={"arrowstyle": "->", "color": mpl.rcParams["text.color"]},
    )
