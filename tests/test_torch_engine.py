"""The torch engine gives the oracle's bits, whatever lanes, threads, processor and precision."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from oracles.frequencies import to_frequencies
from oracles.network import Lane, OraclePredictor
from random_models import CONFIGS, KINDS, random_model

from shazip.model.config import NetworkConfig

torch = pytest.importorskip("torch")

from shazip.engines import probe_hash  # noqa: E402 (they need torch)
from shazip.engines.torch import TorchEngine  # noqa: E402
from shazip.engines.torch_ops import EXACT_LENGTH, integer_root, normalise, product  # noqa: E402

gpu = pytest.param("cuda", marks=pytest.mark.gpu)
DEVICES = ["cpu", gpu]
# Wide enough that libraries split and reorder their sums.
BIG = NetworkConfig(200, 600, 2, (0, 1), 40, 2)


@pytest.fixture(autouse=True)
def _setting(request):
    if request.node.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # these models are too small for more
    yield
    torch.set_num_threads(threads)


def columns(seed: int, steps: int, lanes: int, vocabulary: int = 256) -> list[np.ndarray]:
    """Return columns as two blocks give them: live falls to one, then all lanes are live again."""
    rng = np.random.default_rng(seed)
    half = steps // 2
    live = [lanes - i * lanes // (half + 1) for i in range(half)] + [lanes] * (steps - half)
    return [rng.integers(0, vocabulary, n, np.uint16) for n in live]


def run(predictor, cols, method="predict") -> list[np.ndarray]:
    rows = []
    for column in cols:
        rows.append(getattr(predictor, method)(len(column)).copy())
        predictor.update(column)
    return rows


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CONFIGS)
def test_logits_are_the_oracles(name, kind, device):
    model = random_model(5, CONFIGS[name], kind)
    size = model.config.vocabulary
    cols = columns(5, 4, 2) if name == "wide" else columns(5, 30, 4, size)
    found = run(TorchEngine(model, device=device).predictor(len(cols[0])), cols, "logits")
    expected = run(OraclePredictor(model, len(cols[0])), cols, "logits")
    assert all(
        f.dtype == np.int16 and np.array_equal(f, e) for f, e in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["big", "odd", "heads"])
def test_states_are_the_oracles(name, kind, device):
    """Logits forgive small errors, as their steps are coarse; the state they come from does not."""
    model = random_model(15, {**CONFIGS, "big": BIG}[name], kind)
    cols = columns(15, 50, 2)
    found, expected = TorchEngine(model, device=device).predictor(2), OraclePredictor(model, 2)
    run(found, cols, "logits")
    run(expected, cols, "logits")
    for i, lane in enumerate(expected.lanes):
        for layer in range(model.config.layers):
            assert found.state.hidden[layer][i].tolist() == lane.hidden[layer].tolist()
            assert found.state.cell[layer][i].tolist() == lane.cell[layer].tolist()
        assert ring(found, i) == {k: [m.tolist() for m in v] for k, v in lane.memory.items()}


def ring(predictor, lane: int) -> dict[int, list[list[int]]]:
    """Return a lane's memory vectors by layer, the oldest first."""
    config, state = predictor.engine.model.config, predictor.state
    written = int(state.written[lane])
    slots = [i % config.window for i in range(max(0, written - config.window), written)]
    rows = slice(lane * config.heads, (lane + 1) * config.heads)
    return {
        layer: memory[rows][:, slots].transpose(0, 1).flatten(1).tolist()
        for layer, memory in state.memory.items()
    }


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("width", [1, 37, 200, 384, 4096])
def test_layer_norms_are_the_oracles(width, device):
    rng = np.random.default_rng(width)
    spread = np.exp2(rng.uniform(0, 19, (300, 1)))
    rows = np.clip(
        spread * rng.standard_normal((300, width)) + spread * rng.normal(0, 2), -(2**19), 2**19
    )
    rows = np.rint(rows).astype(np.int64)
    lane = Lane(random_model(1, CONFIGS["plain"]))
    found = normalise(torch.tensor(rows, dtype=torch.float64, device=device)).cpu().numpy()
    lane.config = NetworkConfig(width, width, 1, (), 1, 1)
    assert np.array_equal(found, [lane.layer_norm(row) for row in rows])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("seen", "rows"), [(1, 3), (3, 20000), (60, 40), (5000, 2)])
def test_attention_is_the_oracles(seen, rows, device):
    rng = np.random.default_rng(seen)
    model = random_model(16, NetworkConfig(16, 16, 1, (0,), 5000, 1))
    spread = np.exp2(rng.uniform(0, 6, (rows, 1, 1)))
    memory = np.rint(spread * rng.standard_normal((rows, seen, 16))).clip(-127, 127)
    focus = np.rint(40 * rng.standard_normal((rows, 1, 16))).clip(-127, 127)
    attention = TorchEngine(model, device=device).network.layers[0].attention
    found = attention._attend(
        torch.tensor(focus, dtype=torch.float32, device=device),
        torch.tensor(memory, dtype=torch.int8, device=device),
        None,
    )
    lane = Lane(model)
    for row, q, m in zip(found[:, 0], focus.astype(np.int64), memory.astype(np.int64), strict=True):
        assert row.tolist() == lane.attend("layers.0.", q[0], list(m)).tolist()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["odd", "512 symbols", "1024 symbols"])
def test_frequencies_are_the_oracles(name, kind, device):
    model = random_model(6, CONFIGS[name], kind)
    cols = columns(6, 8, 3, model.config.vocabulary)
    found = run(TorchEngine(model, device=device).predictor(3), cols)
    for rows, expected in zip(found, run(OraclePredictor(model, 3), cols), strict=True):
        assert rows.dtype == np.uint32
        assert rows.flags.c_contiguous
        assert (rows.sum(1, dtype=np.uint64) == 2**24).all()
        assert np.array_equal(rows, expected)


def test_predict_is_logits_made_frequencies():
    model = random_model(7, CONFIGS["heads"])
    cols = columns(7, 10, 5)
    engine = TorchEngine(model)
    freqs, logits = run(engine.predictor(5), cols), run(engine.predictor(5), cols, "logits")
    for rows, expected in zip(freqs, logits, strict=True):
        table = model.tensors["table.exp_logit"]
        assert np.array_equal(rows, to_frequencies(expected, table))


@pytest.mark.parametrize("kind", KINDS)
def test_lanes_do_not_depend_on_their_company(kind):
    engine = TorchEngine(random_model(8, BIG, kind))
    text = np.random.default_rng(8).integers(0, 256, (45, 64), np.uint16)
    crowd = np.stack(run(engine.predictor(64), list(text)))
    for lanes in (1, 2, 7):
        few = np.stack(run(engine.predictor(lanes), list(text[:, :lanes])))
        assert np.array_equal(few, crowd[:, :lanes])
    same = np.stack(run(engine.predictor(64), list(np.repeat(text[:, :1], 64, axis=1))))
    assert (same == crowd[:, :1]).all()


def test_lanes_that_fall_behind_keep_their_own_memory():
    engine = TorchEngine(random_model(9, CONFIGS["plain"]))
    cols = columns(9, 60, 6)
    found = run(engine.predictor(6), cols)
    for lane in range(6):
        own = [column[lane : lane + 1] for column in cols if len(column) > lane]
        alone = run(engine.predictor(1), own)
        assert np.array_equal(
            [rows[lane] for rows in found if len(rows) > lane], [r[0] for r in alone]
        )


def test_threads_do_not_change_bits():
    model = random_model(10, BIG)
    hashes = {probe_hash(TorchEngine(model, threads=n), 5, 33) for n in (None, 1, 2)}
    assert len(hashes) == 1


def test_the_programs_settings_are_restored():
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    model = random_model(11, BIG)
    expected = probe_hash(TorchEngine(model), 4, 9)
    torch.set_float32_matmul_precision("medium")
    try:
        assert probe_hash(TorchEngine(model, threads=threads + 1), 4, 9) == expected
        assert torch.get_float32_matmul_precision() == "medium"
        assert torch.get_num_threads() == threads
    finally:
        torch.set_float32_matmul_precision(precision)


CHILD = """
import test_torch_engine as t
print(t.digest())
"""


def digest() -> str:
    """Return the hash of what a big and a wide model give, in whatever process this runs."""
    engines = [
        TorchEngine(random_model(12, config), threads=1) for config in (BIG, CONFIGS["wide"])
    ]
    text = "".join(probe_hash(engine, 12, 7) for engine in engines)
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "environment",
    [{"ATEN_CPU_CAPABILITY": "default"}, {"MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "1"}],
    ids=["baseline", "compatible"],
)
def test_other_instruction_sets_give_the_same_bits(environment):
    here = Path(__file__).parent
    command = [sys.executable, "-c", CHILD]
    env = {
        **os.environ,
        **environment,
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)]),
    }
    child = subprocess.run(command, env=env, cwd=here, capture_output=True, text=True, check=True)
    assert child.stdout.strip() == digest()


def test_the_state_size_covers_what_is_allocated():
    model = random_model(13, BIG)
    state = TorchEngine(model).predictor(5).state
    tensors = [state.symbols, *state.hidden, *state.cell, *state.memory.values()]
    size = sum(t.numel() * t.element_size() for t in tensors)
    assert size < TorchEngine(model).state_size(5) < 5 * 2**20


@pytest.mark.parametrize("length", [1, EXACT_LENGTH, EXACT_LENGTH + 1, 4096])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_longest_products_are_exact(length, sign):
    a = torch.full((3, length), 127.0)
    a[1, ::2] = 126
    b = torch.full((length, 2), 127.0 * sign)
    assert torch.equal(product(a, b), a.double() @ b.double())
    assert float(product(a, b)[0, 0]) == sign * length * 127**2


def test_integer_roots_are_floors():
    roots = np.random.default_rng(0).integers(0, 2**29, 2000)
    roots = np.concatenate([roots, [0, 1, 2, 2**29, 2**29 - 1, 3 * 2**27]])
    for offset in (-1, 0, 1):
        squares = np.maximum(roots**2 + offset, 0)
        found = integer_root(torch.from_numpy(squares)).numpy()
        assert (found**2 <= squares).all()
        assert ((found + 1) ** 2 > squares).all()


@pytest.mark.parametrize("row", [[0] * 8, [2**19] * 8, [2**19, -(2**19)] * 4, [1] * 7 + [2]])
def test_layer_norms_of_extreme_rows_are_bounded(row):
    z = normalise(torch.tensor([row], dtype=torch.float64))
    assert z.abs().max() <= 32767
    if len(set(row)) == 1:
        assert not z.any()
