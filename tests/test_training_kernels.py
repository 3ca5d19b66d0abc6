"""The native module's kernels for training, without torch, against the equations in float64."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.lstm import Lstm, sigmoid

from shazip.compiled import load_module

native = load_module()
pytestmark = pytest.mark.skipif(
    not hasattr(native, "lstm_forward"), reason="the processor does not multiply bfloat16"
)

FREE = (-np.inf, np.inf, np.inf, 0.0)
LIMITED = (-1.0, 2.0, 0.75, 127.0)
SIZES = [(5, 3, 16), (3, 1, 1), (4, 13, 33), (2, 6, 64), (6, 7, 70), (1, 32, 15)]


def bfloat16(x: np.ndarray) -> np.ndarray:
    """Return `x` as the upper halves of float32, int16, rounded to the nearest."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16).view(np.int16)


def float32(x: np.ndarray) -> np.ndarray:
    return (x.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def rounded(x: np.ndarray) -> np.ndarray:
    return float32(bfloat16(x)).astype(np.float64)


class Case:
    """Random arguments, and what a call filled."""

    def __init__(self, steps, lanes, width, limits=FREE, rows=0):
        random = np.random.default_rng(7)

        def normal(*shape):
            return random.normal(size=shape).astype(np.float32)

        self.count = rows or steps * lanes
        self.inputs = bfloat16(normal(self.count, 4 * width))
        self.rows = random.integers(0, rows, (steps, lanes)) if rows else None
        self.h, self.c = np.tanh(normal(lanes, width)), normal(lanes, width)
        self.w_state = normal(4 * width, width) / np.float32(np.sqrt(width))
        self.bias, self.limits = normal(4 * width), limits
        self.d_out, self.d_cell = normal(steps, lanes, width), normal(lanes, width)
        self.gates = np.full((steps, lanes, 4 * width), np.nan, np.float32)
        self.cells, self.out = (np.full_like(self.d_out, np.nan) for _ in range(2))
        self.before = np.zeros(self.out.shape, np.int16)
        self.d_gates = np.zeros(self.gates.shape, np.int16)
        self.sums = np.zeros((rows or 1, 4 * width), np.float32)
        self.d_h, self.d_c = (np.full_like(self.c, np.nan) for _ in range(2))

    def forward(self):
        start = self.h, self.c, self.w_state, self.bias
        results = self.gates, self.cells, self.out, self.before
        native.lstm_forward(self.inputs, self.rows, *start, self.limits, *results)
        return self

    def backward(self):
        given = self.d_out, self.d_cell, self.rows, self.c, self.w_state, self.gates, self.cells
        native.lstm_backward(*given, self.d_gates, self.sums, self.d_h, self.d_c)
        return self

    def oracle(self):
        rows = np.arange(self.count) if self.rows is None else self.rows
        inputs = float32(self.inputs).astype(np.float64)[rows.reshape(self.out.shape[:2])]
        return Lstm(inputs, self.h, self.c, rounded(self.w_state), self.bias, *self.limits)


def close(actual, expected):
    """Check that they are apart by no more than rounding to bfloat16 explains, which has 8 bits."""
    scale = np.sqrt(np.mean(np.square(expected)))
    np.testing.assert_allclose(actual, expected, rtol=2**-8, atol=0.03 * scale + 1e-5)


@pytest.mark.parametrize("rows", [0, 5])
@pytest.mark.parametrize("limits", [FREE, LIMITED], ids=["free", "limited"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_an_lstm_follows_the_equations(sizes, limits, rows):
    case = Case(*sizes, limits, rows).forward()
    gates, cells, out, before = case.oracle().forward()
    close(case.gates, gates)
    close(case.cells, cells)
    close(case.out, out)
    close(float32(case.before), before)


@pytest.mark.parametrize("rows", [0, 5])
@pytest.mark.parametrize("limits", [FREE, LIMITED], ids=["free", "limited"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradients_follow_the_equations(sizes, limits, rows):
    case = Case(*sizes, limits, rows).forward().backward()
    d_gates, d_h, d_c = case.oracle().backward(case.d_out, case.d_cell)
    sums = np.zeros(case.sums.shape)
    np.add.at(sums, np.zeros(sizes[:2], int) if case.rows is None else case.rows, d_gates)
    close(float32(case.d_gates), d_gates)
    close(case.d_h, d_h)
    close(case.d_c, d_c)
    close(case.sums, sums)


@pytest.mark.parametrize("sizes", [(5, 16, 4), (1, 1, 1), (7, 21, 3), (3, 70, 2)], ids=str)
def test_boom_and_its_gradient_follow_the_equations(sizes):
    rows, width, chunks = sizes
    random = np.random.default_rng(7)
    wide = bfloat16(4 * random.normal(size=(rows, chunks * width)))
    d_out, d_wide = random.normal(size=(rows, width)).astype(np.float32), np.zeros_like(wide)
    out = np.full((rows, width), np.nan, np.float32)
    native.boom_forward(wide, 0.6, out)
    native.boom_backward(d_out, wide, 0.6, d_wide)
    x = float32(wide).astype(np.float64).reshape(rows, chunks, width)
    gate = sigmoid(x)
    np.testing.assert_allclose(out, 0.6 * (x * gate).sum(1), rtol=1e-5, atol=1e-5)
    expected = 0.6 * d_out[:, None] * gate * (1 + x * (1 - gate))
    np.testing.assert_allclose(float32(d_wide).reshape(x.shape), expected, rtol=2**-8, atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 32), (5, 33), (0, 32)])
def test_a_boom_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        native.boom_forward(np.zeros(shape, np.int16), 1.0, np.zeros((5, 16), np.float32))


def test_without_a_product_only_float32_rounds():
    case = Case(1, 4, 50)
    case.inputs[:] = bfloat16(np.linspace(-100, 100, case.inputs.size).reshape(case.inputs.shape))
    case.w_state[:] = 0
    gates, cells, out, _ = case.oracle().forward()
    case.forward()
    for actual, expected in ((case.gates, gates), (case.cells, cells), (case.out, out)):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=5e-7)


def test_what_is_not_a_number_stays_seen():
    case = Case(2, 2, 20)
    case.c[1, 17] = np.nan
    case.forward()
    assert np.isnan(case.out[0, 1, 17])
    assert not np.isnan(case.out[:, 0]).any()
    assert np.isnan(case.out[1, 1]).all()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("h", np.zeros((2, 16), np.float32)),
        ("w_state", np.zeros((64, 15), np.float32)),
        ("bias", np.zeros(63, np.float32)),
        ("gates", np.zeros((5, 3, 16), np.float32)),
        ("inputs", np.zeros((14, 64), np.int16)),
        ("rows", np.zeros((5, 2), np.int64)),
        ("rows", np.full((5, 3), 15)),
        ("rows", np.full((5, 3), -1)),
    ],
)
def test_arguments_that_do_not_fit_are_refused(name, wrong):
    case = Case(5, 3, 16)
    setattr(case, name, wrong)
    with pytest.raises(ValueError, match=r"shape|row"):
        case.forward()


def test_results_are_never_written_to_a_copy():
    case = Case(5, 3, 16)
    case.out = case.out.astype(np.float64)
    with pytest.raises(TypeError):
        case.forward()
