"""Archives are read from the middle, and only the frames that hold what is wanted are decoded."""

import io
import os
import tarfile
import zipfile

import numpy as np
import pytest
from fake import FakeEngine, codec
from test_index import DATA, PACKED, framed

import shazip
from shazip.errors import CorruptError, ShazipError, TruncatedError

CODEC = codec(block_size=64)
ONE_FRAME = CODEC.compress(DATA)


class Pipe(io.BytesIO):
    """A file that cannot seek."""

    def seekable(self):
        return False

    def seek(self, *where):
        raise io.UnsupportedOperation

    tell = seek


@pytest.mark.parametrize(
    "packed", [PACKED, ONE_FRAME, PACKED + PACKED], ids=["index", "one", "two"]
)
def test_a_sought_file_reads_as_bytes_do(packed):
    content = CODEC.decompress(packed)
    rng = np.random.default_rng(1)
    with shazip.open(io.BytesIO(packed), codec=CODEC) as file:
        plain = io.BytesIO(content)
        for _ in range(200):
            offset, whence = int(rng.integers(-len(content), len(content) + 200)), rng.integers(3)
            base = (0, plain.tell(), len(content))[whence]
            if base + offset < 0:
                with pytest.raises(ValueError, match="before the start"):
                    file.seek(offset, int(whence))
                continue
            assert file.seek(offset, int(whence)) == plain.seek(offset, int(whence))
            size = int(rng.integers(0, 150))
            assert file.read(size) == plain.read(size)
            assert file.tell() == plain.tell()
            if rng.integers(4) == 0:
                assert file.readline() == plain.readline()


def test_only_the_frames_that_are_read_are_decoded():
    engine = FakeEngine()
    with shazip.open(io.BytesIO(PACKED), codec=codec(engine=engine)) as file:
        file.seek(510)
        assert engine.opened == []
        assert file.read(80) == DATA[510:590]
        assert len(engine.opened) == 1


def test_reading_goes_on_after_the_frame_that_was_sought():
    with shazip.open(io.BytesIO(PACKED + PACKED), codec=CODEC) as file:
        file.seek(250)
        assert file.read() == (DATA + DATA)[250:]


def test_what_cannot_seek_says_so_and_reads_on():
    file = shazip.open(Pipe(PACKED), codec=CODEC)
    assert not file.seekable()
    with pytest.raises(io.UnsupportedOperation):
        file.seek(5)
    assert file.read() == DATA


def test_an_archive_behind_something_else_is_read_and_not_sought():
    source = io.BytesIO(b"before" + PACKED)
    source.seek(6)
    file = shazip.open(source, codec=CODEC)
    assert not file.seekable()
    assert file.read() == DATA


@pytest.mark.parametrize("cut", range(0, len(PACKED), 7))
def test_truncated_archives_seek_as_far_as_they_reach(cut):
    index = shazip.Index.read(io.BytesIO(PACKED[:cut]))
    with shazip.open(io.BytesIO(PACKED[:cut]), codec=CODEC) as file:
        for span in reversed(index.frames):
            file.seek(span.start)
            assert file.read(span.original_size) == DATA[span.start :][: span.original_size]
        if index.failure is not None:
            file.seek(index.original_size)
            for _ in range(2):
                with pytest.raises(TruncatedError):
                    file.read()
            with pytest.raises(TruncatedError):
                file.seek(0, os.SEEK_END)


def test_a_damaged_frame_does_not_keep_others_from_being_read():
    damaged = bytearray(PACKED)
    damaged[100] ^= 1  # in the payload of the first frame
    with shazip.open(io.BytesIO(damaged), codec=CODEC) as file:
        with pytest.raises(CorruptError):
            file.read()
        file.seek(100)
        assert file.read(100) == DATA[100:200]
        file.seek(0)
        with pytest.raises(ShazipError):
            file.read()


def test_numpy_zipfile_and_tarfile_read_archives(tmp_path):
    inside = {"a.txt": b"first " * 30, "b.txt": b"second " * 50}
    array = np.arange(300, dtype=np.int32)
    buffers = {name: io.BytesIO() for name in ("npy", "zip", "tar")}
    np.save(buffers["npy"], array)
    with zipfile.ZipFile(buffers["zip"], "w") as archive:
        for name, content in inside.items():
            archive.writestr(name, content)
    with tarfile.open(fileobj=buffers["tar"], mode="w") as archive:
        for name, content in inside.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    files = {
        name: shazip.open(io.BytesIO(framed(buffer.getvalue(), 200)), codec=CODEC)
        for name, buffer in buffers.items()
    }
    assert np.array_equal(np.load(files["npy"]), array)
    with zipfile.ZipFile(files["zip"]) as archive:
        assert {name: archive.read(name) for name in reversed(archive.namelist())} == inside
    with tarfile.open(fileobj=files["tar"]) as archive:
        assert {name: archive.extractfile(name).read() for name in ("b.txt", "a.txt")} == inside
