"""Measures the float network's bits per byte on a text, without coding."""

from __future__ import annotations

import math
from threading import Lock

import numpy as np
import torch
import torch.nn.functional as F

from shazip.lanes import interleave
from shazip.model.vocabulary import Vocabulary
from shazip.streams import Progress, silent
from shazip.texts.corpora import count_words
from shazip.training.network.trainable import Trainable
from shazip.training.parallel import Workers, split

IGNORED = -100  # a target that costs nothing
STEPS = 256  # per call of the network; affects only the speed


def bits_per_byte(
    network: Trainable,
    vocabulary: Vocabulary,
    text: np.ndarray,
    lanes: int,
    workers: Workers,
    *,
    bfloat16: bool = False,
) -> float:
    """Return the mean cost of a byte of `text`, which has one or more."""
    return bits(network, vocabulary, text, lanes, workers, bfloat16=bfloat16) / len(text)


def word_perplexity(bpb: float, text: np.ndarray) -> float:
    """Return the perplexity of a word of `text`, uint8 (n,), at `bpb` bits a byte.

    All of its bytes' bits, those of spaces too, are shared out over its words and lines' ends, so
    it compares with the results of networks over words (Merity 2016, table 1).
    """
    return float(2 ** (bpb * len(text) / count_words(text.tobytes())))


def bits(
    network: Trainable,
    vocabulary: Vocabulary,
    text: np.ndarray,
    lanes: int,
    workers: Workers,
    *,
    bfloat16: bool = False,
    progress: Progress = silent,
) -> float:
    """Return the cost of all of `text`, uint8 (n,), in the lanes that a block of it would have.

    Each lane's first symbol follows the end of a line.
    """
    symbols = vocabulary.parse(text)
    steps = -(-len(symbols) // lanes)
    columns = np.full((steps + 1) * lanes, IGNORED)
    columns[:lanes] = vocabulary.numbers[b"\n"]
    columns[lanes : lanes + len(symbols)] = interleave(symbols, lanes)
    grid = columns.reshape(-1, lanes)
    parts = [grid[:, lane] for lane in split(lanes, min(workers.count, lanes))]
    training = network.training
    network.eval()
    tally = _Tally(progress, len(text) / max(len(symbols), 1))
    nats = workers.map(lambda part: _nats(network, part, bfloat16, tally), parts)
    network.train(training)
    return sum(nats) / math.log(2)


class _Tally:
    """Adds up the measurements of several threads."""

    def __init__(self, progress: Progress, symbol_size: float) -> None:
        self._progress = progress
        self._symbol_size = symbol_size  # bytes, on average
        self._symbols, self._nats = 0, 0.0
        self._lock = Lock()

    def add(self, symbols: int, nats: float) -> None:
        """Count so many symbols and their cost, and report all so far."""
        with self._lock:
            self._symbols += symbols
            self._nats += nats
            size = round(self._symbols * self._symbol_size)
            self._progress(size, round(self._nats / math.log(2) / 8))


@torch.no_grad()
def _nats(network: Trainable, columns: np.ndarray, bfloat16: bool, tally: _Tally) -> float:
    device = network.bias.device
    symbols = torch.from_numpy(columns.astype(np.int64)).to(device)  # (length, lanes)
    state, nats = network.start(symbols.shape[1]), 0.0
    for start in range(0, len(symbols) - 1, STEPS):
        targets = symbols[start + 1 : start + 1 + STEPS]
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            logits, state = network(symbols[start : start + len(targets)], state)
        cost = F.cross_entropy(
            logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
        ).item()
        nats += cost
        tally.add(targets.numel(), cost)
    return nats
