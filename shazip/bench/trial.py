"""Runs a tool on a file, round by round: compress, decompress, compare."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shazip.bench import launch
from shazip.bench.results import Input, Row
from shazip.bench.tools import ORIGINAL, Library, Shazip, Tool
from shazip.errors import ShazipError
from shazip.model.record import was_trained_on


class FailedError(ShazipError):
    """The tool ended with an error or returned other bytes."""


@dataclass(frozen=True)
class Usage:
    """Time and memory of one command."""

    seconds: float
    peak: int  # bytes
    program: int  # bytes of the libraries it loaded, 0 if it reports none


@dataclass(frozen=True)
class Patience:
    """How often each trial is repeated."""

    rounds: int = 3
    seconds: float = 60.0  # no further round of a tool that has taken this long on a file


def run_trials(
    file: Input,
    path: Path,
    tools: Iterable[Tool],
    patience: Patience,
    watch: Callable[[Sequence[Row], int], None],
) -> tuple[Row, ...]:
    """Return a row for each tool; call `watch(rows, done)` after each round of each tool.

    Every round runs all tools, so that other work on the machine slows them alike. The first `done`
    rows are final.
    """
    tools = tuple(tools)
    rows = [start(tool, file) for tool in tools]
    watch(rows, 0)
    for number in range(patience.rounds):
        last = number == patience.rounds - 1
        for index, tool in enumerate(tools):
            if not rows[index].failure and (not number or _time(rows[index]) < patience.seconds):
                rows[index] = add_round(tool, rows[index], path)
            watch(rows, index + 1 if last else 0)
    return tuple(rows)


def _time(row: Row) -> float:
    return sum(row.compress_seconds) + sum(row.decompress_seconds)


def start(tool: Tool, file: Input) -> Row:
    """Return the row of a tool before its first round: failed if the tool is missing."""
    version = tool.version()
    row = Row(tool.name, file.name, file.size, version or "", tool.note)
    if version is None:
        return replace(row, failure=f"missing: {tool.source}")
    model, program = tool.sizes()
    metadata = tool.metadata if isinstance(tool, Shazip) else None
    trained_on = False if metadata is None else was_trained_on(metadata, file.sha256)
    return replace(row, model=model, program=program, trained_on=trained_on)


def add_round(tool: Tool, row: Row, path: Path) -> Row:
    """Return `row` with one more round, or failed."""
    with tempfile.TemporaryDirectory(prefix="shazip-bench-") as name:
        folder = Path(name)
        shutil.copyfile(path, folder / ORIGINAL)
        try:
            packing = run(tool, "compress", folder)
            packed = (folder / tool.packed).stat().st_size
            unpacking = run(tool, "decompress", folder)
            _check_back(folder, tool)
        except (FailedError, OSError) as error:
            return replace(row, failure=f"failed: {error}")
    return replace(
        row,
        packed=packed,
        compress_seconds=(*row.compress_seconds, packing.seconds),
        decompress_seconds=(*row.decompress_seconds, unpacking.seconds),
        peak=max(row.peak, packing.peak, unpacking.peak),
        program=unpacking.program or row.program,
    )


def _check_back(folder: Path, tool: Tool) -> None:
    if not (folder / tool.result).is_file():
        raise FailedError("nothing came back")
    if not filecmp.cmp(folder / ORIGINAL, folder / tool.result, shallow=False):
        raise FailedError("the round trip changed the bytes")


def run(tool: Tool, action: str, folder: Path) -> Usage:
    """Run one action of a tool in `folder` and return its time and memory."""
    report = folder / "report"
    done = call(
        [sys.executable, "-I", "-S", launch.__file__, "report", *tool.command(action)], folder
    )
    if done.returncode or not report.is_file():
        raise FailedError(f"{action}: {reason(done)}")
    seconds, peak = report.read_text().split()
    if isinstance(tool, Library):
        told = json.loads(done.stdout)
        return Usage(told["seconds"], int(peak), told["program"])
    return Usage(float(seconds), int(peak), 0)


def call(command: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command in `folder` and return its status and output."""
    pipe = subprocess.PIPE
    session = hasattr(os, "killpg")
    with subprocess.Popen(
        command, cwd=folder, stdout=pipe, stderr=pipe, start_new_session=session
    ) as process:
        try:
            said, complained = process.communicate()
        except BaseException:
            # The launcher has a child, which must not outlive it.
            os.killpg(process.pid, signal.SIGTERM) if session else process.terminate()
            raise
    return subprocess.CompletedProcess(command, process.returncode, said, complained)


def reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the last line of standard error, which has an exception's own words."""
    lines = done.stderr.decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return said[-1] if said else f"exit status {done.returncode}"
