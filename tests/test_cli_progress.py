"""The progress line's text."""

import os
import sys

import pytest

from shazip.cli.batch import Batch
from shazip.cli.progress import ProgressLine, amount, duration


def test_the_line_of_a_file():
    line = ProgressLine("enwik8", 10**8).text(12_400_000, 2_030_500, 147.6)
    assert line == "enwik8  12.4%  1.31 bpb  84 kB/s  eta 17:23"


def test_the_line_of_a_pipe_has_neither_share_nor_time():
    assert ProgressLine("(stdin)", None).text(2_500_000, 600_000, 25) == (
        "(stdin)  2.5 MB  1.92 bpb  100 kB/s"
    )


def test_decoding_counts_the_original_as_written():
    line = ProgressLine("a.shz", 1000, decoding=True).text(2000, 500, 2)
    assert line == "a.shz  50.0%  2.00 bpb  1.0 kB/s  eta 0:02"


def test_nothing_done_yet():
    assert ProgressLine("a", 1000).text(0, 0, 0) == "a  0.0%"
    assert ProgressLine("a", 0).text(0, 0, 0) == "a  0 B"


def test_a_name_cannot_break_the_line():
    assert ProgressLine("a\nb\x1b[2J", None).text(0, 0, 0) == "a\\nb\\x1b[2J  0 B"


def test_several_files_have_a_total():
    batch = Batch(files=5, size=10_000, done=2000, number=2, start=0.0)
    line = ProgressLine("b", 1000, batch=batch, clock=lambda: 25.0)
    assert line.text(500, 100, 5) == (
        "b  50.0%  1.60 bpb  100 B/s  eta 0:05  (2 of 5, 25.0%, eta 1:15)"
    )


def test_a_total_of_pipes_only_counts_the_files():
    line = ProgressLine("b", None, batch=Batch(files=2, size=0, number=1))
    assert line.text(0, 0, 0) == "b  0 B  (1 of 2)"


def test_a_batch_counts_regular_files(tmp_path):
    for name, size in (("a", 10), ("b", 5)):
        (tmp_path / name).write_bytes(bytes(size))
    names = [str(tmp_path / name) for name in ("a", "b", "missing")]
    batch = Batch.of([*names, "-", PermissionError()])
    assert (batch.files, batch.size) == (5, 15)
    batch.begin()
    batch.end(names[0])
    assert (batch.number, batch.done) == (1, 10)
    assert Batch.of(names[:1]) is None


def test_the_line_is_cut_by_columns_not_by_characters(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "fileno", lambda: 2, raising=False)
    monkeypatch.setattr("os.get_terminal_size", lambda descriptor: os.terminal_size((20, 5)))
    times = iter([0.0, 1.0, 2.0])
    line = ProgressLine("永" * 50, 100, clock=lambda: next(times))
    line(1, 1)
    assert capsys.readouterr().err == "\r" + "永" * 9  # 18 of 19 columns
    line.name = "a"
    line(0, 0)
    assert capsys.readouterr().err == "\ra  0.0%" + " " * 11


def test_it_is_drawn_a_few_times_a_second_only(capsys):
    times = iter([0, 0.05, 0.3, 0.31, 0.9])
    progress = ProgressLine("a", 100, clock=lambda: next(times))
    for done in (1, 2, 3, 4):
        progress(done, 0)
    assert capsys.readouterr().err.count("\r") == 2


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (950, "950 B"),
        (999.4, "999 B"),
        (1000, "1.0 kB"),
        (9940, "9.9 kB"),
        (9960, "10 kB"),
        (84_000, "84 kB"),
        (999_400, "999 kB"),
        (999_600, "1.0 MB"),
        (10**15, "1000 TB"),
    ],
)
def test_amounts_have_a_unit(size, text):
    assert amount(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (192, "3:12"), (3723, "1:02:03")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
