"""The function tables of a new model; its file carries them, so no later libm decides a bit."""

from __future__ import annotations

import numpy as np

from shazip.model.arithmetic import (
    GATE_HALF,
    GELU_HALF,
    INT16_MAX,
    LOGIT_ENTRIES,
    SCORE_ENTRIES,
    exp_logit_max,
)

GELU_SLOPE = 1.702  # GELU as x * sigmoid(1.702 x), as in training


def standard_tables(vocabulary: int) -> dict[str, np.ndarray]:
    """Return the five `table.*` tensors (docs/arithmetic.md, section 2) for so many symbols."""
    gates = np.arange(-GATE_HALF, GATE_HALF) / 256
    wide = np.arange(-GELU_HALF, GELU_HALF) / 256
    gelu = wide / (1 + np.exp(-GELU_SLOPE * wide))
    score = np.rint(INT16_MAX * np.exp(-np.arange(SCORE_ENTRIES) / 128))
    logit = np.rint(exp_logit_max(vocabulary) * np.exp(-np.arange(LOGIT_ENTRIES) / 32))
    score[-1] = logit[-1] = 0  # engines use this entry for masked steps
    return {
        "table.sigmoid": np.rint((1 << 15) / (1 + np.exp(-gates))).astype(np.int16),
        "table.tanh": _int16((1 << 15) * np.tanh(gates)),
        "table.gelu": _int16((1 << 11) * gelu),
        "table.exp_score": score.astype(np.int16),
        "table.exp_logit": logit.astype(np.int32),
    }


def _int16(values: np.ndarray) -> np.ndarray:
    clipped: np.ndarray = np.clip(np.rint(values), -INT16_MAX, INT16_MAX)
    return clipped.astype(np.int16)
