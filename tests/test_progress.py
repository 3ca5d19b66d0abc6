"""The progress of files, in words and on a terminal."""

import os
import sys

from shazip.progress import Batch, FileProgress, ProgressLine


def progress(size, **options):
    return FileProgress(ProgressLine("a", sys.stderr, clock=lambda: 20.0), size, **options)


def test_a_file():
    text = progress(10**8).text(12_400_000, 2_030_500, 147.6)
    assert text == "12.4%  1.31 bpb  84 kB/s  eta 17:23"


def test_a_pipe_has_neither_share_nor_time():
    assert progress(None).text(2_500_000, 600_000, 25) == "2.5 MB  1.92 bpb  100 kB/s"


def test_decoding_counts_the_original_as_written():
    text = progress(1000, decoding=True).text(2000, 500, 2)
    assert text == "50.0%  2.00 bpb  1.0 kB/s  eta 0:02"


def test_nothing_done_yet():
    assert progress(1000).text(0, 0, 0) == "0.0%"
    assert progress(0).text(0, 0, 0) == "0 B"


def test_a_name_cannot_break_the_line():
    assert ProgressLine("a\nb\x1b[2J", sys.stderr).name == "a\\nb\\x1b[2J"


def test_several_files_have_a_total():
    batch = Batch(files=5, size=10_000, done=2000, number=2, start=0.0)
    text = progress(1000, batch=batch).text(500, 100, 5)
    assert text == "50.0%  1.60 bpb  100 B/s  eta 0:05  (2 of 5, 25.0%, eta 1:15)"


def test_a_total_of_pipes_only_counts_the_files():
    assert progress(None, batch=Batch(2, 0, number=1)).text(0, 0, 0) == "0 B  (1 of 2)"


def test_a_batch_counts_regular_files(tmp_path):
    for name, size in (("a", 10), ("b", 5)):
        (tmp_path / name).write_bytes(bytes(size))
    names = [str(tmp_path / name) for name in ("a", "b", "missing")]
    batch = Batch.of([*names, "-", PermissionError()])
    assert (batch.files, batch.size) == (5, 15)
    with batch.file(names[0]):
        assert (batch.number, batch.done) == (1, 0)
    assert (batch.number, batch.done) == (1, 10)
    assert Batch.of(names[:1]) is None


def test_the_line_is_cut_by_columns_not_by_characters(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "fileno", lambda: 2, raising=False)
    monkeypatch.setattr("os.get_terminal_size", lambda descriptor: os.terminal_size((20, 5)))
    times = iter([0.0, 1.0, 2.0])
    line = ProgressLine("永" * 50, sys.stderr, clock=lambda: next(times))
    line.show(lambda seconds: f"{seconds}")
    assert capsys.readouterr().err == "\r" + "永" * 9  # 18 of 19 columns
    line.name = "a"
    line.show(lambda seconds: f"{seconds}")
    assert capsys.readouterr().err == "\ra  2.0" + " " * 12


def test_it_is_drawn_a_few_times_a_second_only(capsys):
    times = iter([0, 0.05, 0.3, 0.31, 0.9])
    show = FileProgress(ProgressLine("a", sys.stderr, clock=lambda: next(times)), 100)
    for done in (1, 2, 3, 4):
        show(done, 0)
    assert capsys.readouterr().err.count("\r") == 2
