"""Compares symbols of a network at equal CPU time: bytes, pieces of words, words.

    python -m benchmarks.tokenisation TRAIN VALID

One network for each vocabulary reads TRAIN for as many CPU seconds, with the same sizes and recipe.
Measured on VALID: perplexity per symbol, which cannot be compared between vocabularies, and bits
per byte, which can; which of a word's pieces carry its bits; and the archive of VALID by the exact
model, alone and mixed, for vocabularies that a model file can hold. Table and figures go to
benchmarks/results/tokenisation.* after each network; the same command goes on where it was stopped.
It needs torch and tokenizers; `--render` writes the page anew.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from benchmarks.tokenisation_archive import archives
from benchmarks.tokenisation_report import write
from shazip.bench.machine import describe
from shazip.model.config import NetworkConfig
from shazip.model.parse import pieces
from shazip.model.vocabulary import BYTES, MAX_STRING, Vocabulary
from shazip.training.data import open_text, segments
from shazip.training.network.trainable import Trainable
from shazip.training.parallel import Workers
from shazip.training.settings import Corpus, Schedule, TrainConfig
from shazip.training.trainer import Trainer
from shazip.training.vocabulary import learn_vocabulary

RESULTS = Path(__file__).resolve().parent / "results"
SAMPLE = 16_000_000  # bytes of TRAIN that vocabularies are learned from
WORDS = 8000  # the most frequent; others are spelled in bytes
SUBWORDS = (512, 1024, 4096)
IN_FILES = 1024  # the largest vocabulary that a model file can hold
TIMED, WARM = 12, 4  # updates that say how much text fits into the time, and those before
LANES, STEPS, VALID_LANES = 16, 64, 16


class WordVocabulary(Vocabulary):
    """Frequent pieces as symbols of their own; all else in bytes. For training only."""

    def __post_init__(self) -> None:
        """Accept strings that no merges make."""

    def parse(self, data: bytes | NDArray[np.uint8]) -> NDArray[np.uint16]:
        """Return the symbols of `data`: a piece's own, or those of its bytes."""
        numbers, found = self.numbers, []
        for piece in pieces(np.frombuffer(data, np.uint8).tobytes()):
            number = numbers.get(piece)
            spelled = [numbers[piece[i : i + 1]] for i in range(len(piece))]
            found += spelled if number is None else [number]
        return np.array(found, np.uint16)


def learn_words(corpus: Corpus) -> WordVocabulary:
    """Return the vocabulary of single bytes and the WORDS most frequent pieces."""
    counts: Counter[bytes] = Counter()
    for segment in segments([corpus], SAMPLE):
        counts.update(pieces(segment.tobytes()))
    words = [piece for piece, _ in counts.most_common() if 1 < len(piece) <= MAX_STRING][:WORDS]
    return WordVocabulary(tuple(sorted({*BYTES.strings, *words})))


def vocabularies(corpus: Corpus) -> dict[str, Vocabulary]:
    """Return the vocabularies of the study by name."""
    learned = {f"{size} subwords": learn_vocabulary([corpus], size, SAMPLE) for size in SUBWORDS}
    return {"bytes": BYTES, **learned, f"{WORDS} words": learn_words(corpus)}


@dataclass(frozen=True)
class Budget:
    """The conditions of each network: CPU seconds, sizes, the text, the highest rate."""

    seconds: float
    width: int
    corpus: Corpus
    peak: float


def config(vocabulary: Vocabulary, budget: Budget, total: int) -> TrainConfig:
    """Return the recipe that all networks share."""
    sizes = NetworkConfig(budget.width, 4 * budget.width, 2, (0,), 256, vocabulary=vocabulary.size)
    schedule = Schedule(total, peak=budget.peak, warmup=total // 20, quantise_last=0)
    return TrainConfig((budget.corpus,), schedule, sizes, vocabulary, lanes=LANES, steps=STEPS)


def affordable(vocabulary: Vocabulary, budget: Budget, workers: Workers) -> int:
    """Return the bytes of text that the budget's seconds are enough for."""
    trainer = Trainer(config(vocabulary, budget, 1 << 30), workers)
    for _ in range(WARM):
        trainer.update()
    done, start = trainer.done, time.process_time()
    for _ in range(TIMED):
        trainer.update()
    return round((trainer.done - done) / (time.process_time() - start) * budget.seconds)


class Study:
    """A network trained on one vocabulary, and its cost for the symbols of a text."""

    def __init__(self, vocabulary: Vocabulary, budget: Budget, workers: Workers) -> None:
        self.vocabulary = vocabulary
        self.total = affordable(vocabulary, budget, workers)
        self.trainer = Trainer(config(vocabulary, budget, self.total), workers)
        self.cpu_seconds = 0.0
        self.curve: list[tuple[float, float]] = []  # CPU seconds, bits per byte of training

    def train(self) -> None:
        """Read the text; the curve has a point for every 5 % of it."""
        bits, size, mark, start = 0.0, 0, self.total / 20, time.process_time()
        while self.trainer.done < self.total:
            update = self.trainer.update()
            bits, size = bits + update.bpb * update.size, size + update.size
            self.cpu_seconds = time.process_time() - start
            if self.trainer.done >= mark:
                self.curve.append((round(self.cpu_seconds, 1), round(bits / size, 4)))
                bits, size, mark = 0.0, 0, mark + self.total / 20

    def figures(self, text: NDArray[np.uint8]) -> dict[str, Any]:
        """Return the figures of the table and the curves."""
        symbols = self.vocabulary.parse(text)
        costs = symbol_costs(self.trainer.network, symbols)
        symbols = symbols[: len(costs)]
        size = int(self.vocabulary.lengths[symbols].sum())
        found = {
            "symbols": self.vocabulary.size,
            "bytes_per_symbol": round(size / len(symbols), 3),
            "trained_on": self.trainer.done,
            "cpu_seconds": round(self.cpu_seconds, 1),
            "perplexity": round(float(2 ** costs.mean()), 2),
            "bpb": round(float(costs.sum()) / size, 4),
            "shares": piece_shares(self.vocabulary, symbols, costs),
            "curve": self.curve,
        }
        if self.vocabulary.size <= IN_FILES:
            (corpus,) = self.trainer.config.corpora
            found |= archives(self.trainer.network, self.vocabulary, corpus, text)
        return found


@torch.no_grad()
def symbol_costs(network: Trainable, symbols: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Return the bits of each of `symbols` but the few that lanes leave over, in their order.

    Each is predicted from the true ones before it: teacher forcing. A lane's first costs log2 V.
    """
    network.eval()
    length = len(symbols) // VALID_LANES
    columns = torch.from_numpy(symbols[: length * VALID_LANES].astype(np.int64))
    columns = columns.reshape(VALID_LANES, length).T
    costs = [torch.full((1, VALID_LANES), math.log(network.config.vocabulary))]
    state = network.start(VALID_LANES)
    for start in range(0, length - 1, 256):
        targets = columns[start + 1 : start + 257]
        logits, state = network(columns[start : start + len(targets)], state)
        nats = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
        costs.append(nats.reshape(targets.shape))
    return (torch.cat(costs).T.flatten().double() / math.log(2)).numpy()


def piece_shares(
    vocabulary: Vocabulary, symbols: NDArray[np.uint16], costs: NDArray[np.float64]
) -> list[float]:
    """Return the mean bits of a word's first, second, ... symbol, over words, ends in words.

    A word is a space and letters; the last entry is the mean of all of a word's bits.
    """
    data, at = vocabulary.join(symbols), 0
    sums, words = np.zeros(8), 0
    starts = np.concatenate([[0], np.cumsum(vocabulary.lengths[symbols], dtype=np.int64)])
    for piece in pieces(data):
        first, last = np.searchsorted(starts, [at, at + len(piece)])
        at += len(piece)
        if piece[:1] != b" " or not piece[1:].isalpha() or starts[first] != at - len(piece):
            continue
        words += 1
        for place in range(first, last):
            sums[min(place - first, 7)] += costs[place]
    return [round(float(total) / words, 3) for total in (*sums, sums.sum())]


@click.command()
@click.argument("train", type=click.Path(path_type=Path), required=False)
@click.argument("valid", type=click.Path(path_type=Path), required=False)
@click.option("--seconds", default=600.0, help="CPU seconds for each network.")
@click.option("--width", default=256)
@click.option("--peak", default=4e-3)
@click.option("--valid-size", default=1 << 18, help="Bytes of VALID.")
@click.option("--render", is_flag=True, help="The page anew from tokenisation.json.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=RESULTS)
def main(
    train: Path | None,
    valid: Path | None,
    seconds: float,
    width: int,
    peak: float,
    valid_size: int,
    render: bool,
    output: Path,
) -> None:
    """Train a network for each vocabulary; write the page."""
    if render:
        write(json.loads((output / "tokenisation.json").read_text()), output)
        return
    if train is None or valid is None:
        raise click.UsageError("a text to train on and one to validate on are needed.")
    budget = Budget(seconds, width, Corpus(train), peak)
    text = np.array(open_text(replace(budget.corpus, path=valid))[:valid_size])
    settings = {"seconds": seconds, "width": width, "peak": peak, "lanes": LANES, "steps": STEPS}
    texts = {"train": train.name, "valid": valid.name, "valid_bytes": len(text)}
    head = {"settings": settings, **texts, "machine": {**describe(), "torch": torch.__version__}}
    found = begun(output, head)
    torch.set_num_threads(1)
    with Workers(1) as workers:
        for name, vocabulary in vocabularies(budget.corpus).items():
            if name not in found:
                print(name, file=sys.stderr)
                study = Study(vocabulary, budget, workers)
                study.train()
                found[name] = study.figures(text)
                write({**head, "vocabularies": found}, output)


def begun(output: Path, head: dict[str, Any]) -> dict[str, Any]:
    """Return what an earlier call with the same settings and texts has found."""
    path = output / "tokenisation.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    same = all(kept.get(key) == head[key] for key in ("settings", "train", "valid", "valid_bytes"))
    return dict(kept["vocabularies"]) if same else {}


if __name__ == "__main__":
    main()
