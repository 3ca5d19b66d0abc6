"""`shazip bench`: what is measured, how failures are shown, and what the tables say."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from shazip.bench import tools
from shazip.bench.curves import by_size, pieces
from shazip.bench.live import LiveTable
from shazip.bench.plan import RefusedError, competitors, open_subject, shazip_row
from shazip.bench.results import Input, Point, Results, Row, speed
from shazip.bench.tables import cells, document, markdown, matrix
from shazip.bench.tools import TOOLS, Library, Program, Shazip
from shazip.bench.trial import Patience, Tool, run_trials
from shazip.cli.main import run
from shazip.model import store as modelstore
from shazip.model.record import was_trained_on

TEXT = b"Neural compressors win every benchmark and are used by nobody. " * 40
FILE = Input("text", len(TEXT), hashlib.sha256(TEXT).hexdigest())
GZIP, BZIP2 = TOOLS[0], TOOLS[1]
MACHINE = {
    "cpu": "a processor",
    "cores": "2",
    "memory": "4 GiB memory",
    "system": "Linux",
    "python": "3.11",
    "shazip": "0.1.0",
}
ROW = Row("shazip", "text", 1000, "0.1.0", "", "", 250, (0.5, 1.0, 0.7), (1.0,), 2**25, 3000, 500)


def measure(path: Path, *chosen: Tool, rounds: int = 1) -> tuple[Row, ...]:
    path = path / "file"
    path.write_bytes(TEXT)
    return run_trials(FILE, path, chosen, Patience(rounds), lambda rows, done: None)


def script(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Put a program called `squeeze` on the PATH; its first argument is c or d."""
    path = folder / "squeeze"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return Program("squeeze", ("squeeze",), ("c", "original", "packed"), ("d", "packed", "result"))


@pytest.mark.parametrize("tool", [t for t in TOOLS if isinstance(t, Library)], ids=lambda t: t.name)
def test_every_library_comes_back_to_the_original(tool, tmp_path):
    if tool.version() is None:
        pytest.skip(f"{tool.package} is not installed")
    (row,) = measure(tmp_path, tool)
    assert row.failure == ""
    assert 20 < row.packed < len(TEXT) / 4


def test_each_round_is_a_time_of_its_own_and_sizes_are_told(tmp_path):
    (row,) = measure(tmp_path, GZIP, rounds=3)
    assert len(row.compress_seconds) == len(row.decompress_seconds) == 3
    assert all(seconds > 0 for seconds in row.compress_seconds)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_the_peak_is_that_of_the_tool_and_not_of_the_benchmark(tmp_path):
    ballast = bytearray(b"x") * 300_000_000
    (row,) = measure(tmp_path, GZIP)
    assert 4_000_000 < row.peak < 100_000_000 < len(ballast)
    assert row.program > 10_000


def test_a_missing_program_is_a_row_that_says_so(tmp_path):
    (row,) = measure(tmp_path, Program("nothing -9", ("no-such-program",), (), ()))
    assert row.failure == "missing: not on the PATH"
    assert cells(row) == ["nothing -9", "missing: not on the PATH"]


def test_a_missing_package_is_a_row_that_names_the_remedy(tmp_path):
    (row,) = measure(tmp_path, Library("x", "x", "no_such_module", (), package="no-such-package"))
    assert row.failure == "missing: pip install 'shazip[bench]'"


def test_a_tool_that_gives_other_bytes_back_has_failed(tmp_path, monkeypatch):
    tool = script(tmp_path, 'head -c 100 "$2" > "$3"', monkeypatch)
    (row,) = measure(tmp_path, tool)
    assert row.failure == "failed: the round trip changed the bytes"


def test_a_tool_that_stops_is_shown_with_its_last_words(tmp_path, monkeypatch):
    tool = script(tmp_path, "echo first >&2; echo out of luck >&2; exit 3", monkeypatch)
    (row, other) = measure(tmp_path, tool, GZIP)
    assert row.failure == "failed: compress: out of luck"
    assert other.failure == ""


def test_a_tool_that_is_killed_is_shown_as_such(tmp_path, monkeypatch):
    (row,) = measure(tmp_path, script(tmp_path, "kill -9 $$", monkeypatch))
    assert row.failure == "failed: compress: killed by signal 9"


def test_a_tool_that_writes_nothing_has_failed(tmp_path, monkeypatch):
    tool = script(tmp_path, '[ $1 = d ] || cp "$2" "$3"', monkeypatch)
    (row,) = measure(tmp_path, tool)
    assert row.failure == "failed: nothing came back"


def test_a_tool_that_takes_long_gets_no_further_round(tmp_path, monkeypatch):
    tool = script(tmp_path, 'sleep 0.1; cp "$2" "$3"', monkeypatch)
    path = tmp_path / "file"
    path.write_bytes(TEXT)
    for seconds in (0, 0.1):
        (row,) = run_trials(FILE, path, [tool], Patience(5, seconds), lambda rows, done: None)
        assert len(row.compress_seconds) == 1


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("7-Zip [64] 16.02 : Copyright (c) 1999-2016 Igor Pavlov", "16.02"),
        ("\n7-Zip (z) 26.02 (x64) : Copyright (c) 1999-2026", "26.02"),
        ("zpaq v7.15 journaling archiver, compiled Jan  5 2021", "7.15"),
        ("paq8px archiver v216 (c) 2026, Matt Mahoney et al.", "216"),
        ("cmix version 21\nCompress:", "21"),
        ("lstm-compress v2\nWith preprocessing:", "2"),
        ("usage: squeeze FILE", "unknown"),
    ],
)
def test_the_version_is_read_from_what_a_program_says(banner, version, tmp_path, monkeypatch):
    tool = script(tmp_path, f"cat <<'END'\n{banner}\nEND\nexit 1", monkeypatch)
    assert tool.version() == version


def test_the_command_of_shazip_names_model_and_options():
    tool = Shazip("x", Path("/models/m.safetensors"), {}, ("--lanes", "8", "--engine", "torch"))
    packing, unpacking = tool.command("compress"), tool.command("decompress")
    model = ["-m", "/models/m.safetensors"]
    options = ["--lanes", "8", "--engine", "torch"]
    assert packing[4:] == ["-qf", *model, *options, "-o", "packed.shz", "original"]
    assert unpacking[4:] == ["-qf", *model, *options[2:], "-o", "result", "packed.shz"]
    assert Shazip("x").command("decompress")[4:] == ["-qf", "-o", "result", "packed.shz"]


def test_without_a_model_the_content_chooses_and_the_largest_model_counts():
    tool = shazip_row("x", None, [])
    assert tool.command("compress")[4:] == ["-qf", "-o", "packed.shz", "original"]
    assert tool.model == modelstore.find_path(None)
    assert shazip_row("x", None, ["-9", "-1"]).model == modelstore.find_path("none")


def test_a_variant_takes_options_in_both_forms(monkeypatch):
    monkeypatch.setattr("shazip.model.store.find_path", lambda name: Path("/models") / str(name))
    monkeypatch.setattr("shazip.model.file.read_metadata", lambda path: {})
    tool = shazip_row("x", "base", ["--lanes=8", "-m", "tiny", "--engine", "torch"])
    assert tool.model == Path("/models/tiny")
    assert tool.options == ("--lanes", "8", "--engine", "torch")
    assert shazip_row("x", "base", ["--model=other"]).model == Path("/models/other")


def test_the_program_counts_the_package_without_models_and_byte_code(tmp_path, monkeypatch):
    for name, size in {"a.py": 5, "b.so": 7, "c.pyc": 11, "models/m.safetensors": 13}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    monkeypatch.setattr(tools, "PACKAGE", tmp_path)
    assert tools.package_size.__wrapped__() == 12


@pytest.mark.parametrize(
    ("metadata", "answer"),
    [
        ({}, None),
        ({"training": {"steps": 3}}, None),
        ({"training": {"files": [{"name": "a", "sha256": "AB"}, {"sha256": "cd"}]}}, True),
        ({"training": {"data": {"x": {"sha256": "cd"}}}}, False),
        ({"training": {"files": "broken"}}, None),
    ],
)
def test_a_file_was_trained_on_if_its_hash_is_in_the_record(metadata, answer):
    assert was_trained_on(metadata, "ab") is answer


def test_the_sums_are_archive_and_model_and_program():
    assert (ROW.packed, ROW.with_model, ROW.with_program) == (250, 3250, 3750)
    assert replace(ROW, program=0).with_program is None


def test_speed_is_the_median_with_half_the_range():
    assert speed(1000, (0.5, 1.0, 0.8)) == pytest.approx((1.25, 0.3125))
    assert speed(1000, (0.5,)) == (2.0, None)


def test_a_row_is_shown_with_units_and_spread():
    assert cells(ROW) == [
        *("shazip", "250", "2.000", "4.00", "1.43 ±36%", "1.00", "34", "3,250", "3,750"),
    ]


@pytest.mark.parametrize(("seen", "mark"), [(True, "*"), (None, "?"), (False, "")])
def test_a_file_that_was_trained_on_carries_a_mark_that_is_explained(seen, mark):
    text = markdown([replace(ROW, trained_on=seen)])
    assert f"| **250{mark}** |" in text
    assert ("trained on" in text or "training data" in text) == bool(mark)


def test_the_matrix_marks_the_smallest():
    other = replace(ROW, tool="xz", packed=260)
    results = Results(MACHINE, (Input("text", 1000, ""),), (ROW, other))
    assert "| text | 1,000 | **250** | 260 |" in matrix(results)


def test_the_matrix_leaves_out_what_only_some_files_were_compressed_with():
    elsewhere = replace(ROW, tool="xz", file="other")
    failed = replace(ROW, tool="zpaq", failure="no room")
    files = (Input("text", 1000, ""), Input("other", 1000, ""))
    both = (ROW, replace(ROW, file="other"))
    rows = (*both, elsewhere, failed, replace(ROW, tool="zpaq", file="other"))
    table = matrix(Results(MACHINE, files, rows))
    assert "| bytes | original | shazip | zpaq |" in table
    assert "| text | 1,000 | **250** | failed |" in table


def test_results_survive_json():
    point = Point("shazip", 1024, 8192, 2000, 1.5)
    files = (Input("text", 1000, "ab"),)
    results = Results(MACHINE, files, (ROW,), (point,), (point,), {"products": 1.5})
    assert Results.loads(results.dumps()) == results
    assert "a processor" in document(results)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_table_in_a_pipe_has_each_row_once():
    stream = io.StringIO()
    table = LiveTable(stream, FILE)
    other = replace(ROW, tool="xz")
    for done in (0, 0, 1, 2):
        table.show([ROW, other], done)
    table.close([ROW, other])
    lines = stream.getvalue().splitlines()
    assert [line.split()[0] for line in lines if line] == ["text:", "tool", "shazip", "xz"]
    assert "\x1b" not in stream.getvalue()


def test_a_table_on_a_terminal_is_redrawn_in_place():
    stream = Terminal()
    table = LiveTable(stream, FILE)
    table.show([replace(ROW, packed=0)], 0)
    table.show([ROW], 1)
    assert stream.getvalue().count("\x1b[2F") == 1
    assert "..." in stream.getvalue()


@pytest.mark.parametrize(
    ("size", "count"), [(1 << 10, 8), (1 << 14, 4), (1 << 16, 1), (1 << 20, 0)]
)
def test_short_pieces_come_from_all_over_the_file(size, count):
    data = bytes(range(256)) * 512
    found = pieces(data, size)
    assert [len(piece) for piece in found] == [size] * count


def test_a_curve_has_a_point_for_each_tool_and_size():
    cuts = [(size, pieces(TEXT, size, 2)) for size in (256, 1024, 1 << 20)]
    points = list(by_size([GZIP, BZIP2], cuts, lambda text: None))
    assert [(p.tool, p.x) for p in points] == [
        *(("gzip -9", 256), ("bzip2 -9", 256), ("gzip -9", 1024), ("bzip2 -9", 1024)),
    ]
    assert all(point.packed > 0 and point.seconds > 0 for point in points)


def test_quick_leaves_programs_out_and_names_choose():
    assert all(isinstance(tool, Library) for tool in competitors((), quick=True))
    assert [tool.name for tool in competitors(("xz", "cmix"))] == ["xz -9e", "cmix"]


def test_a_cut_file_keeps_the_hash_of_the_whole(tmp_path):
    path = tmp_path / "long"
    path.write_bytes(TEXT)
    subject = open_subject(path, 100)
    assert subject.data == TEXT[:100]
    assert subject.file == Input("long, the first 100 bytes", 100, FILE.sha256)


def test_empty_files_and_folders_are_refused(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(RefusedError, match="is empty"):
        open_subject(tmp_path / "empty")
    with pytest.raises(RefusedError, match="is a directory"):
        open_subject(tmp_path)


def test_each_bad_file_gets_one_line_and_the_others_go_on(tmp_path, capsys):
    (tmp_path / "empty").touch()
    (tmp_path / "good").write_bytes(TEXT)
    names = [str(tmp_path / name) for name in ("empty", "", "missing", "good")]
    assert run(["bench", "-t", "gzip", "--rounds", "1", *names]) == 1
    out, err = capsys.readouterr()
    assert [line.split(": ")[2][:12] for line in err.splitlines()] == [
        *("is empty", "is a directo", "No such file"),
    ]
    assert "gzip -9" in out


def test_shazip_is_measured_with_the_tiny_model(tmp_path, capsys):
    (tmp_path / "text").write_bytes(TEXT)
    flags = ["-m", "tiny", "-t", "shazip", "-s", "--no-mix", "--rounds", "1", "--json"]
    assert run(["bench", *flags, str(tmp_path / "text")]) == 0
    rows = Results.loads(capsys.readouterr().out).rows
    assert [(row.tool, row.failure) for row in rows] == [("shazip", ""), ("shazip --no-mix", "")]
    assert all(0 < row.packed < len(TEXT) / 2 and row.model > 100_000 for row in rows)


def test_json_on_standard_output_is_the_whole_of_it(tmp_path, capsys):
    (tmp_path / "good").write_bytes(TEXT)
    assert run(["bench", "-t", "gzip", "--rounds", "1", "--json", str(tmp_path / "good")]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["rows"][0]["tool"] == "gzip -9"
    assert err == ""


def test_pictures_are_the_same_every_time(tmp_path):
    plots = pytest.importorskip("shazip.bench.plots")
    files, points = (Input("text", 1000, ""),), (Point("shazip", 8, 1000, 300, 0.5),)
    results = Results(MACHINE, files, (ROW,), points, points, {"products": 900.0, "coding": 80.0})
    first = plots.save_all(results, tmp_path / "a", "svg")
    second = plots.save_all(results, tmp_path / "b", "svg")
    assert [path.name for path in first] == [
        f"{name}{suffix}.svg"
        for name in ("size-speed-text", "by-size", "by-lanes", "stages")
        for suffix in ("", "-dark")
    ]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="no such signals")
def test_a_run_that_is_ended_takes_the_tool_with_it(tmp_path):
    (tmp_path / "file").write_bytes(TEXT)
    program, note = tmp_path / "zpaq", tmp_path / "pid"
    program.write_text(f"#!/bin/sh\n[ $# = 0 ] && exit\necho $$ > {note}.new\n")
    with program.open("a") as file:
        file.write(f"mv {note}.new {note}\nexec sleep 60\n")
    program.chmod(0o755)
    command = [sys.executable, "-m", "shazip", "bench", "-t", "zpaq", str(tmp_path / "file")]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        wait_until(note.exists)
        process.terminate()
    assert process.returncode == 143
    wait_until(lambda: not is_alive(int(note.read_text())))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit, "waited too long"
        time.sleep(0.02)


def test_the_cost_of_a_byte_is_split_by_stage():
    from shazip.bench.stages import measure as stage_costs
    from shazip.model import store as modelstore

    costs = stage_costs(modelstore.find("tiny"), TEXT[:640])
    assert {"mixing", "coding"} < costs.keys()
    assert sum(costs.values()) > 0
    assert min(costs.values()) >= 0
