"""Python's checks of a model and those of the native module let in the same models."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import CONFIGS, random_model

from shazip.engines.native import NativeEngine
from shazip.errors import ModelError
from shazip.model import file as modelfile
from shazip.model.arithmetic import ATTENDED_MAX, GROUPS_MAX, LIMITS, Sizes, layout, products
from shazip.model.config import NetworkConfig
from shazip.model.file import IntegerModel

_native = pytest.importorskip("shazip._native")

CONFIG = CONFIGS["heads"]
EDGE = random_model(0, CONFIG, "edge")
FIELDS = layout(CONFIG, Sizes(EDGE.tensors["start.memory"].shape[1]))


def native_refusal(config: NetworkConfig, tensors: dict[str, np.ndarray]) -> str | None:
    """Return why the native module refuses a model that nothing has checked, or None."""
    try:
        NativeEngine(IntegerModel(config, tensors, b""), 1)
    except ModelError as error:
        return str(error)
    return None


def python_refusal(config: NetworkConfig, tensors: dict[str, np.ndarray]) -> str | None:
    try:
        modelfile.build(config, tensors)
    except ModelError as error:
        return str(error)
    return None


def with_value(name: str, value: int) -> dict[str, np.ndarray]:
    values = EDGE.tensors[name].copy()
    values.flat[-1] = value
    return {**EDGE.tensors, name: values}


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_both_refuse_what_is_out_of_range(name):
    field = FIELDS[name]
    info = np.iinfo(field.dtype)
    if not EDGE.tensors[name].size:
        return
    for value in (field.low - 1, field.high + 1):
        if info.min <= value <= info.max:
            refused = native_refusal(CONFIG, with_value(name, value))
            assert refused is not None, (name, value)
            assert name in refused
            assert python_refusal(CONFIG, with_value(name, value)) is not None


@pytest.mark.parametrize("product", list(products(CONFIG)), ids=lambda p: p.shift)
def test_both_refuse_multipliers_beyond_what_the_shift_allows(product):
    assert native_refusal(CONFIG, dict(EDGE.tensors)) is None
    for shift in (3, 12):
        tensors = with_value(product.shift, shift)
        most = ((1 << (30 + shift)) - 1) // product.bound
        for name in product.multipliers:
            tensors[name] = np.zeros_like(tensors[name])
        first = product.multipliers[0]
        for value, fits in ((most, True), (most + 1, False)):
            tensors[first][-1] = value
            assert (native_refusal(CONFIG, tensors) is None) == fits, (first, value)
            assert (python_refusal(CONFIG, tensors) is None) == fits, (first, value)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_both_let_in_the_same_models(data):
    name = data.draw(st.sampled_from([n for n in sorted(FIELDS) if EDGE.tensors[n].size]))
    info = np.iinfo(FIELDS[name].dtype)
    tensors = with_value(name, data.draw(st.integers(int(info.min), int(info.max))))
    found = native_refusal(CONFIG, tensors), python_refusal(CONFIG, tensors)
    assert (found[0] is None) == (found[1] is None), found


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_both_have_the_same_limit(name):
    too_large = replace(CONFIG, attention=(), width=1, heads=1, boom_width=1)
    most = LIMITS[name]
    if name in ("width", "heads"):
        too_large = replace(too_large, width=most + 1, boom_width=most + 1)
    too_large = replace(too_large, **{name: most + 1})
    with pytest.raises(ModelError, match=str(most)):
        modelfile.check_config(too_large)
    first = "width" if name == "heads" else name  # a network is at least as wide as it has heads
    assert re.search(rf"{first} is {most + 1}, .* 1 to {most}", native_refusal(too_large, {}))


@pytest.mark.parametrize(
    ("config", "change"),
    [
        (NetworkConfig(1, GROUPS_MAX, 1, (), 4, 1), {"boom_width": GROUPS_MAX + 1}),
        (
            NetworkConfig(16, 16, 1, (0,), ATTENDED_MAX // 16, 16),
            {"heads": 32, "width": 32, "boom_width": 32},
        ),
    ],
)
def test_both_let_in_the_greatest_shapes_and_no_greater(config, change):
    assert native_refusal(config, random_model(1, config).tensors) is None
    greater = replace(config, **change)
    with pytest.raises(ModelError, match=r"more than \d+"):
        modelfile.check_config(greater)
    assert re.search(r"takes 1 to \d+", native_refusal(greater, {}))


def test_a_pool_has_no_more_threads_than_its_tickets_count():
    assert _native.Pool(4095).threads == 4095  # none starts before there is work
    for threads in (-1, 0, 4096, 2**31 - 1):
        with pytest.raises(ValueError, match=f"1 to 4095, not {threads}"):
            _native.Pool(threads)
