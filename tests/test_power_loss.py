"""A power cut at any moment leaves the old file or the new one, whole, and never loses a source."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_run import TEXT, fake_codec, shazip
from disk import Recorder, State

from shazip.cli.options import CodecOptions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

PACKED = fake_codec(CodecOptions()).compress(TEXT)
OLD = b"the file that was there before"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A current directory, and an engine that needs no model."""
    monkeypatch.setattr(CodecOptions, "open", fake_codec)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cut(folder: Path, work: Callable[[], object]) -> list[State]:
    """Return the states that the folder may have after a power cut during `work`."""
    return list(record(folder, work).after_power_cuts())


def record(folder: Path, work: Callable[[], object]) -> Recorder:
    """Do `work` and note what it does to the folder; nothing may happen to it unnoticed."""
    recorder = Recorder(folder)
    with pytest.MonkeyPatch.context() as patch:
        recorder.watch(patch)
        work()
    assert recorder.last() == {path.name: path.read_bytes() for path in folder.iterdir()}
    return recorder


def run(*arguments: str) -> Callable[[], None]:
    """Return a call of the command, which must succeed."""

    def work() -> None:
        result = shazip(*arguments)
        assert (result.code, result.err) == (0, "")

    return work


def test_a_new_archive_is_whole_or_not_there(folder):
    (folder / "a").write_bytes(TEXT)
    states = cut(folder, run("compress", "a"))
    assert all(state["a"] == TEXT for state in states)
    assert {state.get("a.shz") for state in states} == {None, PACKED}


def test_a_file_that_is_overwritten_is_the_old_or_the_new_one(folder):
    (folder / "a.shz").write_bytes(PACKED)
    (folder / "a").write_bytes(OLD)
    states = cut(folder, run("decompress", "-f", "a.shz"))
    assert {state["a"] for state in states} == {OLD, TEXT}
    assert all(state["a.shz"] == PACKED for state in states)


@pytest.mark.parametrize(
    ("arguments", "source", "content", "result"),
    [
        (("compress", "--rm", "a"), "a", TEXT, "a.shz"),
        (("decompress", "--rm", "a.shz"), "a.shz", PACKED, "a"),
    ],
)
def test_the_source_goes_only_when_its_result_is_safe(folder, arguments, source, content, result):
    (folder / source).write_bytes(content)
    states = cut(folder, run(*arguments))
    whole = (folder / result).read_bytes()
    assert all(state.get(source) == content or state.get(result) == whole for state in states)
    assert {state.get(result) for state in states} == {None, whole}
    assert any(source not in state for state in states)


def test_a_checkpoint_is_the_last_or_the_new_one(folder):
    pytest.importorskip("torch")
    from shazip.training import sealed

    sealed.save({"step": 1}, folder / "checkpoint.pt")
    before = (folder / "checkpoint.pt").read_bytes()
    states = cut(folder, lambda: sealed.save({"step": 2}, folder / "checkpoint.pt"))
    after = (folder / "checkpoint.pt").read_bytes()
    assert {state["checkpoint.pt"] for state in states} == {before, after}


def test_several_files_at_once_are_each_whole(folder):
    for name in "abc":
        (folder / name).write_bytes(TEXT)
    states = cut(folder, run("compress", "--rm", "a", "b", "c"))
    for state in states:
        for name in "abc":
            assert state.get(name) == TEXT or state.get(f"{name}.shz") == PACKED


@pytest.mark.parametrize("missing", ["sync", "sync folder"])
def test_the_replay_finds_a_missing_sync(folder, missing):
    (folder / "a").write_bytes(TEXT)
    recorder = record(folder, run("compress", "--rm", "a"))
    recorder.events = [event for event in recorder.events if event.kind != missing]
    states = list(recorder.after_power_cuts())
    assert any(state.get("a") != TEXT and state.get("a.shz") != PACKED for state in states)
