"""Engines are opened only after they have proved themselves on the model's canary."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from oracles.network import OraclePredictor
from random_models import CONFIGS, random_model

from shazip import engines
from shazip.errors import ModelError, ShazipError
from shazip.model import file as modelfile

torch = pytest.importorskip("torch")

from shazip.engines.torch import TorchEngine  # noqa: E402


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # these models are too small for more
    yield
    torch.set_num_threads(threads)


class OracleEngine:
    name = "oracle"

    def __init__(self, model):
        self.model = model

    def predictor(self, lanes):
        return OraclePredictor(self.model, lanes)

    prober = predictor


def with_canary(model, **changes):
    canary = {**engines.record_canary(TorchEngine(model)), **changes}
    metadata = {"canary": canary}
    return modelfile.build(model.config, model.tensors, name="tested", metadata=metadata)


@pytest.fixture(scope="module")
def model():
    return with_canary(random_model(1, CONFIGS["plain"]))


def test_every_available_engine_opens_and_passes_the_long_check(model):
    assert "torch" in engines.available()
    for name in engines.available():
        engine = engines.open_engine(model, name)
        assert engine.name == name
        engines.check_long(engine)


def test_the_oracle_passes_the_same_canary(model):
    engines.check_canary(OracleEngine(model))


def test_the_first_available_engine_is_the_default(model):
    assert engines.open_engine(model).name == engines.available()[0]


def with_wrong_rounding(model):
    """Return a torch engine that rounds half down at one site of a layer."""
    engine = TorchEngine(model)
    norm = engine.network.layers[-1].boom_norm
    norm.bias = norm.bias - 2.0**-12
    return engine


def test_an_engine_that_rounds_otherwise_is_refused(model):
    with pytest.raises(ModelError, match="the torch engine computes other frequencies"):
        engines.check_canary(with_wrong_rounding(model))


def test_a_broken_engine_is_not_opened(model, monkeypatch):
    monkeypatch.setattr(engines, "_create", lambda model, *_: with_wrong_rounding(model))
    with pytest.raises(ModelError, match="nothing it wrote could be read elsewhere"):
        engines.open_engine(model)


def test_an_engine_that_breaks_late_fails_the_long_check(model):
    engine = TorchEngine(model)
    many = engine.predictor

    def predictor(lanes):
        broken = many(lanes)
        predict, steps = broken.predict, iter(range(10**6))

        def late(live):
            freqs = predict(live)
            if next(steps) > 70:
                freqs = freqs[:, ::-1]
            return np.ascontiguousarray(freqs)

        broken.predict = late
        return broken

    engine.predictor = predictor
    engines.check_canary(engine)
    with pytest.raises(ModelError, match="other frequencies"):
        engines.check_long(engine)


def test_lanes_that_depend_on_each_other_fail_the_long_check(model, monkeypatch):
    engine = TorchEngine(model)
    many = engine.predictor

    def predictor(lanes):
        dependent = many(lanes)
        if lanes == 7:
            dependent.state.cell[0] = dependent.state.cell[0] + 512
        return dependent

    engine.predictor = predictor
    with pytest.raises(ModelError, match="depend on the lane count"):
        engines.check_long(engine)


def test_a_model_without_a_canary_is_refused():
    with pytest.raises(ModelError, match="has no short canary"):
        engines.open_engine(random_model(1, CONFIGS["plain"]))


@pytest.mark.parametrize("canary", [None, [], {}, {"short": 5}, {"short": "00"}])
def test_a_broken_canary_is_refused(canary):
    plain = random_model(1, CONFIGS["plain"])
    broken = modelfile.build(plain.config, plain.tensors, metadata={"canary": canary})
    with pytest.raises(ModelError):
        engines.open_engine(broken)


def test_unknown_engines_and_devices_are_refused(model):
    with pytest.raises(ValueError, match="unknown engine 'abacus', known are native, torch"):
        engines.open_engine(model, "abacus")
    with pytest.raises(ValueError, match="'nonsense'"):
        engines.open_engine(model, "torch", device="nonsense")
    with pytest.raises(ValueError, match="not on 'meta'"):
        engines.open_engine(model, "torch", device="meta")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_gpu_is_said_in_a_sentence(model):
    with pytest.raises(ShazipError, match="torch finds no CUDA device"):
        engines.open_engine(model, device="cuda")


def test_a_missing_engine_says_how_to_get_it(model, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert engines.available() == []
    with pytest.raises(ShazipError, match="no engine is installed"):
        engines.open_engine(model)
    with pytest.raises(ShazipError, match=r"pip install 'shazip\[torch\]'"):
        engines.open_engine(model, "torch")
    with pytest.raises(ShazipError, match=r"the native engine is not installed; .* torch engine"):
        engines.open_engine(model, "native")


def test_a_probe_takes_one_of_torchs_threads_and_coding_as_many_as_wished(model, monkeypatch):
    engine = TorchEngine(model, threads=2)
    step, seen = engine.network.step, []
    record = lambda *args: (seen.append(torch.get_num_threads()), step(*args))[1]  # noqa: E731
    monkeypatch.setattr(engine.network, "step", record)
    engines.check_canary(engine)
    assert set(seen) == {1}
    engine.predictor(1).predict(1)
    assert seen[-1] == 2


def test_asking_what_is_available_does_not_import_torch():
    code = "import sys, shazip.engines as e; e.available(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
