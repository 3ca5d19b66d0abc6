"""What the choice by content sees of files, and what is there: `python -m benchmarks.choice FILE`.

For each file: the share of foreign bytes; a sample coded with each network in percent of the same
sample without; its first block likewise; the trial's share of the time. See docs/choice.md.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from shazip.archive import Codec
from shazip.choice import foreign_bytes, sample
from shazip.model import store as modelstore

ROW = "| {:<14} | {:>7} | {:>7} | {:>7} | {:>7} | {:>7} |"
TITLES = ("file", "bytes", "foreign", "sample", "whole", "trial")


def main(names: list[str]) -> None:
    """Print a row for each file, of which at most one block counts."""
    codec = Codec()
    numbers = range(len(modelstore.candidates()))
    models = [codec.candidate(number) for number in numbers]
    print(*(model.name for model in models))
    print(ROW.format(*TITLES), "|---|" + "--:|" * 5, sep="\n", flush=True)
    for name in names:
        block = Path(name).read_bytes()[: codec.coding.block_size]
        start = time.perf_counter()
        tried = [codec._try_out(number, sample(block)) for number in numbers]
        middle = time.perf_counter()
        whole = [len(Codec(model).compress(block)) for model in models]
        end = time.perf_counter()
        cells = (
            f"{100 * foreign_bytes(block) / len(block):.1f} %",
            _percent(tried),
            _percent(whole),
            f"{100 * (middle - start) / (end - middle):.1f} %",
        )
        print(ROW.format(Path(name).name, len(block), *cells), flush=True)


def _percent(sizes: list[int]) -> str:
    """Return the sizes with a network in percent of the last, that without."""
    return ", ".join(f"{100 * size / sizes[-1]:.1f}" for size in sizes[:-1]) + " %"


if __name__ == "__main__":
    main(sys.argv[1:])
