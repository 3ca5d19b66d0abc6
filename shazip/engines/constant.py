"""Models without layers: their logits never change (docs/arithmetic.md, section 4).

They let mixing work alone, at the speed of mixing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shazip.compiled import new_pool
from shazip.halves import in_proportion
from shazip.model.arithmetic import LOGIT_ENTRIES
from shazip.model.file import IntegerModel


class ConstantNetwork:
    """Predicts the same in every lane at every step."""

    def __init__(self, logits: NDArray[np.int16], row: NDArray[np.uint32], lanes: int) -> None:
        self._logits = np.tile(logits, (lanes, 1))
        self._rows = np.tile(row, (lanes, 1))
        self._logits.flags.writeable = self._rows.flags.writeable = False

    def predict(self, live: int) -> NDArray[np.uint32]:
        """Return the frequencies (live, V)."""
        return self._rows[:live]

    def logits(self, live: int) -> NDArray[np.int16]:
        """Return the logits (live, V)."""
        return self._logits[:live]

    def update(self, column: NDArray[np.uint16]) -> None:
        """Take the symbols (live,) that came: they change nothing."""


class ConstantEngine:
    """A model without layers, under the name of the engine that was asked for."""

    def __init__(self, model: IntegerModel, name: str, threads: int | None = None) -> None:
        self.name = name
        self.model = model
        self.pool = new_pool(threads) if name == "native" else None
        self._logits = model.tensors["output.logits"]
        self._row = frequencies(self._logits, model.tensors["table.exp_logit"])

    def predictor(self, lanes: int) -> ConstantNetwork:
        """Return the network of so many lanes."""
        return ConstantNetwork(self._logits, self._row, lanes)

    def prober(self, lanes: int) -> ConstantNetwork:
        """Return the same for a probe."""
        return self.predictor(lanes)

    def state_size(self, lanes: int) -> int:
        """Return the bytes of the rows of so many lanes."""
        return lanes * (self._logits.nbytes + self._row.nbytes)


def frequencies(logits: NDArray[np.int16], exp_logit: NDArray[np.int32]) -> NDArray[np.uint32]:
    """Return the frequencies (V,) of logits (V,): docs/arithmetic.md, section 5."""
    below = int(logits.max()) - logits.astype(np.int64)
    parts = exp_logit[np.minimum(below, LOGIT_ENTRIES - 1)].astype(np.uint64)
    row: NDArray[np.uint32] = in_proportion(parts[None])[0]
    return row
