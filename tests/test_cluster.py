"""Ray codes frames: the same archive, also where a worker is killed in the middle."""

import io
import os
import signal
import time

import pytest
from fake import CountingPredictor, FakeEngine, codec
from test_index import DATA, PACKED

from shazip.cluster import ray_cluster
from shazip.errors import CorruptError, ShazipError

pytest.importorskip("ray", reason="needs ray: pip install 'shazip[ray]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of ray
]


class Killer(FakeEngine):
    """The first worker that uses it dies, after a frame or two."""

    def __init__(self, mark: str) -> None:
        super().__init__()
        self.mark = mark

    def predictor(self, lanes: int) -> CountingPredictor:
        """Return a predictor, or die."""
        time.sleep(0.05)
        if len(self.opened) == 1:
            try:
                os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().predictor(lanes)


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


def test_a_killed_worker_costs_nothing_but_time(cluster, tmp_path):
    mark = tmp_path / "killed"
    killing = codec(block_size=64, engine=Killer(str(mark)))
    sink = io.BytesIO()
    killing.compress_stream(io.BytesIO(DATA), sink, frame_size=100, executor=cluster)
    assert mark.exists()
    assert sink.getvalue() == PACKED


def test_a_cluster_decodes_and_reports_damage(cluster):
    sink = io.BytesIO()
    codec().decompress_stream(io.BytesIO(PACKED), sink, executor=cluster)
    assert sink.getvalue() == DATA
    damaged = bytearray(PACKED)
    damaged[60] ^= 1
    with pytest.raises(CorruptError, match=r"^the payload's checksum does not match$"):
        codec().decompress_stream(io.BytesIO(damaged), io.BytesIO(), executor=cluster)


def test_no_cluster_is_one_clear_error():
    with (
        pytest.raises(ShazipError, match=r"no Ray cluster at 127\.0\.0\.1:1"),
        ray_cluster("127.0.0.1:1"),
    ):
        pass
