"""Finds the model and opens the engine of a codec on first use, and keeps them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shazip.errors import ModelError
from shazip.predictor import Engine
from shazip.settings import ENGINES, MAX_THREADS, integer

if TYPE_CHECKING:
    from shazip.model.file import IntegerModel


class Loader:
    """The model that compresses, and an engine for the model that a frame needs.

    Pickling keeps the arguments and drops the loaded model and engine.
    """

    def __init__(
        self,
        model: IntegerModel | str | os.PathLike[str] | None,
        engine: Engine | str | None,
        device: str | None,
        threads: int | None,
        memory_limit: int | None = None,
    ) -> None:
        _check(model, engine, device, threads)
        self._wanted = model
        self._given = engine
        self._device = device
        self._threads = threads
        self._memory_limit = memory_limit
        self._forget()

    def _forget(self) -> None:
        self._engine = None if isinstance(self._given, str) else self._given
        self._model = None if self._engine is None else self._engine.model

    @property
    def model(self) -> IntegerModel:
        """The model given, or the default one."""
        if self._model is None:
            self._model = self._load()
        return self._model

    def engine(self, model_id: bytes) -> Engine:
        """Return an engine for the model with this id; raise ModelError if there is none."""
        if self._engine is None or self._engine.model.id != model_id:
            from shazip.engines import open_engine

            self._engine = open_engine(
                self._find(model_id),
                self._given if isinstance(self._given, str) else None,
                device=self._device,
                threads=self._threads,
                memory_limit=self._memory_limit,
            )
        return self._engine

    def for_worker(self, threads: int, memory_limit: int, *, encodes: bool) -> Loader:
        """Return a loader for another process, perhaps on a machine without the model.

        One that encodes brings the model along.
        """
        model = self.model if encodes and isinstance(self._given, str | None) else self._wanted
        return Loader(model, self._given, self._device, threads, memory_limit)

    def describe(self) -> str:
        """Return the wanted model and engine as arguments of a call."""
        model = self._wanted if self._model is None else self._model.name
        engine = self._given if self._given is None or isinstance(self._given, str) else "..."
        return f"{model!r}" + (f", engine={engine!r}" if engine else "")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_engine": None, "_model": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _find(self, model_id: bytes) -> IntegerModel:
        """Return the model given if it has this id, else the installed one that has it."""
        from shazip.model import store as modelstore

        given = self._model if self._wanted is None else self.model
        if given is not None and given.id == model_id:
            return given
        try:
            return modelstore.find_id(model_id, self._memory_limit)
        except ModelError as error:
            if given is None or self._wanted is None:
                raise
            raise ModelError(f"{error}; the model given is {given.id.hex()}") from None

    def _load(self) -> IntegerModel:
        from shazip.model import store as modelstore

        wanted = self._wanted
        if wanted is None:
            return modelstore.default(self._memory_limit)
        if isinstance(wanted, str):
            return modelstore.find(wanted, self._memory_limit)
        if isinstance(wanted, os.PathLike):
            return modelstore.find(Path(wanted), self._memory_limit)
        return wanted


def _check(model: object, engine: object, device: object, threads: int | None) -> None:
    """Raise TypeError or ValueError for arguments that no codec accepts."""
    if not (model is None or isinstance(model, str | os.PathLike) or hasattr(model, "id")):
        raise TypeError(f"model is {model!r}, must be a name, a path or an IntegerModel")
    if isinstance(engine, str):
        if engine not in ENGINES:
            raise ValueError(f"unknown engine {engine!r}, known are {', '.join(ENGINES)}")
    elif not (engine is None or hasattr(engine, "predictor")):
        raise TypeError(f"engine is {engine!r}, must be a name or an open engine")
    if not (device is None or isinstance(device, str)):
        raise TypeError(f"device is {device!r}, must be a name such as 'cuda'")
    if threads is not None:
        integer("threads", threads, 1, MAX_THREADS)
