"""`--frame-size`, `--jobs`, `--range` and `--salvage` at the command line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_run import TEXT, command, files_in, process, shazip

from shazip.frames import info

FRAMED = ("compress", "--block-size", 64, "--frame-size", 100)


@pytest.fixture(autouse=True)
def folder(folder):
    """A current directory with the file `a`, and `a.shz` of six frames."""
    assert shazip(*FRAMED, "a").code == 0
    return folder


def test_frames_have_the_size_that_is_asked_for(folder):
    assert [frame.original_size for frame in info("a.shz").frames] == [100] * 5 + [4]
    assert shazip("decompress", "-c", "a.shz").out == TEXT


@pytest.mark.parametrize(
    ("ranges", "parts"),
    [
        ("0-10", [(0, 10)]),
        ("150-", [(150, 504)]),
        ("99-301", [(99, 301)]),
        ("5@400, 0-1", [(400, 405), (0, 1)]),
        ("504-504", []),
        ("0-504,0-504", [(0, 504), (0, 504)]),
    ],
)
def test_a_range_is_what_it_says(ranges, parts):
    done = shazip("decompress", "-c", "--range", ranges, "a.shz")
    assert (done.code, done.err) == (0, "")
    assert done.out == b"".join(TEXT[start:stop] for start, stop in parts)


def test_sizes_of_ranges_have_units():
    done = shazip("decompress", "-c", "--range", "0.5KiB-", "a.shz")
    assert done.code == 2
    assert shazip("decompress", "-c", "--range", "1KiB-1MiB", "a.shz").code == 1


@pytest.mark.parametrize("ranges", ["", "x", "5", "7-5", "-5", "5@", "1-2,", "1-2-3"])
def test_what_is_no_range_is_a_usage_error(ranges):
    assert shazip("decompress", "-c", "--range", ranges, "a.shz").code == 2


@pytest.mark.parametrize("ranges", ["0-505", "505-", "600-700", "1@504"])
def test_bytes_that_are_not_there_are_an_error(folder, ranges):
    done = shazip("decompress", "-o", "part", "--range", ranges, "a.shz")
    assert done.code == 1
    assert "of 504" in done.err
    assert files_in(folder) == ["a", "a.shz"]


def test_a_pipe_is_read_forward(folder):
    archive = (folder / "a.shz").read_bytes()
    forward = process("decompress", "--range", "10-20,300-310", "-c", input=archive)
    assert (forward.out, forward.err) == (TEXT[10:20] + TEXT[300:310], "")
    back = process("decompress", "--range", "300-310,10-20", "-c", input=archive)
    assert back.code == 1
    assert "cannot go back" in back.err


@pytest.mark.parametrize("flags", [["--range", "0-5"], ["--salvage"]])
def test_parts_are_not_written_where_the_whole_would_be(folder, flags):
    for more in ([], ["-c", "--rm"], ["-c", "--jobs", 2]):
        assert shazip("decompress", *flags, *more, "a.shz").code == 2
    assert files_in(folder) == ["a", "a.shz"]


def test_salvage_writes_intact_frames_and_says_what_is_lost(folder):
    archive = bytearray((folder / "a.shz").read_bytes())
    second = info("a.shz").frames[0].compressed_size
    archive[second + 70] ^= 1
    (folder / "b.shz").write_bytes(archive)
    done = shazip("decompress", "--salvage", "-o", "b", "b.shz")
    assert done.code == 1
    assert f"b.shz: warning: lost: bytes {second}-" in done.err
    assert "100 bytes of content" in done.err
    assert done.err.count("\n") == 2
    assert (folder / "b").read_bytes() == TEXT[:100] + TEXT[200:]


def test_salvage_of_what_is_intact_is_decompression(folder):
    done = shazip("decompress", "--salvage", "-o", "b", "a.shz")
    assert (done.code, done.err) == (0, "")
    assert (folder / "b").read_bytes() == TEXT


def test_where_nothing_is_intact_nothing_is_written(folder):
    (folder / "b.shz").write_bytes(b"\xf5shz" * 30)
    done = shazip("decompress", "--salvage", "-o", "b", "b.shz")
    assert done.code == 1
    assert "0 intact frames" in done.err
    assert not (folder / "b").exists()


@pytest.mark.parametrize("jobs", [1, 3])
def test_any_number_of_jobs_gives_the_same_archive(folder, jobs):
    done = process(*FRAMED, "--jobs", jobs, "--verify", "-o", "b.shz", "a")
    assert (done.code, done.err) == (0, "")
    assert (folder / "b.shz").read_bytes() == (folder / "a.shz").read_bytes()


def test_jobs_decode_and_test(folder):
    done = process("decompress", "--jobs", 2, "-c", "a.shz")
    assert (done.code, done.out, done.err) == (0, TEXT, "")
    (folder / "b.shz").write_bytes((folder / "a.shz").read_bytes()[:-30])
    done = process("test", "--jobs", 2, "a.shz", "b.shz")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith("shazip: b.shz: ")


def under_way(folder, *arguments):
    """A run with workers that do not come to an end, and the workers' ids."""
    run = subprocess.Popen(command(*arguments, seconds=1), stderr=subprocess.PIPE)
    workers: list[int] = []
    for _ in range(3000):
        tasks = Path(f"/proc/{run.pid}/task").glob("*/children")
        children = [int(child) for path in tasks for child in path.read_text().split()]
        workers = [child for child in children if b"spawn_main" in words(child)]
        if len(workers) == 2:
            time.sleep(0.5)  # they have begun
            return run, workers
        time.sleep(0.01)
    pytest.fail(f"waited in vain for workers, there are {workers}")


def words(process_id):
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes()
    except OSError:
        return b""


def gone(workers):
    for _ in range(2000):
        if not any(b"spawn_main" in words(worker) for worker in workers):
            return True
        time.sleep(0.01)
    return False


linux = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_jobs(folder, number):
    run, workers = under_way(folder, *FRAMED, "--jobs", 2, "-o", "b.shz", "a")
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (128 + number, b"")
    assert gone(workers)
    assert files_in(folder) == ["a", "a.shz"]


@linux
def test_jobs_end_when_their_parent_is_killed(folder):
    run, workers = under_way(folder, *FRAMED, "--jobs", 2, "-o", "b.shz", "a")
    run.kill()
    run.communicate(timeout=60)
    assert gone(workers)


@linux
def test_a_job_that_is_killed_is_one_clear_line(folder):
    run, workers = under_way(folder, *FRAMED, "--jobs", 2, "-o", "b.shz", "a")
    os.kill(workers[0], signal.SIGKILL)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 1
    assert err.decode() == (
        "shazip: a: a worker process ended in the middle of a frame: killed, or out of memory\n"
    )
    assert gone(workers)
    assert files_in(folder) == ["a", "a.shz"]
