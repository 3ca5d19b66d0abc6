"""The flags of `shazip train`: every one left out keeps the default of the setting it names."""

from __future__ import annotations

from pathlib import Path

import click

from shazip.cli.options import COUNT, byte_size, each_of
from shazip.texts.corpora import KNOWN

PATH = click.Path(path_type=Path)
ANY = "any"  # a corpus of which nothing is known
PART = click.FloatRange(0, 1)
POSITIVE = click.FloatRange(0, min_open=True)
NOT_NEGATIVE = click.FloatRange(0)

# Named here too, because help is shown without loading torch.
ARCHITECTURES = ("sha-rnn", "awd-lstm")
OPTIMISERS = ("adamw", "lamb", "nt-asgd")
PRESETS = ("tiny", "small", "base", "large", "paper", "paper-full")

# What a run keeps for all its life.
ARCHITECTURE = "architecture"
NETWORK = {"width", "boom_width", "layers", "attention", "window", "heads", "hidden"}
OPTIMISER = {"optimiser", "betas", "epsilon", "weight_decay", "minimum_trust"}
AVERAGING = {"average", "patience", "interval"}
DROPS = {"drop_symbols", "drop_input", "drop_output", "drop_weights"}
REGULARISATION = {"dropout", "activation", "slowness", *DROPS}
ORDER = {"lanes", "steps", "jitter", "accumulate", "seed"}
FIXED = {*NETWORK, *OPTIMISER, *AVERAGING, *REGULARISATION, *ORDER, "kind"}


def _parts(text: str) -> tuple[float, ...]:
    """Numbers in `0.5,0.7`; none in `-`."""
    try:
        return () if text == "-" else tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of numbers.") from None


def _betas(text: str) -> tuple[float, ...]:
    """Two parts of a whole in `0.9,0.99`."""
    betas = _parts(text)
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise click.BadParameter(f"{text!r} is not two parts of a whole, such as 0.9,0.99.")
    return betas


def _layers(text: str) -> tuple[int, ...]:
    """Layer numbers in `0,2`; none in `-`."""
    try:
        return () if text == "-" else tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of layer numbers.") from None


# What a run keeps for all its life: network, optimiser, the way through the text.
fixed = each_of(
    click.option("--seed", type=click.IntRange(0), help="Of weights and the text's order."),
    click.option("--slowness", type=NOT_NEGATIVE, help="Penalty on change from step to step."),
    click.option("--activation", type=NOT_NEGATIVE, help="Penalty on large activations."),
    click.option("--drop-weights", type=PART, help="DropConnect on recurrent weights."),
    click.option("--drop-output", type=PART, help="Dropout before the logits."),
    click.option("--drop-input", type=PART, help="Dropout of the embedded symbols."),
    click.option("--drop-symbols", type=PART, help="Part of the symbols left out whole."),
    click.option("--dropout", type=PART, help="Between layers and their parts."),
    click.option("--interval", type=COUNT, help="Updates between NT-ASGD's validations."),
    click.option("--patience", type=COUNT, help="Validations that NT-ASGD waits."),
    click.option("--average", type=PART, help="What the average keeps at every update."),
    click.option("--minimum-trust", type=PART, help="Of LAMB."),
    click.option("--weight-decay", type=NOT_NEGATIVE, help="Of matrices."),
    click.option("--epsilon", type=POSITIVE, help="Of AdamW and LAMB."),
    click.option("--betas", type=_betas, metavar="B,B", help="Of AdamW and LAMB."),
    click.option("--optimiser", type=click.Choice(OPTIMISERS)),
    click.option("--accumulate", type=COUNT, help="Windows per update."),
    click.option("--jitter", type=PART, help="Part by which the steps vary."),
    click.option("--steps", type=COUNT, help="Steps that gradients flow back through."),
    click.option("--lanes", type=COUNT, help="Texts read side by side."),
    click.option("--heads", type=COUNT, help="Of the attention."),
    click.option("--hidden", type=COUNT, help="Width of an AWD-LSTM's inner layers."),
    click.option("--window", type=COUNT, help="Steps that attention sees."),
    click.option("--attention", type=_layers, metavar="N[,N]...", help="Layers with it, or -."),
    click.option("--layers", type=COUNT),
    click.option("--boom-width", type=COUNT, help="A multiple of the width."),
    click.option("--vocabulary", "symbols", type=PATH, help="Of `shazip vocabulary`; or bytes."),
    click.option("--width", type=COUNT, help="Of embedding, LSTM and residual stream."),
    click.option("--preset", type=click.Choice(PRESETS), help="Sizes; paper: its recipe too."),
    click.option("--architecture", type=click.Choice(ARCHITECTURES)),
    click.option("--from", "weights", type=PATH, help="Begin with these exported weights."),
    click.option(
        "--corpus",
        type=click.Choice([*KNOWN, ANY]),
        help="What the one TEXT is, checked by SHA-1, or any text: train on the first 90 %, "
        "validate on the next 5 %, test on the last 5 %.",
    ),
)


# What may be given anew when a run is resumed.
changeable = each_of(
    click.option("--device", metavar="NAME", help="cpu, cuda."),
    click.option("--threads", type=COUNT, help="Parts of the lanes that run side by side."),
    click.option("--bfloat16/--float32", default=None, help="Of the matrix products."),
    click.option("--clip", type=POSITIVE, help="Largest norm of the gradient."),
    click.option("--drop-factor", type=PART, help="What a drop leaves of the rate."),
    click.option(
        "--drops",
        type=_parts,
        metavar="P[,P]...",
        help="Parts of the run after which the rate drops, or -.",
    ),
    click.option("--quantise-last", type=PART, help="Last part, on the integer arithmetic."),
    click.option("--floor", type=PART, help="Learning rate at the end, part of the peak."),
    click.option("--decay", type=PART, help="Last part of the run, in which the rate falls."),
    click.option("--warmup", type=byte_size, help="Bytes in which the rate rises."),
    click.option("--peak", type=POSITIVE, help="Highest learning rate."),
    click.option("--total", type=byte_size, help="Bytes to train on in all."),
)


# What happens around the updates.
around = each_of(
    click.option("--log-updates", type=COUNT, help="Updates between lines of metrics."),
    click.option("--save-seconds", type=POSITIVE, help="Between checkpoints."),
    click.option("--valid-seconds", type=POSITIVE, help="Between validations."),
    click.option("--valid-size", type=byte_size, help="Bytes validated on the way."),
    click.option("--valid", type=PATH, help="Text to validate on."),
)
