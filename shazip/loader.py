"""Models and engines for a codec: each is looked for when first needed and then kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shazip.errors import ModelError
from shazip.predictor import Engine

if TYPE_CHECKING:
    from shazip.model.file import IntegerModel


class Loader:
    """The model that compresses, and an engine for whichever model is due."""

    def __init__(
        self,
        model: IntegerModel | str | Path | None,
        engine: Engine | str | None,
        device: str | None,
        threads: int | None,
    ) -> None:
        self._wanted = model
        self._engine_name = engine if isinstance(engine, str) else None
        self._device = device
        self._threads = threads
        self._engine = None if isinstance(engine, str) else engine
        self._model = None if self._engine is None else self._engine.model

    @property
    def model(self) -> IntegerModel:
        """The model given, or the default one."""
        if self._model is None:
            self._model = _load(self._wanted)
        return self._model

    def engine(self, model_id: bytes) -> Engine:
        """Return an engine for the model with this id; raise ModelError if it is not there."""
        if self._engine is None or self._engine.model.id != model_id:
            from shazip.engines import open_engine

            self._engine = open_engine(
                self._find(model_id),
                self._engine_name,
                device=self._device,
                threads=self._threads,
            )
        return self._engine

    def _find(self, model_id: bytes) -> IntegerModel:
        """Return the model given if it has this id, else the installed one that has it."""
        from shazip.model import store as modelstore

        given = self._model if self._wanted is None else self.model
        if given is not None and given.id == model_id:
            return given
        try:
            return modelstore.find_id(model_id)
        except ModelError as error:
            if given is None:
                raise
            raise ModelError(f"{error}; the model given is {given.id.hex()}") from None


def _load(wanted: IntegerModel | str | Path | None) -> IntegerModel:
    from shazip.model import store as modelstore

    if wanted is None:
        return modelstore.default()
    return modelstore.find(wanted) if isinstance(wanted, str | Path) else wanted
