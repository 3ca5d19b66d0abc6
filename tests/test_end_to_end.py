"""Real engines behind the codec: text that a random model makes itself is small, and comes back."""

import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from random_models import CONFIGS, random_model

from shazip import engines
from shazip.archive import Codec, info
from shazip.measure import Meter
from shazip.settings import Coding

DATA = Path(__file__).parent / "data"
ARTICLE = (DATA / "wikipedia.xml").read_bytes()
WORDS = DATA / "words.safetensors"  # 512 symbols

LANES, BLOCK = 9, 128
MODEL = random_model(3, CONFIGS["heads"])


def open_engine(name, threads=None):
    return engines._create(MODEL, name, None, threads)  # a random model has no canary


@pytest.fixture(scope="module")
def data():
    """Bytes that the model finds likely: three whole blocks, and one shorter than the lanes."""
    predictor = open_engine(engines.available()[0]).predictor(1)
    rng, symbols = np.random.default_rng(4), []
    for _ in range(3 * BLOCK + LANES - 1):
        freqs = predictor.predict(1)[0]
        symbols.append(int(rng.choice(256, p=freqs / freqs.sum())))
        predictor.update(np.array(symbols[-1:], np.uint16))
    return bytes(symbols)


@pytest.mark.parametrize("name", engines.available())
def test_state_goes_on_through_blocks_and_is_the_same_in_every_engine(name, data):
    codec = Codec(engine=open_engine(name, 1), mix=False, lanes=LANES, block_size=BLOCK)
    packed = codec.compress(data)
    assert (info(packed).blocks, info(packed).stored_blocks) == (4, 0)
    for other in engines.available():
        assert Codec(engine=open_engine(other, 1)).decompress(packed) == data


@cache
def opened(model):
    return engines.open_engine(Codec(model).model, threads=1)


@pytest.mark.parametrize("model", ["tiny", WORDS], ids=["bytes", "strings"])
@pytest.mark.parametrize("mix", [True, False], ids=["mixed", "alone"])
@given(st.integers(0, len(ARTICLE)), st.integers(0, 2000))
@settings(max_examples=8, deadline=None)
@example(0, 1)
@example(0, 5)
@example(0, 30_000)
def test_an_archive_is_within_64_bytes_and_a_part_in_2000_of_what_eval_reports(
    model, mix, start, size
):
    content = (ARTICLE * 6)[start : start + size]
    engine = opened(model)
    codec = Codec(engine=engine, mix=mix)
    predicted = Meter(engine, Coding(mix=mix)).measure(io.BytesIO(content)).bits / 8
    packed = codec.compress(content)
    assert predicted <= len(packed) <= predicted * 1.0005 + 64
    assert codec.decompress(packed) == content
