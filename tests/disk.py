"""What a disk may hold after a power cut: every order that the system may have written in.

A recorder notes what a program does to one folder. `after_power_cuts` replays it up to every point:
what was synced is there, of the rest any part may be. Data that was never synced is TORN.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import pytest

TORN = b"torn: written, but never synced"
State = dict[str, bytes]  # names in the folder, and the content behind them


@dataclass(frozen=True)
class Event:
    """One step: `sync` of an inode's content or of the folder, or an entry that comes or goes."""

    kind: str  # sync, sync folder, enter, leave, move
    inode: int = 0
    name: str = ""
    gone: str = ""  # by a move
    content: bytes = b""


@dataclass
class Recorder:
    """The folder's state before, and what happened to it since."""

    folder: Path
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.before = {path.name: path.stat().st_ino for path in self.folder.iterdir()}
        self.contents = {path.stat().st_ino: path.read_bytes() for path in self.folder.iterdir()}

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Note every call that changes the folder, while `patch` lasts."""
        calls = {"open": self._opened, "fsync": self._synced, "link": self._entered}
        calls |= {"replace": self._moved, "rename": self._moved}
        calls |= {"unlink": self._left, "remove": self._left}
        for name, note in calls.items():
            patch.setattr(os, name, _noting(getattr(os, name), note))

    def _here(self, path: object) -> bool:
        return Path(os.fsdecode(path)).absolute().parent == self.folder  # type: ignore[arg-type]

    def _enter(self, path: object) -> None:
        if self._here(path):
            name = Path(os.fsdecode(path)).name  # type: ignore[arg-type]
            self.events.append(Event("enter", (self.folder / name).stat().st_ino, name))

    def _opened(self, path: object, flags: int, *_: object, **__: object) -> None:
        if flags & os.O_CREAT:
            self._enter(path)

    def _entered(self, _: object, target: object, **__: object) -> None:
        self._enter(target)

    def _moved(self, source: object, target: object, **__: object) -> None:
        if self._here(target):
            name = Path(os.fsdecode(target)).name  # type: ignore[arg-type]
            gone = Path(os.fsdecode(source)).name  # type: ignore[arg-type]
            inode = (self.folder / name).stat().st_ino
            self.events.append(Event("move", inode, name, gone))

    def _left(self, path: object, **_: object) -> None:
        if self._here(path):
            self.events.append(Event("leave", name=Path(os.fsdecode(path)).name))  # type: ignore[arg-type]

    def _synced(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            self.events.append(Event("sync folder"))
        else:
            content = Path(f"/proc/self/fd/{descriptor}").read_bytes()
            self.events.append(Event("sync", status.st_ino, content=content))

    def after_power_cuts(self) -> Iterator[State]:
        """Yield every state that the folder may have after a cut between any two events."""
        for count in range(len(self.events) + 1):
            done = self.events[:count]
            folder_synced = max(
                (n for n, e in enumerate(done) if e.kind == "sync folder"), default=0
            )
            changes = [n for n, event in enumerate(done) if event.name]
            loose = [n for n in changes if n > folder_synced]
            for size in range(len(loose) + 1):
                for kept in combinations(loose, size):
                    lost = set(loose) - set(kept)
                    yield self._state([event for n, event in enumerate(done) if n not in lost])

    def _state(self, events: list[Event]) -> State:
        names, contents = dict(self.before), dict(self.contents)
        for event in events:
            if event.kind == "sync":
                contents[event.inode] = event.content
            elif event.kind == "leave":
                names.pop(event.name, None)
            elif event.name:
                names[event.name] = event.inode
                names.pop(event.gone, None)
        return {name: contents.get(inode, TORN) for name, inode in names.items()}

    def last(self) -> State:
        """Return the state after all events; it must be what the folder really holds."""
        return self._state(self.events)


def _noting(call, note):
    """Return `call`, after which `note` gets its arguments."""

    def noted(*arguments, **settings):
        result = call(*arguments, **settings)
        note(*arguments, **settings)
        return result

    return noted
