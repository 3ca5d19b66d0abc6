"""`shazip eval RUN FILE...`: a network as it was trained, and the exact model that it becomes.

Measured as the papers do: state and memory are carried through the whole file, which is cut into
lanes once and not into blocks, and the window may be another than in training.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from safetensors import SafetensorError, safe_open

from shazip.cli.inputs import input_status, open_source, refuse_kinds
from shazip.cli.measure import Measurement, Progress, logit_bits
from shazip.cli.options import CodecOptions
from shazip.cli.progress import progress_of
from shazip.lanes import columns, default_lanes, interleave

if TYPE_CHECKING:
    from shazip.model.file import IntegerModel
    from shazip.predictor import Engine
    from shazip.training.network.architecture import Trainable

REPORT_STEPS = 64


def is_trained(name: str) -> bool:
    """Tell whether `name` is a run's folder, a checkpoint, or a file of float weights."""
    path = Path(name)
    # Named as in training/run.py, which would load torch.
    if path.suffix == ".pt" or (path / "checkpoint.pt").is_file():
        return True
    if path.suffix != ".safetensors" or not path.is_file():
        return False
    try:
        with safe_open(path, "numpy") as file:
            return any(key == "embedding" for key in file.keys())  # noqa: SIM118 (not a dict)
    except SafetensorError:
        return False


class TrainedEvaluation:
    """Measurements of one trained network, by name of the engine; `float` is torch's arithmetic."""

    def __init__(
        self, source: Path, settings: CodecOptions, window: int | None, text: Path | None
    ) -> None:
        from shazip.cli.export import quantised, read_trained
        from shazip.training.network.sha_rnn import Network

        self._settings = settings
        trained = read_trained(source, average=True)
        self.name = source.resolve().name
        self.engine: Engine | None = None
        if isinstance(trained.network, Network):
            model = quantised(trained, text, self.name)
            self.engine = open_with_window(model, settings, window)
        self._network = _float(trained.network, window).to(settings.device or "cpu")

    def measure(self, name: str, quiet: int) -> Iterator[tuple[str, Measurement]]:
        """Yield what the float network and the exact model need for the file `name`."""
        refuse_kinds(name, input_status(name), follow=True, special=True)
        with open_source(name) as source:
            text = np.frombuffer(source.file.read(), np.uint8)
            lanes = self._settings.lanes or default_lanes(len(text))
            lanes = max(1, min(lanes, len(text)))
            yield "float", Measurement(len(text), self._float_bits(text, lanes), 1, 0, lanes)
            if self.engine is not None:
                with progress_of(source.name, len(text), quiet=quiet) as progress:
                    bits = exact_bits(self.engine, text, lanes, progress)
                yield self.engine.name, Measurement(len(text), bits, 1, 0, lanes)

    def _float_bits(self, text: np.ndarray, lanes: int) -> float:
        from shazip.training.evaluate import bits
        from shazip.training.parallel import Workers

        with Workers(min(lanes, self._settings.threads or 1)) as workers:
            return bits(self._network, text, lanes, workers)


def exact_bits(engine: Engine, text: np.ndarray, lanes: int, progress: Progress | None) -> float:
    """Return the bits of `text`, uint8 (n,), by the exact logits, in lanes without blocks."""
    predictor, symbols, total = engine.predictor(lanes), interleave(text, lanes), 0.0
    for step, (start, stop) in enumerate(columns(len(symbols), lanes)):
        total += logit_bits(predictor, symbols[start:stop])
        predictor.update(symbols[start:stop])
        if progress and step % REPORT_STEPS == 0:
            progress(stop, math.ceil(total / 8))
    return total


def with_window(model: IntegerModel, window: int | None) -> IntegerModel:
    """Return `model` with attention that sees `window` steps; None changes nothing.

    It is another model, which no file holds, and without a canary.
    """
    from shazip.model import file as modelfile

    if window is None or window == model.config.window:
        return model
    memory = model.tensors["start.memory"]
    kept = memory[:, max(0, memory.shape[1] - (window - 1)) :]
    tensors = {**model.tensors, "start.memory": kept}
    return modelfile.build(replace(model.config, window=window), tensors, name=model.name)


def open_with_window(model: IntegerModel, settings: CodecOptions, window: int | None) -> Engine:
    """Return an engine for `model` with that window, checked if it is the model's own."""
    from shazip.engines import open_engine, open_unproved

    changed = with_window(model, window)
    prove = open_engine if changed is model else open_unproved
    return prove(changed, settings.engine, device=settings.device, threads=settings.threads)


def _float(network: Trainable, window: int | None) -> Trainable:
    from shazip.training.network.architecture import name_of
    from shazip.training.network.attention import Attention
    from shazip.training.network.sha_rnn import Network

    if window is None:
        return network
    if not isinstance(network, Network):
        raise click.UsageError(f"an {name_of(network.config)} has no window.")
    for module in network.modules():
        if isinstance(module, Attention):
            module.window = window
    return network
