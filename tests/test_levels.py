"""Levels are names for model, lanes and contexts, alike in Python and on the command line."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from cli_run import shazip as command

import shazip
from benchmarks import levels as published
from benchmarks.run import with_section
from shazip.levels import DEFAULT_LEVEL, FILE, LEVELS, Figures, Measured, level_of, measured
from shazip.model import store as modelstore
from shazip.settings import CONTEXTS

ROOT = Path(__file__).parents[1]
TEXT = (Path(__file__).parent / "data" / "wikipedia.xml").read_bytes()[:700]
NAMES = {model.id: model.name for model in modelstore.installed()}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A current directory with the file `a`; `tiny` stands in for the default model."""
    monkeypatch.setattr(modelstore, "NETWORKS", ("tiny",))
    monkeypatch.setenv("SHAZIP_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(TEXT)
    return tmp_path


def settings(packed: bytes) -> tuple[str, str, int]:
    """Return model, contexts and lanes of an archive's first frame."""
    header = shazip.info(packed).frames[0].header
    return NAMES[header.model_id], CONTEXTS[header.contexts], header.lanes


@pytest.mark.parametrize("number", LEVELS)
def test_every_level_is_what_its_name_says_and_comes_back(number):
    packed = shazip.compress(TEXT, level=number)
    level = LEVELS[number]
    wanted = level.network or "tiny", level.contexts or "text", max(1, level.lanes // 8)
    assert settings(packed) == wanted
    assert shazip.decompress(packed) == TEXT
    assert command(f"-{number}c", "a") == (0, packed, "")
    assert command("compress", f"-{number}", stdin=TEXT) == (0, packed, "")


@pytest.mark.parametrize(("size", "part"), [(1 << 18, 1), (1 << 16, 2), (1 << 15, 4), (100, 8)])
def test_smaller_blocks_have_fewer_lanes_in_proportion(size, part):
    for number, level in LEVELS.items():
        encoder = shazip.Codec(level=number).frame_encoder(bytes(size))
        assert shazip.info(encoder.header() + encoder.end()).lanes == max(1, level.lanes // part)


def test_the_default_is_a_level():
    packed = shazip.compress(TEXT)
    assert shazip.compress(TEXT, level=DEFAULT_LEVEL) == packed
    assert command("-c", "a") == command(f"-{DEFAULT_LEVEL}", "-c", "a") == (0, packed, "")


def test_files_and_compressors_take_levels():
    packed = shazip.compress(TEXT, level=1)
    compressor = shazip.Compressor(level=1)
    assert compressor.compress(TEXT) + compressor.flush() == packed
    sink = io.BytesIO()
    with shazip.open(sink, "wb", level=1) as file:
        file.write(TEXT)
    assert sink.getvalue() == packed
    with shazip.open("b.shz", "wt", level=1, encoding="utf-8", newline="") as file:
        file.write(TEXT.decode())
    assert Path("b.shz").read_bytes() == packed


def test_flags_come_in_clusters_as_with_gzip_and_the_last_level_counts(folder):
    assert command("-1kv", "a").code == 0
    first = (folder / "a.shz").read_bytes()
    assert first == shazip.compress(TEXT, level=1)
    assert command("-9", "-1fk", "a").code == 0
    assert (folder / "a.shz").read_bytes() == first


def test_a_model_and_lanes_that_are_named_override_the_level():
    assert settings(command("-1c", "-m", "tiny", "a").out) == ("tiny", "few", 4)
    assert settings(command("-9c", "-m", "none", "a").out) == ("none", "text", 1)
    assert settings(command("-1c", "--lanes", "3", "a").out) == ("none", "few", 3)


def test_mixing_alone_cannot_do_without_mixing():
    code, out, err = command("-1c", "--no-mix", "a")
    assert (code, out) == (2, b"")
    assert "level 1 is mixing alone; give a model, or leave mixing on" in err
    assert settings(command("-1c", "--no-mix", "-m", "tiny", "a").out)[0] == "tiny"


@pytest.mark.parametrize(("number", "error"), [(0, ValueError), (10, ValueError), ("9", TypeError)])
def test_other_levels_are_refused(number, error):
    with pytest.raises(error, match="level is"):
        shazip.compress(TEXT, level=number)


@pytest.mark.parametrize("flag", ["-0", "-10"])
def test_there_is_no_level_0(flag):
    code, out, err = command(flag, "-c", "a")
    assert (code, out) == (2, b"")
    assert "No such option '-0'" in err


def test_a_codec_has_a_level_of_its_own():
    codec = shazip.Codec(level=1)
    assert "level=1" in repr(codec)
    with pytest.raises(ValueError, match="give either codec"):
        shazip.open(io.BytesIO(), "wb", codec=codec, level=2)


def test_decompression_needs_no_level():
    packed = shazip.compress(TEXT, level=1)
    assert command("-dc", stdin=packed) == (0, TEXT, "")
    assert command("-d9c", stdin=packed) == (0, TEXT, "")  # as gzip does
    assert "No such option" in command("decompress", "-9c", stdin=packed).err


def test_help_and_readme_show_what_was_measured():
    text = command("compress", "--help").out.decode()
    for number in LEVELS:
        line = next(
            row
            for row in text.split("Levels: ")[1].splitlines()
            if re.match(rf"  -{number} +[-\d]", row)
        )
        for kind in ("text", "code", "machine code"):
            found = measured().figures.get((number, kind))
            assert (f"{found.bpb:.3f}" if found else "-") in line
    readme = (ROOT / "README.md").read_text()
    shown = with_section(readme, published.section(), published.BEGIN, published.END)
    assert shown == readme, "run python -m benchmarks.levels --render"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (60, "60 s"), (100, "2 min"), (5400, "1.5 h")]
)
def test_durations_are_said_as_people_do(seconds, words):
    assert published.duration(seconds) == words


def test_what_was_measured_is_written_as_it_is_read():
    assert Measured.loads(measured().dumps()) == measured()
    assert FILE.read_text() == measured().dumps()


def test_what_was_not_measured_is_shown_as_a_dash():
    found = Measured({"text": "a"}, {}, {(1, "text"): Figures(2.5, 0.0, 9.6)})
    assert found.rows()[0][2:] == ["2.500", "- / 10"]
    assert found.rows()[1][2:] == ["-", "-"]


def test_levels_have_no_gap():
    assert list(LEVELS) == list(range(1, 10))
    assert level_of(None) is LEVELS[DEFAULT_LEVEL]
