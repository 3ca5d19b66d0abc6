"""Settings of a codec: checked when they are given, kept when it is pickled, told by its repr."""

import io
import pickle
from multiprocessing import get_context
from pathlib import Path

import pytest
from fake import FakeEngine, codec

import shazip
from shazip.archive import Codec
from shazip.compressor import Compressor, Decompressor
from shazip.errors import MemoryLimitError
from shazip.file import ShazipFile

TEXT = b"Codecs go where their data are. " * 30


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"lanes": 0}, ValueError, "lanes is 0, must be at least 1"),
        ({"lanes": 1 << 40}, ValueError, "lanes is .*, must be at most"),
        ({"lanes": 2.5}, TypeError, "lanes is 2.5, must be an integer"),
        ({"lanes": "4"}, TypeError, "lanes is '4'"),
        ({"block_size": 1000}, ValueError, "power of two"),
        ({"block_size": 1 << 29}, ValueError, "at most"),
        ({"block_size": 1048576.0}, TypeError, "block_size"),
        ({"contexts": "all"}, ValueError, "contexts is 'all', must be one of text, few"),
        ({"threads": 0}, ValueError, "threads is 0"),
        ({"threads": -1}, ValueError, "threads is -1"),
        ({"threads": 1 << 40}, ValueError, "threads is"),
        ({"threads": "many"}, TypeError, "threads is 'many'"),
        ({"memory_limit": -1}, ValueError, "memory_limit is -1"),
        ({"memory_limit": None}, TypeError, "memory_limit is None"),
        ({"engine": "steam"}, ValueError, "unknown engine 'steam', known are native, torch"),
        ({"engine": 5}, TypeError, "engine is 5"),
        ({"device": 0}, TypeError, "device is 0"),
        ({"model": 5}, TypeError, "model is 5"),
        ({"model": ["base"]}, TypeError, "model is"),
    ],
)
def test_a_wrong_setting_is_refused_when_it_is_given(settings, error, message):
    with pytest.raises(error, match=message):
        Codec(**settings)


def test_nothing_is_written_before_the_settings_are_known_to_be_good():
    class Large(FakeEngine):
        def state_size(self, lanes):
            return 1 << 40

    for settings in (
        {"engine": Large()},
        {"lanes": 30000, "memory_limit": 1 << 20},
        {"model": "missing", "engine": None},
    ):
        sink = io.BytesIO()
        with pytest.raises((MemoryLimitError, shazip.ModelError)):
            codec(**settings).compress_stream(io.BytesIO(TEXT), sink)
        assert sink.getvalue() == b""


def test_too_many_lanes_are_named():
    with pytest.raises(MemoryLimitError, match="800 lanes and blocks of 1048576 bytes need more"):
        codec(lanes=800, memory_limit=1 << 20).compress(TEXT)


def test_a_codec_goes_into_other_processes_without_what_it_has_opened():
    original = Codec("tiny", lanes=2, mix=False, threads=1)
    packed = original.compress(TEXT)
    copy = pickle.loads(pickle.dumps(original))
    assert repr(copy) == "Codec('tiny', mix=False, contexts=None, lanes=2, block_size=1048576)"
    assert copy.compress(TEXT) == packed
    with get_context("spawn").Pool(1) as pool:
        assert pool.map(original.compress, [TEXT]) == [packed]


def test_a_pickled_codec_keeps_a_model_that_no_folder_holds():
    model = Codec("tiny").model
    assert pickle.loads(pickle.dumps(Codec(model))).model.id == model.id


def test_the_repr_is_the_call_that_makes_it():
    assert repr(Codec()) == ("Codec(None, mix=True, contexts=None, lanes=None, block_size=1048576)")
    assert repr(Codec(Path("x"), engine="torch")).startswith(f"Codec({Path('x')!r}, engine='torch'")


@pytest.mark.parametrize("entrance", [Compressor, Decompressor])
def test_a_model_can_be_named_everywhere(entrance):
    with pytest.raises(ValueError, match="either codec"):
        entrance(codec(), model="tiny")
    with pytest.raises(TypeError, match="must be a Codec"):
        entrance("tiny")
    assert entrance(model="tiny")


def test_the_model_named_is_the_one_used(tmp_path):
    tiny = Codec("tiny").model.id
    compressor = Compressor(model="tiny")
    assert shazip.info(compressor.compress(TEXT) + compressor.flush()).model_id == tiny
    with ShazipFile(tmp_path / "a.shz", "w", model="tiny") as file:
        file.write(TEXT)
    with shazip.open(tmp_path / "b.shz", "w", model="tiny") as file:
        file.write(TEXT)
    assert shazip.info(tmp_path / "a.shz") == shazip.info(str(tmp_path / "b.shz"))
    assert shazip.info(tmp_path / "a.shz").model_id == tiny
