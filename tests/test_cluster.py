"""Ray codes frames: the same archive, also where a worker is killed in the middle."""

import io
import os
import signal
import time

import pytest
from fake import CountingPredictor, FakeEngine, codec
from test_index import DATA, PACKED

from shazip.cluster import RETRIES, ray_cluster
from shazip.errors import CorruptError, ShazipError

pytest.importorskip("ray", reason="needs ray: pip install 'shazip[ray]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of ray
]


class Killer(FakeEngine):
    """Workers that use it die after a frame or two, so many times in all."""

    def __init__(self, folder: str, deaths: int) -> None:
        super().__init__()
        self.folder = folder
        self.deaths = deaths

    def predictor(self, lanes: int) -> CountingPredictor:
        """Return a predictor, or die."""
        time.sleep(0.05)
        if len(self.opened) == 1:
            for death in range(self.deaths):
                try:
                    os.close(os.open(f"{self.folder}/{death}", os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    continue
                os.kill(os.getpid(), signal.SIGKILL)
        return super().predictor(lanes)


class Poison(FakeEngine):
    """Every worker that uses it dies."""

    def predictor(self, lanes: int) -> CountingPredictor:
        """Die."""
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


@pytest.fixture(autouse=True)
def bounded():
    """End a test that takes more than five minutes."""

    def too_long(*_: object) -> None:
        raise TimeoutError("five minutes are over")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def cluster():
    """A cluster of this machine, whose workers find the tests' modules."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.path.dirname(__file__)  # noqa: PTH120
    try:
        with ray_cluster() as executor:
            yield executor
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)


def test_workers_keep_the_model_from_frame_to_frame(cluster):
    """There are no more processes than actors, and each codes several frames."""
    settings = [cluster.submit(_process, b"", b"").result() for _ in range(12)]
    futures = [cluster.submit(_process, b"", b"") for _ in range(12)]
    processes = {future.result() for future in futures} | set(settings)
    assert len(processes) <= cluster._max_workers == cluster.workers_on_a_machine


def _process(settings: bytes, item: bytes) -> int:
    return os.getpid()


def test_a_cluster_decodes_and_reports_damage(cluster):
    sink = io.BytesIO()
    codec().decompress_stream(io.BytesIO(PACKED), sink, executor=cluster)
    assert sink.getvalue() == DATA
    damaged = bytearray(PACKED)
    damaged[60] ^= 1
    with pytest.raises(CorruptError, match=r"^the payload's checksum does not match$"):
        codec().decompress_stream(io.BytesIO(damaged), io.BytesIO(), executor=cluster)


def test_killed_workers_cost_nothing_but_time(cluster, tmp_path):
    killing = codec(block_size=64, engine=Killer(str(tmp_path), 2))
    sink = io.BytesIO()
    killing.compress_stream(io.BytesIO(DATA), sink, frame_size=100, executor=cluster)
    assert len(list(tmp_path.iterdir())) == 2
    assert sink.getvalue() == PACKED


def test_a_frame_that_ends_every_worker_is_one_clear_error(cluster):
    poisoned = codec(block_size=64, engine=Poison())
    with pytest.raises(ShazipError, match=f"^the cluster lost a frame {RETRIES + 1} times: "):
        poisoned.compress_stream(io.BytesIO(DATA[:90]), io.BytesIO(), executor=cluster)


def test_no_cluster_is_one_clear_error():
    with (
        pytest.raises(ShazipError, match=r"no Ray cluster at 127\.0\.0\.1:1"),
        ray_cluster("127.0.0.1:1"),
    ):
        pass
