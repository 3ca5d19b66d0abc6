"""An LSTM and its gradients in float64, step by step, as the equations have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@dataclass
class Lstm:
    """`inputs` are (steps, lanes, 4 width), with gates in the order i, f, g, o."""

    inputs: np.ndarray
    h: np.ndarray  # (lanes, width)
    c: np.ndarray
    w_state: np.ndarray  # (4 width, width)
    bias: np.ndarray
    gate_min: float = -np.inf
    gate_max: float = np.inf
    cell_max: float = np.inf
    units: float = 0.0  # h enters the product in steps of 1 / units, if not 0

    def forward(self):
        """Return gates, cells and outputs of all steps, and the h that each step met."""
        h, c, found = self.h, self.c, []
        for x in self.inputs:
            met = np.rint(h * self.units) / self.units if self.units else h
            gates = (x + self.bias + met @ self.w_state.T).clip(self.gate_min, self.gate_max)
            i, f, g, o = np.split(gates, 4, -1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            c = (f * c + i * g).clip(-self.cell_max, self.cell_max)
            h = o * np.tanh(c)
            found.append((np.concatenate([i, f, g, o], -1), c, h, met))
        return tuple(np.stack(part) for part in zip(*found, strict=True))

    def backward(self, d_out, d_cell):
        """Return the gradients at the gates (steps, lanes, 4 width), at h and at c.

        Rounding and limits let gradients through as they are.
        """
        gates, cells, _, _ = self.forward()
        before = np.concatenate([self.c[None], cells[:-1]])
        d_h, d_c, found = np.zeros_like(self.h), d_cell, []
        for step in reversed(range(len(gates))):
            i, f, g, o = np.split(gates[step], 4, -1)
            d_h, tanh = d_h + d_out[step], np.tanh(cells[step])
            d_c = d_c + d_h * o * (1 - tanh**2)
            parts = d_c * g * i * (1 - i), d_c * before[step] * f * (1 - f)
            parts = *parts, d_c * i * (1 - g**2), d_h * tanh * o * (1 - o)
            found.append(np.concatenate(parts, -1))
            d_h, d_c = found[-1] @ self.w_state, d_c * f
        return np.stack(found[::-1]), d_h, d_c
