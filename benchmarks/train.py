"""Measure the trainer beside its matrix products alone: `python -m benchmarks.train`.

The products of one update, forward and backward, are done by torch over the same shapes, types and
threads as in the trainer, into memory that is already there, and nothing else is. They are counted
twice: as the architecture has them, and as the trainer has them, to which the first layer's input
is a table of 256 rows, and which wants no gradient of the memory from before the window. All are
timed in turn in one process and the fastest of all rounds counts, so that a busy machine slows them
alike. It needs torch; the text is this repository's own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from shazip.model.config import ALPHABET, NetworkConfig
from shazip.training.parallel import Workers, split
from shazip.training.settings import Corpus, Schedule, TrainConfig
from shazip.training.trainer import Trainer

HERE = Path(__file__).resolve().parent
WANTED = 0.75
ALL, DONE, UPDATE = "products alone", "those the trainer has", "update"
Work = Callable[[], object]


def main() -> int:
    """Print seconds and rates."""
    parser = argparse.ArgumentParser("python -m benchmarks.train", description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lanes", type=int, default=64)
    parser.add_argument("--steps", type=int, default=128)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--float32", action="store_true", help="instead of bfloat16 products")
    parser.add_argument("--rounds", type=int, default=8, help="of which the fastest counts")
    wishes = parser.parse_args()
    network = NetworkConfig(width=wishes.width, boom_width=4 * wishes.width)
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text"
        files = sorted([*HERE.parent.glob("docs/*.md"), *HERE.parent.glob("shazip/**/*.py")])
        text.write_bytes(b"".join(path.read_bytes() for path in files))
        config = TrainConfig(
            (Corpus(text),),
            Schedule(1 << 40, quantise_last=0),
            network,
            lanes=wishes.lanes,
            steps=wishes.steps,
            threads=wishes.threads,
            bfloat16=not wishes.float32,
        )
        report(config, wishes.rounds)
    return 0


def report(config: TrainConfig, rounds: int) -> None:
    """Time updates and products in turn, and print both."""
    with Workers(config.threads) as workers:
        if config.threads == 1:
            torch.set_num_threads(1)
        trainer = Trainer(config, workers)
        for _ in range(-(-config.network.window // config.steps)):
            trainer.update()  # until the memory is full
        lanes = [part.stop - part.start for part in split(config.lanes, config.threads)]
        parts = {
            ALL: [Products(config, count) for count in lanes],
            DONE: [Products(config, count, spared=True) for count in lanes],
        }
        works: dict[str, Work] = {
            name: lambda products=products: workers.map(Products.run, products)
            for name, products in parts.items()
        }
        seconds = in_turn({**works, UPDATE: trainer.update}, rounds)
    show(config, seconds, {name: sum(p.operations for p in parts[name]) for name in parts})


def show(config: TrainConfig, seconds: dict[str, float], operations: dict[str, int]) -> None:
    """Print the time and the multiply-adds of each work, and how near the update comes."""
    size = config.lanes * config.steps
    print(f"{config.network}, {config.lanes} lanes, {config.steps} steps, {config.threads} threads")
    for name, found in seconds.items():
        million = operations.get(name, operations[ALL]) / 1e6
        print(
            f"  {name:23} {found:.3f} s, {size / found / 1e3:.1f} kB/s,"
            f" {million / size:.1f} million multiply-adds a byte,"
            f" {million / found / 1e3:.0f} billion a second"
        )
    shares = [seconds[name] / seconds[UPDATE] for name in operations]
    print(f"  the trainer's step rate is {shares[0]:.0%} of the products' (wanted {WANTED:.0%})")
    print(f"  and {shares[1]:.0%} of that of those that the trainer has")


def in_turn(works: dict[str, Work], rounds: int) -> dict[str, float]:
    """Return the seconds of each work's fastest round; the works take turns."""
    fastest = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            fastest[name] = min(fastest[name], time.perf_counter() - start)
    return fastest


class Products:
    """The products of one update on `lanes` lanes, as (a, b, result, how often).

    `spared`, without those that the trainer has found a way around.
    """

    def __init__(self, config: TrainConfig, lanes: int, *, spared: bool = False) -> None:
        self.type = torch.bfloat16 if config.bfloat16 else torch.float32
        self.lanes, self.steps, self.spared = lanes, config.steps, spared
        self.work: list[tuple[Tensor, Tensor, Tensor, int]] = []
        network = config.network
        for layer in range(network.layers):
            self._linear(
                network.width, 4 * network.width, rows=0 if layer or not spared else ALPHABET
            )
            self._recurrence(network.width)
            if layer in network.attention:
                self._attention(network)
            self._linear(network.width, network.boom_width)
        self._linear(network.width, ALPHABET, kind=torch.float32)

    @property
    def operations(self) -> int:
        """Multiply-adds."""
        return sum(c.numel() * a.shape[-1] * times for a, _, c, times in self.work)

    def run(self) -> None:
        """Do all products."""
        with torch.no_grad():
            for a, b, result, times in self.work:
                for _ in range(times):
                    torch.matmul(a, b, out=result)

    def _linear(
        self, width: int, out: int, *, rows: int = 0, kind: torch.dtype | None = None
    ) -> None:
        rows = rows or self.steps * self.lanes
        kind = kind or self.type
        x, weight, y = (_random(*s, kind=kind) for s in ((rows, width), (out, width), (rows, out)))
        self._add(x, weight.T)
        self._add(y, weight)
        self._add(y.T, x)

    def _recurrence(self, width: int) -> None:
        h, gate = (
            _random(self.lanes, width, kind=self.type),
            _random(self.lanes, 4 * width, kind=self.type),
        )
        weight = _random(4 * width, width, kind=self.type)
        self._add(h, weight.T.contiguous(), self.steps)
        self._add(gate, weight, self.steps)
        rows = self.steps * self.lanes
        self._add(_random(rows, 4 * width, kind=self.type).T, _random(rows, width, kind=self.type))

    def _attention(self, network: NetworkConfig) -> None:
        self._linear(network.width, network.width)
        seen = network.window - 1 + self.steps
        batch, head = self.lanes * network.heads, network.width // network.heads
        q = _random(batch, self.steps, head, kind=self.type)
        memory = _random(batch, seen, head, kind=self.type)
        scores = _random(batch, self.steps, seen, kind=self.type)
        for a, b in self._pairs(q, memory, scores):
            self._add(a, b)

    def _pairs(self, q: Tensor, memory: Tensor, scores: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(2):  # scores from queries, what is found from scores: mirror images
            yield q, memory.transpose(1, 2)
            yield scores, memory
            wanted = scores[..., -self.steps :] if self.spared else scores
            yield wanted.transpose(1, 2), q

    def _add(self, a: Tensor, b: Tensor, times: int = 1) -> None:
        self.work.append((a, b, torch.matmul(a, b), times))


def _random(*shape: int, kind: torch.dtype) -> Tensor:
    return torch.randn(*shape).to(kind)


if __name__ == "__main__":
    sys.exit(main())
