"""Presets: their sizes are the stated ones, and each trains."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from shazip.training import configure  # noqa: E402
from shazip.training.distributed import ALONE  # noqa: E402
from shazip.training.network.architecture import new_network, parameters  # noqa: E402
from shazip.training.parallel import Workers  # noqa: E402
from shazip.training.presets import PRESETS, preset  # noqa: E402
from shazip.training.settings import SIZES, Corpus, TrainConfig, settings_of  # noqa: E402
from shazip.training.trainer import Trainer  # noqa: E402

# As trained, and after folding as quantise folds.
COUNTS = {
    ("sha-rnn", "tiny"): (129_792, 121_344),
    ("sha-rnn", "small"): (1_052_416, 977_920),
    ("sha-rnn", "base"): (4_095_232, 3_798_784),
    ("sha-rnn", "large"): (16_173_056, 15_351_296),
    ("sha-rnn", "paper"): (53_809_408, 51_708_160),
    ("sha-rnn", "paper-full"): (63_283_456, 54_878_464),
    ("awd-lstm", "tiny"): (128_832, 128_832),
    ("awd-lstm", "small"): (1_047_168, 1_047_168),
    ("awd-lstm", "base"): (4_133_888, 4_133_888),
    ("awd-lstm", "large"): (15_126_912, 15_126_912),
    ("awd-lstm", "paper"): (47_274_176, 47_274_176),
}
SHORT = {"lanes": 2, "steps": 6, "total": 1000, "threads": 1}


@pytest.fixture
def text(tmp_path) -> Path:
    path = tmp_path / "text"
    path.write_bytes(b"the same words come again and again. " * 20)
    return path


def resolved(text: Path, architecture: str, name: str, **given) -> TrainConfig:
    given = {"architecture": architecture, "preset": name, **given}
    return configure.new_config((Corpus(text),), given, ALONE)


@pytest.mark.parametrize("which", COUNTS, ids="-".join)
def test_presets_have_the_stated_number_of_parameters(text, which):
    config = resolved(text, *which, total=10_000_000)
    with torch.device("meta"):
        assert parameters(new_network(config.network)) == COUNTS[which]


def test_the_papers_networks_have_the_papers_sizes(text):
    # Its embedding and bias hold the 205 byte values that enwik8 has; ours hold 256.
    for name, millions in (("paper", 51.7), ("paper-full", 54.8)):
        folded = COUNTS["sha-rnn", name][1] - (256 - 205) * (1024 + 1)
        assert round(folded / 1e6, 1) == millions


@pytest.mark.parametrize("which", COUNTS, ids="-".join)
def test_every_preset_makes_a_step(text, which):
    config = resolved(text, *which, **SHORT)
    with Workers(1) as workers:
        trainer = Trainer(config, workers)
        before = [p.detach().clone() for p in trainer.parameters]
        update = trainer.update()
    assert 7 < update.bpb < 9
    assert update.rate > 0
    after = zip(before, trainer.parameters, strict=True)
    assert any(not torch.equal(old, new) for old, new in after)


def test_the_papers_recipe(text):
    config = resolved(text, "sha-rnn", "paper", threads=1)
    network, optimiser = config.network, config.optimiser
    assert (network.width, network.boom_width, network.layers) == (1024, 4096, 4)
    assert (network.attention, network.heads, network.window) == ((2,), 1, 5000)
    assert (optimiser.kind, optimiser.minimum_trust, optimiser.clip) == ("lamb", 0.25, 0.25)
    assert (config.lanes, config.steps) == (16, 1024)
    rates = [config.schedule.rate(epoch * 90_000_000) for epoch in (1, 31, 32, 36)]
    assert rates == [2e-3, 2e-3, 1e-3, 1e-3]
    assert config.schedule.rate(400 * 16 * 1024) == pytest.approx(1e-3, rel=1e-3)  # of 800 updates
    dropped = config.regularisation
    assert config.dropout == dropped.drop_input == dropped.drop_output == 0.1


def test_awd_lstms_recipe(text):
    config = resolved(text, "awd-lstm", "paper", threads=1)
    rates = [config.schedule.rate(epoch * 90_000_000) for epoch in (0, 24, 25, 35)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5])
    dropped = config.regularisation
    found = (dropped.drop_input, config.dropout, dropped.drop_output, dropped.drop_weights)
    assert found == (0.1, 0.1, 0.4, 0.2)


def test_every_value_of_a_preset_can_be_overridden(text):
    for architecture, presets in PRESETS.items():
        for name, values in presets.items():
            flags = {p.name for p in train_command().params}
            assert values.keys() <= flags, (architecture, name)
    config = resolved(text, "sha-rnn", "paper", kind="adamw", window=7, peak=0.5, threads=1)
    assert (config.optimiser.kind, config.network.window, config.schedule.peak) == ("adamw", 7, 0.5)
    assert config.network.width == 1024


def train_command():
    from shazip.cli.train import train

    return train


def test_base_is_the_default():
    assert tuple(SIZES) == tuple(PRESETS)
    sizes = {each.name: each.default for each, _ in settings_of(SIZES["sha-rnn"])}
    assert {**preset("sha-rnn", "base"), "heads": 1} == sizes
