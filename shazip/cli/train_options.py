"""The flags of `shazip train`: every one left out keeps the default of the setting it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from shazip.cli.options import COUNT, byte_size
from shazip.corpora import KNOWN

F = TypeVar("F", bound=Callable[..., Any])
PATH = click.Path(path_type=Path)
ANY = "any"  # a corpus of which nothing is known
PART = click.FloatRange(0, 1)
POSITIVE = click.FloatRange(0, min_open=True)

# What a run keeps for all its life.
NETWORK = ("width", "boom_width", "layers", "attention", "window", "heads")
FIXED = {*NETWORK, "lanes", "steps", "jitter", "accumulate", "dropout", "lamb", "seed"}


def _layers(text: str) -> tuple[int, ...]:
    """Layer numbers in `0,2`; none in `-`."""
    try:
        return () if text == "-" else tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of layer numbers.") from None


def fixed(command: F) -> F:
    """What a run keeps for all its life: network, optimiser, the way through the text."""
    for option in (
        click.option("--seed", type=click.IntRange(0), help="Of weights and the text's order."),
        click.option("--lamb", is_flag=True, default=None, help="LAMB instead of AdamW."),
        click.option("--dropout", type=PART, help="Part of the activations left out."),
        click.option("--accumulate", type=COUNT, help="Windows per update."),
        click.option("--jitter", type=PART, help="Part by which the steps vary."),
        click.option("--steps", type=COUNT, help="Steps that gradients flow back through."),
        click.option("--lanes", type=COUNT, help="Texts read side by side."),
        click.option("--heads", type=COUNT, help="Of the attention."),
        click.option("--window", type=COUNT, help="Steps that attention sees."),
        click.option("--attention", type=_layers, metavar="N[,N]...", help="Layers with it, or -."),
        click.option("--layers", type=COUNT),
        click.option("--boom-width", type=COUNT, help="A multiple of the width."),
        click.option("--width", type=COUNT, help="Of embedding, LSTM and residual stream."),
        click.option("--from", "weights", type=PATH, help="Begin with these exported weights."),
        click.option(
            "--corpus",
            type=click.Choice([*KNOWN, ANY]),
            help="What the one TEXT is, checked by SHA-1, or any text: train on the first 90 %, "
            "validate on the next 5 %, test on the last 5 %.",
        ),
    ):
        command = option(command)
    return command


def changeable(command: F) -> F:
    """What may be given anew when a run is resumed."""
    for option in (
        click.option("--device", metavar="NAME", help="cpu, cuda."),
        click.option("--threads", type=COUNT, help="Parts of the lanes that run side by side."),
        click.option("--bfloat16/--float32", default=None, help="Of the matrix products."),
        click.option("--clip", type=POSITIVE, help="Largest norm of the gradient."),
        click.option("--floor", type=PART, help="Learning rate at the end, part of the peak."),
        click.option("--decay", type=PART, help="Last part of the run, in which the rate falls."),
        click.option("--warmup", type=byte_size, help="Bytes in which the rate rises."),
        click.option("--peak", type=POSITIVE, help="Highest learning rate."),
        click.option("--total", type=byte_size, help="Bytes to train on in all."),
    ):
        command = option(command)
    return command


def around(command: F) -> F:
    """What happens around the updates."""
    for option in (
        click.option("--log-updates", type=COUNT, help="Updates between lines of metrics."),
        click.option("--save-seconds", type=POSITIVE, help="Between checkpoints."),
        click.option("--valid-seconds", type=POSITIVE, help="Between validations."),
        click.option("--valid-size", type=byte_size, help="Bytes validated on the way."),
        click.option("--valid", type=PATH, help="Text to validate on."),
    ):
        command = option(command)
    return command
