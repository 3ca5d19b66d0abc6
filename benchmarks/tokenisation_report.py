"""The page of benchmarks.tokenisation: table, curves and their meaning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shazip.bench.tables import picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HONEST = """\
Perplexity per symbol moves with the vocabulary alone: a symbol that stands for more bytes is harder
to guess, and networks of equal bits per byte have perplexities that differ by orders of magnitude.
Only bits per byte compare. They are the float network's; archives (bytes) are by exact models.

In the second table a network always predicts the next piece of a word from the true pieces before
it (teacher forcing). So most of a word's bits fall on its first piece, and the later ones are
cheap; a network of words pays all of them in one guess, and spells what is not among its words.

What this can show: which symbols learn faster in little CPU time at one size of network. What it
cannot: which are best after a long run. Nothing was tuned for one vocabulary, and each was trained
once."""


def write(found: dict[str, Any], folder: Path) -> None:
    """Write tokenisation.json, .md and .svg to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenisation.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "tokenisation.md").write_text(page(found))
    draw(found["vocabularies"], folder / "tokenisation.svg")


def page(found: dict[str, Any]) -> str:
    """Return the page in Markdown."""
    settings, rows = found["settings"], found["vocabularies"]
    command = f"python -m benchmarks.tokenisation {found['train']} {found['valid']}"
    options = " ".join(f"--{name} {settings[name]:g}" for name in ("seconds", "width", "peak"))
    lines = [
        *("# Bytes, pieces of words, words", "", f"    {command} {options}", ""),
        "SHA-RNNs of two layers with the same recipe, "
        f"{settings['lanes']} lanes of {settings['steps']} steps, {settings['seconds']:g} CPU "
        f"seconds each. Measured on the first {found['valid_bytes']:,} bytes of {found['valid']}.",
        *("", *comparison(rows), ""),
        "Mean bits of a word (a space and letters) by its symbols:",
        *("", *shares(rows), ""),
        *(picture("tokenisation", "Training curves"), HONEST, ""),
        ", ".join(f"{key} {value}" for key, value in found["machine"].items()) + ".",
    ]
    return "\n".join(lines) + "\n"


def comparison(rows: dict[str, Any]) -> list[str]:
    """Return the table that compares vocabularies."""
    names = (
        *("V", "bytes per symbol", "MB read", "perplexity per symbol"),
        *("archive, network alone", "archive, mixed", "bits per byte"),
    )
    lines = [f"| vocabulary | {' | '.join(names)} |", "|---|" + "--:|" * len(names)]
    best = min(row["bpb"] for row in rows.values())
    for name, row in rows.items():
        mark = "**" if row["bpb"] == best else ""
        size, read = row["bytes_per_symbol"], row["trained_on"] / 1e6
        cells = [f"{row['symbols']}", f"{size:.2f}", f"{read:.1f}", f"{row['perplexity']:.1f}"]
        cells += [f"{row[key]:,}" if key in row else "" for key in ("archive_alone", "archive")]
        lines.append(f"| {name} | {' | '.join(cells)} | {mark}{row['bpb']:.3f}{mark} |")
    return lines


def shares(rows: dict[str, Any]) -> list[str]:
    """Return the table of a word's bits by its pieces."""
    names = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th on", "the word")
    lines = [f"| vocabulary | {' | '.join(names)} |", "|---|" + "--:|" * len(names)]
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(f"{bits:.2f}" for bits in row["shares"]) + " |")
    return lines


def draw(rows: dict[str, Any], path: Path) -> None:
    """Draw bits per byte of training against CPU seconds, in both colour schemes."""
    from shazip.picture import Scheme, mark_good, new_figure, save_schemes

    def curves(_: Scheme) -> Figure:
        figure, axes = new_figure()
        for name, row in rows.items():
            axes.plot(*zip(*row["curve"], strict=True), label=name)
        axes.set(xlabel="CPU seconds", ylabel="bits per byte of training text")
        axes.set_title("Vocabularies")
        axes.legend()
        mark_good(axes, "smaller, sooner", right=False)
        return figure

    save_schemes(curves, path)
