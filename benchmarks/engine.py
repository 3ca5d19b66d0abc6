"""Measures the native engine beside the bounds of its time: `python -m benchmarks.engine`.

The bare loop is the engine's own int8 products over the shapes of a step, by weights and by a full
attention memory, and nothing else; its products by weights alone are held against torch's float32
GEMM, the engine against the bare loop and the torch engine. Sides that are compared take turns in
one process and the fastest of many rounds counts, so that a busy machine slows all alike. It needs
torch, and wants a default model of width 384 with two layers and a window of 512.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from shazip.archive import Codec
from shazip.coder import Encoder
from shazip.cpus import available_cpus
from shazip.engines.native import NativeEngine, variants
from shazip.halves import first_half, second_half
from shazip.model import store as modelstore
from shazip.model.file import IntegerModel

try:
    import torch

    from shazip.engines.torch import TorchEngine
except ImportError:
    sys.exit(
        "benchmarks.engine compares with torch, which is not installed: pip install '.[torch]'"
    )

HERE = Path(__file__).resolve().parent
COSTS = ("products", "attention", "element-wise", "frequencies", "waiting")
KINDS = ("step", "bare", "weights")
LANES = (1, 2, 4, 8, 16, 32, 64)
TURN = 128  # bytes that a work does in its turn: some milliseconds
SLOW = ("portable",)  # variants that are measured with one lane only, for a tenth of the rounds
# A process's peak memory is at first that of the one that starts it: so a small one does.
LAUNCHER = """
import os, sys, time
start = time.perf_counter()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
print(time.perf_counter() - start, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
Work = Callable[[], object]
Speeds = dict[tuple[str, int, int, str], float]  # seconds a byte of (variant, lanes, threads, kind)


def main() -> int:
    """Print the report."""
    parser = argparse.ArgumentParser("python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--threads", type=int, default=min(2, available_cpus()))
    parser.add_argument("--rounds", type=int, default=40, help="of which the fastest counts")
    wishes = parser.parse_args()
    start = time.perf_counter()
    model = modelstore.default()
    weights, memory = operations(model)
    print(f"{platform.machine()}, {wishes.threads} threads, model {model.name}: {model.config}")
    print(f"products per byte: {weights / 1e6:.2f} M by weights, {memory / 1e6:.2f} M by memory")
    speeds = measure_steps(model, wishes.threads, wishes.rounds)
    report_products(speeds, operations(model), wishes.threads, wishes.rounds)
    report_steps(model, speeds, wishes.threads, wishes.rounds)
    report_end_to_end(model, wishes.threads)
    report_lanes(model, wishes.threads, wishes.rounds)
    report_costs(model, wishes.threads)
    report_small_file()
    print(f"\nmeasured in {time.perf_counter() - start:.0f} s")
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
        self.window = engine.model.config.window
        self.columns = np.frombuffer(text(1 << 16), np.uint8).astype(np.uint16)[
            : (1 << 16) // lanes * lanes
        ]
        self.columns = np.ascontiguousarray(self.columns.reshape(lanes, -1).T)
        self.position = 0

    def fill(self) -> Stepper:
        """Fill the window; a step costs the same from then on."""
        for _ in range(self.window):
            self.step()
        return self

    def step(self) -> np.ndarray:
        """Do one step; return its frequencies."""
        freqs = self.predictor.predict(self.lanes)
        self.predictor.update(self.columns[self.position % len(self.columns)])
        self.position += 1
        return freqs

    def products(self) -> None:
        """Do a step's products only; the native engine's."""
        self.predictor.native.products_only(self.lanes)

    def products_by_weights(self) -> None:
        """Do a step's products but for those by attention memory; the native engine's."""
        self.predictor.native.products_only(self.lanes, False)

    def works(self) -> dict[str, Work]:
        """Return a turn of each of KINDS."""
        works = (self.step, self.products, self.products_by_weights)
        times = max(1, TURN // self.lanes)
        return {kind: repeated(work, times) for kind, work in zip(KINDS, works, strict=True)}

    def turn_size(self) -> int:
        """Return the bytes of a turn."""
        return max(1, TURN // self.lanes) * self.lanes


def repeated(work: Work, times: int) -> Work:
    """Return a work that does `work` so many times."""

    def run() -> None:
        for _ in range(times):
            work()

    return run


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


def measured_with(lanes: int) -> list[str]:
    """Return the variants that are measured with so many lanes."""
    return [name for name in variants() if lanes == 1 or name not in SLOW]


def measure_steps(model: IntegerModel, threads: int, rounds: int) -> Speeds:
    """Return the speeds of all variants with 1 and 32 lanes."""
    speeds: Speeds = {}
    for lanes in (1, 32):
        for variant in measured_with(lanes):
            works: dict[object, Work] = {}
            for count in sorted({1, threads}):
                stepper = Stepper(NativeEngine(model, count, variant=variant), lanes).fill()
                works |= {(variant, lanes, count, k): w for k, w in stepper.works().items()}
            measured = in_turn(works, max(2, rounds // 10 if variant in SLOW else rounds))
            speeds |= {name: s / stepper.turn_size() for name, s in measured.items()}
    return speeds


def measure_torch(model: IntegerModel, lanes: int, threads: int, rounds: int) -> float:
    """Return the torch engine's seconds a byte, with a memory that is not full yet."""
    stepper = Stepper(TorchEngine(model, threads=threads), lanes)
    return in_turn({"step": stepper.step}, rounds)["step"] / lanes


def gemm_rate(threads: int, rounds: int) -> float:
    """Return torch's float32 multiply-adds a second, 512 rows by the Boom's matrix."""
    torch.set_num_threads(threads)
    a, b = torch.randn(512, 384), torch.randn(1536, 384)
    with torch.inference_mode():
        seconds = in_turn({"gemm": lambda: a @ b.t()}, rounds)["gemm"]
    return 512 * 384 * 1536 / seconds


def wanted(name: str, found: float, least: float) -> None:
    """Print a figure beside the least that it should be."""
    print(f"  {name}: {found:.2f} (wanted {least:g}){'' if found >= least else '  MISSED'}")


def report_products(speeds: Speeds, products: tuple[int, int], threads: int, rounds: int) -> None:
    """Print the bare loops' rates beside float32 GEMM's."""
    counts = sorted({1, threads})
    weights, every = products[0] / 1e9, sum(products) / 1e9
    gemm = {count: gemm_rate(count, rounds) / 1e9 for count in counts}
    print("\nproducts alone, 10**9 multiply-adds a second: by weights / all, by memory as well")
    sides = [(lanes, count) for lanes in (1, 32) for count in counts]
    head = [f"{lanes} lanes, {count} threads" for lanes, count in sides]
    print(" " * 25 + "".join(f"{name:>20}" for name in head))
    for variant in variants():
        rates = [
            f"{weights / speeds[variant, *side, 'weights']:.1f} / "
            f"{every / speeds[variant, *side, 'bare']:.1f}"
            for side in sides
            if variant in measured_with(side[0])
        ]
        print(f"  bare loop, {variant:12}" + "".join(f"{rate:>20}" for rate in rates))
    print("  torch float32 GEMM, 512 rows: " + ", ".join(f"{gemm[c]:.1f} with {c}" for c in counts))
    best = weights / speeds[variants()[0], 32, threads, "weights"]
    wanted(f"by weights ({variants()[0]}, 32 lanes) by GEMM", best / gemm[threads], 1)


def report_steps(model: IntegerModel, speeds: Speeds, threads: int, rounds: int) -> None:
    """Print the steps' times, and how they scale with threads."""
    print("\na step (predict and update), microseconds a byte; beside it the bare loop")
    best = variants()[0]
    for lanes in (1, 32):
        print(f"  {lanes} lanes")
        for variant in measured_with(lanes):
            step, bare, weights = (speeds[variant, lanes, threads, kind] for kind in KINDS)
            gains = {
                k: speeds[variant, lanes, 1, k] / speeds[variant, lanes, threads, k] for k in KINDS
            }
            print(
                f"    {variant:12} {1e6 * step:7.2f}, bare {1e6 * bare:7.2f} ({bare / step:.0%}),"
                f" by weights {1e6 * weights:7.2f} ({weights / step:.0%}); {threads} threads:"
                f" step x{gains['step']:.2f}, bare x{gains['bare']:.2f}"
            )
        wanted("scaling by the bare loop's own", scaling(speeds, best, lanes, threads), 0.9)
        slow = measure_torch(model, lanes, threads, rounds)
        times = slow / speeds[best, lanes, threads, "step"]
        print(f"    torch engine {1e6 * slow:.1f}")
        wanted("as fast as the torch engine, times", times, 8 if lanes == 1 else 3)


def scaling(speeds: Speeds, variant: str, lanes: int, threads: int) -> float:
    """Return the gain of threads in a step, divided by their gain in the bare loop."""
    step, bare = (
        speeds[variant, lanes, 1, kind] / speeds[variant, lanes, threads, kind]
        for kind in ("step", "bare")
    )
    return step / bare


def report_end_to_end(model: IntegerModel, threads: int) -> None:
    """Print a file's compression without mixing beside bare loops of as many bytes.

    These are timed anew, in turn with it: what bursts of milliseconds reach lasts no second.
    """
    print("\nfrom file to archive, network alone, 32 lanes; beside it the bare loop")
    size = 1 << 16
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "text"
        source.write_bytes(text(size))
        for variant in (name for name in variants() if name in (variants()[0], "avx2")):
            engine = NativeEngine(model, threads, variant=variant)
            seconds = in_turn(end_to_end_works(engine, source, size), 4)
            cost = {kind: 1e6 * found / size for kind, found in seconds.items()}
            print(
                f"    {variant:12} {cost['file']:7.2f} us a byte, {1e3 / cost['file']:6.1f} kB/s,"
                f" bare {cost['bare']:7.2f}, by weights {cost['weights']:7.2f}"
                f" ({cost['weights'] / cost['file']:.0%})"
            )
            wanted("rate by the bare loop's", cost["bare"] / cost["file"], 0.65)


def end_to_end_works(engine: NativeEngine, source: Path, size: int) -> dict[object, Work]:
    """Return the compression of a file of `size` bytes and bare loops of as many."""
    codec = Codec(engine.model, engine=engine, mix=False, lanes=32)
    stepper = Stepper(engine, 32).fill()
    return {
        "file": lambda: compress_file(codec, source),
        "bare": repeated(stepper.products, size // 32),
        "weights": repeated(stepper.products_by_weights, size // 32),
    }


def compress_file(codec: Codec, source: Path) -> None:
    """Compress a file beside itself."""
    with source.open("rb") as reader, source.with_suffix(".shz").open("wb") as writer:
        codec.compress_stream(reader, writer)


def report_lanes(model: IntegerModel, threads: int, rounds: int) -> None:
    """Print the speed of a step by the number of lanes."""
    best = variants()[0]
    print(f"\na step by lanes ({best}), microseconds a byte")
    print(f"  {'lanes':>5} {'1 thread':>10} {f'{threads} threads':>10}")
    for lanes in LANES:
        works: dict[object, Work] = {}
        for count in sorted({1, threads}):
            stepper = Stepper(NativeEngine(model, count), lanes).fill()
            works[count] = stepper.works()["step"]
        found = in_turn(works, max(2, rounds // 2))
        times = {count: 1e6 * seconds / stepper.turn_size() for count, seconds in found.items()}
        print(f"  {lanes:5} {times[1]:10.2f} {times[threads]:10.2f}")


def report_costs(model: IntegerModel, threads: int) -> None:
    """Print the shares of a byte's time."""
    print("\nmicroseconds a byte by kind of work (each thread's, averaged; coding on one)")
    for lanes in (1, 32):
        stepper = Stepper(NativeEngine(model, threads), lanes).fill()
        rows, times = [], []
        for _ in range(8000 // lanes):
            stepper.predictor.native.count_costs(True)
            start = time.perf_counter()
            stepper.step()
            times.append(time.perf_counter() - start)
            rows.append(np.mean(stepper.predictor.native.costs(), axis=0))
        fastest = np.argsort(times)[: len(times) // 10 + 1]  # not those that others disturbed
        shares = np.mean(np.array(rows)[fastest], axis=0)
        total = statistics.mean(times[i] for i in fastest) / lanes * 1e6
        costs = shares / shares.sum() * total
        parts = [f"{name} {cost:.2f}" for name, cost in zip(COSTS, costs, strict=True)]
        print(f"  {lanes} lanes: {', '.join(parts)}, coding {1e6 * coding_cost(stepper):.2f}")


def coding_cost(stepper: Stepper) -> float:
    """Return the seconds a byte that the range coder takes."""
    column = np.zeros(stepper.lanes, np.uint16)
    rows = []
    for _ in range(512 // stepper.lanes):
        freqs = stepper.step()
        rows += [first_half(freqs, 16), second_half(freqs, 16, column)]

    def code() -> None:
        encoder = Encoder(stepper.lanes)
        for freqs in rows:
            encoder.encode(column, freqs)
        encoder.finish()

    return in_turn({"coding": code}, 20)["coding"] / 512


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
    command = [sys.executable, "-m", "shazip", way, "-q", "-f", str(source), "-o", str(target)]
    launcher = [sys.executable, "-c", LAUNCHER, *command]
    report = subprocess.run(launcher, check=True, capture_output=True, text=True).stdout.split()
    return float(report[0]), int(report[1]) * 1024


if __name__ == "__main__":
    sys.exit(main())
