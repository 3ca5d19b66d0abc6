"""`shazip plot`: learning curves, from metrics alone."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

import matplotlib.image
from cli_run import shazip

from shazip.training.curves import curve, draw, read_run

LINES = [
    {"bytes": 1_000_000, "bpb": 7.5},
    {"bytes": 2_000_000, "bpb": 3.0},
    {"bytes": 2_000_000, "valid": 3.2, "valid_average": 3.1},
    {"bytes": 3_000_000, "bpb": 2.5},
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        text = "".join(json.dumps(line) + "\n" for line in LINES)
        (tmp_path / name / "metrics.jsonl").write_text(text)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "metrics.jsonl").write_text("")
    return tmp_path


def test_curves_are_megabytes_and_bits_per_byte():
    lines = read_run(Path("one"))
    assert curve(lines, "bpb") == ([1.0, 2.0, 3.0], [7.5, 3.0, 2.5])
    assert curve(lines, "valid_average") == ([2.0], [3.1])


def test_each_run_has_one_entry_in_the_legend():
    lines = read_run(Path("one/metrics.jsonl"))
    axes = draw({"one": lines, "other": lines}).axes[0]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["one", "other", "training", "validation", "validation, average"]
    assert axes.lines[0].get_color() != axes.lines[3].get_color()
    assert len(axes.lines) == 6


def test_png_and_svg_are_written_and_not_overwritten(folder):
    assert shazip("plot", "one", "other").code == 0
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    for force in ((), ("-f",)):
        assert shazip("plot", "one", "-o", "a.svg", *force).code == 0
        first = (folder / "a.svg").read_bytes()
        assert b"<svg" in first
    assert shazip("plot", "one", "-o", "a.svg").code == 1
    assert (folder / "a.svg").read_bytes() == first


def test_a_picture_for_dark_pages_is_dark(folder):
    assert shazip("plot", "one", "-o", "a.png").code == 0
    assert shazip("plot", "--dark", "one", "-o", "b.png").code == 0
    corners = [
        matplotlib.image.imread(folder / name)[0, 0, :3].max() for name in ("a.png", "b.png")
    ]
    assert corners[0] == 1
    assert corners[1] < 0.1


WRONG = {
    "no run": ((), 2),
    "other kind of picture": (("one", "-o", "a.gif"), 2),
    "missing run": (("none",), 1),
    "run without measurements": (("one", "empty"), 1),
}


@pytest.mark.parametrize(("arguments", "code"), WRONG.values(), ids=WRONG.keys())
def test_mistakes_are_told_and_leave_no_file(folder, arguments, code):
    done = shazip("plot", *arguments)
    assert done.code == code
    assert len(done.err.splitlines()) == code
    assert not list(folder.glob("*.png")) + list(folder.glob("*.gif"))


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch):
    find = importlib.util.find_spec
    missing = lambda name: None if name == "matplotlib" else find(name)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", missing)
    done = shazip("plot", "one")
    assert done.code == 1
    assert done.err == "shazip: plot needs matplotlib: pip install 'shazip[plot]'\n"
