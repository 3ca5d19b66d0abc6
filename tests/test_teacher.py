"""Distillation: a network learns from the probabilities of another one."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402

from shazip.model.config import NetworkConfig  # noqa: E402
from shazip.model.vocabulary import Vocabulary  # noqa: E402
from shazip.training import run  # noqa: E402
from shazip.training.errors import TrainingError  # noqa: E402
from shazip.training.settings import (  # noqa: E402
    Corpus,
    Distillation,
    OptimiserConfig,
    RunConfig,
    Schedule,
    TrainConfig,
)
from shazip.training.teacher import Teacher  # noqa: E402

SMALL = NetworkConfig(12, 24, 2, (0,), 16)
PAIRS = Vocabulary.learned([(b"a", b"b"), (b"ab", b"a")])


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "text"
    letters = np.random.default_rng(1).choice([97, 98, 10], 6000, p=[0.5, 0.4, 0.1])
    path.write_bytes(letters.astype(np.uint8).tobytes())
    return path


def config(text, total=4000, teacher=None, vocabulary=PAIRS, width=8, **distillation):
    return TrainConfig(
        (Corpus(text),),
        Schedule(total, peak=5e-3, warmup=200, quantise_last=0),
        NetworkConfig(width, 2 * width, 1, (), 8, vocabulary=vocabulary.size),
        vocabulary,
        OptimiserConfig(average=0.5),
        distillation=Distillation(teacher, **distillation),
        lanes=2,
        steps=16,
        bfloat16=False,
    )


@pytest.fixture(scope="module")
def teacher(text):
    run.begin(config(text, total=12_000, width=24), text.parent / "teacher", RunConfig())
    return text.parent / "teacher"


def test_the_loss_is_the_divergence_at_a_temperature(text, teacher):
    settings = config(text, teacher=teacher, temperature=2.0)
    loaded = Teacher(teacher, settings)
    symbols, logits = torch.tensor([[97, 98], [10, 97]]), torch.randn(2, 2, PAIRS.size)
    loss, state = loaded.loss(symbols, loaded.network.start(2), logits)
    wanted, _ = loaded.network(symbols, loaded.network.start(2))
    p, q = F.softmax(wanted / 2, -1), F.softmax(logits / 2, -1)
    assert float(loss) == pytest.approx(4 * float((p * (p / q).log()).sum()), rel=1e-4)
    assert not any(layer.h.requires_grad for layer in state)


def test_a_learner_of_the_teacher_alone_comes_near_to_it(text, teacher, tmp_path):
    """It never sees which symbol came, and still learns what does."""
    settings = config(text, total=16_000, teacher=teacher, teacher_share=1.0, temperature=1.0)
    learner = run.begin(settings, tmp_path / "run", RunConfig()).network.eval()
    loaded = Teacher(teacher, settings)
    symbols = torch.tensor(PAIRS.parse(text.read_bytes()[:800]).astype(np.int64))[:, None]
    with torch.no_grad():
        logits, _ = learner(symbols, learner.start(1))
        loss, _ = loaded.loss(symbols, loaded.network.start(1), logits)
    assert float(loss) / len(symbols) < 0.1 * math.log(PAIRS.size)


def test_a_resumed_learner_continues_bit_for_bit(text, teacher, tmp_path):
    settings = config(text, teacher=teacher)
    whole = run.begin(settings, tmp_path / "whole", RunConfig())
    count = iter(range(100))
    run.begin(settings, tmp_path / "cut", RunConfig(), stop=lambda: next(count) >= 9)
    resumed = run.resume(tmp_path / "cut", RunConfig())
    assert resumed.updates == whole.updates
    for name, tensor in resumed.network.state_dict().items():
        assert torch.equal(tensor, whole.network.state_dict()[name]), name


def test_the_teacher_of_a_run_is_fixed(text, teacher, tmp_path):
    count = iter(range(100))
    own = tmp_path / "teacher.pt"
    own.write_bytes((teacher / "checkpoint.pt").read_bytes())
    settings = config(text, teacher=own)
    run.begin(settings, tmp_path / "run", RunConfig(), stop=lambda: next(count) >= 2)
    run.begin(config(text, total=400, width=24), tmp_path / "other", RunConfig())
    own.write_bytes((tmp_path / "other" / "checkpoint.pt").read_bytes())
    with pytest.raises(TrainingError, match="teacher"):
        run.resume(tmp_path / "run", RunConfig())


def test_a_teacher_of_another_vocabulary_is_refused(text, teacher, tmp_path):
    settings = config(text, teacher=teacher, vocabulary=Vocabulary.learned([(b"a", b"b")]))
    with pytest.raises(TrainingError, match="another vocabulary"):
        run.begin(settings, tmp_path / "run", RunConfig())
