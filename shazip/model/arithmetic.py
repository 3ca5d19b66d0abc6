"""The constants of docs/arithmetic.md: a model's tensors, their ranges, the probe.

Every engine and the model file build on this; NumPy only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from shazip.container import MAX_STRING
from shazip.model.config import ALPHABET, NetworkConfig

ARITHMETIC_VERSION = 2
FREQUENCY_TOTAL = 1 << 24

OPERAND_MAX = 127  # int8 without -128: products stay below 127 * 127
RESIDUAL_MAX = 1 << 19  # step 2**-12
CELL_MAX = 1 << 22  # step 2**-16
LOGIT_MAX = 32767  # step 2**-5
GATE_HALF = 2048  # tables of 4096 entries over [-8, 8)
GELU_HALF = 4096  # a table of 8192 entries over [-16, 16)
SCORE_ENTRIES = 2048
LOGIT_ENTRIES = 1024
EXPONENTIALS_MAX = 1 << 28  # of a row's exponentials: their sum times 2**24 stays within 2**52
START_MEMORY_MAX = 64  # vectors of attention memory that a model file may carry

INT16_MAX = 32767
INT32_MAX = 2**31 - 1
SHIFT_MAX = 22  # 2**(30 + 22) and the terms added to it stay below 2**53
SCORE_MULTIPLIER_MAX = 1 << 25
BIAS_MAX = 1 << 24  # of a requantisation
NORM_BIAS_MAX = 1 << 29
WEIGHT_TOTAL = 1 << 14  # of attention; rounding adds at most window / 2

VOCABULARIES = (256, 512, 1024)  # symbols that a model may have
GROUPS_MAX = 256  # of Boom: its width over the network's
ATTENDED_MAX = 1 << 18  # heads times window
LIMITS = {"width": 4096, "boom_width": 16384, "layers": 16, "window": 16384, "heads": 4096}


class Field(NamedTuple):
    """One tensor of a model file: its type, shape and the range of every value."""

    dtype: str
    shape: tuple[int, ...]
    low: int
    high: int


class Product(NamedTuple):
    """An accumulator, |acc| <= bound, with multipliers whose sum must fit the shift."""

    bound: int
    multipliers: tuple[str, ...]
    shift: str


# Start values of mixing (docs/mixing.md) that a model may bring, by node: their columns.
MIXING = {"mixing.weights": 64, "mixing.final_weights": 6}


class Sizes(NamedTuple):
    """The sizes that a model's configuration leaves open."""

    start_memory: int = 0  # vectors
    string_bytes: int = 0  # of all strings of the vocabulary; 0 with single bytes
    merges: int = 0
    mixing: bool = False  # whether the model brings start values of mixing


def layout(config: NetworkConfig, sizes: Sizes) -> dict[str, Field]:
    """Return every tensor of a model of this shape."""
    fields = dict(_tables(config) if config.layers else _constant(config))
    if config.vocabulary > ALPHABET:
        fields.update(_vocabulary(config.vocabulary, sizes))
    if sizes.mixing:
        for name, columns in MIXING.items():
            fields[name] = Field("int16", (config.vocabulary, columns), -INT16_MAX, INT16_MAX)
    if config.layers:
        fields.update(_network(config, sizes))
    return fields


def _network(config: NetworkConfig, sizes: Sizes) -> dict[str, Field]:
    fields = {}
    for layer in range(config.layers):
        for name, field in _layer(config, layer):
            fields[f"layers.{layer}.{name}"] = field
    fields["output.activation_multiplier"] = Field("int32", (config.width,), 0, INT32_MAX)
    fields["output.activation_shift"] = _shift(1, SHIFT_MAX)
    fields.update(_linear("output", config.vocabulary, config.width))
    state = (config.layers, config.width)
    memory = (len(config.attention), sizes.start_memory, config.width)
    fields["start.symbol"] = Field("uint16", (1,), 0, config.vocabulary - 1)
    fields["start.hidden"] = Field("int8", state, -OPERAND_MAX, OPERAND_MAX)
    fields["start.cell"] = Field("int32", state, -CELL_MAX, CELL_MAX)
    fields["start.memory"] = Field("int8", memory, -OPERAND_MAX, OPERAND_MAX)
    return fields


def exp_logit_max(vocabulary: int) -> int:
    """Return the exponential of the most likely symbol, with which a row's sum fits its bound."""
    return EXPONENTIALS_MAX // vocabulary


def products(config: NetworkConfig) -> Iterator[Product]:
    """Yield every requantisation whose result must fit 32 bits before its clamp."""
    if not config.layers:
        return
    square = config.width * OPERAND_MAX**2
    for layer in range(config.layers):
        at = f"layers.{layer}"
        gates = ("lstm_input", "lstm_hidden") if layer else ("lstm_hidden",)
        yield Product(square, tuple(f"{at}.{g}.multiplier" for g in gates), f"{at}.gates.shift")
        yield Product(square, (f"{at}.boom.multiplier",), f"{at}.boom.shift")
        if layer in config.attention:
            yield Product(square, (f"{at}.query.multiplier",), f"{at}.query.shift")
            mixed = OPERAND_MAX * (WEIGHT_TOTAL + config.window // 2)
            yield Product(mixed, (f"{at}.value.multiplier",), f"{at}.value.shift")
    yield Product(RESIDUAL_MAX, ("output.activation_multiplier",), "output.activation_shift")
    yield Product(square, ("output.multiplier",), "output.shift")


def _tables(config: NetworkConfig) -> Iterator[tuple[str, Field]]:
    yield "table.sigmoid", Field("int16", (2 * GATE_HALF,), -INT16_MAX, INT16_MAX)
    yield "table.tanh", Field("int16", (2 * GATE_HALF,), -INT16_MAX, INT16_MAX)
    yield "table.gelu", Field("int16", (2 * GELU_HALF,), -INT16_MAX - 1, INT16_MAX)
    yield "table.exp_score", Field("int16", (SCORE_ENTRIES,), 0, INT16_MAX)
    yield "table.exp_logit", _exp_logit(config)


def _constant(config: NetworkConfig) -> Iterator[tuple[str, Field]]:
    yield "table.exp_logit", _exp_logit(config)
    yield "output.logits", Field("int16", (config.vocabulary,), -LOGIT_MAX, LOGIT_MAX)


def _exp_logit(config: NetworkConfig) -> Field:
    return Field("int32", (LOGIT_ENTRIES,), 0, exp_logit_max(config.vocabulary))


def _vocabulary(symbols: int, sizes: Sizes) -> Iterator[tuple[str, Field]]:
    yield "vocabulary.bytes", Field("uint8", (sizes.string_bytes,), 0, 255)
    yield "vocabulary.ends", Field("int32", (symbols,), 1, MAX_STRING * symbols)
    yield "vocabulary.merges", Field("uint16", (sizes.merges, 2), 0, symbols - 1)


def _layer(config: NetworkConfig, layer: int) -> Iterator[tuple[str, Field]]:
    width = config.width
    gates = 4 * width
    if layer == 0:
        yield "input", Field("int16", (config.vocabulary, gates), -INT16_MAX - 1, INT16_MAX)
    else:
        yield from _operand_norm("lstm_norm", width)
        yield "lstm_input.weight", _weight(gates, width)
        yield "lstm_input.multiplier", Field("int32", (gates,), 0, INT32_MAX)
        yield "gates.bias", Field("int32", (gates,), -BIAS_MAX, BIAS_MAX)
    yield "lstm_hidden.weight", _weight(gates, width)
    yield "lstm_hidden.multiplier", Field("int32", (gates,), 0, INT32_MAX)
    yield "gates.shift", _shift(3, SHIFT_MAX)
    if layer in config.attention:
        yield from _attention(width)
    yield from _operand_norm("boom_norm", width)
    yield from _norm("skip_norm", width)
    yield from _linear("boom", config.boom_width, width)


def _attention(width: int) -> Iterator[tuple[str, Field]]:
    for name in ("memory_norm", "query_norm8", "focus_norm"):
        yield from _operand_norm(name, width)
    yield from _norm("query_norm", width)
    yield from _linear("query", width, width)
    yield "score.multiplier", Field("int32", (1,), 0, SCORE_MULTIPLIER_MAX)
    yield "score.shift", _shift(1, SHIFT_MAX)
    yield "value.multiplier", Field("int32", (width,), -INT32_MAX, INT32_MAX)
    yield "value.shift", _shift(1, SHIFT_MAX)


def _norm(name: str, width: int) -> Iterator[tuple[str, Field]]:
    yield f"{name}.scale", Field("int16", (width,), -INT16_MAX, INT16_MAX)
    yield f"{name}.bias", Field("int32", (width,), -NORM_BIAS_MAX, NORM_BIAS_MAX)


def _operand_norm(name: str, width: int) -> Iterator[tuple[str, Field]]:
    yield from _norm(name, width)
    yield f"{name}.shift", _shift(1, 24)


def _linear(name: str, rows: int, width: int) -> Iterator[tuple[str, Field]]:
    yield f"{name}.weight", _weight(rows, width)
    yield f"{name}.multiplier", Field("int32", (rows,), 0, INT32_MAX)
    yield f"{name}.bias", Field("int32", (rows,), -BIAS_MAX, BIAS_MAX)
    yield f"{name}.shift", _shift(3, SHIFT_MAX)


def _weight(rows: int, width: int) -> Field:
    return Field("int8", (rows, width), -OPERAND_MAX, OPERAND_MAX)


def _shift(low: int, high: int) -> Field:
    return Field("int32", (1,), low, high)


PROBE_TEXT = b"The quick brown fox jumps over [[1 lazy dog]]; 'tis so, &quot;it is&quot;.\n"


def probe(steps: int, lanes: int, strings: Sequence[bytes]) -> Iterator[np.ndarray]:
    """Yield the canary's columns, uint16 (live,), with live falling from `lanes` to 1.

    Symbols stand for `strings`. Even lanes read text, odd ones run through all symbols
    (docs/arithmetic.md, section 7).
    """
    lane = np.arange(lanes)
    text = np.array(_longest_matches(PROBE_TEXT, strings))
    begin = lane // 2 * len(strings) // max(1, lanes // 2)
    half = steps // 2
    for step in range(steps):
        drop = max(0, step - half) * lanes // (steps - half)
        count = step + begin
        noise = count * (2 * count + 1) % len(strings)
        column = np.where(lane % 2 == 0, text[(step + 5 * lane) % len(text)], noise)
        yield column[: lanes - drop].astype(np.uint16)


def _longest_matches(data: bytes, strings: Sequence[bytes]) -> list[int]:
    """Return the symbols of `data`, of those that fit at a place always the longest."""
    numbers = {string: number for number, string in enumerate(strings)}
    symbols, start = [], 0
    while start < len(data):
        fitting = (data[start:end] for end in range(len(data), start, -1))
        longest = next(string for string in fitting if string in numbers)
        symbols.append(numbers[longest])
        start += len(longest)
    return symbols
