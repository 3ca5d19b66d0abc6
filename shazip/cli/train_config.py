"""From flags and presets to the configuration of a run, and back to lines for the user."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shazip.cli.train_options import ARCHITECTURE, FIXED, NETWORK
from shazip.cpus import available_cpus

if TYPE_CHECKING:
    from shazip.model.vocabulary import Vocabulary
    from shazip.training.data import Corpus
    from shazip.training.distributed import Group
    from shazip.training.network.architecture import Sizes
    from shazip.training.trainer import TrainConfig

Settings = TypeVar("Settings")
GROUPS = ("network", "schedule", "optimiser", "regularisation")


def begin(
    corpora: tuple[Corpus, ...], weights: Path | None, given: dict[str, Any], group: Group
) -> TrainConfig:
    """Return the configuration of a new run: the flags given over the preset over the defaults."""
    from shazip.training.schedule import Schedule
    from shazip.training.trainer import TrainConfig

    vocabulary = _vocabulary(weights, given)
    sizes = replace(_sizes(weights, given), vocabulary=vocabulary.size)
    given = {**_preset(sizes, given), **given}
    if "total" not in given:
        raise click.UsageError("--total must say how many bytes to train on.")
    on_cpu = given.get("device", TrainConfig.device) == "cpu"
    lanes = given.get("lanes", TrainConfig.lanes) // group.size
    threads = max(1, min(available_cpus() // group.local_size, lanes)) if on_cpu else 1
    config = TrainConfig(corpora, Schedule(given["total"]), sizes, vocabulary, threads=threads)
    return changed(config, given)


def changed(config: TrainConfig, given: dict[str, Any]) -> TrainConfig:
    """Return `config` with each given value in the group that has a field of its name."""
    given = _fields_of(given)
    try:
        groups = {name: known(getattr(config, name), given) for name in GROUPS}
        return known(config, {**given, **groups})
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


def resumed(config: TrainConfig, given: dict[str, Any]) -> TrainConfig:
    """Return `config` with what may change. Raises TrainingError if `given` is another run's."""
    from shazip.training.errors import TrainingError
    from shazip.training.network.architecture import name_of

    if "symbols" in given and _vocabulary(None, given) != config.vocabulary:
        raise TrainingError("a run keeps its vocabulary: the one given is another")
    architecture = name_of(config.network)
    wanted = {**_preset(config.network, given), **given}
    wanted.setdefault(ARCHITECTURE, architecture)
    found = {ARCHITECTURE: architecture, **_values(config)}
    for name, value in _fields_of(wanted).items():
        if name in (ARCHITECTURE, *FIXED) and found.get(name, "none") != value:
            raise TrainingError(
                f"a run keeps its {name.replace('kind', 'optimiser')}: "
                f"it is {_text(found.get(name, 'none'))}, not {_text(value)}"
            )
    return changed(config, {k: v for k, v in given.items() if k not in FIXED})


def known(group: Settings, given: dict[str, Any]) -> Settings:
    """Return `group`, a dataclass, with those of the `given` values that it has fields for."""
    names = {field.name for field in fields(group)}  # type: ignore[arg-type]
    return replace(group, **{k: v for k, v in given.items() if k in names})  # type: ignore[type-var]


def lines(config: TrainConfig) -> list[str]:
    """Return the whole configuration, a line for each group of settings."""
    import torch

    from shazip.training.network.architecture import name_of, new_network, parameters

    with torch.device("meta"):  # shapes without memory
        trained, folded = parameters(new_network(config.network))
    count = f"{trained:,} parameters" + (f", {folded:,} after folding" if folded < trained else "")
    texts = " ".join(f"{corpus.name}={corpus.weight:g}" for corpus in config.corpora)
    groups = [f"{name}: {_line(getattr(config, name))}" for name in GROUPS]
    return [
        f"{name_of(config.network)}, {count}",
        *groups,
        f"run: {_line(config)}",
        f"texts: {texts}",
    ]


def _vocabulary(weights: Path | None, given: dict[str, Any]) -> Vocabulary:
    from shazip.model.vocabulary import BYTES, Vocabulary
    from shazip.training.checkpoint import load_weights

    if "symbols" in given:
        return Vocabulary.read(given["symbols"])
    return load_weights(weights)[1] if weights else BYTES


def _sizes(weights: Path | None, given: dict[str, Any]) -> Sizes:
    from shazip.training.checkpoint import load_weights
    from shazip.training.network.architecture import SIZES, name_of

    wanted = given.get(ARCHITECTURE)
    sizes = load_weights(weights)[0].config if weights else SIZES[wanted or "sha-rnn"]()
    name = name_of(sizes)
    if wanted not in (None, name):
        raise click.UsageError(f"the weights of {weights} are those of an {name}.")
    foreign = (given.keys() & NETWORK) - {field.name for field in fields(sizes)}
    if foreign:
        raise click.UsageError(f"an {name} has no {min(foreign)}.")
    return sizes


def _preset(sizes: Sizes, given: dict[str, Any]) -> dict[str, Any]:
    from shazip.training.network.architecture import name_of
    from shazip.training.presets import preset

    return preset(name_of(sizes), given["preset"]) if "preset" in given else {}


def _fields_of(given: dict[str, Any]) -> dict[str, Any]:
    # The option that chooses an optimiser is named as the group is.
    given = dict(given)
    if "optimiser" in given:
        given["kind"] = given.pop("optimiser")
    return given


def _values(config: TrainConfig) -> dict[str, Any]:
    inner = [getattr(config, name) for name in GROUPS]
    return {f.name: getattr(group, f.name) for group in (config, *inner) for f in fields(group)}


def _line(group: Any) -> str:
    values = ((field.name, getattr(group, field.name)) for field in fields(group))
    return " ".join(
        f"{name}={_text(value)}"
        for name, value in values
        if not is_dataclass(value) and name != "corpora"
    )


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(f"{part:g}" for part in value) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
