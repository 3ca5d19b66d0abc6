"""`shazip info`: the table."""

import json

import pytest
from cli_run import TEXT, fake_codec, shazip

from shazip.cli.options import CodecOptions
from shazip.container import FORMAT_VERSION
from shazip.model.arithmetic import ARITHMETIC_VERSION

VERSIONS = f"{FORMAT_VERSION}/{ARITHMETIC_VERSION}/0"
TITLES = "compressed original bpb blocks lanes model versions name"


@pytest.fixture(autouse=True)
def packed(tmp_path, monkeypatch):
    """The archive `a.shz` in the current directory."""
    monkeypatch.setattr(CodecOptions, "open", fake_codec)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(TEXT)
    shazip("compress", "--lanes", "3", "a")
    return (tmp_path / "a.shz").read_bytes()


def rows(*arguments, stdin=b""):
    """The table's cells."""
    code, out, err = shazip("info", *arguments, stdin=stdin)
    assert (code, err) == (0, "")
    return [line.split() for line in out.decode().splitlines()]


def test_info_tells_sizes_lanes_model_and_versions(packed):
    titles, row = rows("a.shz")
    assert titles == TITLES.split()
    size = len(packed)
    bpb = f"{8 * size / len(TEXT):.3f}"
    model = bytes(range(16)).hex()[:12]
    assert row == [str(size), str(len(TEXT)), bpb, "1", "3", model, VERSIONS, "a.shz"]


def test_info_reads_a_pipe(packed):
    _, row = rows(stdin=packed)
    assert row[-1] == "(stdin)"
    assert row[0] == str(len(packed))


def test_several_archives_have_a_total(tmp_path, packed):
    (tmp_path / "b").write_bytes(b"x" * 40)
    shazip("compress", "b")
    _, _, second, total = rows("a.shz", "b.shz")
    assert total[:2] == [str(len(packed) + int(second[0])), str(len(TEXT) + 40)]
    assert total[4] == "several"
    assert total[-2:] == ["(2", "files)"]


def test_v_adds_a_line_for_each_frame(tmp_path, packed):
    (tmp_path / "both.shz").write_bytes(packed + shazip("compress", stdin=b"x" * 40).out)
    out = shazip("info", "-v", "both.shz").out.decode().splitlines()
    assert len(out) == 4
    assert out[2].startswith(
        f"    {len(packed)} of {len(TEXT)} bytes, 1 block (0 stored) of at most"
    )
    assert "3 lanes" in out[2]
    assert f"model {bytes(range(16)).hex()}" in out[2]
    assert f"format {FORMAT_VERSION}, arithmetic {ARITHMETIC_VERSION}, no mixing" in out[2]
    assert "1 lane," in out[3]


def test_a_bad_archive_is_reported_and_the_others_are_listed(tmp_path, packed):
    (tmp_path / "bad.shz").write_bytes(packed[:-3])
    code, out, err = shazip("info", "bad.shz", "a.shz")
    assert code == 1
    assert err.startswith("shazip: bad.shz: ")
    assert [line.split()[-1] for line in out.decode().splitlines()] == ["name", "a.shz"]


def test_an_empty_archive_has_no_bits_a_byte():
    packed = shazip("compress", stdin=b"").out
    _, row = rows(stdin=packed)
    assert row[1:4] == ["0", "-", "0"]


def test_json_has_an_object_for_each_archive(packed, tmp_path):
    (tmp_path / "b.shz").write_bytes(packed + packed)
    code, out, err = shazip("info", "--json", "-v", "a.shz", "b.shz", "a")
    assert (code, err) == (1, "shazip: a: not a .shz file\n")
    one, two = map(json.loads, out.splitlines())
    assert (one["name"], one["original_size"]) == ("a.shz", len(TEXT))
    assert one["bpb"] == 8 * len(packed) / len(TEXT)
    assert two["compressed_size"] == 2 * len(packed)
    assert two["frames"] == 2 * one["frames"]
    assert one["frames"][0]["model"] == bytes(range(16)).hex()
