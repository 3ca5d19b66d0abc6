"""The native engine gives the oracle's bits, whatever the variant, the threads and the lanes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.network import OraclePredictor
from random_models import CONFIGS, KINDS, random_model

import shazip
from shazip.engines import native
from shazip.engines.native import NativeEngine
from shazip.errors import ModelError, ShazipError
from shazip.model.config import NetworkConfig
from shazip.model.file import IntegerModel

_native = pytest.importorskip("shazip._native")
VARIANTS = native.variants()


def columns(seed: int, steps: int, lanes: int, vocabulary: int = 256) -> list[np.ndarray]:
    """Return columns as two blocks give them: the live lanes fall to one, then all live again."""
    rng = np.random.default_rng(seed)
    live = [lanes - i * lanes // (steps // 2 + 1) for i in range(steps // 2)]
    live += [lanes] * (steps - len(live))
    return [rng.integers(0, vocabulary, n, np.uint16) for n in live]


def frequencies(predictor: object, cols: list[np.ndarray]) -> np.ndarray:
    """Return the frequencies of all steps, one lane's after the other's."""
    rows = []
    for column in cols:
        rows.append(predictor.predict(len(column)).copy())
        predictor.update(column)
    return np.concatenate(rows)


def native_frequencies(
    model: IntegerModel, cols: list[np.ndarray], threads: int = 1, variant: str = ""
) -> np.ndarray:
    engine = NativeEngine(model, threads, variant=variant)
    engine.pool.fix_ranks(threads)  # on a busy machine too
    return frequencies(engine.predictor(max(map(len, cols))), cols)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CONFIGS)
def test_every_variant_gives_the_oracles_frequencies(name, kind):
    model = random_model(7, CONFIGS[name], kind)
    steps, lanes = (4, 2) if name == "wide" else (24, 5)
    cols = columns(7, steps, lanes, model.config.vocabulary)
    expected = frequencies(OraclePredictor(model, len(cols[0])), cols)
    for variant in VARIANTS:
        for threads in (1, 3):
            found = native_frequencies(model, cols, threads, variant)
            assert np.array_equal(found, expected), (variant, threads)


@st.composite
def configs(draw):
    heads = draw(st.integers(1, 4))
    width = heads * draw(st.integers(1, 30))
    layers = draw(st.integers(1, 3))
    attention = draw(st.sets(st.integers(0, layers - 1)))
    groups = draw(st.integers(1, 5))
    window = draw(st.integers(1, 40))
    vocabulary = draw(st.sampled_from([256, 256, 512, 1024]))
    return NetworkConfig(
        width, width * groups, layers, tuple(sorted(attention)), window, heads, vocabulary
    )


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    config=configs(),
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 1000),
    lanes=st.integers(1, 7),
    steps=st.integers(1, 50),
    threads=st.integers(1, 6),
    variant=st.sampled_from(VARIANTS),
)
def test_random_networks_give_the_oracles_frequencies(
    config, kind, seed, lanes, steps, threads, variant
):
    model = random_model(seed, config, kind)
    cols = columns(seed, steps, lanes, config.vocabulary)
    expected = frequencies(OraclePredictor(model, lanes), cols)
    assert np.array_equal(native_frequencies(model, cols, threads, variant), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lanes", [1, 3, 33])
def test_the_torch_engine_gives_the_same_frequencies_past_the_window(lanes, kind):
    torch_engine = pytest.importorskip("shazip.engines.torch")
    model = random_model(3, NetworkConfig(136, 272, 2, (0, 1), 37, 2), kind)
    cols = columns(3, 90, lanes)
    expected = frequencies(torch_engine.TorchEngine(model, threads=1).predictor(lanes), cols)
    for variant in VARIANTS:
        assert np.array_equal(native_frequencies(model, cols, 2, variant), expected), variant


@pytest.fixture(scope="module")
def model():
    return random_model(5, NetworkConfig(200, 400, 2, (0,), 24, 1), "calm")


def test_threads_never_change_a_bit(model):
    for lanes in (1, 2, 9, 75):
        cols = columns(lanes, 40, lanes)
        expected = native_frequencies(model, cols)
        for threads in (2, 3, 5, 16):
            assert np.array_equal(native_frequencies(model, cols, threads), expected), threads


@pytest.mark.parametrize("lanes", [1, 5, 9])
def test_threads_that_come_and_go_never_change_a_bit(model, lanes):
    cols = columns(lanes, 60, lanes)
    expected = native_frequencies(model, cols)
    engine = NativeEngine(model, 4)
    predictor = engine.predictor(lanes)
    rows = []
    for column, ranks in zip(cols, np.random.default_rng(lanes).integers(0, 5, 60), strict=True):
        engine.pool.fix_ranks(int(ranks))
        rows.append(predictor.predict(len(column)))
        predictor.update(column)
    assert np.array_equal(np.concatenate(rows), expected)


@pytest.fixture(scope="module")
def wide_model():
    """Return a network whose threads are still at the next step's first product when it comes."""
    return random_model(6, NetworkConfig(400, 400, 2, (), 4, 1), "calm")


def test_work_begun_for_other_lanes_never_changes_a_bit(wide_model):
    rng = np.random.default_rng(8)
    cols = [rng.integers(0, 256, live, np.uint16) for live in rng.integers(1, 6, 200)]
    expected = native_frequencies(wide_model, cols)
    for threads in (2, 3):
        assert np.array_equal(native_frequencies(wide_model, cols, threads), expected), threads


def test_what_is_done_between_steps_never_changes_a_bit(wide_model):
    cols = columns(9, 40, 2)
    expected = native_frequencies(wide_model, cols)
    engine = NativeEngine(wide_model, 2)
    engine.pool.fix_ranks(2)
    predictor, other = engine.predictor(2).native, engine.predictor(2).native
    meanwhile = (
        lambda: predictor.products_only(2),
        lambda: predictor.products_only(1),
        lambda: predictor.count_costs(True),
        predictor.costs,
        lambda: frequencies(other, cols[-1:]),
        lambda: frequencies(engine.predictor(2), cols[-1:]),  # and goes while threads work for it
    )
    rows = []
    for step, column in enumerate(cols):
        rows.append(predictor.predict(len(column)))
        predictor.update(column)
        meanwhile[step % len(meanwhile)]()
    assert np.array_equal(np.concatenate(rows), expected)


def test_a_lane_does_not_depend_on_its_company(model):
    cols = columns(1, 60, 70)
    engine = NativeEngine(model, 2)
    together = engine.predictor(70)
    alone = engine.predictor(1)
    for column in cols:
        assert np.array_equal(together.predict(len(column))[0], alone.predict(1)[0])
        together.update(column)
        alone.update(column[:1])


def test_logits_advance_the_state_as_predict_does(model):
    engine = NativeEngine(model, 1)
    predictor, other = engine.predictor(3), engine.predictor(3)
    for step, column in enumerate(columns(2, 12, 3)):
        if step % 2:
            assert np.array_equal(predictor.predict(len(column)), other.predict(len(column)))
        else:
            assert predictor.logits(len(column)).dtype == np.int16
            other.predict(len(column))
        predictor.update(column)
        other.update(column)


def test_frequencies_are_positive_and_sum_to_the_total(model):
    freqs = native_frequencies(model, columns(4, 30, 6))
    assert freqs.dtype == np.uint32
    assert freqs.min() >= 1
    assert (freqs.sum(1, dtype=np.int64) == 2**24).all()


def test_a_prediction_is_an_array_of_its_own(model):
    predictor = NativeEngine(model, 1).predictor(1)
    first = predictor.predict(1)
    before = first.copy()
    predictor.update(np.array([7], np.uint16))
    predictor.predict(1)
    assert np.array_equal(first, before)


@pytest.mark.parametrize("live", [-1, 0, 4, 2**31 - 1])
def test_lanes_that_do_not_exist_are_refused(model, live):
    with pytest.raises(ValueError, match="lanes"):
        NativeEngine(model, 1).predictor(3).predict(live)


def test_predict_and_update_alternate(model):
    predictor = NativeEngine(model, 1).predictor(3)
    with pytest.raises(ValueError, match="2 symbols came after a step of 0 lanes"):
        predictor.update(np.zeros(2, np.uint16))
    predictor.predict(3)
    with pytest.raises(ValueError, match="before the symbols"):
        predictor.predict(3)
    with pytest.raises(ValueError, match="2 symbols came after a step of 3 lanes"):
        predictor.update(np.zeros(2, np.uint16))


@pytest.mark.parametrize("vocabulary", [256, 512, 1024])
def test_a_symbol_beyond_the_vocabulary_is_refused(vocabulary):
    config = NetworkConfig(8, 8, 1, (), 4, 1, vocabulary)
    predictor = NativeEngine(random_model(0, config), 1).predictor(2)
    predictor.predict(2)
    with pytest.raises(ValueError, match=f"symbol {vocabulary} came, there are {vocabulary}"):
        predictor.update(np.array([0, vocabulary], np.uint16))
    predictor.update(np.array([0, vocabulary - 1], np.uint16))


def test_state_size_counts_what_lanes_cost(model):
    engine = NativeEngine(model, 1)
    window = 24 + 8  # rounded up to whole vectors
    assert engine.state_size(101) - engine.state_size(1) >= 100 * window * 200
    assert engine.state_size(1) < 10**6


def arguments(model: IntegerModel, **changes: object) -> dict[str, object]:
    config = model.config
    names = ("width", "boom_width", "layers", "window", "heads", "vocabulary")
    values = {name: getattr(config, name) for name in names}
    values |= {"attention": list(config.attention), "tensors": dict(model.tensors), "threads": 1}
    return values | changes


@pytest.mark.parametrize("name", sorted(random_model(0, CONFIGS["plain"]).tensors))
def test_a_tensor_of_another_shape_type_or_absent_is_refused(name):
    model = random_model(0, CONFIGS["plain"])
    tensor = model.tensors[name]
    for wrong in (
        tensor[:-1],
        tensor.astype(np.int64),
        np.zeros(0, np.int8),
        tensor.reshape(-1, 1),
    ):
        if wrong.shape == tensor.shape and wrong.dtype == tensor.dtype:
            continue
        tensors = dict(model.tensors) | {name: np.ascontiguousarray(wrong)}
        with pytest.raises(ValueError, match=name):
            _native.Network(**arguments(model, tensors=tensors))
    lacking = {key: value for key, value in model.tensors.items() if key != name}
    with pytest.raises(ValueError, match=f"lacks the tensor '{name}'"):
        _native.Network(**arguments(model, tensors=lacking))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layers.0.lstm_hidden.weight", -128),
        ("layers.0.gates.shift", 23),
        ("layers.0.gates.shift", 2),
        ("layers.1.gates.bias", 2**24 + 1),
        ("layers.1.lstm_norm.shift", 0),
        ("layers.1.boom.multiplier", -1),
        ("layers.0.value.shift", 64),
        ("output.bias", -(2**24) - 1),
        ("table.exp_score", -1),
        ("table.exp_logit", 2**20 + 1),
        ("start.hidden", -128),
        ("start.cell", 2**22 + 1),
    ],
)
def test_a_value_out_of_range_is_refused(name, value):
    model = random_model(0, CONFIGS["plain"])
    tensor = model.tensors[name].copy()
    tensor.flat[-1] = value
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        _native.Network(**arguments(model, tensors=dict(model.tensors) | {name: tensor}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 4097, "boom_width": 4097}, "width is 4097, .* 1 to 4096"),
        ({"width": 0}, "width is 0"),
        ({"width": -8}, "width is -8"),
        ({"boom_width": 32768}, "boom_width is 32768, .* 1 to 16384"),
        ({"layers": 17}, "layers is 17, .* 1 to 16"),
        ({"window": 2**40}, "window is 1099511627776, .* 1 to 16384"),
        ({"heads": 5}, "no multiples"),
        ({"vocabulary": 255}, "255 symbols, .* 256, 512 or 1024"),
        ({"vocabulary": 2048}, "2048 symbols"),
        ({"vocabulary": -256}, "-256 symbols"),
        ({"vocabulary": 512}, "table.exp_logit.*1048576"),
        ({"attention": [2]}, "no layers"),
        ({"attention": [0, 0]}, "no layers"),
        ({"attention": [-1]}, "no layers"),
        ({"window": 1}, "memory vectors"),
        ({"threads": 0}, "threads"),
        ({"variant": "abacus"}, "no variant 'abacus'"),
    ],
)
def test_an_impossible_configuration_is_refused_with_the_limit(change, message):
    model = next(
        found
        for found in (random_model(seed, CONFIGS["plain"]) for seed in range(9))
        if found.tensors["start.memory"].shape[1] > 1
    )
    with pytest.raises(ValueError, match=message):
        _native.Network(**arguments(model, **change))


def test_a_model_that_the_engine_refuses_is_a_model_error(model, monkeypatch):
    monkeypatch.setattr(_native, "Network", lambda **_: (_ for _ in ()).throw(ValueError("no")))
    with pytest.raises(ModelError, match=r"random calm 5: no"):
        NativeEngine(model)


def test_an_engine_that_cannot_be_loaded_names_the_torch_engine(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "shazip._native", None)
    with pytest.raises(
        ShazipError, match=r"native engine cannot be loaded .* torch engine"
    ) as info:
        NativeEngine(model)
    assert "\n" not in str(info.value)


def run_python(code: str) -> str:
    folders = [str(Path(__file__).parent), str(Path(shazip.__file__).parents[1])]
    head = f"import sys; sys.path[:0] = {folders}\n"
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", head + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


MAKE_PREDICTOR = """
    import os, numpy as np
    from random_models import CONFIGS, random_model
    from shazip.engines.native import NativeEngine
    engine = NativeEngine(random_model(1, CONFIGS["odd"]), threads=3)
    predictor = engine.predictor(2)
    column = np.array([65, 66], np.uint16)
    def step():
        freqs = predictor.predict(2)
        predictor.update(column)
        return int(freqs[:, 65].sum())
    print(step())
"""


def test_a_forked_child_goes_on_with_threads_of_its_own():
    output = run_python(
        MAKE_PREDICTOR
        + """
    sys.stdout.flush()
    child = os.fork()
    os.write(1, f"{step()} {step()}\\n".encode())  # in one piece, whatever the other one writes
    del predictor, engine
    if child:
        assert os.waitpid(child, 0)[1] == 0
    """
    )
    _, first, second = output.splitlines()
    assert first == second


def test_engines_may_be_left_to_the_interpreters_exit():
    assert run_python(MAKE_PREDICTOR).strip().isdigit()


def test_several_threads_may_use_one_engine(model):
    from concurrent.futures import ThreadPoolExecutor

    engine = NativeEngine(model, 2)
    cols = columns(6, 40, 3)
    expected = frequencies(engine.predictor(3), cols)
    with ThreadPoolExecutor(4) as executor:
        futures = [executor.submit(frequencies, engine.predictor(3), cols) for _ in range(8)]
    assert all(np.array_equal(future.result(), expected) for future in futures)
