"""Where words end: rules for the pieces of a parse, compared by small networks on the same text.

    python -m benchmarks.pieces TEXT[=WEIGHT]... --valid FILE...

Each rule gets a vocabulary of its own and a network that reads equally many bytes. Prints bits per
byte of each FILE and bytes per symbol. The rule `words` is shazip.model.parse's.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from shazip.model import parse
from shazip.model.config import NetworkConfig
from shazip.model.vocabulary import Vocabulary
from shazip.training import vocabulary as learning
from shazip.training.configure import corpora_of
from shazip.training.evaluate import bits_per_byte
from shazip.training.parallel import Workers
from shazip.training.settings import Schedule, TrainConfig
from shazip.training.trainer import Trainer
from shazip.units import parse_size

# Capitals begin a word.
CAPITALS = rb"(?=[A-Za-z\x80-\xff])[A-Z]*[a-z\x80-\xff]*"
REST = rb"[^A-Za-z0-9\x80-\xff\t-\r\x20]+)|[\t-\r\x20]+"
RULES = {
    "words": parse.PIECE,
    "capitals begin words": rb"\x20?(?:" + CAPITALS + rb"|[0-9]+|" + REST,
    "single digits": parse.PIECE.replace(b"[0-9]+", b"[0-9]"),
    "digits by three": parse.PIECE.replace(b"[0-9]+", b"[0-9]{1,3}"),
    "no space before signs": rb"\x20?(?:%s|[0-9]+)|[\t-\r\x20]+|" % parse.LETTERS
    + REST.replace(rb"+)|[\t-\r\x20]+", b"+"),
}


class Parsed(Vocabulary):
    """A vocabulary that parses by whatever rule is in force, in plain Python."""

    _native = None  # type: ignore[assignment]


@click.command()
@click.argument("texts", nargs=-1, required=True)
@click.option("--valid", multiple=True, type=click.Path(path_type=Path))
@click.option("--total", type=parse_size, default="3MB")
@click.option("--size", default=1024)
@click.option("--rule", "rules", multiple=True, type=click.Choice(list(RULES)))
def main(
    texts: tuple[str, ...], valid: tuple[Path, ...], total: int, size: int, rules: tuple[str, ...]
) -> None:
    """Compare the rules."""
    corpora = corpora_of(texts)
    for rule in rules or RULES:
        parse.PIECE, parse._PIECE = RULES[rule], re.compile(RULES[rule])
        learning.PIECE = RULES[rule]
        learned = learning.learn_vocabulary(corpora, size, 16_000_000)
        row = measure(Parsed(learned.strings, learned.merges), corpora, valid, total)
        print(f"{rule:24}", *row, flush=True)


def measure(vocabulary: Vocabulary, corpora: Any, valid: tuple[Path, ...], total: int) -> list[str]:
    network = NetworkConfig(192, 768, 2, (0,), 256, vocabulary=vocabulary.size)
    schedule = Schedule(total, peak=4e-3, warmup=total // 20, quantise_last=0)
    config = TrainConfig(corpora, schedule, network, vocabulary, lanes=16, steps=64)
    row = []
    with Workers(1) as workers:
        trainer = Trainer(config, workers)
        while trainer.done < total:
            trainer.update()
        for path in valid:
            text = np.fromfile(path, np.uint8)
            bpb = bits_per_byte(trainer.network, vocabulary, text, 16, workers)
            row.append(f"{path.stem} {bpb:.3f} ({len(text) / len(vocabulary.parse(text)):.2f})")
    return [*row, f"{trainer.seconds:.0f} s"]


if __name__ == "__main__":
    sys.exit(main())
