"""benchmarks.gpu on a CPU: it resumes, keeps to its time, packs, splits, and every piece runs."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import nullcontext
from dataclasses import replace

import pretend
import pytest

torch = pytest.importorskip("torch")

from benchmarks.gpu import __main__ as gpu  # noqa: E402 (they need torch)
from benchmarks.gpu import bare, bundle, parts, pieces, state  # noqa: E402
from benchmarks.gpu.context import QUICK, Context, Scale  # noqa: E402
from benchmarks.gpu.pieces import Piece  # noqa: E402
from benchmarks.gpu.worker import FailedError, Worker  # noqa: E402
from shazip.model.config import NetworkConfig  # noqa: E402
from shazip.model.vocabulary import Vocabulary  # noqa: E402
from shazip.training import run  # noqa: E402
from shazip.training.checkpoint import load_checkpoint, save_weights  # noqa: E402
from shazip.training.network.architecture import new_network  # noqa: E402
from shazip.training.settings import CHECKPOINT, Corpus, RunConfig  # noqa: E402

TEXT = b"".join(b"The lane of line %d is a slice of the block.\n" % n for n in range(6000))


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Two texts, a held-out one, and weights of a tiny network of 512 symbols."""
    folder = tmp_path_factory.mktemp("source")
    for name, part in (("a", TEXT[:200_000]), ("b", TEXT[::-1]), ("valid", TEXT[:3000])):
        (folder / name).write_bytes(part)
    pairs = [(bytes([a]), bytes([b])) for a in b"aeiou nst" for b in range(97, 126)][:256]
    network = new_network(NetworkConfig(16, 16, 2, (0,), 8, 1, 512))
    save_weights(network, Vocabulary.learned(pairs), folder / "weights.safetensors", {"texts": []})
    return folder


@pytest.fixture(scope="module")
def packed(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    texts = [f"{source / 'a'}=3", str(source / "b")]
    given = ["--from", str(source / "weights.safetensors"), "--valid", str(source / "valid")]
    assert gpu.main(["--pack", str(folder), *given, *texts]) == 0
    return folder


@pytest.fixture
def context(packed, tmp_path):
    bundle.unpack(packed, tmp_path)
    return Context(packed, tmp_path, "cpu", QUICK, time.time() + 100)


def never(*arguments):
    raise AssertionError("called")


# What is done, in which order, in which time.


def test_a_second_call_does_only_what_the_first_left(tmp_path):
    todo = [Piece("one", "", 10), Piece("long", "", 90), Piece("two", "", 10)]
    called, told = [], []

    def call(seconds, piece, context):
        called.append((piece.name, seconds))
        return {"figure": 1}

    first = Context(tmp_path, tmp_path, "cpu", QUICK, time.time() + 60)
    assert pieces.run(todo, first, call, told.append)
    assert [name for name, _ in called] == ["one", "two"]
    assert all(seconds <= 10 * pieces.PATIENCE + pieces.START for _, seconds in called)
    assert told[1] == "long: 90 s do not fit"
    assert pieces.run(todo, replace(first, end=time.time() + 100), call, told.append)
    assert [name for name, _ in called] == ["one", "two", "long"]
    assert pieces.read(tmp_path / "long.json")["figure"] == 1


def test_the_long_training_gets_the_rest_in_every_call(tmp_path):
    context = Context(tmp_path, tmp_path, "cpu", QUICK, time.time() + 500)
    found = []
    for _ in range(2):
        call = lambda seconds, *_: found.append(seconds) or {"unfinished": True}  # noqa: E731
        pieces.run([Piece("text", "", 60, rest=True)], context, call, lambda _: None)
    assert len(found) == 2
    assert min(found) > 490


def test_a_piece_that_fails_is_tried_twice_and_ends_no_other(tmp_path):
    context, called = Context(tmp_path, tmp_path, "cpu", QUICK, time.time() + 500), []

    def call(seconds, piece, context):
        called.append(piece.name)
        if piece.name == "bad":
            raise FailedError("the device is gone")
        return {}

    todo = [Piece("bad", "", 1), Piece("good", "", 1)]
    results = [pieces.run(todo, context, call, lambda _: None) for _ in range(3)]
    assert results == [False, False, True]
    assert called == ["bad", "good", "bad"]
    assert pieces.read(tmp_path / "bad.json")["failed"] == "the device is gone"


def test_all_pieces_fit_into_commands_of_ten_minutes_and_have_functions():
    listed = pieces.pieces(Scale())
    assert len({piece.name for piece in listed}) == len(listed)
    assert max(piece.seconds for piece in listed) < 500
    assert listed[-1].rest
    modules = {piece.function.split(".")[0] for piece in listed}
    assert modules == {"measures", "training"}


def test_a_worker_outlives_what_happens_in_its_process():
    worker = Worker(pretend.act)
    try:
        first = worker.call(60, "work")
        assert worker.call(60, "work") == first != os.getpid()
        with pytest.raises(FailedError, match="out of memory"):
            worker.call(60, "raise")
        with pytest.raises(FailedError, match="ended with code 9"):
            worker.call(60, "crash")
        with pytest.raises(FailedError, match="stopped after 0 s"):
            worker.call(0.2, "hang")
        assert worker.call(60, "work") != first
    finally:
        worker.close()


# What travels there.


def test_a_bundle_brings_texts_vocabulary_and_weights(packed, source, tmp_path):
    sizes = bundle.unpack(packed, tmp_path)
    assert sizes == {"a": 200_000, "b": len(TEXT), "valid": 3000}
    for name in sizes:
        assert (tmp_path / "texts" / name).read_bytes() == (source / name).read_bytes()
    recipe = json.loads((packed / "recipe.json").read_text())
    assert [text["weight"] for text in recipe["texts"]] == [3, 1]
    weights = bundle.WEIGHTS
    assert (packed / weights).read_bytes() == (source / "weights.safetensors").read_bytes()


def test_a_changed_bundle_is_refused(packed, tmp_path):
    copy = tmp_path / "bundle"
    copy.mkdir()
    (copy / "texts").mkdir()
    for path in packed.rglob("*"):
        if path.is_file():
            (copy / path.relative_to(packed)).write_bytes(path.read_bytes())
    (copy / "texts" / "a.xz").write_bytes(b"")
    with pytest.raises(ValueError, match=r"texts/a\.xz missing or not as packed"):
        bundle.unpack(copy, tmp_path / "work")


def test_a_text_is_packed_as_far_as_it_fits(source, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "PIECE", 1 << 14)
    (tmp_path / "noise").write_bytes(os.urandom(1 << 17))
    assert bundle.pack_text(tmp_path / "noise", tmp_path / "xz", 60_000) == 3 << 14
    assert (tmp_path / "xz").stat().st_size <= 60_000


def test_a_bundle_without_room_for_its_texts_is_refused(source, tmp_path):
    what = bundle.Source(source / "weights.safetensors", source / "valid", ((source / "a", 1.0),))
    with pytest.raises(ValueError, match="no room for a"):
        bundle.pack(what, tmp_path / "bundle", 41_000)


@pytest.mark.parametrize("code", [0, 1])
def test_wheels_are_fetched_for_the_other_machines_python(tmp_path, monkeypatch, code):
    commands = []

    def pip(command, **options):
        commands.append(command)
        return subprocess.CompletedProcess(command, code, stderr="no network")

    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(ValueError, match="no network") if code else nullcontext():
        bundle.fetch_wheels("3.12", tmp_path)
    (command,) = commands
    assert command[command.index("--python-version") + 1] == "3.12"
    assert {"constriction", "nanobind"} <= set(command)


@pytest.mark.parametrize("missing", ["torch", "constriction"])
def test_what_a_bare_machine_lacks_is_said(context, monkeypatch, missing):
    find = bare.importlib.util.find_spec
    monkeypatch.setattr(
        bare.importlib.util, "find_spec", lambda name: None if name == missing else find(name)
    )
    monkeypatch.setattr(bare, "use_site", lambda work: work)
    with pytest.raises(FailedError, match=missing):
        bare.set_up(context)


def test_without_a_gpu_the_command_says_so(packed, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([str(packed), "-o", str(tmp_path), "--budget", "5"]) == 1
    assert "finds no CUDA device" in capsys.readouterr().err


# What comes back.


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
def test_parts_are_small_and_make_the_file_again(tmp_path, size):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    written = parts.split([path], tmp_path / "out", 1000)
    assert len(written) == -(-size // 1000) + 1
    assert all(part.stat().st_size <= 1000 for part in written)
    (joined,) = parts.join(tmp_path / "out", tmp_path / "back")
    assert joined.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_damaged_parts_are_refused(tmp_path, damage):
    (tmp_path / "file").write_bytes(bytes(2500))
    _, second, *_ = parts.split([tmp_path / "file"], tmp_path / "out", 1000)
    if damage == "missing":
        second.unlink()
    else:
        second.write_bytes(b"x" * 1000)
    with pytest.raises(ValueError, match=r"lacks file\.001|checksum"):
        parts.join(tmp_path / "out", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_results_of_another_machine_are_not_measured_again(context, packed, tmp_path):
    (tmp_path / "graph.json").write_text('{"proved": true}')
    gpu.collect(tmp_path, pieces.pieces(QUICK), tmp_path / "out")
    other = tmp_path / "other"
    other.mkdir()
    gpu.seed(tmp_path / "out", other)
    assert pieces.done(Piece("graph", "", 1), other)
    assert not pieces.done(Piece("coder", "", 1), other)


# Every piece, in tiny.


@pytest.mark.parametrize(
    "name", ["archives", "graph", "steps-2", "alone-2", "mixed-4", "coder", "heads-2", "window-0"]
)
def test_a_piece_runs_on_a_cpu(context, name):
    (piece,) = [piece for piece in pieces.pieces(QUICK) if piece.name == name]
    found = pieces.perform(piece, context)
    json.dumps(found)
    if name == "archives":
        assert found["2 lanes, mixed"]["bytes"] < found["size"]
    if name == "heads-2":
        assert found["config"]["network"]["heads"] == 2
        assert found["complete"]
        assert not found["unfinished"]
        assert found["curve"][-1]["valid_average"] > 0


def test_the_papers_preset_stops_in_time(context):
    endless = {**QUICK.paper, "total": 1 << 40}
    scale = replace(QUICK, paper=endless, paper_seconds=1.0)
    (piece,) = [piece for piece in pieces.pieces(QUICK) if piece.name == "paper"]
    found = pieces.perform(piece, replace(context, scale=scale))
    assert found["bytes"] > 0
    assert not found["complete"]
    assert found["config"]["optimiser"]["kind"] == "lamb"


def test_the_long_training_resumes_falls_and_comes_home(context, source, tmp_path):
    (piece,) = [piece for piece in pieces.pieces(QUICK) if piece.rest]
    found = [
        pieces.perform(piece, replace(context, end=time.time() + 2, finish=finish))
        for finish in (False, False, True)
    ]
    done = [each["bytes"] for each in found]
    assert done == sorted(set(done))
    totals = [each["config"]["schedule"]["total"] for each in found]
    assert totals[0] == totals[1] > 1e12 > totals[2] > done[1]
    gpu.collect(tmp_path, pieces.pieces(QUICK), tmp_path / "out")
    texts = [f"{source / 'a'}=2", str(source / "b")]
    assert gpu.main(["--join", str(tmp_path / "out"), "-o", str(tmp_path / "run"), *texts]) == 0
    config, content = load_checkpoint(tmp_path / "run" / CHECKPOINT)
    there = load_checkpoint(tmp_path / "text" / CHECKPOINT)[1]
    assert [corpus.path for corpus in config.corpora] == [source / "a", source / "b"]
    assert content["done"] == there["done"]
    for name, tensor in there["model"].items():
        torch.testing.assert_close(content["model"][name], tensor, rtol=1e-3, atol=1e-6)
    end = replace(config.schedule, total=content["done"] + 200)
    trainer = run.resume(
        tmp_path / "run", RunConfig(), change=lambda old: replace(old, schedule=end)
    )
    assert trainer.done >= content["done"] + 200


def test_a_state_has_no_large_numbers_of_32_bits_and_no_lanes():
    given = {"a": [torch.ones(3)], "step": torch.tensor(5.0), "n": 1, "i": torch.ones(2).int()}
    found = state.narrow(given, torch.bfloat16)
    assert found["a"][0].dtype == torch.bfloat16
    assert (found["step"].dtype, found["i"].dtype) == (torch.float32, torch.int32)
    assert "lanes" not in state.KEPT


def test_a_run_is_packed_with_its_texts_and_its_rate(source, tmp_path):
    from shazip.training.configure import new_config
    from shazip.training.distributed import ALONE

    given = {**QUICK.study, "peak": 5e-3, "threads": 1}
    config = new_config((Corpus(source / "a", 2.0), Corpus(source / "b")), given, ALONE)
    run.begin(config, tmp_path / "run", RunConfig())
    bundle.pack(bundle.Source(tmp_path / "run", source / "valid"), tmp_path / "bundle")
    recipe = json.loads((tmp_path / "bundle" / "recipe.json").read_text())
    assert [(text["name"], text["weight"]) for text in recipe["texts"]] == [("a", 2), ("b", 1)]
    assert recipe["settings"] == {"peak": 5e-3, "steps": 8, "jitter": 0.0}
