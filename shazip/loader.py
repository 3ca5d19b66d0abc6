"""Finds the models and opens the engines of a codec on first use, and keeps them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shazip.errors import ModelError
from shazip.predictor import Engine
from shazip.settings import ENGINES, MAX_THREADS, integer

if TYPE_CHECKING:
    from shazip.model.file import IntegerModel


_ENGINES = 3  # that stay open: those of the candidates


class Loader:
    """The models that compress, and an engine for the model that a frame needs.

    Without a model given there are several candidates (choice.py): the network of this name, by
    default all that suit, and the one without layers. Pickling keeps the arguments and drops loaded
    models and engines.
    """

    def __init__(
        self,
        model: IntegerModel | str | os.PathLike[str] | None,
        engine: Engine | str | None,
        device: str | None,
        threads: int | None,
        memory_limit: int | None = None,
        network: str | None = None,
    ) -> None:
        _check(model, engine, device, threads)
        self._wanted = model
        self._given = engine
        self._device = device
        self._threads = threads
        self._memory_limit = memory_limit
        self._network = network
        # Models that came with this loader, in place of the installed ones.
        self._brought: tuple[IntegerModel, ...] = ()
        self._forget()

    def _forget(self) -> None:
        self._engines: dict[bytes, Engine] = {}  # by model id, the last used last
        self._models: dict[int, IntegerModel] = dict(enumerate(self._brought))
        if self._given is not None and not isinstance(self._given, str):
            self._models[0] = self._given.model
            self._engines[self._given.model.id] = self._given

    @property
    def model(self) -> IntegerModel:
        """The model given, or the default one."""
        return self.candidate(0)

    @property
    def candidates(self) -> int:
        """How many models there are to choose from."""
        return len(self._sources)

    def candidate(self, number: int) -> IntegerModel:
        """Return one of the models to choose from; the first is `model`."""
        if number not in self._models:
            self._models[number] = self._load(self._sources[number])
        return self._models[number]

    @cached_property
    def _sources(self) -> Sequence[IntegerModel | str | os.PathLike[str]]:
        """The candidates to load: models, names or paths."""
        from shazip.model import store as modelstore

        if self._brought:
            return self._brought
        if 0 in self._models:
            return (self._models[0],)
        if self._wanted is not None:
            return (self._wanted,)
        return modelstore.candidates(self._network)

    def engine(self, model_id: bytes) -> Engine:
        """Return an engine for the model with this id; raise ModelError if there is none."""
        engine = self._engines.pop(model_id, None)
        if engine is None:
            from shazip.engines import open_engine

            engine = open_engine(
                self._find(model_id),
                self._given if isinstance(self._given, str) else None,
                device=self._device,
                threads=self._threads,
                memory_limit=self._memory_limit,
            )
        self._engines[model_id] = engine
        for other in list(self._engines)[:-_ENGINES]:
            del self._engines[other]
        return engine

    def keep_within(self, size: int, model_id: bytes) -> None:
        """Close the engines of other models than this one if they take more than `size` bytes."""
        others = [other for other in self._engines if other != model_id]
        if sum(self._engines[other].model.memory for other in others) > size:
            for other in others:
                del self._engines[other]

    def for_worker(self, threads: int, memory_limit: int, *, encodes: bool) -> Loader:
        """Return a loader for another process, perhaps on a machine without the models.

        One that encodes brings them along.
        """
        given = self._wanted, self._given, self._device
        loader = Loader(*given, threads, memory_limit, self._network)
        if encodes and isinstance(self._given, str | None):
            loader._brought = tuple(map(self.candidate, range(self.candidates)))
            loader._forget()
        return loader

    def describe(self) -> str:
        """Return the wanted model and engine as arguments of a call."""
        model = self._models[0].name if 0 in self._models else self._wanted
        engine = self._given if self._given is None or isinstance(self._given, str) else "..."
        return f"{model!r}" + (f", engine={engine!r}" if engine else "")

    def __getstate__(self) -> dict[str, Any]:
        dropped = ("_engines", "_models", "_sources")
        return {key: value for key, value in self.__dict__.items() if key not in dropped}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _find(self, model_id: bytes) -> IntegerModel:
        """Return the model given if it has this id, else the installed one that has it."""
        from shazip.model import store as modelstore

        if self._wanted is not None:
            self.candidate(0)
        for model in self._models.values():
            if model.id == model_id:
                return model
        try:
            return modelstore.find_id(model_id, self._memory_limit)
        except ModelError as error:
            if self._wanted is None:
                raise
            raise ModelError(f"{error}; the model given is {self.model.id.hex()}") from None

    def _load(self, wanted: IntegerModel | str | os.PathLike[str]) -> IntegerModel:
        from shazip.model import store as modelstore

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
