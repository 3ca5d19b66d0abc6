"""The shared constants say what docs/arithmetic.md says."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.frequencies import to_frequencies
from oracles.network import Lane
from random_models import CONFIGS, random_model

from shazip import coder
from shazip.engines import long_probe
from shazip.model.arithmetic import (
    ARITHMETIC_VERSION,
    FREQUENCY_TOTAL,
    PROBE_TEXT,
    VOCABULARIES,
    Sizes,
    layout,
    probe,
)
from shazip.model.config import NetworkConfig
from shazip.training.integer.lookup_tables import standard_tables

BYTES = [bytes([byte]) for byte in range(256)]
PAGE = (Path(__file__).parent.parent / "docs" / "arithmetic.md").read_text()


def test_the_page_is_of_this_version():
    assert f"arithmetic version {ARITHMETIC_VERSION})" in PAGE


def test_frequencies_have_the_coders_total():
    assert FREQUENCY_TOTAL == 1 << coder.PRECISION == coder.TOTAL


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_frequencies_are_those_of_unbounded_integers(data):
    size = data.draw(st.sampled_from(VOCABULARIES))
    spread = data.draw(st.sampled_from([0, 40, 400, 32767]))
    logits = (
        np.random.default_rng(data.draw(st.integers(0, 2**32)))
        .integers(-spread, spread + 1, size)
        .tolist()
    )
    table = standard_tables(size)["table.exp_logit"]
    e = [int(table[min(max(logits) - x, 1023)]) for x in logits]
    room = 2**24 - size
    ends = np.cumsum(np.array(e, object))
    expected = [
        1 + b * room // sum(e) - (b - x) * room // sum(e) for b, x in zip(ends, e, strict=True)
    ]
    found = to_frequencies(np.array([logits], np.int16), table)
    assert found.dtype == np.uint32
    assert found.tolist() == [expected]
    assert sum(expected) == FREQUENCY_TOTAL


def test_the_probe_is_the_pages():
    for step, column in enumerate(probe(64, 8, BYTES)):
        assert column.dtype == np.uint16
        assert len(column) == 8 - max(0, step - 32) * 8 // 32
        for lane, symbol in enumerate(column):
            text = PROBE_TEXT[(step + 5 * lane) % 75]
            c = step + lane // 2 * 256 // 4
            assert symbol == (c * (2 * c + 1) % 256 if lane % 2 else text)


def test_a_probes_text_is_cut_into_the_longest_strings_that_fit():
    strings = sorted([*BYTES, b"Th", b"The qu", b"e q", b"ick", b" jumps over"])
    column = np.concatenate([c[:1] for c in probe(20, 1, strings)])
    found = [strings[symbol] for symbol in column]
    assert found == [
        b"The qu",
        b"ick",
        *(bytes([b]) for b in b" brown fox"),
        b" jumps over",
        *(bytes([b]) for b in b" [[1 la"),
    ]


@pytest.mark.parametrize("size", VOCABULARIES)
def test_the_long_probe_runs_through_all_symbols(size):
    config = NetworkConfig(8, 8, 1, (), 1, 1, size)
    strings = [number.to_bytes(2, "big") for number in range(size)]
    strings[:256] = BYTES
    steps, lanes = long_probe(config)
    assert set(np.concatenate([c[1::2] for c in probe(steps, lanes, strings)])) == set(range(size))


def test_the_page_holds_the_probes_text():
    found = re.search(r'TEXT = "(.*)"', PAGE)
    assert found is not None
    assert found[1].replace("\\n", "\n").encode() == PROBE_TEXT


@pytest.mark.parametrize("lanes", [1, 7, 19])
def test_a_probe_ends_with_one_lane(lanes):
    assert [len(column) for column in probe(112, lanes, BYTES)][-1] == 1


def test_the_page_names_every_tensor():
    for name in layout(CONFIGS["1024 symbols"], Sizes(3, 9, 9, mixing=True)):
        site, _, kind = re.sub(r"^layers\.\d+\.", "", name).rpartition(".")
        assert site in PAGE, name
        assert kind in PAGE, name


def test_standard_tables_round_the_functions():
    tables = standard_tables(256)
    for index in (0, 1, 1000, 2048, 4095):
        x = (index - 2048) / 256
        assert abs(int(tables["table.sigmoid"][index]) / 2**15 - 1 / (1 + math.exp(-x))) <= 2**-15
        assert abs(int(tables["table.tanh"][index]) / 2**15 - math.tanh(x)) <= 2**-15


@settings(deadline=None)
@given(st.lists(st.integers(-(2**19), 2**19), min_size=37, max_size=37), st.sampled_from([0, 1]))
def test_the_layer_norms_product_keeps_its_bound(values, centred):
    x = np.array(values, np.int64) - centred * int(np.mean(values))
    s = int(x.sum())
    c = 16 * x - ((16 * s + 37 * 2**24) // 37 - 2**24)
    v = sum(int(a) ** 2 for a in c)
    g = 2**44 // max(math.isqrt((v // 37) * 2**12), 2**14)
    assert max(abs(int(a) * g) for a in c) < 2**45


def test_the_layer_norm_normalises():
    lane = Lane(random_model(0, CONFIGS["odd"]))
    x = np.random.default_rng(0).integers(-9000, 9000, 37)
    expected = (x - x.mean()) / x.std() * 2**11
    assert np.abs(lane.layer_norm(x) - expected).max() < 1.5
