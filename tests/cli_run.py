"""Runs `shazip` here or elsewhere, as (exit code, stdout, stderr), with the fake engine."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fake import CountingPredictor, FakeEngine

from shazip.archive import Codec
from shazip.cli.main import main, run
from shazip.cli.options import CodecOptions

TEXT = b"Neural compressors win every benchmark and are used by nobody. " * 8


class Result(NamedTuple):
    code: int
    out: bytes
    err: str


class SlowEngine(FakeEngine):
    """Takes its time, so that a test can do something to a run under way."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def predictor(self, lanes: int) -> CountingPredictor:
        """Return a predictor that sleeps before every prediction."""
        predictor = super().predictor(lanes)
        predict = predictor.predict

        def predict_slowly(live: int) -> np.ndarray:
            time.sleep(self.seconds)
            return predict(live)

        predictor.predict = predict_slowly  # type: ignore[method-assign]
        return predictor


class DriftingEngine(FakeEngine):
    """Gives other probabilities the second time, as an engine would that is not exact."""

    def predictor(self, lanes: int) -> CountingPredictor:
        """Return a predictor unlike all others."""
        self.weight += 1
        return super().predictor(lanes)


def fake_codec(options: CodecOptions, engine: FakeEngine | None = None) -> Codec:
    """What CodecOptions.open gives, but for engine and mixing."""
    return Codec(
        engine=engine or FakeEngine(),
        mix=False,
        lanes=options.lanes,
        block_size=options.block_size,
        memory_limit=options.memory_limit,
    )


@contextmanager
def standard_streams(stdin: bytes) -> Iterator[tuple[io.TextIOWrapper, ...]]:
    """Replace the three streams by memory, without descriptors or terminals."""
    saved = sys.stdin, sys.stdout, sys.stderr
    streams = tuple(io.TextIOWrapper(io.BytesIO(data)) for data in (stdin, b"", b""))
    sys.stdin, sys.stdout, sys.stderr = streams
    try:
        yield streams
    finally:
        sys.stdin, sys.stdout, sys.stderr = saved


def shazip(*arguments: object, stdin: bytes = b"") -> Result:
    """Run a command line in this process."""
    with standard_streams(stdin) as (_, out, err):
        code = run([str(argument) for argument in arguments])
        out.flush()
        err.flush()
        return Result(code, out.buffer.getvalue(), err.buffer.getvalue().decode())


def command(*arguments: object, seconds: float = 0) -> list[str]:
    """The same for another process, where each prediction takes so long."""
    return [sys.executable, __file__, str(seconds), *map(str, arguments)]


def process(*arguments: object, seconds: float = 0, **options: Any) -> Result:
    """Run a command line in another process, to its end."""
    options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    buffered = {key: os.environ[key] for key in os.environ if key != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        command(*arguments, seconds=seconds),
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
        env=buffered,  # as users have it: output may fail as late as at the end
        **options,
    )
    return Result(done.returncode, done.stdout or b"", done.stderr.decode())


def files_in(folder: Path) -> list[str]:
    """All names in a folder, hidden ones as well."""
    return sorted(path.name for path in folder.iterdir())


if __name__ == "__main__":
    slow = SlowEngine(float(sys.argv[1]))
    CodecOptions.open = lambda options: fake_codec(options, slow)  # type: ignore[method-assign]
    main(sys.argv[2:])
