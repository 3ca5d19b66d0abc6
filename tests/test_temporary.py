"""Temporary files: what a killed process leaves goes with the next run, everything else stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shazip import temporary
from shazip.atomic import AtomicFile, replace_file

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX locks")

WRITER = """
import sys, time
from pathlib import Path
from shazip.atomic import AtomicFile
with AtomicFile(Path(sys.argv[1]), overwrite=True) as file:
    file.write(b"half")
    file.flush()
    print(file.temporary.name, flush=True)
    time.sleep(600)
"""


def writing(target: Path) -> tuple[subprocess.Popen[str], Path]:
    """Return a process that writes to `target` and the temporary file it has begun."""
    line = [sys.executable, "-P", "-c", WRITER, str(target)]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, target.parent / process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


def next_run(folder: Path) -> None:
    """Write a file to `folder` as a process does that has not looked into it yet."""
    temporary.remove_abandoned.cache_clear()
    replace_file(folder / "next", lambda file: file.write(b"whole"))


def test_the_file_of_a_killed_process_goes_with_the_next_run(tmp_path):
    process, left = writing(tmp_path / "a")
    kill(process)
    assert left.read_bytes() == b"half"
    next_run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["next"]


def test_the_file_of_a_process_at_work_stays(tmp_path):
    process, left = writing(tmp_path / "a")
    next_run(tmp_path)
    assert left.read_bytes() == b"half"
    kill(process)
    next_run(tmp_path)
    assert not left.exists()


def test_a_file_of_the_same_process_stays(tmp_path):
    with AtomicFile(tmp_path / "a", overwrite=False) as file:
        next_run(tmp_path)
        file.write(b"whole")
        file.commit(None)
    assert (tmp_path / "a").read_bytes() == b"whole"


def make(path: Path) -> Path:
    path.write_bytes(b"kept")
    return path


def test_a_file_of_another_host_stays(tmp_path):
    name = temporary.new_path(tmp_path).name
    other = make(tmp_path / name.replace(name[8:16], f"{int(name[8:16], 16) ^ 1:08x}", 1))
    next_run(tmp_path)
    assert other.read_bytes() == b"kept"


def test_a_file_of_another_user_stays(tmp_path, monkeypatch):
    other = make(temporary.new_path(tmp_path))
    stranger = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    next_run(tmp_path)
    assert other.read_bytes() == b"kept"


def test_links_folders_and_pipes_stay(tmp_path):
    target = make(tmp_path / "target")
    link, folder, pipe = (temporary.new_path(tmp_path) for _ in range(3))
    link.symlink_to(target)
    folder.mkdir()
    os.mkfifo(pipe)
    next_run(tmp_path)
    assert link.is_symlink()
    assert folder.is_dir()
    assert pipe.is_fifo()
    assert target.read_bytes() == b"kept"


def test_a_name_that_is_only_alike_stays(tmp_path):
    names = ("shazip-0.tmp", ".shazip-notes", temporary.new_path(tmp_path).name + ".txt")
    others = [make(tmp_path / name) for name in names]
    next_run(tmp_path)
    assert all(path.read_bytes() == b"kept" for path in others)


def test_a_new_file_that_was_taken_for_an_abandoned_one_is_made_anew(tmp_path, monkeypatch):
    hold, taken = temporary.hold, []

    def remove_first(descriptor: int, path: Path) -> bool:
        if not taken:
            taken.append(path)
            path.unlink()
        return hold(descriptor, path)

    monkeypatch.setattr(temporary, "hold", remove_first)
    next_run(tmp_path)
    assert len(taken) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["next"]


def test_a_folder_is_searched_once(tmp_path):
    next_run(tmp_path)
    left = make(temporary.new_path(tmp_path))
    replace_file(tmp_path / "next", lambda file: file.write(b"again"))
    assert left.exists()
