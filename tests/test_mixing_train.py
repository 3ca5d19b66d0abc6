"""benchmarks.mixing_train: rows that a model of symbols brings for its own nodes."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from random_models import CONFIGS, random_model

from benchmarks import mixing_train
from shazip import engines
from shazip.archive import Codec
from shazip.engines import mixing_start
from shazip.model import file as modelfile

pytest.importorskip("shazip._native")

TEXT = Path(argparse.__file__).read_bytes()[:36_000]  # source code that is everywhere
SYMBOLS = 512


@pytest.fixture(scope="module")
def model():
    return random_model(3, replace(CONFIGS["plain"], vocabulary=SYMBOLS))


@pytest.fixture(scope="module")
def rows(model):
    engine = engines.open_unproved(model, "native", threads=1)
    return mixing_train.train_own(engine, [TEXT[:30_000]], rounds=2)


def packed(model, data):
    codec = Codec(engine=engines.open_unproved(model, "native", threads=1))
    archive = codec.compress(data)
    assert codec.decompress(archive) == data
    return archive


def test_a_models_own_rows_help_its_text(model, rows):
    with_rows = modelfile.changed(model, rows)
    assert with_rows.id != model.id
    data = TEXT[30_000:36_000]
    assert len(packed(with_rows, data)) < 0.99 * len(packed(model, data))


def test_only_the_rows_of_nodes_are_learned(model, rows):
    assert {name: row.shape for name, row in rows.items()} == {
        mixing_start.OWN_WEIGHTS: (SYMBOLS, mixing_start.CONTEXTS["text"].inputs),
        mixing_start.OWN_FINAL_WEIGHTS: (SYMBOLS, mixing_start.CONTEXTS["text"].sets),
    }
    general = mixing_start.own_rows(mixing_start.for_symbols(SYMBOLS), SYMBOLS)
    assert (rows[mixing_start.OWN_WEIGHTS][1] != general[mixing_start.OWN_WEIGHTS][1]).any()
    assert all(row.dtype == np.int16 for row in rows.values())
