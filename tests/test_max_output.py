"""`--max-output` and `max_size`: nothing is decoded beyond the limit, from files and from pipes."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from cli_run import TEXT, files_in, shazip
from fake import FakeEngine

from shazip.archive import Codec
from shazip.errors import MemoryLimitError

SIZE = len(TEXT)
BLOCK = 64


@pytest.fixture(autouse=True)
def folder(folder):
    """A current directory with the archive `a.shz` of several blocks."""
    (folder / "a").unlink()
    assert shazip("compress", "--block-size", BLOCK, "-o", "a.shz", stdin=TEXT).code == 0
    return folder


@pytest.fixture
def packed(folder):
    return (folder / "a.shz").read_bytes()


@pytest.mark.parametrize("command", [["decompress", "-c"], ["-dc"]])
def test_content_up_to_the_limit_is_decoded(command):
    assert shazip(*command, "--max-output", SIZE, "a.shz") == (0, TEXT, "")


@pytest.mark.parametrize("command", [["decompress"], ["test"], ["-d"], ["-t"]])
def test_content_beyond_the_limit_is_one_line_and_no_file(folder, command):
    code, out, err = shazip(*command, "--max-output", SIZE - 1, "a.shz")
    line = f"shazip: a.shz: the content has {SIZE} bytes or more, the limit is {SIZE - 1}\n"
    assert (code, out, err) == (1, b"", line)
    assert files_in(folder) == ["a.shz"]


def test_a_pipe_ends_before_the_block_that_goes_beyond(packed):
    code, out, err = shazip("decompress", "--max-output", 3 * BLOCK - 1, stdin=packed)
    assert (code, out) == (1, TEXT[: 2 * BLOCK])
    assert "the limit is 191" in err


def test_the_limit_covers_all_frames_of_an_archive(folder, packed):
    (folder / "two.shz").write_bytes(packed * 2)
    assert shazip("test", "--max-output", 2 * SIZE, "two.shz").code == 0
    assert shazip("test", "--max-output", 2 * SIZE - 1, "two.shz").code == 1


def test_each_file_has_the_whole_limit():
    assert shazip("test", "--max-output", SIZE, "a.shz", "a.shz").code == 0


def test_a_refused_block_opens_no_engine():
    packed = Codec(engine=FakeEngine(), mix=False).compress(TEXT)
    engine = FakeEngine()
    with pytest.raises(MemoryLimitError, match="the limit is 10"):
        Codec(engine=engine, mix=False).decompress_stream(io.BytesIO(packed), None, max_size=10)
    assert engine.opened == []


def decoded(content: bytes, frame_size: int, limit: int, memory: int = 1 << 30) -> bytes:
    """Return what an executor writes of `content` before it ends or reaches the limit."""
    codec = Codec(engine=FakeEngine(), mix=False, block_size=4096, memory_limit=memory)
    packed, sink = io.BytesIO(), io.BytesIO()
    codec.compress_stream(io.BytesIO(content), packed, frame_size=frame_size)
    packed.seek(0)
    with ThreadPoolExecutor(2) as pool:
        try:
            codec.decompress_stream(packed, sink, executor=pool, max_size=limit)
        except MemoryLimitError as error:
            assert str(error).endswith(f"the limit is {limit}")  # noqa: PT017
    return sink.getvalue()


@pytest.mark.parametrize(("limit", "size"), [(SIZE, SIZE), (SIZE - 1, 500), (10, 0)])
def test_an_executor_ends_before_the_frame_that_goes_beyond(limit, size):
    assert decoded(TEXT, 100, limit) == TEXT[:size]


def test_frames_too_large_for_an_executor_keep_to_the_limit():
    content = os.urandom(100_000)
    memory = 1 << 20  # of which two workers decode frames of at most 32 KiB side by side
    assert decoded(content, 40_000, 50_000, memory) == content[: 40_000 + 2 * 4096]


@pytest.mark.parametrize(
    "arguments",
    [
        ["decompress", "-c", "--range", "0-5"],
        ["decompress", "-c", "--salvage"],
        ["-c"],
    ],
)
def test_where_the_limit_has_no_meaning_it_is_a_usage_error(arguments):
    code, _, err = shazip(*arguments, "--max-output", "1MiB", "a.shz")
    assert code == 2
    assert "--max-output" in err


@pytest.mark.parametrize("command", ["decompress", "test"])
def test_the_help_states_the_default(command):
    lines = shazip(command, "--help").out.decode().splitlines()
    at = next(number for number, line in enumerate(lines) if "--max-output SIZE" in line)
    assert "[default: no limit]" in " ".join(line.strip() for line in lines[at : at + 2])
