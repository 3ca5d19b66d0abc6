"""The list of pieces, and the loop that does those that fit into the time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.gpu.context import Context, Scale
from benchmarks.gpu.worker import FailedError

Result = dict[str, Any]
ATTEMPTS = 2  # of a piece that fails
PATIENCE, START = 2.0, 30.0  # a piece may take PATIENCE times as long as estimated, and START


@dataclass(frozen=True)
class Piece:
    """Something to be measured: its result becomes NAME.json.

    `function` takes the context and `arguments`; it belongs to measures.py or training.py and is
    named, not given, so that nothing is imported before a bare machine is set up.
    """

    name: str
    function: str
    seconds: float  # estimated
    arguments: tuple[Any, ...] = ()
    rest: bool = False  # takes all the time that is left, `seconds` at least


def pieces(scale: Scale) -> list[Piece]:
    """Return all pieces in their order."""
    lanes = [
        *(Piece(f"steps-{n}", "measures.steps", 25, (n,)) for n in scale.lanes),
        *(Piece(f"alone-{n}", "measures.stream", 25, (n, False)) for n in scale.lanes),
        *(Piece(f"mixed-{n}", "measures.stream", 35, (n, True)) for n in scale.lanes),
    ]
    windows = [
        Piece(f"window-{n}", "training.study", 60, (f"window-{n}", _window(n)))
        for n in scale.windows
    ]
    heads = [
        Piece(f"heads-{n}", "training.study", 60, (f"heads-{n}", {"heads": n})) for n in scale.heads
    ]
    every = [
        Piece("tests", "measures.tests", 90),
        Piece("archives", "measures.archives", 60),
        Piece("graph", "measures.graph", 20),
        *lanes,
        Piece("coder", "measures.coder", 20),
        *heads,
        *windows,
        Piece("paper", "training.paper", 320),
        Piece("text", "training.long_run", 60, rest=True),
    ]
    return [replace(piece, seconds=piece.seconds * scale.share) for piece in every]


def _window(size: int) -> Result:
    return {"window": size} if size else {"attention": ()}


def perform(piece: Piece, context: Context) -> Result:
    """Do a piece in this process."""
    import importlib

    module, _, function = piece.function.partition(".")
    found: Result = getattr(importlib.import_module(f"benchmarks.gpu.{module}"), function)(
        context, *piece.arguments
    )
    return found


def run(
    todo: Sequence[Piece],
    context: Context,
    call: Callable[[float, Piece, Context], Result],
    tell: Callable[[str], None],
) -> bool:
    """Do the pieces that are not done and fit into the context's time; return whether none failed.

    A piece that does not fit is left for the next call; shorter ones behind it may fit.
    """
    sound = True
    for piece in todo:
        if done(piece, context.work):
            continue
        if piece.seconds > context.seconds:
            tell(f"{piece.name}: {piece.seconds:.0f} s do not fit")
            continue
        result = _attempt(piece, context, call)
        _write(context.work / f"{piece.name}.json", result)
        tell(f"{piece.name}: {result['took']:.0f} s {result.get('failed', '')}".rstrip())
        sound &= "failed" not in result
    return sound


def done(piece: Piece, work: Path) -> bool:
    """Return whether a piece has its result, or has failed too often."""
    found = read(work / f"{piece.name}.json")
    if "failed" in found:
        return int(found["attempts"]) >= ATTEMPTS
    return bool(found) and not found.get("unfinished")


def read(path: Path) -> Result:
    """Return a piece's result; nothing if there is none."""
    found: Result = json.loads(path.read_text()) if path.exists() else {}
    return found


def _attempt(
    piece: Piece, context: Context, call: Callable[[float, Piece, Context], Result]
) -> Result:
    start = time.time()
    limit = context.seconds if piece.rest else PATIENCE * piece.seconds + START
    limit = min(limit, context.seconds)
    before = read(context.work / f"{piece.name}.json").get("attempts", 0)
    try:
        result = call(limit, piece, replace(context, end=start + limit))
    except FailedError as error:
        result = {"failed": str(error), "attempts": before + 1}
    return {**result, "took": round(time.time() - start, 2)}


def _write(path: Path, result: Result) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(result, indent=1) + "\n")
    new.replace(path)
