"""Frequencies of logits in NumPy, as docs/arithmetic.md, section 5, has them."""

from __future__ import annotations

import numpy as np

from shazip.model.arithmetic import FREQUENCY_TOTAL, LOGIT_ENTRIES


def to_frequencies(logits: np.ndarray, exp_logit: np.ndarray) -> np.ndarray:
    """Turn int16 `logits` (n, V), step 1/32, into uint32 frequencies: >= 1, rows sum to 2**24."""
    wide = logits.astype(np.int64)
    count, vocabulary = wide.shape
    index = np.minimum(wide.max(1, keepdims=True) - wide, LOGIT_ENTRIES - 1)
    cumulative = np.zeros((count, vocabulary + 1), np.int64)
    np.cumsum(exp_logit.astype(np.int64)[index], 1, out=cumulative[:, 1:])
    scaled = cumulative * (FREQUENCY_TOTAL - vocabulary) // cumulative[:, -1:]
    freqs: np.ndarray = (np.diff(scaled, axis=1) + 1).astype(np.uint32)
    return freqs
