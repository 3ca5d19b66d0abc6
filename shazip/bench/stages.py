"""The time of a byte by stage: `python -m shazip.bench.stages MODEL FILE [LANES]`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from shazip.coder import Encoder
from shazip.engines import open_engine
from shazip.engines.mixing import Mixer, sizes_for
from shazip.halves import split
from shazip.lanes import columns, default_lanes, interleave
from shazip.model import file as modelfile
from shazip.predictor import Network

NETWORK = ("products", "attention", "element-wise", "frequencies", "waiting")


LANES = default_lanes(1 << 20)  # as in every larger file


def measure(model: modelfile.IntegerModel, data: bytes, lanes: int = LANES) -> dict[str, float]:
    """Return the nanoseconds a byte that each stage of compressing `data` takes, on average."""
    engine = open_engine(model)
    network = engine.predictor(lanes)
    counts = _count(network)
    table_bits, history_bits = sizes_for(len(data))
    table_size, history_size = 1 << table_bits, 1 << history_bits
    given: dict[str, Any] = {
        "vocabulary": model.vocabulary,
        "own": model.mixing,
        "pool": engine.pool,
    }
    mixer = Mixer(lanes, table_size=table_size, history_size=history_size, **given)
    encoder = Encoder(lanes)
    symbols = interleave(model.vocabulary.parse(data), lanes)
    spent = np.zeros(3)
    for start, stop in columns(len(symbols), lanes):
        column = symbols[start:stop]
        spent += _step(column, split(column, model.vocabulary.bits), network, mixer, encoder)
    costs = spent / len(data)
    return {**_split(costs[0], counts), "mixing": costs[1], "coding": costs[2]}


def _step(
    column: np.ndarray,
    halves: tuple[np.ndarray, np.ndarray],
    network: Network,
    mixer: Mixer,
    encoder: Encoder,
) -> tuple[int, int, int]:
    """Code one column; return the nanoseconds of network, mixing and coding."""
    times = [time.perf_counter_ns()]
    row = network.predict(len(column))
    network.update(column)
    times.append(time.perf_counter_ns())
    firsts, seconds = halves
    freqs = mixer.first(row), mixer.second(firsts)
    mixer.update(column)
    times.append(time.perf_counter_ns())
    encoder.encode(firsts, freqs[0])
    encoder.encode(seconds, freqs[1])
    times.append(time.perf_counter_ns())
    return times[1] - times[0], times[2] - times[1], times[3] - times[2]


def _count(network: Network) -> Any:
    """Make the native engine count its own costs; return it, or None for another engine."""
    native = getattr(network, "native", None)
    if native is not None:
        native.count_costs(True)
    return native


def _split(cost: float, native: Any) -> dict[str, float]:
    """Return the network's cost, split as the native engine counted it (mean over its threads)."""
    if native is None:
        return {"network": cost}
    ticks = np.mean(native.costs(), axis=0)
    if not ticks.any():  # the engine cannot read this processor's clock
        return {"network": cost}
    return {name: cost * share for name, share in zip(NETWORK, ticks / ticks.sum(), strict=True)}


if __name__ == "__main__":
    source = modelfile.load(Path(sys.argv[1])), Path(sys.argv[2]).read_bytes()
    json.dump(measure(*source, *map(int, sys.argv[3:])), sys.stdout)
