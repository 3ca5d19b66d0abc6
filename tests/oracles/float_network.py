"""The float SHA-RNN of DESIGN's equations, one lane and one step at a time in float64 NumPy."""

from __future__ import annotations

import math

import numpy as np

Vector = np.ndarray  # float64 (n,)


def sigmoid(x: Vector) -> Vector:
    return 1 / (1 + np.exp(-x))


def softmax(x: Vector) -> Vector:
    e = np.exp(x - x.max())
    return e / e.sum()


class Lane:
    """One lane from the start on; `step(symbol)` returns the logits of the next symbol."""

    def __init__(self, config, weights: dict[str, np.ndarray]) -> None:
        self.config, self.weights = config, weights
        self.h = [np.zeros(config.width) for _ in range(config.layers)]
        self.c = [np.zeros(config.width) for _ in range(config.layers)]
        self.memory: list[list[Vector]] = [[] for _ in range(config.layers)]

    def step(self, symbol: int) -> Vector:
        x = self.weights["embedding"][symbol]
        for layer in range(self.config.layers):
            x = self.layer(layer, x)
        return self.weights["embedding"] @ x + self.weights["bias"]

    def layer(self, n: int, x: Vector) -> Vector:
        h = self.lstm(n, self.norm(f"layers.{n}.norm_input", x))
        if n in self.config.attention:
            self.memory[n].append(self.norm(f"layers.{n}.norm_memory", h))
            query = self.norm(f"layers.{n}.norm_query", h)
            h = query + self.attention(n, query)
        boom = self.boom(n, self.norm(f"layers.{n}.norm_boom", h))
        return self.norm(f"layers.{n}.norm_residual", h) + boom

    def norm(self, name: str, x: Vector) -> Vector:
        z = (x - x.mean()) / math.sqrt(((x - x.mean()) ** 2).mean() + 1e-12)
        return z * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def lstm(self, n: int, x: Vector) -> Vector:
        w = {key: self.weights[f"layers.{n}.lstm.{key}"] for key in ("w_input", "w_state", "bias")}
        gates = w["w_input"] @ x + w["w_state"] @ self.h[n] + w["bias"]
        i, f, g, o = np.split(gates, 4)
        self.c[n] = sigmoid(f) * self.c[n] + sigmoid(i) * np.tanh(g)
        self.h[n] = sigmoid(o) * np.tanh(self.c[n])
        return self.h[n]

    def attention(self, n: int, x: Vector) -> Vector:
        w = {key.removeprefix(f"layers.{n}.attention."): v for key, v in self.weights.items()}
        q = self.norm(f"layers.{n}.attention.norm", w["query.weight"] @ x + w["query.bias"])
        qs, ks, vs = (sigmoid(w[f"{name}_gate"]) for name in ("query", "key", "value"))
        f, c = np.split(w["value_layer.weight"] @ vs + w["value_layer.bias"], 2)
        vs = sigmoid(f) * np.tanh(c)
        seen = self.memory[n][-self.config.window :]
        keys, values = [ks * m for m in seen], [vs * m for m in seen]
        out, size = np.zeros_like(x), self.config.width // self.config.heads
        for start in range(0, self.config.width, size):
            head = slice(start, start + size)
            scores = [(qs * q)[head] @ key[head] / math.sqrt(size) for key in keys]
            for weight, value in zip(softmax(np.array(scores)), values, strict=True):
                out[head] += weight * value[head]
        return out

    def boom(self, n: int, x: Vector) -> Vector:
        y = self.weights[f"layers.{n}.boom.linear.weight"] @ x
        y = y + self.weights[f"layers.{n}.boom.linear.bias"]
        y = y * sigmoid(1.702 * y)
        return sum(np.split(y, self.config.boom_width // self.config.width))
