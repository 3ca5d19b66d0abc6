"""Every setting of a training run: its name, default, range and purpose, each stated once.

`shazip train --help`, the checks and the configuration in a checkpoint come from these classes.
Importing this file needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from shazip.model.config import NetworkConfig
from shazip.model.vocabulary import BYTES, Vocabulary
from shazip.training.kinds import (
    BETAS,
    COUNT,
    FLAG,
    LAYERS,
    LENGTH,
    NAME,
    NOT_NEGATIVE,
    PART,
    PARTS,
    PATH,
    POSITIVE,
    SEED,
    SHARE,
    SIZE,
    About,
    check,
    one_of,
    setting,
)

# Files in the folder of a run.
CHECKPOINT = "checkpoint.pt"
BEFORE_DECAY = "before-decay.pt"  # a run continues from here with a larger total
METRICS = "metrics.jsonl"
CONFIG = "config.json"  # for people; `--resume` reads the checkpoint

NT_ASGD = "nt-asgd"  # SGD, averaged once validation stops improving
OPTIMISERS = ("adamw", "lamb", NT_ASGD)


@dataclass(frozen=True)
class Corpus:
    """A byte file and the weight that its share of the training bytes is proportional to."""

    path: Path
    weight: float = 1.0
    part: str = ""  # a part that corpora.split names; all of the file by default

    @property
    def name(self) -> str:
        """The file's name, and which part of it this is."""
        return f"{self.path.name}, {self.part}" if self.part else self.path.name


@dataclass(frozen=True)
class AwdLstmConfig:
    """Sizes of an AWD-LSTM; the last layer is as wide as the embedding that it is tied to."""

    width: int = setting(192, COUNT, "Width of embedding and last layer.", fixed=True)
    hidden: int = setting(512, COUNT, "AWD-LSTM: width of the other layers.", fixed=True)
    layers: int = setting(3, COUNT, "Number of layers.", fixed=True)
    vocabulary: int = 256  # symbols: V

    def __post_init__(self) -> None:
        check(self)


Sizes = NetworkConfig | AwdLstmConfig

# NetworkConfig belongs to the model file, so this file describes its settings.
SHA_RNN = {
    "width": About(COUNT, "Width of embedding, LSTM and residual stream.", fixed=True),
    "boom_width": About(COUNT, "Width inside Boom, a multiple of the width.", fixed=True),
    "layers": About(COUNT, "Number of layers.", fixed=True),
    "attention": About(LAYERS, "Layers with attention, or -.", fixed=True),
    "window": About(COUNT, "Symbols that attention sees.", fixed=True),
    "heads": About(COUNT, "Attention heads.", fixed=True),
}

# The architectures by the names that the command line and checkpoints use.
SIZES: dict[str, type[Sizes]] = {"sha-rnn": NetworkConfig, "awd-lstm": AwdLstmConfig}


def name_of(sizes: Sizes) -> str:
    """Return the architecture's name."""
    return next(name for name, kind in SIZES.items() if isinstance(sizes, kind))


@dataclass(frozen=True)
class Schedule:
    """Warm-up, a constant peak, then a cosine down to `floor` over the last part of the run.

    With `decay` 1 this is the usual cosine; with less, the checkpoint from before the decay can be
    continued for any length.
    """

    total: int = setting(MISSING, SIZE, "Bytes to train on in all.")
    peak: float = setting(2e-3, POSITIVE, "Highest learning rate.")
    warmup: int = setting(
        1_000_000, LENGTH, "Bytes over which the rate rises.", shown="1 MB, at most total / 10"
    )
    decay: float = setting(1.0, PART, "Last part of the run, in which the rate falls.")
    floor: float = setting(0.01, PART, "Rate at the end, as a part of the peak.")
    drops: tuple[float, ...] = setting(
        (), PARTS, "Parts of the run after which the rate drops, or -."
    )
    drop_factor: float = setting(0.5, PART, "Factor applied to the rate at each drop.")
    quantise_last: float = setting(0.04, PART, "Last part of the run, in integer arithmetic.")

    def __post_init__(self) -> None:
        check(self)

    @property
    def decay_start(self) -> int:
        """Bytes after which the rate falls."""
        return round(self.total * (1 - self.decay))

    def quantised(self, done: int) -> bool:
        """Return whether the update after `done` bytes uses the integer arithmetic."""
        return done > self.total * (1 - self.quantise_last)

    def rate(self, done: int) -> float:
        """Return the learning rate of the update after `done` bytes."""
        rate = self.peak * min(1.0, (done + 1) / self.warmup if self.warmup else 1.0)
        rate *= self.drop_factor ** sum(done >= part * self.total for part in self.drops)
        if self.decay == 0 or done <= self.decay_start:
            return rate
        part = min(1.0, (done - self.decay_start) / (self.total - self.decay_start))
        return rate * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * part)))


@dataclass(frozen=True)
class OptimiserConfig:
    """The optimiser and its weight average; the schedule sets the learning rate."""

    kind: str = setting("adamw", one_of(*OPTIMISERS), "Optimiser.", flag="optimiser", fixed=True)
    betas: tuple[float, float] = setting(
        (0.9, 0.99), BETAS, "AdamW, LAMB: decay of the two moments.", fixed=True
    )
    epsilon: float = setting(1e-9, POSITIVE, "AdamW, LAMB: added to divisors.", fixed=True)
    weight_decay: float = setting(0.01, NOT_NEGATIVE, "Weight decay of matrices.", fixed=True)
    minimum_trust: float = setting(0.25, PART, "LAMB: smallest trust ratio.", fixed=True)
    clip: float = setting(1.0, POSITIVE, "Largest norm of the gradient.")
    average: float = setting(
        0.995, PART, "Part of the averaged weights kept at each update.", fixed=True
    )
    patience: int = setting(
        5, COUNT, "NT-ASGD: validations without a better one before averaging.", fixed=True
    )
    interval: int = setting(1000, COUNT, "NT-ASGD: updates between validations.", fixed=True)

    def __post_init__(self) -> None:
        check(self)
        if len(self.betas) != 2:
            raise ValueError(f"betas are {self.betas}, must be two numbers")


@dataclass(frozen=True)
class Regularisation:
    """Dropout beside that between layers, and penalties (Merity 2017, AWD-LSTM; 4)."""

    drop_symbols: float = setting(0.0, SHARE, "Dropout of whole symbols in a window.", fixed=True)
    drop_input: float = setting(0.0, SHARE, "Dropout of the embedded symbols.", fixed=True)
    drop_output: float = setting(0.0, SHARE, "Dropout before the logits.", fixed=True)
    drop_weights: float = setting(0.0, SHARE, "DropConnect on recurrent weights.", fixed=True)
    activation: float = setting(
        0.0, NOT_NEGATIVE, "AR: penalty on the last layer's mean square.", fixed=True
    )
    slowness: float = setting(
        0.0, NOT_NEGATIVE, "TAR: penalty on its change from step to step.", fixed=True
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def penalises(self) -> bool:
        """Whether there is a penalty."""
        return self.activation > 0 or self.slowness > 0


@dataclass(frozen=True)
class Distillation:
    """Learning from a trained network's probabilities, too (Hinton 2015, section 2)."""

    teacher: Path | None = setting(
        None, PATH, "Run or float weights, whose probabilities are targets too.", fixed=True
    )
    teacher_share: float = setting(
        0.5, PART, "Share of the teacher in the loss; the text has the rest.", fixed=True
    )
    temperature: float = setting(
        2.0, POSITIVE, "Divisor of the logits before they are compared.", fixed=True
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides which weights come out; kept in every checkpoint."""

    corpora: tuple[Corpus, ...]
    schedule: Schedule
    network: Sizes = field(default_factory=NetworkConfig)
    vocabulary: Vocabulary = BYTES
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    regularisation: Regularisation = field(default_factory=Regularisation)
    distillation: Distillation = field(default_factory=Distillation)
    lanes: int = setting(32, COUNT, "Texts read side by side: the batch.", fixed=True)
    steps: int = setting(128, COUNT, "Symbols that gradients flow back through.", fixed=True)
    jitter: float = setting(0.0, SHARE, "Part by which the steps of a window vary.", fixed=True)
    accumulate: int = setting(1, COUNT, "Windows per update.", fixed=True)
    dropout: float = setting(0.0, SHARE, "Dropout between layers and their parts.", fixed=True)
    seed: int = setting(1, SEED, "Seed of weights and of the text's order.", fixed=True)
    threads: int = setting(
        1, COUNT, "Threads, each with a part of the lanes.", shown="all processors"
    )
    bfloat16: bool = setting(
        True, FLAG, "Type of the matrix products.", flag="bfloat16/--float32", shown="bfloat16"
    )
    device: str = setting("cpu", NAME, "Device: cpu or cuda.")

    def __post_init__(self) -> None:
        check(self)
        if not self.corpora:
            raise ValueError("no text to train on")
        if self.threads > self.lanes:
            raise ValueError(f"{self.threads} threads for {self.lanes} lanes")
        if self.vocabulary.size != self.network.vocabulary:
            raise ValueError(
                f"a network of {self.network.vocabulary} symbols "
                f"with a vocabulary of {self.vocabulary.size}"
            )


@dataclass(frozen=True)
class RunConfig:
    """Validation, checkpoints and metrics; they do not affect the weights, except for NT-ASGD."""

    valid: Path | None = setting(None, PATH, "Text to validate on; a corpus has its own.")
    valid_size: int = setting(1 << 17, SIZE, "Bytes of it validated on the way; all at the end.")
    valid_seconds: float = setting(600.0, POSITIVE, "Seconds between validations.")
    save_seconds: float = setting(300.0, POSITIVE, "Seconds between checkpoints.")
    log_updates: int = setting(50, COUNT, "Updates between lines of metrics.")


def settings_of(group: type) -> Iterator[tuple[Field[Any], About]]:
    """Yield the settings among the fields of one of the dataclasses above."""
    for each in fields(group):
        known = SHA_RNN if group is NetworkConfig else each.metadata
        if (about := known.get("about" if known is each.metadata else each.name)) is not None:
            yield each, about
