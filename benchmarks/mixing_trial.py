"""Try mixing alone: `python -m benchmarks.mixing_trial [NAME...]`, in seconds a file.

Mixes the files of mixing_files over the frequencies of a network, which are computed once and kept
beside the files: of `wikipedia` for text and code, none for the rest, as the content chooses.
Prints bytes of information and the processor time of mixing in one thread, beside the results that
the repository holds; `--keep` replaces those.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpus import HERE
from benchmarks.mixing_files import BINARIES, FILES, FOLDER, make
from shazip import engines
from shazip.choice import contexts_for
from shazip.engines import mixing
from shazip.halves import split
from shazip.lanes import columns, interleave
from shazip.model import store as modelstore
from shazip.settings import CONTEXTS

RESULTS = HERE / "results" / "mixing.json"
SIZE = 60_000  # bytes of a file, from a quarter of it on: beyond headers
LANES = 4
NETWORK = "wikipedia"
Result = dict[str, float]  # bytes, microseconds of a byte


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.mixing_trial", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FILES))
    parser.add_argument("--contexts", choices=CONTEXTS, help="instead of those for the content")
    parser.add_argument("--keep", action="store_true", help=f"write {RESULTS.name}")
    args = parser.parse_args()
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    print("file               bytes   kept   change     us   kept")
    for name, found in trials(args.names, args.contexts):
        print(row(name, found, kept.get(name)), flush=True)
        kept[name] = found
    if args.keep:
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


def row(name: str, found: Result, kept: Result | None) -> str:
    """Return a line of the table."""
    line = f"{name:15}{found['bytes']:9.0f}"
    if kept is None:
        return f"{line}{'':16}{found['microseconds']:7.2f}"
    change = found["bytes"] / kept["bytes"] - 1
    times = f"{found['microseconds']:7.2f}{kept['microseconds']:7.2f}"
    return f"{line}{kept['bytes']:7.0f}{change:9.2%}{times}"


def trials(names: list[str], contexts: str | None = None) -> Iterator[tuple[str, Result]]:
    """Yield the name and the result of each file, or of `names`."""
    for name, content in make():
        if names and name not in names:
            continue
        data = content[len(content) // 4 :][:SIZE]
        symbols = interleave(np.frombuffer(data, np.uint8).astype(np.uint16), LANES)
        rows = None if name in BINARIES else stored_rows(name, symbols)
        yield name, trial(symbols, rows, contexts or contexts_for(data))


def trial(symbols: NDArray[np.uint16], rows: NDArray[np.uint32] | None, contexts: str) -> Result:
    """Mix symbols (n,) over frequencies (n, 256), or over equal ones, in LANES lanes."""
    table_bits, history_bits = mixing.sizes_for(len(symbols))
    mixer = mixing.Mixer(
        LANES, table_size=1 << table_bits, history_size=1 << history_bits, contexts=contexts
    )
    equal, bits, spent = np.full((LANES, 256), 1 << 16, np.uint32), 0.0, 0
    for start, stop in columns(len(symbols), LANES):
        column = symbols[start:stop]
        freqs = equal[: len(column)] if rows is None else rows[start:stop]
        firsts, seconds = split(column, 8)
        before = time.thread_time_ns()
        mixed = mixer.first(freqs), mixer.second(firsts)
        mixer.update(column)
        spent += time.thread_time_ns() - before
        lanes = np.arange(len(column))
        bits -= sum(
            np.log2(row[lanes, half] / 2**24).sum()
            for row, half in zip(mixed, (firsts, seconds), strict=True)
        )
    return {
        "bytes": round(bits / 8),
        "microseconds": round(spent / 1000 / len(symbols), 2),
    }


def stored_rows(name: str, symbols: NDArray[np.uint16]) -> NDArray[np.uint32]:
    """Return the network's frequencies (n, 256), computed if they are not stored yet."""
    path = FOLDER / "rows" / f"{name}.{modelstore.find(NETWORK).id.hex()[:8]}.npy"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        np.save(path, network_rows(symbols))
    rows: NDArray[np.uint32] = np.load(path)
    return rows


def network_rows(symbols: NDArray[np.uint16]) -> NDArray[np.uint32]:
    """Return the frequencies (n, 256) of NETWORK before each symbol."""
    network = engines.open_engine(modelstore.find(NETWORK), threads=1).predictor(LANES)
    rows = np.empty((len(symbols), 256), np.uint32)
    for start, stop in columns(len(symbols), LANES):
        rows[start:stop] = network.predict(stop - start)
        network.update(symbols[start:stop])
    return rows


if __name__ == "__main__":
    main()
