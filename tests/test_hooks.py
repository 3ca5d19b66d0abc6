"""Hooks: each one with the real library that it hooks into."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numcodecs
import numpy as np
import pytest
import zarr

import shazip
from shazip import hooks
from shazip.container import FORMAT_VERSION
from shazip.hooks.numcodecs import Shazip

TEXT = b"Neural compressors win every benchmark and are used by nobody. " * 8
MAGIC = Path(hooks.__file__).parent / "shazip.magic"
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def registered():
    hooks.register()
    hooks.register()  # a second time changes nothing


@pytest.fixture
def tree(tmp_path) -> Path:
    """Make a folder with a file, an empty file and a folder in it."""
    folder = tmp_path / "tree"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "text").write_bytes(TEXT)
    (folder / "empty").write_bytes(b"")
    return folder


def test_shutil_makes_and_unpacks_a_folder(tree, tmp_path):
    name = shutil.make_archive(str(tmp_path / "made"), "shztar", tree)
    assert name == str(tmp_path / "made.tar.shz")
    shutil.unpack_archive(name, tmp_path / "out")
    assert (tmp_path / "out" / "inner" / "text").read_bytes() == TEXT
    assert (tmp_path / "out" / "empty").read_bytes() == b""


def test_tar_and_shazip_read_what_shutil_makes(tree, tmp_path):
    name = shutil.make_archive(str(tmp_path / "made"), "shztar", tree.parent, "tree")
    plain = shazip.decompress(Path(name).read_bytes())
    done = subprocess.run(["tar", "-t"], input=plain, capture_output=True, check=True)
    assert sorted(done.stdout.decode().split()) == [
        "tree/",
        "tree/empty",
        "tree/inner/",
        "tree/inner/text",
    ]


def test_a_dry_run_of_shutil_writes_nothing(tree, tmp_path):
    shutil.make_archive(str(tmp_path / "made"), "shztar", tree, dry_run=True)
    assert not (tmp_path / "made.tar.shz").exists()


def test_shutil_leaves_no_half_of_an_archive(tmp_path):
    with pytest.raises(FileNotFoundError):
        shutil.make_archive(str(tmp_path / "made"), "shztar", tmp_path, "missing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"no archive", shazip.compress(b"no tar " * 200)])
def test_shutil_refuses_what_is_no_tar_shz(tmp_path, content):
    path = tmp_path / "other.tar.shz"
    path.write_bytes(content)
    with pytest.raises(shutil.ReadError, match=r"other\.tar\.shz"):
        shutil.unpack_archive(path, tmp_path / "out")


def test_unpacking_does_not_leave_its_folder(tmp_path):
    path = tmp_path / "evil.tar.shz"
    with shazip.open(path, "wb") as file, tarfile.open(fileobj=file, mode="w|") as tar:
        tar.addfile(tarfile.TarInfo("../evil"), io.BytesIO())
    with pytest.raises(tarfile.OutsideDestinationError):
        shutil.unpack_archive(path, tmp_path / "out")
    assert not (tmp_path / "evil").exists()


def test_fsspec_infers_the_compression_from_the_name():
    url = "memory://notes.txt.shz"
    with fsspec.open(url, "wt", compression="infer", encoding="utf-8") as file:
        file.write("Grüße\n" * 9)
    packed = fsspec.filesystem("memory").cat("/notes.txt.shz")
    assert shazip.decompress(packed).decode() == "Grüße\n" * 9
    with fsspec.open(url, "rt", compression="infer", encoding="utf-8") as file:
        assert file.read() == "Grüße\n" * 9


def test_fsspec_takes_the_compression_by_its_name(tmp_path):
    with fsspec.open(tmp_path / "file", "wb", compression="shazip") as file:
        file.write(TEXT)
    assert shazip.decompress((tmp_path / "file").read_bytes()) == TEXT


def test_numcodecs_finds_the_codec_by_its_entry_point():
    codec = numcodecs.get_codec({"id": "shazip"})
    assert isinstance(codec, Shazip)
    assert codec.get_config() == {"id": "shazip", "model": None}
    assert shazip.decompress(codec.encode(TEXT)) == TEXT
    assert codec.decode(codec.encode(TEXT)) == TEXT


@pytest.mark.parametrize("dtype", ["u1", "<i4", ">f8", "M8[s]"])
def test_numcodecs_brings_arrays_back(dtype):
    codec = Shazip()
    chunk = np.arange(60).reshape(5, 12).astype(dtype)
    packed = codec.encode(chunk)
    out = np.empty_like(chunk)
    codec.decode(packed, out=out)
    np.testing.assert_array_equal(out, chunk)
    assert bytes(codec.decode(packed)) == chunk.tobytes()


def test_numcodecs_refuses_a_chunk_that_is_larger_than_its_place():
    codec = Shazip()
    with pytest.raises(shazip.MemoryLimitError):
        codec.decode(codec.encode(TEXT), out=bytearray(len(TEXT) - 1))


def test_a_codec_that_was_pickled_has_the_same_model():
    codec = pickle.loads(pickle.dumps(Shazip(model="tiny")))
    assert codec == Shazip(model="tiny")
    packed = codec.encode(TEXT)
    assert packed == shazip.compress(TEXT, model="tiny")
    assert codec.decode(packed) == TEXT


def test_threads_may_share_a_codec():
    codec = Shazip()
    chunks = [TEXT[n:] for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        packed = list(pool.map(codec.encode, chunks))
        assert list(pool.map(codec.decode, packed)) == chunks
    assert packed == [shazip.compress(chunk) for chunk in chunks]


def test_zarr_stores_an_array_of_format_2():
    store = zarr.storage.MemoryStore()
    data = np.arange(256, dtype="<i2").reshape(16, 16)
    zarr.create_array(store, data=data, chunks=(8, 16), zarr_format=2, compressors=Shazip())
    np.testing.assert_array_equal(zarr.open_array(store)[:], data)
    packed = store._store_dict["0.0"].to_bytes()
    assert shazip.decompress(packed) == data[:8].tobytes()


def test_zarr_stores_an_array_of_format_3():
    store = zarr.storage.MemoryStore()
    data = np.arange(256, dtype="<i2").reshape(16, 16)
    codec = {"name": "shazip", "configuration": {"model": "tiny"}}
    zarr.create_array(store, data=data, chunks=(4, 16), zarr_format=3, compressors=codec)
    metadata = json.loads(store._store_dict["zarr.json"].to_bytes())
    assert metadata["codecs"][-1] == codec
    np.testing.assert_array_equal(zarr.open_array(store)[:], data)
    packed = store._store_dict["c/0/0"].to_bytes()
    assert packed == shazip.compress(data[:4].tobytes(), model="tiny")


@pytest.mark.parametrize(
    ("option", "answer"),
    [
        ("--brief", f"shazip compressed data, format {FORMAT_VERSION}"),
        ("--mime-type", "application/x-shazip"),
        ("--extension", "shz"),
    ],
)
def test_file_knows_an_archive(option, answer):
    command = ["file", "--brief", option, "--magic-file", MAGIC, GOLDEN / "good-mixed.shz"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == answer


def test_no_library_is_needed_for_the_others():
    script = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['fsspec', 'numcodecs', 'zarr']))\n"
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *a: None if name == 'fsspec' else find(name, *a)\n"
        "import shazip.hooks, shutil\n"
        "shazip.hooks.register()\n"
        "print('shztar' in dict(shutil.get_archive_formats()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")
