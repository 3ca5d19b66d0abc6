"""Frames are coded at once by any executor: the same archive, in order, in bounded memory."""

import io
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from fake import FakeEngine, codec
from test_index import DATA, PACKED

from shazip import executors
from shazip.errors import CorruptError, MemoryLimitError, ShazipError, TruncatedError

CODEC = codec(block_size=64)


class Lazy:
    """An executor that does nothing before a result is wanted, and counts what waits."""

    def __init__(self, workers=2):
        self._max_workers = workers
        self.waiting = self.most = 0

    def submit(self, function, *arguments):
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        future = Future()

        def result():
            self.waiting -= 1
            return function(*arguments)

        future.result = result
        return future


def compress(executor, data=DATA, frame_size=100):
    sink = io.BytesIO()
    summary = CODEC.compress_stream(
        io.BytesIO(data), sink, frame_size=frame_size, executor=executor
    )
    assert (summary.original_size, summary.compressed_size) == (len(data), len(sink.getvalue()))
    return sink.getvalue()


def decompress(executor, packed, codec=CODEC):
    sink = io.BytesIO()
    try:
        summary = codec.decompress_stream(io.BytesIO(packed), sink, executor=executor)
    except ShazipError as error:
        return sink.getvalue(), error
    assert summary.compressed_size == len(packed)
    return sink.getvalue(), summary


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_threads_give_the_same_archive(workers):
    with ThreadPoolExecutor(workers) as executor:
        assert compress(executor) == PACKED
        content, summary = decompress(executor, PACKED + PACKED)
    assert content == DATA * 2
    assert summary == CODEC.decompress_stream(io.BytesIO(PACKED + PACKED), None)


def test_processes_give_the_same_archive():
    with ProcessPoolExecutor(2, get_context("fork")) as executor:
        assert compress(executor) == PACKED
        assert decompress(executor, PACKED)[0] == DATA


class OnlyMap:
    """An executor with nothing but `map`, which counts the frames of each round."""

    def __init__(self, workers=2):
        self._max_workers = workers
        self.rounds = []

    def map(self, function, items):
        self.rounds.append(len(items))
        return [function(item) for item in items]


def test_a_pool_of_multiprocessing_gives_the_same_archive():
    with get_context("fork").Pool(2) as pool:
        assert executors.workers(pool) == 2
        assert compress(pool) == PACKED
        assert decompress(pool, PACKED + PACKED)[0] == DATA * 2


def test_map_takes_a_frame_for_each_worker_at_a_time():
    executor = OnlyMap(workers=4)
    assert compress(executor) == PACKED
    frames = -(-len(DATA) // 100)
    assert executor.rounds == [4] * (frames // 4) + [frames % 4]
    assert decompress(executor, PACKED)[0] == DATA


@pytest.mark.parametrize("damage", [b"junk", PACKED[:200], PACKED[:100] + b"!" + PACKED[101:200]])
def test_what_comes_before_the_damage_is_there_by_map_too(damage):
    assert decompress(OnlyMap(), PACKED + damage)[0] == decompress(Lazy(), PACKED + damage)[0]
    alone, mapped = (
        decompress(Lazy(), PACKED + damage)[1],
        decompress(OnlyMap(), PACKED + damage)[1],
    )
    assert (type(mapped), str(mapped)) == (type(alone), str(alone))


def test_an_executor_of_neither_kind_is_refused_before_anything_is_read():
    source = io.BytesIO(DATA)
    with pytest.raises(TypeError, match="executor is 7, must have submit or map"):
        CODEC.compress_stream(source, io.BytesIO(), executor=7)
    assert source.tell() == 0


def test_frames_of_nothing_and_of_everything():
    for executor in (Lazy(), OnlyMap()):
        for data in (b"", b"x", DATA):
            assert compress(executor, data, 10**6) == CODEC.compress(data)


def test_what_is_under_way_is_bounded():
    executor = Lazy(workers=2)
    assert compress(executor) == PACKED
    assert decompress(executor, PACKED)[0] == DATA
    assert executor.most == 3


@pytest.mark.parametrize("damage", [b"junk", PACKED[:200], PACKED[:100] + b"!" + PACKED[101:200]])
def test_what_comes_before_the_damage_is_there(damage):
    content, error = decompress(Lazy(), PACKED + damage)
    assert isinstance(error, ShazipError)
    assert content == DATA if damage[:4] != PACKED[:4] else content.startswith(DATA)


def test_errors_are_those_of_one_after_another():
    for archive in (PACKED[:-1], PACKED[:300], PACKED + b"x", PACKED[20:], b""):
        with pytest.raises(ShazipError) as alone:
            CODEC.decompress_stream(io.BytesIO(archive), None)
        error = decompress(Lazy(), archive)[1]
        assert type(error) is alone.type


def test_a_frame_too_large_to_be_held_is_decoded_alone():
    small = codec(block_size=64, memory_limit=1 << 14)
    threads = set()
    record = lambda *progress: threads.add(threading.get_ident())  # noqa: E731
    for archive, content in ((PACKED + CODEC.compress(DATA * 2) + PACKED, DATA * 4),):
        sink = io.BytesIO()
        small.decompress_stream(io.BytesIO(archive), sink, progress=record, executor=Lazy(1))
        assert sink.getvalue() == content
    assert 2 * len(DATA) > (1 << 14) // 16 > 100


def test_workers_share_the_memory_limit():
    executor = Lazy(workers=4)
    engine = FakeEngine(lane_size=1 << 20)
    with pytest.raises(MemoryLimitError):
        codec(engine=engine, block_size=64, memory_limit=3 << 20).compress_stream(
            io.BytesIO(DATA), io.BytesIO(), frame_size=100, executor=executor
        )
    with pytest.raises(MemoryLimitError, match="4 workers with frames of 1000000 bytes"):
        codec(memory_limit=10**7).compress_stream(
            io.BytesIO(DATA), io.BytesIO(), frame_size=10**6, executor=executor
        )


def test_workers_of_other_machines_do_not_share_the_memory_of_one():
    executor = Lazy(workers=400)
    with pytest.raises(MemoryLimitError, match="400 workers"):
        compress(executor, frame_size=1 << 20)
    executor.workers_on_a_machine = 2
    assert compress(executor, frame_size=1 << 20) == CODEC.compress(DATA)


def test_a_lying_index_is_found_out_by_workers_too():
    lying = PACKED[:-1] + bytes([PACKED[-1] ^ 1])
    content, error = decompress(Lazy(), lying)
    assert (content, type(error)) == (DATA, CorruptError)
    assert isinstance(decompress(Lazy(), PACKED[:-1])[1], TruncatedError)


def test_a_worker_that_dies_is_one_clear_error():
    with (
        ProcessPoolExecutor(1, get_context("fork")) as executor,
        pytest.raises(ShazipError, match="worker process ended"),
    ):
        list(executors.in_order(executor, _die, b"", [b""]))


def _die(settings, item):
    import os

    os._exit(1)
