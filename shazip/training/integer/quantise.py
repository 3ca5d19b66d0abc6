"""Float network -> integer model: steps are fitted on training text, then all becomes integers.

docs/arithmetic.md says what the tensors mean; the float values are turned into its steps here.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shazip.engines import record_canary
from shazip.engines.torch import TorchEngine
from shazip.model import file as modelfile
from shazip.model.arithmetic import (
    BIAS_MAX,
    INT16_MAX,
    INT32_MAX,
    NORM_BIAS_MAX,
    OPERAND_MAX,
    SCORE_MULTIPLIER_MAX,
    SHIFT_MAX,
)
from shazip.model.config import ALPHABET
from shazip.model.file import IntegerModel
from shazip.model.vocabulary import Vocabulary
from shazip.training.integer.grid import (
    BIAS,
    BOOM,
    GATE,
    LOGIT,
    NORMAL,
    RESIDUAL,
    grids,
    set_grids,
)
from shazip.training.integer.int8_products import Product, fit_product, fit_steps, fit_weight
from shazip.training.integer.lookup_tables import standard_tables
from shazip.training.integer.start_state import LINE_END, cold_start, places, warm_start
from shazip.training.network.attention import Attention
from shazip.training.network.sha_rnn import Layer, Lstm, Network

Tensors = dict[str, np.ndarray]

LANES, STEPS, WARM_UP = 16, 640, 128  # of the text read for calibration
ROWS = 2048  # vectors kept for each site
NORM_SHIFT_MAX = 24

WEIGHT = 2**14  # of attention
SCORE = 2**7  # indices of the table of exponentials


def quantise(
    network: Network,
    vocabulary: Vocabulary,
    symbols: np.ndarray,
    *,
    name: str = "",
    training: Mapping[str, Any] | None = None,
) -> IntegerModel:
    """Return `network`, whose symbols stand for the strings of `vocabulary`, as an integer model.

    Grids that it does not have are fitted on `symbols`, uint16 (n,) of its training. Raises
    ValueError if they are too few, ModelError for a network that no exact model can have.
    """
    network = copy.deepcopy(network).float().cpu().eval()
    if not grids(network):
        set_grids(network, fit_grids(network, symbols))
    with torch.no_grad():
        tensors = Quantiser(network).tensors()
    config = network.config
    if vocabulary.size > ALPHABET:
        tensors.update(vocabulary.tensors())
    tensors.update(cold_start(config, vocabulary.numbers[LINE_END]))
    model = modelfile.build(config, tensors)
    model = modelfile.changed(model, warm_start(model, symbols))
    metadata = {"training": dict(training or {}), "canary": record_canary(TorchEngine(model))}
    return modelfile.build(config, model.tensors, name=name, metadata=metadata)


def calibrate(network: Network, symbols: np.ndarray) -> dict[str, Tensor]:
    """Return the outputs of layer norms, LSTMs and layers on `symbols`: (ROWS, width) by name."""
    pieces = torch.from_numpy(places(symbols, LANES, STEPS, 0.5).astype(np.int64))
    count = (STEPS - WARM_UP) * LANES
    pick = torch.randperm(count, generator=torch.Generator().manual_seed(0))[:ROWS]
    seen: dict[str, Tensor] = {}

    def keep(name: str, output: Any) -> None:
        values = output if isinstance(output, Tensor) else output[0]
        if values.ndim < 3:  # the first layer's norm, of the embedding's rows
            return
        if len(values) != STEPS:  # inside attention lanes come first
            values = values.transpose(0, 1)
        seen[name] = values[WARM_UP:].flatten(0, 1)[pick]

    hooks = [
        module.register_forward_hook(lambda _, __, output, name=name: keep(name, output))
        for name, module in network.named_modules()
        if isinstance(module, nn.LayerNorm | Lstm | Layer)
    ]
    network(pieces, network.start(LANES))
    for hook in hooks:
        hook.remove()
    return seen


@torch.no_grad()
def fit_grids(network: Network, symbols: np.ndarray) -> dict[str, Tensor]:
    """Return the grids on which `network` errs least on `symbols`, for set_grids."""
    network = copy.deepcopy(network).float().cpu().eval()
    set_grids(network, {})
    seen = calibrate(network, symbols)
    for index, layer in enumerate(network.layers):
        assert isinstance(layer, Layer)
        at = f"layers.{index}"
        _fit_lstm(layer.lstm, None if index == 0 else seen[f"{at}.norm_input"], seen[f"{at}.lstm"])
        if layer.attention is not None:
            found = (
                seen[f"{at}.{name}"] for name in ("norm_query", "norm_memory", "attention.norm")
            )
            _fit_attention(layer.attention, *found)
        boom = layer.boom
        boom.grid.fit_product(fit_product(seen[f"{at}.norm_boom"], boom.linear.weight))
    network.grid.fit_product(fit_product(seen[at], network.embedding))
    return grids(network)


def _fit_lstm(lstm: Lstm, inputs: Tensor | None, hidden: Tensor) -> None:
    steps = torch.full_like(hidden[0], 1 / OPERAND_MAX)
    lstm.grid_state.fit_product(fit_weight(hidden, lstm.w_state, steps))
    if inputs is not None:
        lstm.grid_input.fit_product(fit_product(inputs, lstm.w_input))


def _fit_attention(attention: Attention, query: Tensor, memory: Tensor, focus: Tensor) -> None:
    attention.grid.fit_product(fit_product(query, attention.query.weight))
    steps = fit_steps(memory, 0.5)
    attention.grid_memory.fit(steps)
    # The gates and the memory's steps go into the query, which then has one step for all.
    step = fit_steps(focus * _gates(attention) * steps, 0.0)
    attention.grid_focus.fit(step / steps)


def _gates(attention: Attention) -> Tensor:
    return torch.sigmoid(attention.query_gate) * torch.sigmoid(attention.key_gate)


class Quantiser:
    """Turns the parts of a `network` with grids into integers."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.found: Tensors = {}

    def tensors(self) -> Tensors:
        """Return all tensors but the start state."""
        self.found.update(standard_tables(self.network.config.vocabulary))
        for index, layer in enumerate(self.network.layers):
            assert isinstance(layer, Layer)
            self._lstm(f"layers.{index}", layer)
            if layer.attention is not None:
                self._attention(f"layers.{index}", layer, layer.attention)
            self._boom(f"layers.{index}", layer)
        self._output()
        return self.found

    def _lstm(self, at: str, layer: Layer) -> None:
        lstm = layer.lstm
        bias = lstm.grid_input.bias(lstm.grid_state.bias(lstm.bias))
        self._weight(f"{at}.lstm_hidden", lstm.grid_state.product(lstm.w_state), GATE)
        self._set(f"{at}.gates.shift", torch.tensor([SHIFT_MAX]), "int32")
        if f"{at}." == "layers.0.":
            inputs = layer.norm_input(self.network.embedding) @ lstm.w_input.T
            self._set(f"{at}.input", (inputs + bias) * BIAS, "int16", INT16_MAX)
            return
        product = lstm.grid_input.product(lstm.w_input)
        self._operand_norm(f"{at}.lstm_norm", layer.norm_input, product.steps)
        self._weight(f"{at}.lstm_input", product, GATE)
        self._set(f"{at}.gates.bias", bias * BIAS, "int32", BIAS_MAX)

    def _attention(self, at: str, layer: Layer, attention: Attention) -> None:
        assert layer.norm_query is not None
        assert layer.norm_memory is not None
        memory, focus = attention.grid_memory.steps, attention.grid_focus.steps
        assert memory is not None
        assert focus is not None
        self._operand_norm(f"{at}.memory_norm", layer.norm_memory, memory)
        query = attention.grid.product(attention.query.weight)
        self._operand_norm(f"{at}.query_norm8", layer.norm_query, query.steps)
        self._residual_norm(f"{at}.query_norm", layer.norm_query)
        self._linear(f"{at}.query", query, attention.query.bias, RESIDUAL)
        self._operand_norm(f"{at}.focus_norm", attention.norm, focus / _gates(attention))
        config = self.network.config
        score = (focus * memory)[:1] * SCORE / math.sqrt(config.width / config.heads)
        self._ratios(f"{at}.score.", score, SCORE_MULTIPLIER_MAX)
        self._ratios(f"{at}.value.", memory * attention.value_scale() * RESIDUAL / WEIGHT)

    def _boom(self, at: str, layer: Layer) -> None:
        product = layer.boom.grid.product(layer.boom.linear.weight)
        self._operand_norm(f"{at}.boom_norm", layer.norm_boom, product.steps)
        self._residual_norm(f"{at}.skip_norm", layer.norm_residual)
        self._linear(f"{at}.boom", product, layer.boom.linear.bias, BOOM)

    def _output(self) -> None:
        product = self.network.grid.product(self.network.embedding)
        self._ratios("output.activation_", 1 / (RESIDUAL * product.steps))
        self._linear("output", product, self.network.bias, LOGIT)

    def _linear(self, site: str, product: Product, bias: Tensor, unit: int) -> None:
        self._weight(site, product, unit)
        self._set(f"{site}.bias", (bias + product.bias) * unit * 8, "int32", BIAS_MAX)
        self._set(f"{site}.shift", torch.tensor([SHIFT_MAX]), "int32")

    def _weight(self, site: str, product: Product, unit: int) -> None:
        self._set(f"{site}.weight", product.weight, "int8")
        self._set(f"{site}.multiplier", product.row_steps * (unit << SHIFT_MAX), "int32")

    def _ratios(self, prefix: str, ratios: Tensor, most: int = INT32_MAX) -> None:
        """Store multipliers with the greatest shift that lets them stay below `most`."""
        bits = math.floor(math.log2(most / max(float(ratios.abs().max()), 1e-9)))
        shift = min(max(bits, 1), SHIFT_MAX)
        self._set(f"{prefix}multiplier", ratios * 2**shift, "int32", most)
        self._set(f"{prefix}shift", torch.tensor([shift]), "int32")

    def _residual_norm(self, site: str, norm: nn.LayerNorm) -> None:
        self._set(f"{site}.scale", norm.weight.data * RESIDUAL, "int16", INT16_MAX)
        self._set(f"{site}.bias", norm.bias.data * (RESIDUAL * NORMAL), "int32", NORM_BIAS_MAX)

    def _operand_norm(self, site: str, norm: nn.LayerNorm, steps: Tensor) -> None:
        scale, bias = norm.weight.data / steps / NORMAL, norm.bias.data / steps
        room = min(
            INT16_MAX / max(float(scale.abs().max()), 1e-9),
            NORM_BIAS_MAX / max(float(bias.abs().max()), 1e-9),
        )
        shift = min(max(math.floor(math.log2(room)), 1), NORM_SHIFT_MAX)
        self._set(f"{site}.scale", scale * 2**shift, "int16", INT16_MAX)
        self._set(f"{site}.bias", bias * 2**shift, "int32", NORM_BIAS_MAX)
        self._set(f"{site}.shift", torch.tensor([shift]), "int32")

    def _set(self, name: str, values: Tensor, dtype: str, limit: int = INT32_MAX) -> None:
        self.found[name] = values.double().round().clamp(-limit, limit).numpy().astype(dtype)
