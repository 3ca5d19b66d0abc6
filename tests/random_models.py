"""Random valid integer models for every test of an engine: calm, wild, and at every limit."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np

from shazip.model import file as modelfile
from shazip.model.arithmetic import Field, Sizes, exp_logit_max, layout, products
from shazip.model.config import NetworkConfig
from shazip.model.file import IntegerModel
from shazip.model.vocabulary import Vocabulary
from shazip.training.integer.lookup_tables import standard_tables

TEXT = (Path(__file__).parent / "data" / "wikipedia.xml").read_bytes()

KINDS = ("calm", "wild", "edge")

# Odd widths, several heads, attention in any layers, windows that wrap within a short test.
CONFIGS = {
    "plain": NetworkConfig(32, 64, 2, (0,), 16, 1),
    "odd": NetworkConfig(37, 37, 3, (0, 1, 2), 5, 1),
    "heads": NetworkConfig(48, 192, 2, (1,), 70, 4),
    "window one": NetworkConfig(16, 48, 1, (0,), 1, 2),
    "no attention": NetworkConfig(40, 80, 2, (), 8, 1),
    "width one": NetworkConfig(1, 3, 2, (0, 1), 3, 1),
    "512 symbols": NetworkConfig(24, 48, 2, (1,), 12, 2, 512),
    "1024 symbols": NetworkConfig(40, 40, 2, (0,), 20, 1, 1024),
    "wide": NetworkConfig(1050, 1050, 1, (0,), 9, 1),  # products too long for one float32 sum
}


@cache
def random_vocabulary(seed: int, size: int) -> Vocabulary:
    """Return a vocabulary whose longer strings are pieces of words of English text."""
    rng = np.random.default_rng([seed, size])
    words = re.findall(rb" ?[A-Za-z]+", TEXT)
    strings = {bytes([byte]) for byte in range(256)}
    merges: list[tuple[bytes, bytes]] = []
    while len(merges) < size - 256:
        word = words[rng.integers(len(words))]
        left = _longest(strings, word[rng.integers(len(word)) :])
        right = _longest(strings, word[word.index(left) + len(left) :])
        if right and len(left + right) <= 16 and left + right not in strings:
            merges.append((left, right))
            strings.add(left + right)
    return Vocabulary.learned(merges)


def _longest(strings: set[bytes], text: bytes) -> bytes:
    """Return the longest of `strings` with which `text` begins."""
    return next((text[:end] for end in range(len(text), 0, -1) if text[:end] in strings), b"")


def random_model(seed: int, config: NetworkConfig, kind: str = "calm") -> IntegerModel:
    """Return a valid model of one of the KINDS.

    "calm" spreads values over their ranges, "wild" draws anything valid, "edge" sits on the limits.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    start_memory = int(rng.integers(0, min(64, config.window - 1) + 1))
    vocabulary = random_vocabulary(seed, config.vocabulary)
    words = vocabulary.tensors() if config.vocabulary > 256 else {}
    sizes = Sizes(
        start_memory, *(len(words.get(f"vocabulary.{n}", ())) for n in ("bytes", "merges"))
    )
    fields = layout(config, sizes)
    draw = {"calm": _calm, "wild": _wild, "edge": _edge}[kind]
    tensors = {n: draw(rng, config, n, f) for n, f in fields.items() if n not in words} | words
    if kind == "calm":
        tensors.update(standard_tables(config.vocabulary))
    for name, first in (
        ("table.exp_score", 32767),
        ("table.exp_logit", exp_logit_max(config.vocabulary)),
    ):
        tensors[name][[0, -1]] = first, 0
    for product in products(config):
        most = ((1 << (30 + int(tensors[product.shift][0]))) - 1) // product.bound
        share = most // len(product.multipliers)
        for name in product.multipliers:
            if kind == "edge":  # exactly the greatest multiplier that loads, with its own signs
                tensors[name] = np.sign(tensors[name]) * np.int32(min(share, 2**31 - 1))
            tensors[name] = np.clip(tensors[name], -share, share).astype(np.int32)
    return modelfile.build(config, tensors, name=f"random {kind} {seed}")


def _wild(rng: np.random.Generator, config: NetworkConfig, name: str, field: Field) -> np.ndarray:
    if name.endswith("multiplier"):  # log-uniform: uniform ones would nearly all be huge
        size = np.exp2(rng.uniform(0, np.log2(field.high), field.shape))
        sign = rng.choice([-1, 1], field.shape) if field.low < 0 else 1
        return (size.astype(np.int64) * sign).astype(field.dtype)
    if name.endswith("shift"):
        return np.full(field.shape, rng.integers(field.low, field.high + 1), field.dtype)
    return rng.integers(field.low, field.high, field.shape, field.dtype, endpoint=True)


def _edge(rng: np.random.Generator, config: NetworkConfig, name: str, field: Field) -> np.ndarray:
    if name.endswith("shift"):
        return np.full(field.shape, rng.choice([field.low, field.high]), field.dtype)
    if name.endswith("weight") and rng.integers(2):  # all of one sign: the greatest accumulators
        return np.full(field.shape, rng.choice([field.low, field.high]), field.dtype)
    return rng.choice(np.array([field.low, field.high], field.dtype), field.shape)


# Wanted standard deviation of what a site gives, and the shift it is given with.
_TARGETS = {
    "lstm_input": (300, 20),
    "lstm_hidden": (300, 20),
    "gates": (300, 20),
    "query": (4000, 20),
    "boom": (400, 20),
    "output": (60, 20),
}


def _calm(rng: np.random.Generator, config: NetworkConfig, name: str, field: Field) -> np.ndarray:
    site, _, kind = name.removeprefix("layers.").lstrip("0123456789").lstrip(".").rpartition(".")
    values = _calm_values(rng, config, site, kind, field.shape)
    return np.clip(np.rint(values), field.low, field.high).astype(field.dtype)


def _calm_values(
    rng: np.random.Generator, config: NetworkConfig, site: str, kind: str, shape: tuple[int, ...]
) -> np.ndarray:
    normal = rng.standard_normal(shape)
    if kind == "weight":
        return 30 * normal
    if site.endswith(("norm", "norm8")):
        residual = site in ("query_norm", "skip_norm")
        spread = {"scale": 4096 if residual else 640, "bias": 2.0**22 if residual else 2.0**18}
        return (
            np.full(shape, 15.0)
            if kind == "shift"
            else spread[kind] * (normal / 4 + (kind == "scale"))
        )
    if site in _TARGETS:
        target, shift = _TARGETS[site]
        accumulator = 30 * 40 * np.sqrt(config.width)
        scale = {
            "multiplier": target / accumulator * 2**shift,
            "bias": 8.0 * target,
            "shift": shift,
        }
        centre = kind != "bias"
        spread = normal if kind == "bias" else normal / 4 if kind == "multiplier" else 0 * normal
        if kind in scale:
            return scale[kind] * (centre + spread)
    return _calm_rest(config, f"{site}.{kind}", shape, normal)


def _calm_rest(
    config: NetworkConfig, name: str, shape: tuple[int, ...], normal: np.ndarray
) -> np.ndarray:
    raw = 40 * 40 * np.sqrt(config.width / config.heads)
    spread = {
        ".input": 2000 * normal,
        "score.multiplier": 0 * normal + 200 / raw * 2**16,
        "value.multiplier": 400 * normal,
        "output.activation_multiplier": 500 * (1 + normal / 4),
        "start.hidden": 40 * normal,
        "start.cell": 50000 * normal,
        "start.memory": 40 * normal,
        "start.symbol": 0 * normal + 10,
    }
    return spread.get(name, np.full(shape, 16.0))
