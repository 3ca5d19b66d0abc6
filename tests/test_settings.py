"""Settings of training: one statement of each gives its flag, its help, its check and its file."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from shazip.cli.main import run as shazip
from shazip.cli.train_options import SECTIONS
from shazip.model.config import NetworkConfig
from shazip.training import configure
from shazip.training.presets import PRESETS
from shazip.training.settings import (
    SHA_RNN,
    Corpus,
    OptimiserConfig,
    Regularisation,
    RunConfig,
    Schedule,
    TrainConfig,
    settings_of,
)

EVERY = [
    pytest.param(group, each, about, id=f"{group.__name__}.{each.name}")
    for groups in SECTIONS.values()
    for group in groups
    for each, about in settings_of(group)
]
WRONG = {
    "at least 1": ["0", "-1", "x", "1.5"],
    "at least 0": ["-1", "x"],
    "from 0 to 1": ["-0.1", "1.1", "x"],
    "at least 0 and below 1": ["-0.1", "1", "x"],
    "above 0": ["0", "-1", "x"],
}


def new(given: dict[str, object]) -> TrainConfig:
    alone = type("Group", (), {"size": 1, "local_size": 1})()
    return configure.new_config((Corpus(Path("text")),), given, alone)


def test_settings_and_help_need_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import shazip.training.configure, shazip.training.settings\n"
        "from shazip.cli.main import run\n"
        "sys.exit(run(['train', '--help']))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--minimum-trust" in done.stdout


@pytest.mark.parametrize(("group", "each", "about"), EVERY)
def test_help_shows_every_setting(group, each, about, capsys):
    assert shazip(["train", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    name = about.flag.split("/")[0] or each.name.replace("_", "-")
    start = shown.index(f"--{name} ")
    assert each.name in ("width", "layers") or about.help in shown[start:]
    assert about.shown in shown[start:]


def test_sha_rnns_settings_are_its_configs_fields():
    sizes = NetworkConfig()
    assert SHA_RNN.keys() == sizes.__dataclass_fields__.keys() - {"vocabulary"}


@pytest.mark.parametrize(("group", "each", "about"), EVERY)
def test_the_flag_refuses_what_is_out_of_range(group, each, about):
    for text in WRONG.get(about.kind.range, []):
        with pytest.raises(ValueError, match=r"must be|not of the form"):
            about.kind.read(text)


@pytest.mark.parametrize(("group", "each", "about"), EVERY)
def test_the_class_refuses_what_is_out_of_range(group, each, about):
    if group in (NetworkConfig, RunConfig) or about.kind.range not in WRONG:
        return
    whole = {
        TrainConfig: TrainConfig((Corpus(Path("text")),), Schedule(1)),
        Schedule: Schedule(1),
    }.get(group) or group()
    value = (-1,) if isinstance(each.default, tuple) else -1
    name = about.flag or each.name
    with pytest.raises(ValueError, match=f"{name} is .*must be {about.kind.range}"):
        replace(whole, **{each.name: value})


def test_an_unknown_optimiser_and_lone_betas_are_refused():
    with pytest.raises(ValueError, match="optimiser is sgd, must be one of adamw, lamb, nt-asgd"):
        OptimiserConfig("sgd")
    with pytest.raises(ValueError, match="two numbers"):
        OptimiserConfig(betas=(0.9,))
    with pytest.raises(ValueError, match="drop_input is 1"):
        Regularisation(drop_input=1)


@pytest.mark.parametrize(
    ("given", "warmup"),
    [
        ({"total": 100_000_000}, 1_000_000),
        ({"total": 5_000_000}, 500_000),
        ({"total": 5_000_000, "preset": "paper"}, 500_000),
        ({"preset": "paper"}, 800 * 16 * 1024),
        ({"total": 5_000_000, "warmup": 2_000_000}, 2_000_000),
    ],
)
def test_the_warm_up_takes_at_most_a_tenth_unless_it_is_given(given, warmup):
    assert new(given).schedule.warmup == warmup


def test_a_total_below_one_update_is_refused():
    assert new({"total": 4096, "threads": 1}).schedule.total == 4096
    with pytest.raises(ValueError, match=r"4095 bytes is too small: one update takes 4096 symbols"):
        new({"total": 4095})


def test_a_preset_with_a_total_needs_none():
    total = PRESETS["sha-rnn"]["paper"]["total"]
    assert new({"preset": "paper"}).schedule.total == total
    with pytest.raises(ValueError, match="--total"):
        new({"preset": "base"})
