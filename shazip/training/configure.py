"""Makes the configuration of a run: the values given, over the preset's, over the defaults.

Values are a dictionary by the names of the settings' fields, as the command line has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from shazip.cpus import available_cpus
from shazip.model.config import NetworkConfig
from shazip.model.vocabulary import BYTES, Vocabulary
from shazip.texts.corpora import KNOWN, WORD_CORPORA, check_file
from shazip.training.errors import TrainingError
from shazip.training.presets import preset
from shazip.training.settings import (
    SIZES,
    AwdLstmConfig,
    Corpus,
    Distillation,
    OptimiserConfig,
    Regularisation,
    Schedule,
    Sizes,
    TrainConfig,
    name_of,
    settings_of,
)

if TYPE_CHECKING:
    from shazip.training.distributed import Group

Settings = TypeVar("Settings")
Values = dict[str, Any]

GROUPS = ("network", "schedule", "optimiser", "regularisation", "distillation")
ALL = (
    *(NetworkConfig, AwdLstmConfig, Schedule, OptimiserConfig),
    *(Regularisation, Distillation, TrainConfig),
)
FIXED = {each.name: about for group in ALL for each, about in settings_of(group) if about.fixed}
WARM_UP = 10  # unless --warmup is given, the rate rises in at most 1/WARM_UP of the run


def corpora_of(texts: Sequence[str], name: str | None = None) -> tuple[Corpus, ...]:
    """Return the texts `PATH` or `PATH=WEIGHT`, or the training part of the corpus `name`.

    Raises ValueError for other weights and numbers of texts, CorpusError for another corpus.
    """
    if not texts:
        raise ValueError("no text to train on")
    if name is None:
        return tuple(map(_corpus, texts))
    if len(texts) > 1:
        raise ValueError(f"--corpus {name} is one text, not {len(texts)}")
    path = Path(texts[0]).resolve()
    if name in KNOWN:
        check_file(path, KNOWN[name])
    if name in WORD_CORPORA:
        WORD_CORPORA[name].check(path)
    return (Corpus(path, part="train"),)


def _corpus(text: str) -> Corpus:
    path, equals, weight = text.rpartition("=")
    if not equals or Path(text).exists():
        return Corpus(Path(text).resolve())
    try:
        return Corpus(Path(path).resolve(), float(weight))
    except ValueError:
        raise ValueError(f"{weight!r} is not a weight for {path}") from None


def new_config(
    corpora: tuple[Corpus, ...], given: Values, group: Group, weights: Path | None = None
) -> TrainConfig:
    """Return the configuration of a new run, which may begin with exported `weights`.

    Raises ValueError if values are missing or contradict each other.
    """
    vocabulary = _vocabulary(given, weights)
    sizes = replace(_sizes(given, weights), vocabulary=vocabulary.size)
    values = {**_preset(sizes, given), **given}
    if "total" not in values:
        raise ValueError("--total must say how many bytes to train on")
    warmup = min(values.get("warmup", Schedule.warmup), values["total"] // WARM_UP)
    threads = _threads(values, group)
    config = TrainConfig(corpora, Schedule(values["total"]), sizes, vocabulary, threads=threads)
    config = changed(config, {**values, "warmup": given.get("warmup", warmup)})
    _refuse_short(config)
    return config


def resumed(config: TrainConfig, given: Values) -> TrainConfig:
    """Return `config` with the given values; fixed ones may only be repeated.

    Raises TrainingError if a fixed value is another one.
    """
    if "symbols" in given and _vocabulary(given, None) != config.vocabulary:
        raise TrainingError("a run keeps its vocabulary: the one given is another")
    architecture = name_of(config.network)
    if given.get("architecture", architecture) != architecture:
        _refuse_change("architecture", architecture, given["architecture"])
    found = _values(config)
    for name, value in {**_preset(config.network, given), **given}.items():
        if name in FIXED and found.get(name, "none") != value:
            _refuse_change(FIXED[name].flag or name, found.get(name, "none"), value)
    return changed(config, {name: value for name, value in given.items() if name not in FIXED})


def changed(config: TrainConfig, given: Values) -> TrainConfig:
    """Return `config` with each given value in the group that has a field of its name."""
    groups = {name: known(getattr(config, name), given) for name in GROUPS}
    return known(config, {**given, **groups})


def known(group: Settings, given: Values) -> Settings:
    """Return `group`, a dataclass, with those of the given values that it has settings for."""
    names = {each.name for each in fields(group)} - {"vocabulary", "corpora"}  # type: ignore[arg-type]
    return replace(group, **{k: v for k, v in given.items() if k in names})  # type: ignore[type-var]


def describe(config: TrainConfig) -> list[str]:
    """Return the whole configuration, a line for each group of settings."""
    import torch

    from shazip.training.network.architecture import new_network, parameters

    with torch.device("meta"):  # shapes without memory
        trained, folded = parameters(new_network(config.network))
    count = f"{trained:,} parameters" + (f", {folded:,} after folding" if folded < trained else "")
    texts = " ".join(f"{corpus.name}={corpus.weight:g}" for corpus in config.corpora)
    return [
        f"{name_of(config.network)}, {count}",
        *(f"{name}: {_line(getattr(config, name))}" for name in GROUPS),
        f"run: {_line(config)}",
        f"texts: {texts}",
    ]


def _vocabulary(given: Values, weights: Path | None) -> Vocabulary:
    from shazip.training.checkpoint import load_weights

    if "symbols" in given:
        return Vocabulary.read(given["symbols"])
    return load_weights(weights)[1] if weights else BYTES


def _sizes(given: Values, weights: Path | None) -> Sizes:
    from shazip.training.checkpoint import load_weights

    wanted = given.get("architecture")
    sizes = load_weights(weights)[0].config if weights else SIZES[wanted or "sha-rnn"]()
    name = name_of(sizes)
    if wanted not in (None, name):
        raise ValueError(f"{weights} holds the weights of an {name}, not of an {wanted}")
    others = {each.name for kind in SIZES.values() for each, _ in settings_of(kind)}
    foreign = others & given.keys() - {each.name for each in fields(sizes)}
    if foreign:
        raise ValueError(f"an {name} has no {min(foreign)}")
    return sizes


def _preset(sizes: Sizes, given: Values) -> Values:
    return preset(name_of(sizes), given["preset"]) if "preset" in given else {}


def _threads(values: Values, group: Group) -> int:
    if values.get("device", TrainConfig.device) != "cpu":
        return 1
    lanes: int = values.get("lanes", TrainConfig.lanes) // group.size
    return max(1, min(available_cpus() // group.local_size, lanes))


def _refuse_short(config: TrainConfig) -> None:
    update, total = config.lanes * config.steps * config.accumulate, config.schedule.total
    if total < update:
        raise ValueError(
            f"a total of {total} bytes is too small: one update takes {update} symbols "
            f"({config.lanes} lanes of {config.steps} steps)"
        )


def _refuse_change(name: str, found: Any, wanted: Any) -> None:
    raise TrainingError(f"a run keeps its {name}: it is {_text(found)}, not {_text(wanted)}")


def _values(config: TrainConfig) -> Values:
    groups = [config, *(getattr(config, name) for name in GROUPS)]
    return {each.name: getattr(group, each.name) for group in groups for each in fields(group)}


def _line(group: Any) -> str:
    values = ((each.name, getattr(group, each.name)) for each, _ in settings_of(type(group)))
    return " ".join(f"{name}={_text(value)}" for name, value in values)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(f"{part:g}" for part in value) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
