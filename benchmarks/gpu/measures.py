"""Pieces about compression: GPU tests, equal archives, graphs, lanes, memory, the coder."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from benchmarks.gpu.bare import ROOT
from benchmarks.gpu.context import Context
from benchmarks.gpu.worker import FailedError
from shazip.archive import Codec
from shazip.coder import Decoder, Encoder
from shazip.engines import available, check_canary, check_long
from shazip.engines.torch import TorchEngine
from shazip.engines.torch_graph import GraphPredictor, proves
from shazip.engines.torch_predictor import TorchPredictor
from shazip.halves import first_half, second_half
from shazip.model import store

MEMORY_LIMIT = 64 << 30
ROUNDS = 3
TAIL = 4000  # characters of what pytest prints


def tests(context: Context) -> dict[str, Any]:
    """Run the tests that need a GPU."""
    files = [p for p in sorted((ROOT / "tests").glob("test_*.py")) if "mark.gpu" in p.read_text()]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, *map(str, files)], cwd=ROOT, capture_output=True, text=True)
    found = {"code": done.returncode, "tail": (done.stdout + done.stderr)[-TAIL:]}
    if done.returncode:
        raise FailedError(f"pytest ended with code {found['code']}: {found['tail']}")
    counts = re.findall(r"(\d+) (passed|skipped|deselected)", done.stdout)
    return {**found, **{name: int(count) for count, name in counts}}


def archives(context: Context) -> dict[str, Any]:
    """Compare archives of the device with those of the CPU, each decoded by the other side.

    Raises FailedError if a byte differs.
    """
    data, engine = context.sample(context.scale.archive), _engine(context)
    check_canary(engine)
    model = engine.model
    found: dict[str, Any] = {"model": model.name, "size": len(data), "cpu": available()[0]}
    for mix in (False, True) if "native" in available() else (False,):
        for lanes in context.scale.lanes[:2]:
            options: dict[str, Any] = {"mix": mix, "lanes": lanes}
            cpu = Codec(model, threads=context.threads, **options)
            device = Codec(engine=engine, memory_limit=MEMORY_LIMIT, **options)
            packed = cpu.compress(data), device.compress(data)
            back = device.decompress(packed[0]), cpu.decompress(packed[1])
            name = f"{lanes} lanes{', mixed' if mix else ''}"
            if packed[0] != packed[1] or back != (data, data):
                raise FailedError(f"the archives of CPU and {context.device} differ: {name}")
            found[name] = {
                "bytes": len(packed[0]),
                "sha256": hashlib.sha256(packed[0]).hexdigest(),
            }
    return found


def graph(context: Context) -> dict[str, Any]:
    """Check the engine by the long probe; say whether a step can be a CUDA graph."""
    engine = _engine(context)
    if engine.device.type != "cuda":
        return {"proved": None, "reason": "only CUDA has graphs"}
    check_long(engine)
    return {"proved": engine.graphs}


def steps(context: Context, lanes: int) -> dict[str, Any]:
    """Time steps of the network alone, without and with a graph, and measure the peak memory."""
    engine = _engine(context)
    kinds: dict[str, type[TorchPredictor]] = {"eager": TorchPredictor}
    if engine.device.type == "cuda" and proves(engine):
        kinds["graph"] = GraphPredictor
    return {"lanes": lanes} | {
        name: _steps(engine, kind, lanes, context.scale.steps) for name, kind in kinds.items()
    }


def _engine(context: Context) -> TorchEngine:
    model = store.find(context.scale.model)
    return TorchEngine(model, device=context.device, threads=context.threads)


def _steps(
    engine: TorchEngine, kind: type[TorchPredictor], lanes: int, count: int
) -> dict[str, float]:
    cuda = engine.device.type == "cuda"
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    predictor = kind(engine, lanes)
    predictor.state.written[:] = engine.model.config.window  # a full memory costs the most
    column = (np.arange(lanes) % 256).astype(np.uint16)

    def step() -> None:
        predictor.predict(lanes)
        predictor.update(column)

    for _ in range(count):
        step()
    seconds = min(timed(step, count) for _ in range(ROUNDS))
    peak = torch.cuda.max_memory_allocated() if cuda else 0
    return {"step_ms": 1e3 * seconds, "k_symbols_s": lanes / seconds / 1e3, "peak_memory": peak}


def timed(work: Callable[[], object], count: int) -> float:
    """Return the seconds of one call, over `count` of them; a step ends with a copy to the CPU."""
    start = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - start) / count


def stream(context: Context, lanes: int, mix: bool) -> dict[str, Any]:
    """Time compression and decompression of a block, coder (and mixing) included."""
    data = context.sample(min(context.scale.stream, 256 * lanes))
    codec = Codec(engine=_engine(context), mix=mix, lanes=lanes, memory_limit=MEMORY_LIMIT)
    codec.compress(data[:lanes])  # libraries
    start = time.perf_counter()
    packed = codec.compress(data)
    middle = time.perf_counter()
    if codec.decompress(packed) != data:
        raise FailedError("other bytes came back")
    speeds = len(data) / (middle - start), len(data) / (time.perf_counter() - middle)
    found = {"lanes": lanes, "mix": mix, "size": len(data), "bpb": 8 * len(packed) / len(data)}
    return {**found, "compress_kB_s": speeds[0] / 1e3, "decompress_kB_s": speeds[1] / 1e3}


def coder(context: Context) -> dict[str, Any]:
    """Time the coder alone, and several coders in threads: what caps a block, what threads add."""
    lanes, symbols = context.scale.coder
    rng = np.random.default_rng(0)
    freqs = rng.integers(1, 2**16, (lanes, 256), np.uint32)
    freqs[:, 0] += (2**24 - freqs.sum(1)).astype(np.uint32)
    column = rng.integers(0, 16, lanes, np.uint16)
    rows = first_half(freqs, 16), second_half(freqs, 16, column)
    count = symbols // lanes
    found: dict[str, Any] = {"lanes": lanes}
    for threads in (1, 2, 4):
        with ThreadPoolExecutor(threads) as pool:
            start = time.perf_counter()
            payloads = list(pool.map(lambda _: _encode(column, rows, count), range(threads)))
            middle = time.perf_counter()
            list(pool.map(lambda payload: _decode(payload, rows, count), payloads))
            seconds = middle - start, time.perf_counter() - middle
        size = threads * count * lanes
        found[f"{threads} threads"] = {
            "encode_MB_s": size / seconds[0] / 1e6,
            "decode_MB_s": size / seconds[1] / 1e6,
        }
    return found


def _encode(column: np.ndarray, rows: tuple[np.ndarray, np.ndarray], count: int) -> bytes:
    encoder = Encoder(len(column))
    for _ in range(count):
        for freqs in rows:
            encoder.encode(column, freqs)
    return encoder.finish()


def _decode(payload: bytes, rows: tuple[np.ndarray, np.ndarray], count: int) -> None:
    decoder = Decoder(payload)
    for _ in range(count):
        for freqs in rows:
            decoder.decode(freqs)
    decoder.finish()
