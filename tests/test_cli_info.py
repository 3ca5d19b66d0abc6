"""`shazip info`: the table."""

import json
import zlib

import pytest
from cli_run import TEXT, shazip

from shazip import compress
from shazip.container import FORMAT_VERSION, HEADER_SIZE
from shazip.model import file as modelfile
from shazip.model import store as modelstore
from shazip.model.arithmetic import ARITHMETIC_VERSION

VERSIONS = f"{FORMAT_VERSION}/{ARITHMETIC_VERSION}/0"
PLACES = ["CompOffset", "UncompOffset", "CompSize", "UncompSize", "bpb"]
TITLES = "compressed original bpb blocks lanes model versions name"


@pytest.fixture(autouse=True)
def packed(folder):
    """The archive `a.shz` in the current directory."""
    shazip("compress", "--lanes", "3", "a")
    return (folder / "a.shz").read_bytes()


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


def test_info_names_installed_models_and_passes_over_other_files(tmp_path, monkeypatch):
    (tmp_path / "broken.safetensors").write_bytes(b"\xff" * 99)
    (tmp_path / "list.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0[]")
    named = modelstore.find("none")
    modelfile.save(named, tmp_path / "own name.safetensors")
    monkeypatch.setenv("SHAZIP_MODELS", str(tmp_path))
    (tmp_path / "a.shz").write_bytes(compress(b"", model=named) * 2)
    out = shazip("info", "-v", "a.shz").out.decode()
    assert "  own name " in out.splitlines()[1]
    assert out.count(f"{named.id.hex()} own name\n") == 2


def test_the_row_names_up_to_three_models(tmp_path):
    archives = [compress(b"", model=name) for name in ("none", "tiny")]
    (tmp_path / "a.shz").write_bytes(b"".join([*archives, archives[0]]))
    _, row = rows("a.shz")
    assert row[5] == "none,tiny"


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


def test_v_lists_frames_and_blocks_in_the_columns_of_xz(tmp_path, packed):
    second = shazip("compress", stdin=b"x" * 40).out
    (tmp_path / "both.shz").write_bytes(packed + second)
    _, _, heading, titles, *lines = rows("-v", "both.shz")
    assert (heading, titles[:7]) == (["Frames:"], ["Frame", "Blocks", *PLACES])
    size, model = len(packed), bytes(range(16)).hex()
    bpb = [f"{8 * len(packed) / len(TEXT):.3f}", f"{8 * len(second) / 40:.3f}"]
    first = ["1", "1", "0", "0", str(size), str(len(TEXT)), bpb[0]]
    assert lines[0] == [*first, "1048576", "3", VERSIONS, model]
    assert lines[1][2:7] == [str(size), str(len(TEXT)), str(len(second)), "40", bpb[1]]
    assert (lines[2], lines[3][:7]) == (["Blocks:"], ["Frame", "Block", *PLACES])
    assert [line[:4] for line in lines[4:]] == [
        ["1", "1", str(HEADER_SIZE), "0"],
        ["2", "1", str(size + HEADER_SIZE), str(len(TEXT))],
    ]
    assert lines[4][-3:] == [str(len(TEXT)), "coded", f"{zlib.crc32(TEXT):08x}"]


def test_blocks_follow_one_another_and_the_index_is_counted(tmp_path):
    (tmp_path / "c").write_bytes(TEXT)
    shazip("compress", "--frame-size", "200", "--block-size", "128", "c")
    (line,) = shazip("info", "-v", "--json", "c.shz").out.splitlines()
    archive = json.loads(line)
    assert len(archive["frames"]) == -(-len(TEXT) // 200)
    position = offset = 0
    for frame in archive["frames"]:
        assert (frame["original_offset"], frame["compressed_offset"]) == (position, offset)
        packed = offset + HEADER_SIZE
        for block in frame["block_list"]:
            assert (block["original_offset"], block["compressed_offset"]) == (position, packed)
            position += block["original_size"]
            packed += block["compressed_size"]
        offset += frame["compressed_size"]
    assert position == len(TEXT)
    assert offset + archive["index_size"] == (tmp_path / "c.shz").stat().st_size
    assert f"  Index: {archive['index_size']} bytes" in shazip("info", "-v", "c.shz").out.decode()


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
    assert [frame["compressed_offset"] for frame in two["frames"]] == [0, len(packed)]
    assert one["frames"][0]["model"] == bytes(range(16)).hex()
