"""Opens the predictors of frames, if this version and the memory limit allow them."""

from __future__ import annotations

from shazip.container import Header
from shazip.cpus import available_cpus
from shazip.errors import MemoryLimitError
from shazip.loader import Loader
from shazip.predictor import (
    Engine,
    Predictor,
    block_memory,
    check_supported,
    check_vocabulary,
    least_memory,
    open_predictor,
    predictor_memory,
)


class Admission:
    """The models and engines of a codec, within `memory_limit` bytes for a frame."""

    def __init__(self, loader: Loader, memory_limit: int, threads: int | None) -> None:
        self.loader = loader
        self.memory_limit = memory_limit
        self._threads = threads

    def admit(self, header: Header) -> None:
        """Refuse a frame that needs another version of shazip or too much memory."""
        check_supported(header)
        self._check(least_memory(header))

    def engine(self, header: Header) -> Engine:
        """Return the engine for a frame, whose predictor has room within the memory limit."""
        engine = self.loader.engine(header.model_id)
        check_vocabulary(engine, header)
        size = block_memory(header) + predictor_memory(engine, header)
        self._check(size)
        self.loader.keep_within(self.memory_limit - size, header.model_id)
        return engine

    def open_predictor(self, header: Header) -> Predictor:
        """Return a new predictor for a frame."""
        return open_predictor(self.engine(header), header, self._threads)

    def for_worker(self, workers: int, frame_size: int, *, encodes: bool) -> Admission:
        """Return the admission of one of `workers` that share processors and memory limit.

        `frame_size` bytes are held for each besides, once coded, once not, and once on their way.
        """
        limit = self.memory_limit // workers - 3 * frame_size
        if limit <= 0:
            raise MemoryLimitError(
                f"{workers} workers with frames of {frame_size} bytes need more memory than the "
                f"limit of {self.memory_limit} bytes"
            )
        threads = self._threads or max(1, available_cpus() // workers)
        return Admission(self.loader.for_worker(threads, limit, encodes=encodes), limit, threads)

    def _check(self, size: int) -> None:
        if size > self.memory_limit:
            raise MemoryLimitError(
                f"the archive asks for {size} bytes of memory, the limit is {self.memory_limit}"
            )
