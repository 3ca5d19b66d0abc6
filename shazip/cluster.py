"""Ray as an executor of frames (executors.py): every processor of a cluster codes frames.

An actor for each processor keeps the model loaded. One for each machine could not use its
processors: frames coded by threads of one process wait for Python's lock. A frame whose process or
machine is lost goes to another actor. All machines need shazip in the same version.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from shazip.errors import ShazipError

RETRIES = 3  # of a frame


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
        raise ShazipError(f"no Ray cluster at {address or 'local'}: {_line(error)}") from None
    try:
        yield RayExecutor(ray)
    finally:
        ray.shutdown()  # ends the actors, too


class Coder:
    """An actor: a process that codes one frame after another and keeps the model between them."""

    def ready(self) -> None:
        """Answer once the process runs."""

    def code(self, function: Callable[[bytes, bytes], Any], settings: bytes, item: bytes) -> Any:
        """Return function(settings, item)."""
        return function(settings, item)


@dataclass(eq=False)
class Member:
    """An actor of the cluster, and the frames that it has not answered yet."""

    actor: Any
    frames: list[Any] = field(default_factory=list)


class RayExecutor:
    """Gives each frame to the actor that has the fewest, and replaces actors that are lost."""

    def __init__(self, ray: Any) -> None:
        self.ray = ray
        machines = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
        self._max_workers = max(1, sum(machines))
        self.workers_on_a_machine = max(1, *machines)
        self._coder = ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(Coder)
        self._settings: tuple[bytes, Any] | None = None  # and where the cluster holds them
        self._members: list[Member] = []
        # Actors by their first answer: it comes late where others use the processors, too.
        self._starting: dict[Any, Any] = {}
        self._failed = 0
        for _ in range(self._max_workers):
            self._start()

    def submit(
        self, function: Callable[[bytes, bytes], Any], settings: bytes, item: bytes
    ) -> RayFuture:
        """Begin function(settings, item) in an actor; the settings travel once to each machine."""
        if self._settings is None or self._settings[0] is not settings:
            self._settings = settings, self.ray.put(settings)
        return RayFuture(self, (function, self._settings[1], item))

    def begin(self, call: tuple[Any, ...]) -> tuple[Member, Any]:
        """Give a frame to an actor; return where it is, and the reference of the result."""
        self._welcome()
        for member in self._members:
            if member.frames:
                _, member.frames = self.ray.wait(
                    member.frames, num_returns=len(member.frames), timeout=0
                )
        member = min(self._members, key=lambda member: len(member.frames))
        reference = member.actor.code.remote(*call)
        member.frames.append(reference)
        return member, reference

    def replace(self, member: Member) -> None:
        """Start another actor instead of one that was lost, if that is not done yet."""
        if member in self._members:
            self._members.remove(member)
            self.ray.kill(member.actor)
            self._start()

    def _start(self) -> None:
        actor = self._coder.remote()
        self._starting[actor.ready.remote()] = actor

    def _welcome(self) -> None:
        """Make members of the actors that have started; wait for one if there is no other."""
        while self._starting:
            timeout = 0 if self._members else None
            started, _ = self.ray.wait(list(self._starting), timeout=timeout)
            if not started:
                return
            actor = self._starting.pop(started[0])
            try:
                self.ray.get(started[0])
                self._members.append(Member(actor))
            except self.ray.exceptions.RayError as error:
                self._failed += 1
                if self._failed > RETRIES:
                    raise ShazipError(f"a worker of the cluster fails: {_line(error)}") from None
                self._start()


class RayFuture:
    """A frame that the cluster is coding."""

    def __init__(self, executor: RayExecutor, call: tuple[Any, ...]) -> None:
        self._executor = executor
        self._call = call
        self._member, self._reference = executor.begin(call)

    def result(self) -> Any:
        """Wait for the frame and return it; raise what coding it raised. Repeat a lost one."""
        ray, lost = self._executor.ray, 0
        while True:
            try:
                return ray.get(self._reference)
            except ray.exceptions.RayTaskError as error:
                raise (error.cause or error) from None
            except ray.exceptions.RayError as error:
                lost += 1
                if lost > RETRIES:
                    reason = f"the cluster lost a frame {lost} times: {_line(error)}"
                    raise ShazipError(reason) from None
            self._executor.replace(self._member)
            self._member, self._reference = self._executor.begin(self._call)

    def cancel(self) -> None:
        """Give the frame up, unless it is being coded; `ray_cluster` ends the actors."""
        self._executor.ray.cancel(self._reference)


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
