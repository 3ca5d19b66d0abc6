"""Models without layers: constant logits, equal on both engines, for mixing alone."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pytest
from oracles.network import OraclePredictor
from random_models import random_vocabulary

import shazip
from shazip import engines
from shazip.engines.constant import ConstantEngine
from shazip.errors import ModelError
from shazip.model import file as modelfile
from shazip.model import store as modelstore
from shazip.model.config import NetworkConfig
from shazip.training.integer.lookup_tables import standard_tables

CARD = Path(__file__).parents[1] / "models" / "none" / "README.md"
TEXT = (Path(__file__).parent / "data" / "wikipedia.xml").read_bytes()[:3000]
SHAPE = {"width": 1, "boom_width": 1, "layers": 0, "attention": (), "window": 1}


def constant_model(logits, **extra):
    """Return a model with these logits; its longer symbols are pieces of words."""
    tensors = {
        "output.logits": logits.astype(np.int16),
        "table.exp_logit": standard_tables(len(logits))["table.exp_logit"],
        **extra,
    }
    if len(logits) > 256:
        tensors |= random_vocabulary(1, len(logits)).tensors()
    config = NetworkConfig(**SHAPE, vocabulary=len(logits))
    plain = modelfile.build(config, tensors)
    canary = engines.record_canary(engines.open_unproved(plain))
    return modelfile.build(config, tensors, metadata={"canary": canary})


@pytest.mark.parametrize("symbols", [256, 512, 1024])
@pytest.mark.parametrize("most", [0, 40, 1000, 32767])
def test_frequencies_and_logits_are_the_oracles(symbols, most):
    logits = np.random.default_rng(most).integers(-most, most, symbols, endpoint=True)
    model = constant_model(logits)
    oracle = OraclePredictor(model, 3)
    for name in engines.available():
        network = engines.open_engine(model, name).predictor(3)
        for live in (3, 1):
            assert np.array_equal(network.predict(live), oracle.predict(live))
            assert np.array_equal(network.logits(live), oracle.logits(live))
            network.update(np.zeros(live, np.uint16))


@pytest.mark.parametrize("symbols", [256, 1024])
@pytest.mark.parametrize("mix", [True, False])
def test_archives_are_the_same_on_both_engines_and_come_back(symbols, mix):
    model = constant_model(np.arange(symbols) % 100)
    made = [
        shazip.Codec(model, engine=name, lanes=5, mix=mix).compress(TEXT)
        for name in engines.available()
    ]
    assert len(set(made)) == 1
    for name in engines.available():
        assert shazip.Codec(model, engine=name).decompress(made[0]) == TEXT


def test_the_published_model_is_the_one_that_its_card_makes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(textwrap.dedent(CARD.read_text().split("Made by\n")[1]), {})
    made = modelfile.load(tmp_path / "none.safetensors")
    assert made.id == modelstore.find("none").id
    engines.check_long(engines.open_engine(made))


@pytest.mark.parametrize("size", ["width", "boom_width", "window", "heads"])
def test_without_layers_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match="without layers the other sizes are 1"):
        NetworkConfig(**{**SHAPE, size: 2})


def test_tensors_of_a_network_are_refused():
    with pytest.raises(ModelError, match=r"unknown tensor 'start\.symbol'"):
        constant_model(np.zeros(256), **{"start.symbol": np.zeros(1, np.uint16)})


def test_it_has_no_window_to_set():
    with pytest.raises(ModelError, match="has no layers, so no window"):
        modelfile.with_window(modelstore.find("none"), 2)


def test_its_memory_covers_its_rows():
    engine = ConstantEngine(modelstore.find("none"), "native", 1)
    network = engine.predictor(7)
    assert engine.state_size(7) == network.predict(7).nbytes + network.logits(7).nbytes
