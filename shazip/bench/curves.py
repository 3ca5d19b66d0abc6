"""Size and speed against the input's size for all tools, against the lanes for shazip."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from shazip.bench.results import Input, Point
from shazip.bench.tools import Shazip, Tool
from shazip.bench.trial import FailedError, add_round, call, reason, start

Watch = Callable[[str], None]


def by_size(
    tools: Iterable[Tool], cuts: Iterable[tuple[int, Sequence[bytes]]], watch: Watch
) -> Iterator[Point]:
    """Yield a point for each installed tool and each size with its pieces."""
    present = [tool for tool in tools if tool.version() is not None]
    for size, parts in cuts:
        for tool in present if parts else ():
            watch(f"{tool.name}, {size} bytes")
            yield _point(tool, size, parts)


def by_lanes(shazip: Shazip, data: bytes, lanes: Iterable[int], watch: Watch) -> Iterator[Point]:
    """Yield a point for each number of lanes."""
    for count in lanes:
        watch(f"{count} lanes")
        tool = replace(shazip, options=(*shazip.options, "--lanes", str(count)))
        yield _point(tool, count, [data])


def by_stage(shazip: Shazip, data: bytes, watch: Watch) -> dict[str, float]:
    """Return the nanoseconds a byte that each stage of compressing `data` takes."""
    watch("stages")
    with tempfile.TemporaryDirectory(prefix="shazip-bench-") as name:
        folder = Path(name)
        (folder / "file").write_bytes(data)
        command = [sys.executable, "-m", "shazip.bench.stages", str(shazip.model), "file"]
        done = call(command, folder)
    if done.returncode:
        raise FailedError(f"stages: {reason(done)}")
    costs: dict[str, float] = json.loads(done.stdout)
    return costs


def pieces(data: bytes, size: int, most: int = 8) -> list[bytes]:
    """Return pieces spread over the data: `most` of 1 kB, fewer of larger ones, or none."""
    count = min(most, max(1, 80_000 // size), len(data) // size)
    return [data[len(data) // count * at :][:size] for at in range(count)]


def _point(tool: Tool, x: int, parts: Sequence[bytes]) -> Point:
    packed, seconds, unpack_seconds = 0, 0.0, 0.0
    with tempfile.TemporaryDirectory(prefix="shazip-bench-") as folder:
        path = Path(folder) / "piece"
        for part in parts:
            path.write_bytes(part)
            file = Input("piece", len(part), hashlib.sha256(part).hexdigest())
            row = add_round(tool, start(tool, file), path)
            if row.failure:
                raise FailedError(f"{tool.name}: {row.failure}")
            packed += row.packed
            seconds += sum(row.compress_seconds)
            unpack_seconds += sum(row.decompress_seconds)
    return Point(tool.name, x, sum(map(len, parts)), packed, seconds, unpack_seconds)
