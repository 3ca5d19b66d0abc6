"""The progress line's text."""

import pytest

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
