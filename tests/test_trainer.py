"""The trainer: it learns, it resumes bit for bit, and it never loses or spoils a run."""

from __future__ import annotations

import json
import math
from collections import deque
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from checkpoints import load_network  # noqa: E402

from shazip.atomic import replace_file  # noqa: E402
from shazip.model.config import NetworkConfig  # noqa: E402
from shazip.model.vocabulary import BYTES  # noqa: E402
from shazip.training import data, metrics, run, sealed  # noqa: E402
from shazip.training.checkpoint import (  # noqa: E402
    load_checkpoint,
    load_weights,
    save_weights,
)
from shazip.training.data import SEGMENT, Feed  # noqa: E402
from shazip.training.errors import TrainingError  # noqa: E402
from shazip.training.evaluate import bits_per_byte  # noqa: E402
from shazip.training.integer.quantise import quantise  # noqa: E402
from shazip.training.integer.start_state import cost  # noqa: E402
from shazip.training.network.sha_rnn import Network  # noqa: E402
from shazip.training.optim import Lamb  # noqa: E402
from shazip.training.parallel import Workers, split  # noqa: E402
from shazip.training.settings import (  # noqa: E402
    BEFORE_DECAY,
    CHECKPOINT,
    METRICS,
    Corpus,
    OptimiserConfig,
    RunConfig,
    Schedule,
    TrainConfig,
)
from shazip.training.trainer import Trainer  # noqa: E402

TINY = NetworkConfig(width=16, boom_width=32, layers=2, attention=(0,), window=8)
WINDOW = 4 * 12  # bytes per update of `config`


@pytest.fixture
def text(tmp_path) -> Path:
    path = tmp_path / "text"
    path.write_bytes(b"the same words come again and again. " * 200)
    return path


def config(text: Path, updates: int = 6, *, quantise_last: float = 0.0, **changes) -> TrainConfig:
    schedule = Schedule(updates * WINDOW, 1e-2, warmup=2 * WINDOW, quantise_last=quantise_last)
    return TrainConfig(
        (Corpus(text),),
        schedule,
        TINY,
        lanes=4,
        steps=12,
        **changes,
    )


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {
        **trainer.network.state_dict(),
        **{f"a{k}": v for k, v in trainer.average.average.state_dict().items()},
    }


def assert_equal(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


VARIANTS = {
    "plain": {},
    "two threads": {"threads": 2},
    "dropout": {"threads": 2, "dropout": 0.2},
    "jitter and accumulation": {"jitter": 0.5, "accumulate": 2, "bfloat16": False},
    "lamb": {"optimiser": OptimiserConfig("lamb")},
    "on the grids early": {"threads": 2, "quantise_last": 0.7},
    "on the grids late": {"quantise_last": 0.2},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_resuming_is_bit_for_bit_the_same(tmp_path, text, variant):
    whole = run.begin(config(text, **variant), tmp_path / "whole", RunConfig())
    calls = iter(range(100))
    half = run.begin(
        config(text, **variant), tmp_path / "half", RunConfig(), stop=lambda: next(calls) == 3
    )
    assert half.updates == 3
    resumed = run.resume(tmp_path / "half", RunConfig())
    assert resumed.updates == whole.updates
    assert_equal(weights(resumed), weights(whole))


def test_the_last_part_is_on_the_grids_and_ends_when_the_run_gets_longer(tmp_path, text):
    folder = tmp_path / "run"
    trainer = run.begin(config(text, quantise_last=0.5), folder, RunConfig(log_updates=1))
    assert trainer.quantised
    seen = [line.get("quantised", False) for line in metrics.read(folder / METRICS)]
    assert seen == [False] * 4 + [True] * 2
    longer = lambda c: replace(c, schedule=replace(c.schedule, total=20 * WINDOW))  # noqa: E731
    calls = iter(range(100))
    again = run.resume(folder, RunConfig(), change=longer, stop=lambda: next(calls) == 1)
    assert not again.quantised


def test_a_checkpoint_from_before_the_grids_is_resumed(tmp_path, text):
    run.begin(config(text, updates=2), tmp_path / "run", RunConfig())
    path = tmp_path / "run" / CHECKPOINT
    content, _ = sealed.load(path)
    del content["trainer"]["grids"]
    fields = json.loads(content["config"])
    del fields["schedule"]["quantise_last"]
    sealed.save({**content, "config": json.dumps(fields)}, path)
    assert run.resume(tmp_path / "run", RunConfig()).updates == 2


def test_a_finish_on_the_grids_brings_the_integer_model_to_what_training_saw(tmp_path, text):
    settings = config(text, updates=60, quantise_last=0.2)
    trainer = run.begin(settings, tmp_path / "run", RunConfig())
    network, symbols = trainer.average.average, np.fromfile(text, np.uint8)
    with Workers(1) as workers:
        seen = bits_per_byte(network, BYTES, symbols[:800], 1, workers)
    assert exact_bpb(network, symbols, symbols[:800]) == pytest.approx(seen, abs=0.05)


def exact_bpb(network: Network, text: np.ndarray, symbols: np.ndarray) -> float:
    return cost(quantise(network, BYTES, text), symbols[:, None]) / len(symbols)


def test_training_learns(tmp_path, text):
    trainer = run.begin(config(text, updates=60), tmp_path / "run", RunConfig(log_updates=5))
    lines = list(metrics.read(tmp_path / "run" / METRICS))
    assert lines[-1]["bpb"] < 4 < 6 < lines[0]["bpb"]
    with Workers(1) as workers:
        bpb = bits_per_byte(trainer.network, BYTES, np.fromfile(text, np.uint8)[:400], 2, workers)
    assert bpb < 4.5


def test_threads_change_only_rounding(text):
    results = []
    for threads in (1, 3):
        with Workers(threads) as workers:
            trainer = Trainer(config(text, threads=threads, bfloat16=False), workers)
            results.append([trainer.update().bpb for _ in range(3)])
    assert results[0] == pytest.approx(results[1], abs=1e-4)


def test_accumulated_windows_are_one_batch(text):
    with Workers(1) as workers:
        trainer = Trainer(config(text, accumulate=3, bfloat16=False), workers)
        update = trainer.update()
    assert update.size == 3 * WINDOW
    assert trainer.done == 3 * WINDOW


def test_jitter_varies_the_windows_by_its_part_and_by_the_update_alone(text):
    with Workers(1) as workers:
        trainers = [Trainer(config(text, jitter=0.25), workers) for _ in range(2)]
        lengths = [[trainer.update().size // 4 for _ in range(8)] for trainer in trainers]
    assert lengths[0] == lengths[1]
    assert len(set(lengths[0])) > 1
    assert all(9 <= steps <= 15 for steps in lengths[0])


def test_training_text_is_mapped_not_read(text):
    (mapped,) = Feed([Corpus(text)], BYTES, 1, 1).texts
    assert isinstance(mapped, np.memmap)
    assert mapped.mode == "r"


def test_evaluation_does_not_depend_on_threads(text):
    with Workers(1) as one, Workers(3) as three:
        network = Trainer(config(text), one).network
        symbols = np.fromfile(text, np.uint8)[:999]
        bpb = [bits_per_byte(network, BYTES, symbols, 5, workers) for workers in (one, three)]
    assert bpb[0] == pytest.approx(bpb[1], rel=1e-6)


def test_feed_gives_contiguous_text_by_weight(tmp_path):
    for name, value in (("a", 0), ("b", 128)):
        ramp = (np.arange(SEGMENT * 3) % 128 + value).astype(np.uint8)
        (tmp_path / name).write_bytes(ramp.tobytes())
    feed = Feed([Corpus(tmp_path / "a", 3), Corpus(tmp_path / "b")], BYTES, lanes=4, seed=1)
    windows = [feed.read(1000) for _ in range(150)]
    symbols = np.concatenate([window[:-1] for window in windows])
    assert all(np.array_equal(a[-1], b[0]) for a, b in pairwise(windows))
    jumps = (symbols[1:] % 128 != (symbols[:-1] + 1) % 128).sum()
    assert jumps == 0  # segments begin at multiples of 128
    assert (symbols < 128).mean() == pytest.approx(0.75, abs=0.1)


def test_feed_reads_everything_once_an_epoch(tmp_path):
    text = np.random.default_rng(0).integers(0, 256, SEGMENT * 3 + 7, np.uint8)
    (tmp_path / "text").write_bytes(text.tobytes())
    feed = Feed([Corpus(tmp_path / "text")], BYTES, lanes=1, seed=4)
    read = feed.read(len(text))[:-1, 0]
    assert np.array_equal(np.sort(read), np.sort(text))
    assert not np.array_equal(read, feed.read(len(text))[:-1, 0])


def test_held_out_text_is_refused(tmp_path, text, monkeypatch):
    digest = data.refuse_held_out(Corpus(text))
    monkeypatch.setitem(data.HELD_OUT, digest, "secret")
    with pytest.raises(TrainingError, match=r"text is secret: held out"):
        Feed([Corpus(text)], BYTES, 1, 1)


def test_other_training_text_cannot_be_resumed_with(tmp_path, text):
    run.begin(config(text, updates=1), tmp_path / "run", RunConfig())
    text.write_bytes(text.read_bytes() + b"x")
    with pytest.raises(TrainingError, match="differ from those"):
        run.resume(tmp_path / "run", RunConfig())


@pytest.mark.parametrize("content", [b"", b"x"])
def test_too_short_text_is_refused(tmp_path, content):
    (tmp_path / "short").write_bytes(content)
    with pytest.raises(TrainingError, match="too few"):
        Feed([Corpus(tmp_path / "short")], BYTES, 1, 1)


def test_a_second_run_does_not_overwrite_the_first(tmp_path, text):
    run.begin(config(text, updates=1), tmp_path / "run", RunConfig())
    with pytest.raises(TrainingError, match="already holds"):
        run.begin(config(text, updates=1), tmp_path / "run", RunConfig())


def test_not_a_number_stops_with_the_last_checkpoint_kept(tmp_path, text):
    run.begin(config(text, updates=2), tmp_path / "run", RunConfig())
    path = tmp_path / "run" / CHECKPOINT
    _, state = load_checkpoint(path)
    good = path.read_bytes()
    state["model"]["bias"][3] = math.nan
    sealed.save({**sealed.load(path)[0], "trainer": state}, path)
    broken = path.read_bytes()
    longer = lambda c: replace(c, schedule=replace(c.schedule, total=99 * WINDOW))  # noqa: E731
    with pytest.raises(TrainingError, match="loss nan"):
        run.resume(tmp_path / "run", RunConfig(save_seconds=0), change=longer)
    assert path.read_bytes() == broken != good


def test_guard_stops_what_diverges():
    guard = metrics.Guard()
    for _ in range(200):
        guard.see(2.0)
    assert guard.sound
    for _ in range(20):
        guard.see(4.0)
    assert not guard.sound
    with pytest.raises(TrainingError, match="diverged"):
        deque(map(guard.see, [4.0] * 100))


def test_a_diverging_run_stops_with_the_last_good_checkpoint(tmp_path, text, monkeypatch):
    update, folder = Trainer.update, tmp_path / "run"

    def diverge(self):
        done = update(self)
        return replace(done, bpb=2.0 if self.updates <= 60 else 9.0)

    monkeypatch.setattr(Trainer, "update", diverge)
    with pytest.raises(TrainingError, match="diverged"):
        run.begin(config(text, updates=200), folder, RunConfig(save_seconds=1e-9))
    _, state = load_checkpoint(folder / CHECKPOINT)
    assert 60 <= state["updates"] < 65


def test_full_disk_keeps_the_last_checkpoint(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"good")

    def fail(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space") as caught:
        replace_file(path, fail)
    assert caught.value.filename == str(path)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"good"


@pytest.mark.parametrize("content", [b"", b"PK not a zip", b"\x80\x02cposix\nsystem\n"])
def test_foreign_checkpoints_are_refused(tmp_path, content):
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(TrainingError, match="no checkpoint"):
        load_checkpoint(tmp_path / CHECKPOINT)


def test_checkpoint_keeps_the_whole_configuration(tmp_path, text):
    written = config(text, updates=1, dropout=0.1, jitter=0.2, optimiser=OptimiserConfig("lamb"))
    run.begin(written, tmp_path / "run", RunConfig())
    assert load_checkpoint(tmp_path / "run" / CHECKPOINT)[0] == written


def test_state_before_the_decay_is_kept(tmp_path, text):
    schedule = Schedule(total=4 * WINDOW, decay=0.5)
    run.begin(replace(config(text), schedule=schedule), tmp_path / "run", RunConfig())
    _, state = load_checkpoint(tmp_path / "run" / BEFORE_DECAY)
    assert state["done"] == 2 * WINDOW


def test_float16_weights_are_enough_for_a_warm_restart(tmp_path, text):
    trainer = run.begin(config(text, updates=60), tmp_path / "run", RunConfig())
    average = load_network(tmp_path / "run" / CHECKPOINT)
    assert_equal(average.state_dict(), trainer.average.average.state_dict())
    save_weights(average, BYTES, tmp_path / "weights", {"bytes": trainer.done})
    network, vocabulary, record = load_weights(tmp_path / "weights")
    assert vocabulary == BYTES
    assert record == {"bytes": trainer.done}
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, average.state_dict()[name], rtol=1e-3, atol=1e-5)
    again = run.begin(
        config(text, updates=1),
        tmp_path / "again",
        RunConfig(log_updates=1),
        weights=tmp_path / "weights",
    )
    first = next(metrics.read(tmp_path / "again" / METRICS))
    assert first["bpb"] < 6
    assert again.updates == 1


def test_weights_of_other_sizes_are_refused(tmp_path, text):
    run.begin(config(text, updates=1), tmp_path / "run", RunConfig())
    save_weights(load_network(tmp_path / "run" / CHECKPOINT), BYTES, tmp_path / "weights", {})
    other = replace(config(text), network=replace(TINY, boom_width=16))
    with pytest.raises(TrainingError, match="do not fit"):
        run.begin(other, tmp_path / "other", RunConfig(), weights=tmp_path / "weights")
    (tmp_path / "junk").write_bytes(b"junk")
    with pytest.raises(TrainingError, match="no weights"):
        load_weights(tmp_path / "junk")


def test_metrics_go_back_to_the_checkpoint(tmp_path):
    path = tmp_path / "metrics"
    lines = [json.dumps({"bytes": n, "bpb": 2.0}) for n in (10, 20, 30)]
    path.write_text("\n".join(lines) + '\n{"bytes": 4')
    metrics.Metrics(path, 20).write(bytes=25, bpb=1.0)
    assert [line["bytes"] for line in metrics.read(path)] == [10, 20, 25]


def test_schedule_warms_up_holds_and_falls():
    schedule = Schedule(total=1000, peak=1.0, warmup=100, decay=0.5, floor=0.1)
    assert schedule.rate(0) == pytest.approx(0.01)
    assert schedule.rate(99) == schedule.rate(500) == 1.0
    assert schedule.rate(750) == pytest.approx(0.55)
    assert schedule.rate(1000) == schedule.rate(2000) == pytest.approx(0.1)


def test_schedule_drops_by_half():
    schedule = Schedule(total=1000, peak=1.0, warmup=0, decay=0.0, drops=(0.5, 0.8))
    assert [schedule.rate(done) for done in (0, 499, 500, 800)] == [1.0, 1.0, 0.5, 0.25]


def test_lamb_makes_the_step_computed_by_hand():
    # mean and square of the first step, corrected: g and g^2, so the step is sign(g) + 0.1 w.
    w = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    lamb = Lamb(
        [{"params": [w], "weight_decay": 0.1}], (0.9, 0.99), 0.0, minimum_trust=0.25, lr=0.01
    )
    w.grad = torch.tensor([2.0, -0.5])
    lamb.step()
    step = torch.tensor([1 + 0.3, -1 + 0.4])
    trust = 5 / math.hypot(1.3, -0.6)
    torch.testing.assert_close(w.detach(), torch.tensor([3.0, 4.0]) - 0.01 * trust * step)


def test_lambs_trust_is_clamped_from_below():
    w = torch.nn.Parameter(torch.tensor([0.03, 0.04]))  # its ratio would be 0.05 / sqrt(2)
    lamb = Lamb([w], (0.9, 0.99), 0.0, minimum_trust=0.25, lr=0.01)
    w.grad = torch.tensor([1.0, 1.0])
    lamb.step()
    torch.testing.assert_close(w.detach(), torch.tensor([0.03, 0.04]) - 0.01 * 0.25)


def test_split_covers_all_lanes():
    assert split(7, 3) == [slice(0, 2), slice(2, 4), slice(4, 7)]


@pytest.mark.parametrize(
    "wrong", [{"lanes": 0}, {"threads": 5}, {"jitter": 1.0}, {"corpora": ()}], ids=str
)
def test_impossible_settings_are_refused(text, wrong):
    with pytest.raises(ValueError, match=r"lanes|threads|jitter|text"):
        replace(config(text), **wrong)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_trains_alike(tmp_path, text):
    for device in ("cpu", "cuda"):
        settings = config(text, device=device, bfloat16=False)
        run.begin(settings, tmp_path / device, RunConfig(log_updates=1))
    lines = [list(metrics.read(tmp_path / device / METRICS)) for device in ("cpu", "cuda")]
    for mine, other in zip(*lines, strict=True):
        assert mine["bpb"] == pytest.approx(other["bpb"], abs=0.01)
