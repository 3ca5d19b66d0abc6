"""The network of docs/arithmetic.md, lane by lane in int64, from that page alone: literal."""

from __future__ import annotations

import math

import numpy as np

from shazip.model.file import IntegerModel

Vector = np.ndarray  # int64 (n,)


def clamp(x: Vector, n: int) -> Vector:
    return np.minimum(np.maximum(x, -n), n)


class Lane:
    """One lane, from the start state on; `logits()` steps, `update(symbol)` says what came."""

    def __init__(self, model: IntegerModel) -> None:
        self.config = model.config
        self.tensors = {name: values.astype(np.int64) for name, values in model.tensors.items()}
        if not self.config.layers:
            return
        self.symbol = int(self["start.symbol"][0])
        self.hidden = list(self["start.hidden"])
        self.cell = list(self["start.cell"])
        self.memory = {
            layer: list(self["start.memory"][i]) for i, layer in enumerate(self.config.attention)
        }

    def __getitem__(self, name: str) -> np.ndarray:
        return self.tensors[name]

    def scalar(self, name: str) -> int:
        return int(self.tensors[name][0])

    def update(self, symbol: int) -> None:
        self.symbol = symbol

    def logits(self) -> Vector:
        if not self.config.layers:
            return self["output.logits"]
        h = np.zeros(self.config.width, np.int64)
        for layer in range(self.config.layers):
            h = self.lstm(layer, h)
            if layer in self.config.attention:
                h = self.attention(layer, h)
            h = self.boom(layer, h)
        return self.output(h)

    def frequencies(self) -> Vector:
        logits = self.logits()
        table = self["table.exp_logit"]
        e = [int(table[min(int(max(logits) - x), 1023)]) for x in logits]
        total = sum(e)
        room = 2**24 - len(e)
        ends = [sum(e[: i + 1]) for i in range(len(e))]
        starts = [0, *ends[:-1]]
        return np.array(
            [1 + b * room // total - a * room // total for a, b in zip(starts, ends, strict=True)]
        )

    # Section 3

    def layer_norm(self, x: Vector) -> Vector:
        d = self.config.width
        s = int(x.sum())
        m = (16 * s + d * 2**24) // d - 2**24
        c = 16 * x - m
        v = sum(int(c_i) ** 2 for c_i in c)
        r = max(math.isqrt((v // d) * 2**12), 2**14)
        g = 2**44 // r
        return clamp((c * g + 2**26) >> 27, 32767)

    def to_residual(self, site: str, z: Vector) -> Vector:
        return clamp((z * self[site + ".scale"] + self[site + ".bias"] + 2**10) >> 11, 2**19)

    def to_operand(self, site: str, z: Vector) -> Vector:
        shift = self.scalar(site + ".shift")
        t = z * self[site + ".scale"] + self[site + ".bias"] + 2 ** (shift - 1)
        return clamp(t >> shift, 127)

    # Section 4

    def requantise(self, site: str, operand: Vector) -> Vector:
        shift = self.scalar(site + ".shift")
        acc = self[site + ".weight"] @ operand
        t = acc * self[site + ".multiplier"] + self[site + ".bias"] * 2 ** (shift - 3)
        return (t + 2 ** (shift - 1)) >> shift

    def lstm(self, layer: int, h: Vector) -> Vector:
        at = f"layers.{layer}."
        shift = self.scalar(at + "gates.shift")
        hidden = self[at + "lstm_hidden.weight"] @ self.hidden[layer]
        t = hidden * self[at + "lstm_hidden.multiplier"] + 2 ** (shift - 1)
        if layer == 0:
            t += self[at + "input"][self.symbol] * 2 ** (shift - 3)
        else:
            a = self.to_operand(at + "lstm_norm", self.layer_norm(h))
            product = self[at + "lstm_input.weight"] @ a
            t += product * self[at + "lstm_input.multiplier"]
            t += self[at + "gates.bias"] * 2 ** (shift - 3)
        u = np.minimum(np.maximum(t >> shift, -2048), 2047) + 2048
        u_i, u_f, u_g, u_o = u.reshape(4, -1)
        i, f, o = (self["table.sigmoid"][x] for x in (u_i, u_f, u_o))
        g = self["table.tanh"][u_g]
        c = clamp((f * self.cell[layer] + 2 * i * g + 2**14) >> 15, 2**22)
        squashed = np.minimum(np.maximum((c + 128) >> 8, -2048), 2047)
        p = (o * self["table.tanh"][squashed + 2048] + 2**14) >> 15
        self.cell[layer] = c
        self.hidden[layer] = (p * 127 + 2**14) >> 15
        return (p + 4) >> 3

    def attention(self, layer: int, h: Vector) -> Vector:
        at = f"layers.{layer}."
        z = self.layer_norm(h)
        memory = self.memory[layer]
        memory.append(self.to_operand(at + "memory_norm", z))
        del memory[: -self.config.window]
        q8 = self.to_operand(at + "query_norm8", z)
        h = self.to_residual(at + "query_norm", z)
        y = clamp(self.requantise(at + "query", q8), 2**19)
        q = self.to_operand(at + "focus_norm", self.layer_norm(y))
        head = self.config.width // self.config.heads
        o = [
            self.attend(at, q[k : k + head], [m[k : k + head] for m in memory])
            for k in range(0, self.config.width, head)
        ]
        shift = self.scalar(at + "value.shift")
        value = np.concatenate(o) * self[at + "value.multiplier"] + 2 ** (shift - 1)
        return clamp(h + (value >> shift), 2**19)

    def attend(self, at: str, q: Vector, memory: list[Vector]) -> Vector:
        shift = self.scalar(at + "score.shift")
        raw = [int(q @ m) for m in memory]
        e = []
        for x in raw:
            t = (max(raw) - x) * self.scalar(at + "score.multiplier") + 2 ** (shift - 1)
            e.append(int(self["table.exp_score"][min(t >> shift, 2047)]))
        total = sum(e)
        w = [(x * (2**44 // total) + 2**29) >> 30 for x in e]
        return sum(w_j * m_j for w_j, m_j in zip(w, memory, strict=True))

    def boom(self, layer: int, h: Vector) -> Vector:
        at = f"layers.{layer}."
        z = self.layer_norm(h)
        x8 = self.to_operand(at + "boom_norm", z)
        h = self.to_residual(at + "skip_norm", z)
        u = np.minimum(np.maximum(self.requantise(at + "boom", x8), -4096), 4095)
        chunks = self["table.gelu"][u + 4096].reshape(-1, self.config.width)
        return clamp(h + 2 * chunks.sum(0), 2**19)

    def output(self, h: Vector) -> Vector:
        shift = self.scalar("output.activation_shift")
        t = h * self["output.activation_multiplier"] + 2 ** (shift - 1)
        return clamp(self.requantise("output", clamp(t >> shift, 127)), 32767)


class OraclePredictor:
    """The Predictor protocol over independent lanes."""

    def __init__(self, model: IntegerModel, lanes: int) -> None:
        self.lanes = [Lane(model) for _ in range(lanes)]

    def logits(self, live: int) -> np.ndarray:
        return np.array([lane.logits() for lane in self.lanes[:live]], np.int16)

    def predict(self, live: int) -> np.ndarray:
        return np.array([lane.frequencies() for lane in self.lanes[:live]], np.uint32)

    def update(self, column: np.ndarray) -> None:
        for lane, symbol in zip(self.lanes, column, strict=False):
            lane.update(int(symbol))
