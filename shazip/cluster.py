"""Ray as an executor of frames (parallel.py): every processor of a cluster codes frames.

Ray keeps a process for each processor, in which the model stays loaded; it starts a frame anew
whose process or machine is lost. shazip must be installed on all machines, in the same version.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shazip.errors import ShazipError

RETRIES = 3


@contextmanager
def ray_cluster(address: str | None = None) -> Iterator[RayExecutor]:
    """Yield an executor over the Ray cluster at `address`; "local" or None starts one here."""
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise ShazipError(
            "ray is not installed; install it with: pip install 'shazip[ray]'"
        ) from None
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ShazipError(f"no Ray cluster at {address or 'local'}: {reason}") from None
    try:
        yield RayExecutor(ray)
    finally:
        ray.shutdown()


class RayExecutor:
    """Submits frames as tasks of one processor each."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._max_workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._task = ray.remote(num_cpus=1, max_retries=RETRIES)(_run)
        self._settings: tuple[bytes, Any] | None = None  # and where the cluster holds them

    def submit(
        self, function: Callable[[bytes, bytes], Any], settings: bytes, item: bytes
    ) -> RayFuture:
        """Begin function(settings, item) somewhere; the settings travel once."""
        if self._settings is None or self._settings[0] is not settings:
            self._settings = settings, self._ray.put(settings)
        return RayFuture(self._ray, self._task.remote(function, self._settings[1], item))


class RayFuture:
    """A frame that the cluster is coding."""

    def __init__(self, ray: Any, reference: Any) -> None:
        self._ray = ray
        self._reference = reference

    def result(self) -> Any:
        """Wait for the frame and return it; raise what coding it raised."""
        try:
            return self._ray.get(self._reference)
        except self._ray.exceptions.RayTaskError as error:
            raise (error.cause or error) from None
        except self._ray.exceptions.RayError as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ShazipError(f"the cluster lost a frame {RETRIES + 1} times: {reason}") from None

    def cancel(self) -> None:
        """Give the frame up."""
        self._ray.cancel(self._reference, force=True)


def _run(function: Callable[[bytes, bytes], Any], settings: bytes, item: bytes) -> Any:
    return function(settings, item)
