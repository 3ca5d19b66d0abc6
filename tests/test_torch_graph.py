"""Steps as graphs: a stand-in for CUDA's capture shows when they are used, and that bits agree."""

from __future__ import annotations

import numpy as np
import pytest
from random_models import CONFIGS, KINDS, random_model

torch = pytest.importorskip("torch")

from shazip.engines import torch_graph  # noqa: E402 (they need torch)
from shazip.engines.torch import TorchEngine  # noqa: E402
from shazip.engines.torch_graph import GraphPredictor, proves  # noqa: E402
from shazip.engines.torch_predictor import TorchPredictor  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def fixed(work):
    """Capture as CUDA does: warm up first, then each replay fills the same tensor."""
    result = work().clone()
    work()

    def replay():
        result.copy_(work())
        return result

    return replay


def stuck(work):
    """Capture something that gives the captured values for ever."""
    result = work()
    return lambda: result


def refused(work):
    raise RuntimeError("operation not permitted when stream is capturing")


def columns(steps, lanes, vocabulary):
    """Return columns whose live lanes fall and rise again, with runs of all lanes between."""
    rng = np.random.default_rng(4)
    live = [lanes if step % 7 < 4 else 1 + step % lanes for step in range(steps)]
    return [rng.integers(0, vocabulary, n, np.uint16) for n in live]


def run(predictor, cols):
    for column in cols:
        yield predictor.predict(len(column)).copy()
        predictor.update(column)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["plain", "odd", "heads", "window one", "no attention"])
def test_a_graphs_frequencies_are_those_of_the_step(name, kind):
    engine = TorchEngine(random_model(3, CONFIGS[name], kind))
    cols = columns(40, 5, engine.model.config.vocabulary)
    graph, plain = GraphPredictor(engine, 5, fixed), TorchPredictor(engine, 5)
    for found, expected in zip(run(graph, cols), run(plain, cols), strict=True):
        assert found.dtype == np.uint32
        assert np.array_equal(found, expected)


def test_logits_between_two_graphs_leave_no_gap():
    engine = TorchEngine(random_model(3, CONFIGS["plain"]))
    graph, plain = GraphPredictor(engine, 3, fixed), TorchPredictor(engine, 3)
    for step in range(30):
        method = "logits" if step % 4 == 1 else "predict"
        assert np.array_equal(getattr(graph, method)(3), getattr(plain, method)(3))
        for predictor in (graph, plain):
            predictor.update(np.array([step, 5, 7], np.uint16))


@pytest.mark.parametrize(
    ("capture", "proved"),
    [(fixed, True), (stuck, False), (refused, False)],
    ids=["right", "stuck", "refused"],
)
def test_only_a_graph_that_gives_the_probes_frequencies_is_proved(capture, proved):
    assert proves(TorchEngine(random_model(3, CONFIGS["plain"])), capture) is proved


@pytest.mark.parametrize("proved", [True, False])
def test_the_engine_tries_graphs_once_and_uses_them_if_they_are_proved(monkeypatch, proved):
    engine, tried = TorchEngine(random_model(3, CONFIGS["plain"])), []
    assert type(engine.predictor(2)) is TorchPredictor  # a CPU has no graphs
    engine.graphs = None  # as on a GPU
    monkeypatch.setattr("shazip.engines.torch.proves", lambda e: tried.append(e) or proved)
    monkeypatch.setattr("shazip.engines.torch.GraphPredictor", lambda *a: ("graph", *a))
    for _ in range(2):
        found = engine.predictor(2)
        assert (found == ("graph", engine, 2)) if proved else type(found) is TorchPredictor
    assert tried == [engine]


def test_where_a_graph_has_no_room_the_step_goes_without(monkeypatch):
    engine = TorchEngine(random_model(3, CONFIGS["plain"]))
    engine.graphs = True
    monkeypatch.setattr("shazip.engines.torch.GraphPredictor", lambda *a: refused(a))
    assert type(engine.predictor(2)) is TorchPredictor


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", ["plain", "heads", "no attention", "1024 symbols"])
def test_cuda_captures_the_step(name):
    engine = TorchEngine(random_model(3, CONFIGS[name]), device="cuda")
    assert proves(engine)
    cols = columns(40, 5, engine.model.config.vocabulary)
    graph, plain = GraphPredictor(engine, 5, torch_graph.capture), TorchPredictor(engine, 5)
    for found, expected in zip(run(graph, cols), run(plain, cols), strict=True):
        assert np.array_equal(found, expected)
