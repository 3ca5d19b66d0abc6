"""Learn mixing's start values: `python -m benchmarks.mixing_train SOURCES OUT`.

Codes pieces of every training text in turn, short and long, with one and with many lanes, each
piece as a frame of its own that begins with what the pieces before it learned. Weights are averaged
over the second half of the rounds; rows that no piece needed get the mean of their set. OUT takes
the raw start values; `--install` puts them into the package and prints the digests that
shazip/engines/mixing_start.py and mixing.py must hold. With a model whose symbols are no bytes,
OUT takes a copy of the model that brings rows of weights for its own nodes; all other start values
stay those of the package. The texts come from Debian packages named
with their versions, and from wikitext.train and enwik8.train in SOURCES; none is the benchmark's.
"""

from __future__ import annotations

import argparse
import math
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np

from benchmarks import mixing_files
from benchmarks.corpus import package
from shazip import engines
from shazip.engines import mixing, mixing_start
from shazip.lanes import interleave
from shazip.measure import frequency_bits, symbol_bits
from shazip.model import file as modelfile
from shazip.model import store as modelstore
from shazip.model.vocabulary import BYTES
from shazip.predictor import Mixed

LEVELS = 8
FINAL_ROWS = (256, 2048)
MATCH_INPUTS, CONTEXT_INPUTS = 4, 10
SITE = "usr/lib/python3/dist-packages"
ISO_CODES = "iso-codes=4.15.0-1"
# The models, in turn, whose networks are mixed, where it is not the one that is given.
NETWORKS = {"few": ("none",), "binary": ("none", "tiny")}
# (bytes, choice of lanes) of a piece
PIECES = ((6_000, (1,)), (12_000, (1, 2)), (24_000, (4,)), (64_000, (8, 32)))
# (what, bytes from the end of what is read, reader)
TEXTS: tuple[tuple[str, int, Callable[[], bytes]], ...] = (
    ("python", 300_000, package("python3-docutils=0.19+dfsg-6", f"{SITE}/docutils/[p-w]*/**/*.py")),
    ("c", 250_000, package("libsdl2-dev=2.26.5+dfsg-1", "usr/include/SDL2/SDL_[a-o]*.h")),
    ("elf", 250_000, package("bison:amd64=2:3.8.2+dfsg-1+b1", "usr/bin/bison")),
    ("french", 250_000, package("manpages-fr=4.18.1-1", "usr/share/man/fr/man[57]/*.gz")),
    ("json", 150_000, package(ISO_CODES, "usr/share/iso-codes/json/iso_3166-2.json")),
    ("xml", 220_000, package(ISO_CODES, "usr/share/xml/iso-codes/iso_639-3.xml")),
    ("html", 200_000, package("debian-policy=4.6.2.0", "usr/share/doc/debian-policy/*.html")),
    ("table", 100_000, package("pci.ids=0.0~2023.04.11-1", "usr/share/misc/pci.ids")),
    ("changelog", 100_000, package("make:amd64=4.3-4.1", "usr/share/doc/make/changelog*.gz")),
)
# The network saw these too, the ends of them at most once.
WIKIPEDIA, WIKIPEDIA_SIZE = ("wikitext.train", "enwik8.train"), 400_000
# How many of one bit a history counts beside 0, 1, 2.. of the other; its last entry ends the list.
BOUNDS = (48, 24, 9, 7, 6, 5)
# The count that remains of n bits after the opposite bit.
KEPT = (0, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6)


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.mixing_train", description=__doc__)
    parser.add_argument("sources", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--model", help="name or path; the default model otherwise")
    parser.add_argument("--contexts", choices=list(mixing_start.CONTEXTS), default="text")
    parser.add_argument("--install", action="store_true")
    args = parser.parse_args()
    names = NETWORKS.get(args.contexts, (args.model,))
    models = [modelstore.find(name) if name else modelstore.default() for name in names]
    opened = [engines.open_engine(model, threads=1) for model in models]
    texts = binaries() if args.contexts == "binary" else all_texts(args.sources)
    model = models[0]
    if model.vocabulary.size == BYTES.size:
        learned = train(opened, texts, args.rounds, args.contexts)
        args.out.write_bytes(learned)
        if args.install:
            install(learned, args.contexts)
    elif args.install:
        parser.error("only start values for bytes belong to the package")
    else:
        rows = train_own(opened[0], texts, args.rounds)
        # The canary is of the network, which stays.
        modelfile.save(modelfile.changed(model, rows, metadata=model.metadata), args.out)


def all_texts(sources: Path) -> list[bytes]:
    """Return the texts of the packages and of Wikipedia."""
    texts = [read()[-size:] for _, size, read in TEXTS]
    return texts + [(sources / name).read_bytes()[-WIKIPEDIA_SIZE:] for name in WIKIPEDIA]


def binaries() -> list[bytes]:
    """Return files of the kinds that binary contexts are tuned on."""
    return [data for name, data in mixing_files.make(twins=True) if name in mixing_files.BINARIES]


def install(start: bytes, contexts: str) -> None:
    """Put start values into the package and print their digest and the canaries'."""
    mixing_start.file(contexts).write_bytes(zlib.compress(start, 9))
    found = replace(mixing_start.CONTEXTS[contexts], digest=mixing_start.digest(start))
    mixing_start.CONTEXTS[contexts] = found
    mixing_start.shipped.cache_clear()
    print(f'"{contexts}": {found}')
    for symbols in (256, 512, 1024):
        print(f'{symbols}: "{mixing.canary_digest(symbols, contexts)}",')


def train(
    opened: list[engines.Engine], texts: list[bytes], rounds: int, contexts: str = "text"
) -> bytes:
    """Return start values for bytes and a set of contexts, learned with these engines in turn."""
    chosen = mixing_start.CONTEXTS[contexts]
    begin = untrained(chosen)
    starts = list(learned(opened, texts, rounds, begin, contexts=contexts))
    weights = [_weights(start, chosen).astype(np.float64) for start in starts[rounds // 2 :]]
    mean = _with_means(np.mean(weights, axis=0), _weights(begin, chosen), chosen)
    return starts[-1][: -2 * len(mean)] + mean.round().astype("<i2").tobytes()


def train_own(engine: engines.Engine, texts: list[bytes], rounds: int) -> dict[str, np.ndarray]:
    """Return the rows that the model's own nodes start from, by their names in its file."""
    symbols = engine.model.vocabulary.size

    def renewed(start: bytes) -> bytes:
        return mixing_start.for_symbols(symbols, mixing_start.own_rows(start, symbols))

    starts = list(learned([engine], texts, rounds, mixing_start.for_symbols(symbols), renewed))
    rows = [mixing_start.own_rows(start, symbols) for start in starts[rounds // 2 :]]
    return {
        name: np.mean([row[name] for row in rows], axis=0).round().astype(np.int16)
        for name in rows[0]
    }


def learned(
    opened: list[engines.Engine],
    texts: list[bytes],
    rounds: int,
    start: bytes,
    renewed: Callable[[bytes], bytes] = lambda start: start,
    contexts: str = "text",
) -> Iterator[bytes]:
    """Yield what was learned after each round; a piece begins with what is `renewed` of it."""
    random, places = Random(1), [0] * len(texts)
    for number in range(rounds):
        engine = opened[number % len(opened)]
        bits = size = 0.0
        for i, text in enumerate(texts):
            wanted, lanes = random.choice(PIECES)
            if places[i] + wanted > len(text):
                places[i] = random.randrange(min(5000, len(text)))
            piece = text[places[i] : places[i] + wanted]
            places[i] += wanted
            start, cost = code(engine, piece, random.choice(lanes), renewed(start), contexts)
            bits, size = bits + cost, size + len(piece)
        print(f"round {number}: {bits / size:.4f} bpb", file=sys.stderr, flush=True)
        yield start


def code(
    engine: engines.Engine, text: bytes, lanes: int, start: bytes, contexts: str
) -> tuple[bytes, float]:
    """Return what a frame with this text learns, and its bits."""
    vocabulary = engine.model.vocabulary
    mixer = mixing.open_native(lanes, 24, 20, vocabulary, start, contexts)
    symbols = interleave(vocabulary.parse(text), lanes)
    predictor = Mixed(engine.predictor(lanes), mixer, vocabulary)
    bits = symbol_bits(predictor, frequency_bits, symbols, lanes)
    return mixer.learned(), bits


# Weights are the last thing in the file: rows of inputs, then final rows of sets.
def _tables(contexts: mixing_start.Contexts) -> list[tuple[int, int]]:
    rows = (BYTES.size, *contexts.set_rows)
    return [(n, contexts.inputs) for n in rows] + [(n, contexts.sets) for n in FINAL_ROWS]


def _weights(start: bytes, contexts: mixing_start.Contexts) -> np.ndarray:
    count = sum(rows * width for rows, width in _tables(contexts))
    return np.frombuffer(start[-2 * count :], "<i2")


def _with_means(
    weights: np.ndarray, untouched: np.ndarray, contexts: mixing_start.Contexts
) -> np.ndarray:
    """Return the weights with the mean of each set's rows in those rows that were never used."""
    filled, at = weights.copy(), 0
    for rows, width in _tables(contexts):
        part = slice(at, at + rows * width)
        table = filled[part].reshape(rows, width)
        unused = (table == untouched[part].reshape(rows, width)).all(axis=1)
        table[unused] = table[~unused].mean(axis=0)
        at = part.stop
    return filled


def untrained(contexts: mixing_start.Contexts) -> bytes:
    """Return the fixed tables, with plausible probabilities and weights to begin the training."""
    fractions = [min(65535, round(65536 * math.log2(1 + i / 4096))) for i in range(4096)]
    squash = [_squash((2 * i - 3071.5) * math.log(2) / 177) for i in range(3072)]
    states, transitions = histories()
    probabilities = np.full((contexts.count + 1, 256), 32768)
    for i, (zeros, ones, _) in enumerate(states):
        probabilities[:, i] = int(65535 * (ones + 0.4) / (zeros + ones + 0.8))
    weights = np.zeros((BYTES.size + sum(contexts.set_rows), contexts.inputs))
    weights[:, 1] = 2048
    weights[:, MATCH_INPUTS], weights[:, MATCH_INPUTS + 2] = 1000, 600
    weights[:, CONTEXT_INPUTS : CONTEXT_INPUTS + 2 * contexts.count : 2] = 600
    return b"".join(
        np.asarray(values).astype(kind).tobytes()
        for values, kind in (
            (fractions, "<u2"),
            (squash, "<u2"),
            (transitions, "u1"),
            (probabilities, "<u2"),
            ([list(_match_probabilities())] * 2, "<u2"),
            (np.zeros((contexts.count, 256, LEVELS)), "<i2"),
            (weights, "<i2"),
            (np.full((sum(FINAL_ROWS), contexts.sets), 4096 // contexts.sets), "<i2"),
        )
    )


def _squash(x: float) -> int:
    return min(65535, max(1, round(65536 / (1 + math.exp(-x)))))


def _match_probabilities() -> Iterator[int]:
    for length in range(16):
        for misses in range(8):
            p = 1 - 1 / (2 + 2 * length + (3 * length if length > 8 else 0))
            yield int(65535 * min(0.9998, 0.7 * p + 0.15 if misses else p))


State = tuple[int, int, int]  # zeros, ones, the last bit


def histories() -> tuple[list[State], list[tuple[int, int]]]:
    """Return the states of bit histories and where each goes with a 0 and with a 1."""
    counts = range(BOUNDS[0] + 1)
    states = [
        (zeros, ones, last)
        for zeros in counts
        for ones in counts
        if min(zeros, ones) < len(BOUNDS) and max(zeros, ones) <= BOUNDS[min(zeros, ones)]
        for last in ((0, 1) if zeros and ones else (int(ones > 0),))
    ]
    states.sort(key=lambda state: (state[0] + state[1], state[0], state[2]))
    numbers = {state: number for number, state in enumerate(states)}
    following = [(numbers[_after(s, 0, numbers)], numbers[_after(s, 1, numbers)]) for s in states]
    return states, following + [(0, 0)] * (256 - len(states))


def _after(state: State, bit: int, known: dict[State, int]) -> State:
    same, other = state[bit] + 1, state[1 - bit]
    if other > 2:
        other = KEPT[other] if other < len(KEPT) else 6 if other < 24 else 7
    while (found := _state(same, other, bit)) not in known:
        if same > 1 and (same > other or other < 2):
            same -= 1
        else:
            other -= 1
    return found


def _state(same: int, other: int, bit: int) -> State:
    zeros, ones = (other, same) if bit else (same, other)
    return zeros, ones, bit if zeros and ones else int(ones > 0)


if __name__ == "__main__":
    main()
