#!/usr/bin/env python3
"""Measure the native engine beside what bounds it: `benchmarks/engine [--threads N] [--rounds N]`.

The bare loop is the engine's own int8 products over the shapes of a step and nothing else; it is
held against torch's float32 GEMM, and the engine against both and against the torch engine. All
sides are timed in turn in one process and the fastest of many rounds counts, so that a busy machine
slows all alike. It needs torch, and the default model to be the published one of width 384.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from shazip import modelstore
from shazip.archive import Codec
from shazip.coder import Encoder
from shazip.engines.native import NativeEngine, available_threads, variants
from shazip.engines.torch import TorchEngine
from shazip.modelfile import IntegerModel

HERE = Path(__file__).resolve().parent
COSTS = ("products", "attention", "element-wise", "frequencies", "waiting")
TURN = 256  # bytes that a work does in its turn: some milliseconds
Work = Callable[[], object]


def main() -> int:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=min(2, available_threads()))
    parser.add_argument("--rounds", type=int, default=40, help="of which the fastest counts")
    wishes = parser.parse_args()
    model = modelstore.default()
    weights, memory = operations(model)
    print(f"{platform.machine()}, {wishes.threads} threads, model {model.name}: {model.config}")
    print(f"products per byte: {weights / 1e6:.2f} M by weights, {memory / 1e6:.2f} M by memory")
    speeds = measure_steps(model, wishes.threads, wishes.rounds)
    report_products(speeds, weights, wishes.threads, wishes.rounds)
    report_steps(speeds, wishes.threads)
    report_end_to_end(model, speeds, wishes.threads)
    report_costs(model, wishes.threads)
    report_small_file()
    return 0


def operations(model: IntegerModel) -> tuple[int, int]:
    """Return the int8 products that a byte takes: by weights, and by attention memory."""
    tensors = model.tensors.items()
    weights = sum(t.size for name, t in tensors if name.endswith(".weight"))
    return weights, 2 * len(model.config.attention) * model.config.window * model.config.width


def text(size: int) -> bytes:
    """Return `size` bytes of this repository's own text."""
    files = sorted([*HERE.parent.glob("docs/*.md"), *HERE.parent.glob("shazip/**/*.py")])
    content = b"".join(path.read_bytes() for path in files)
    return (content * (size // len(content) + 1))[:size]


class Stepper:
    """An engine's predictor that runs through text, `lanes` bytes a step, past its window."""

    def __init__(self, engine: NativeEngine | TorchEngine, lanes: int) -> None:
        self.predictor = engine.predictor(lanes)
        self.lanes = lanes
        self.columns = np.frombuffer(text(1 << 16), np.uint8)[: (1 << 16) // lanes * lanes]
        self.columns = np.ascontiguousarray(self.columns.reshape(lanes, -1).T)
        self.position = 0

    def step(self) -> np.ndarray:
        """Do one step; return its frequencies."""
        freqs = self.predictor.predict(self.lanes)
        self.predictor.update(self.columns[self.position % len(self.columns)])
        self.position += 1
        return freqs

    def products(self) -> None:
        """Do a step's products only; the native engine's."""
        self.predictor.native.products_only(self.lanes)


def in_turn(works: dict[object, Work], rounds: int) -> dict[object, float]:
    """Return the seconds of each work's fastest round; the works take turns.

    Before its turn a work runs once untimed, because the others have driven it out of the caches.
    """
    fastest = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            work()
            start = time.perf_counter()
            work()
            fastest[name] = min(fastest[name], time.perf_counter() - start)
    return fastest


def measure_steps(model: IntegerModel, threads: int, rounds: int) -> dict[object, float]:
    """Return seconds per byte for (variant or "torch", lanes, threads, "step" or "bare")."""
    speeds: dict[object, float] = {}
    for lanes in (1, 32):
        repeat = TURN // lanes
        works: dict[object, Work] = {}
        for variant in variants():
            for count in sorted({1, threads}):
                stepper = Stepper(NativeEngine(model, count, variant=variant), lanes)
                for _ in range(model.config.window + 1):
                    stepper.step()
                works[variant, lanes, count, "step"] = repeated(stepper.step, repeat)
                works[variant, lanes, count, "bare"] = repeated(stepper.products, repeat)
        measured = in_turn(works, rounds)
        stepper = Stepper(TorchEngine(model, threads=threads), lanes)
        for _ in range(model.config.window + 1):
            stepper.step()
        works = {("torch", lanes, threads, "step"): repeated(stepper.step, repeat)}
        measured |= in_turn(works, max(2, rounds // 10))
        speeds |= {name: seconds / TURN for name, seconds in measured.items()}
    return speeds


def repeated(work: Work, times: int) -> Work:
    """Return a work that does `work` so many times."""

    def run() -> None:
        for _ in range(times):
            work()

    return run


def gemm_rate(threads: int, rounds: int) -> float:
    """Return torch's float32 multiply-adds a second, 512 rows by the Boom's matrix."""
    torch.set_num_threads(threads)
    a, b = torch.randn(512, 384), torch.randn(1536, 384)
    with torch.inference_mode():
        seconds = in_turn({"gemm": lambda: a @ b.t()}, 5 * rounds)["gemm"]
    return 512 * 384 * 1536 / seconds


def wanted(name: str, found: float, least: float) -> None:
    """Print a figure beside the least that it should be."""
    print(f"  {name}: {found:.2f} (wanted {least:g}){'' if found >= least else '  MISSED'}")


def report_products(speeds: dict[object, float], weights: int, threads: int, rounds: int) -> None:
    """Print the bare loops' rates beside float32 GEMM's."""
    print("\nproducts alone, 10**9 multiply-adds a second")
    counts = sorted({1, threads})
    gemm = {count: gemm_rate(count, rounds) / 1e9 for count in counts}
    head = [f"{lanes} lanes, {count} threads" for lanes in (1, 32) for count in counts]
    print(" " * 32 + "".join(f"{name:>20}" for name in head))
    for variant in variants():
        rates = [
            weights / speeds[variant, lanes, count, "bare"] / 1e9
            for lanes in (1, 32)
            for count in counts
        ]
        print(f"  bare loop, {variant:20}" + "".join(f"{rate:20.1f}" for rate in rates))
    print("  torch float32 GEMM, 512 rows: " + ", ".join(f"{gemm[c]:.1f} with {c}" for c in counts))
    best = weights / speeds[variants()[0], 32, threads, "bare"] / 1e9
    wanted(f"bare loop ({variants()[0]}, 32 lanes) by GEMM", best / gemm[threads], 1)


def report_steps(speeds: dict[object, float], threads: int) -> None:
    """Print the steps' times, and how they scale with threads."""
    print("\na step (predict and update), microseconds a byte")
    for lanes in (1, 32):
        slow = speeds["torch", lanes, threads, "step"]
        print(f"  {lanes} lanes: torch engine {1e6 * slow:.1f}")
        for variant in variants():
            step, bare = (speeds[variant, lanes, threads, kind] for kind in ("step", "bare"))
            one_step, one_bare = (speeds[variant, lanes, 1, kind] for kind in ("step", "bare"))
            print(
                f"    {variant:12} {1e6 * step:7.2f}, bare {1e6 * bare:7.2f} ({bare / step:.0%});"
                f" {threads} threads: step x{one_step / step:.2f}, bare x{one_bare / bare:.2f}"
            )
        best = variants()[0]
        step, bare = (speeds[best, lanes, threads, kind] for kind in ("step", "bare"))
        one_step, one_bare = (speeds[best, lanes, 1, kind] for kind in ("step", "bare"))
        wanted("as fast as the torch engine, times", slow / step, 8 if lanes == 1 else 3)
        wanted("scaling by the bare loop's own", one_step / step / (one_bare / bare), 0.9)


def report_end_to_end(model: IntegerModel, speeds: dict[object, float], threads: int) -> None:
    """Print the rate of a file's compression without mixing as a share of the bare loop's."""
    print("\nfrom file to archive, network alone, 32 lanes")
    weights, memory = operations(model)
    size = 1 << 17
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "text"
        source.write_bytes(text(size))
        works: dict[object, Work] = {}
        for variant in variants():
            engine = NativeEngine(model, threads, variant=variant)
            codec = Codec(model, engine=engine, mix=False, lanes=32)
            works[variant] = lambda codec=codec: compress_file(codec, source)
        seconds = in_turn(works, 4)
    for variant, found in seconds.items():
        bare = speeds[variant, 32, threads, "bare"]
        share, with_memory = bare * size / found, bare * (1 + memory / weights) * size / found
        print(
            f"    {variant:12} {found / size * 1e6:7.2f} us a byte, {size / found / 1e3:6.1f} kB/s:"
            f" {share:.0%} of the bare loop's rate, {with_memory:.0%} with the products by memory"
        )
        wanted("rate by the bare loop's", with_memory, 0.65)


def compress_file(codec: Codec, source: Path) -> None:
    """Compress a file beside itself."""
    with source.open("rb") as reader, source.with_suffix(".shz").open("wb") as writer:
        codec.compress_stream(reader, writer)


def report_costs(model: IntegerModel, threads: int) -> None:
    """Print what a byte's time is spent on."""
    print(
        "\nmicroseconds a byte by what they are spent on (each thread's, averaged; coding on one)"
    )
    for lanes in (1, 32):
        stepper = Stepper(NativeEngine(model, threads), lanes)
        rows, times = [], []
        for _ in range(model.config.window + 1):
            stepper.step()
        for _ in range(2000 // lanes):
            stepper.predictor.native.count_costs(True)
            start = time.perf_counter()
            stepper.step()
            times.append(time.perf_counter() - start)
            rows.append(np.mean(stepper.predictor.native.costs(), axis=0))
        shares = np.median(rows, axis=0) / np.median(np.sum(rows, axis=1))
        costs = shares * statistics.median(times) / lanes * 1e6
        parts = [f"{name} {cost:.2f}" for name, cost in zip(COSTS, costs, strict=True)]
        print(f"  {lanes} lanes: {', '.join(parts)}, coding {1e6 * coding_cost(stepper):.2f}")


def coding_cost(stepper: Stepper) -> float:
    """Return the seconds a byte that the range coder takes."""
    encoder = Encoder(stepper.lanes)
    rows = [stepper.step() for _ in range(512 // stepper.lanes)]
    column = np.zeros(stepper.lanes, np.uint8)
    start = time.perf_counter()
    for freqs in rows:
        encoder.encode(column, freqs)
    encoder.finish()
    return (time.perf_counter() - start) / 512


def report_small_file() -> None:
    """Print time and memory of the command on 10 kB of text."""
    print("\n10 kB of text through the command, start-up and canary included")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "text"
        source.write_bytes(text(10_000))
        packed, back = Path(folder) / "text.shz", Path(folder) / "back"
        for way in (("compress", source, packed), ("decompress", packed, back)):
            seconds, memory = min(run_command(*way) for _ in range(3))
            print(f"  {way[0]}: {seconds:.2f} s (wanted 1.5), {memory / 1e6:.0f} MB (wanted 250)")
        if back.read_bytes() != source.read_bytes():
            raise SystemExit("the text did not come back")


def run_command(way: str, source: Path, target: Path) -> tuple[float, int]:
    """Return the seconds and the peak memory in bytes of `shazip WAY SOURCE -o TARGET`."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "shazip", way, "-q", "-f", str(source), "-o", str(target)]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"shazip {way} failed")
    return time.perf_counter() - start, usage.ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
