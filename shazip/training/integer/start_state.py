"""The start state of a new model: of some met on training text, the one that helps elsewhere."""

from __future__ import annotations

import numpy as np

from shazip.engines import open_unproved
from shazip.engines.torch import TorchEngine
from shazip.engines.torch_predictor import TorchPredictor
from shazip.halves import Halves
from shazip.measure import frequency_bits, symbol_bits
from shazip.model import file as modelfile
from shazip.model.arithmetic import START_MEMORY_MAX
from shazip.model.config import NetworkConfig
from shazip.model.file import IntegerModel

Tensors = dict[str, np.ndarray]

CANDIDATES = 16
CONTEXT = 512  # steps that lead to a candidate
TRIALS, TRIAL_STEPS = 32, 64  # places where each candidate is tried, and for how long
LINE_END = b"\n"


def cold_start(config: NetworkConfig, line_end: int) -> Tensors:
    """Return a start state of zeros with an empty memory, after the symbol `line_end`."""
    return {
        "start.symbol": np.array([line_end], np.uint16),
        "start.hidden": np.zeros((config.layers, config.width), np.int8),
        "start.cell": np.zeros((config.layers, config.width), np.int32),
        "start.memory": np.zeros((len(config.attention), 0, config.width), np.int8),
    }


def warm_start(model: IntegerModel, symbols: np.ndarray) -> Tensors:
    """Return the best of some start states that `model` reaches on `symbols`, uint16 (n,)."""
    context = places(symbols, CANDIDATES, CONTEXT, 0.25)
    predictor = TorchEngine(model).prober(CANDIDATES)  # its state can be read
    for column in context:
        predictor.logits(CANDIDATES)
        predictor.update(column)
    states = [record(predictor, model.config, lane) for lane in range(CANDIDATES)]
    states.append(cold_start(model.config, model.vocabulary.numbers[LINE_END]))
    trials = places(symbols, TRIALS, TRIAL_STEPS, 0.75)
    costs = [cost(modelfile.changed(model, state), trials) for state in states]
    return states[int(np.argmin(costs))]


def places(symbols: np.ndarray, count: int, steps: int, phase: float) -> np.ndarray:
    """Return pieces of `symbols` (n,) spread evenly over them: (steps, count)."""
    room = len(symbols) - steps
    if room < 0:
        raise ValueError(f"{len(symbols)} symbols of text are too few, {steps} are wanted")
    starts = ((np.arange(count) + phase) * room / count).astype(np.int64)
    pieces: np.ndarray = symbols[starts + np.arange(steps)[:, None]]
    return pieces


def record(predictor: TorchPredictor, config: NetworkConfig, lane: int) -> Tensors:
    """Return one lane's state as the tensors of a start state."""
    state = predictor.state
    count = min(START_MEMORY_MAX, config.window - 1, int(state.written[lane]))
    slots = np.arange(state.written[lane] - count, state.written[lane]) % config.window
    rows = slice(lane * config.heads, (lane + 1) * config.heads)
    memory = np.zeros((len(config.attention), count, config.width), np.int8)
    for i, layer in enumerate(config.attention):
        ring = state.memory[layer][rows].cpu().numpy()  # (heads, window, width / heads)
        memory[i] = ring[:, slots].transpose(1, 0, 2).reshape(count, config.width)
    return {
        "start.symbol": state.symbols[lane : lane + 1].cpu().numpy().astype(np.uint16),
        "start.hidden": np.stack([h[lane].cpu().numpy() for h in state.hidden]).astype(np.int8),
        "start.cell": np.stack([c[lane].cpu().numpy() for c in state.cell]).astype(np.int32),
        "start.memory": memory,
    }


def cost(model: IntegerModel, columns: np.ndarray) -> float:
    """Return the bits that `model` spends on `columns`, uint16 (steps, lanes), from its start."""
    lanes = columns.shape[1]
    predictor = Halves(open_unproved(model).prober(lanes), model.vocabulary)
    return symbol_bits(predictor, frequency_bits, columns.ravel().astype(np.uint16), lanes)
