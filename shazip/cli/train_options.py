"""The flags of `shazip train`, made from the settings; a flag left out keeps its default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field
from typing import Any

import click

from shazip.cli.flags import PATH, SIZE, parsed
from shazip.model.config import NetworkConfig
from shazip.training import kinds
from shazip.training.kinds import About, Kind
from shazip.training.settings import (
    AwdLstmConfig,
    Distillation,
    OptimiserConfig,
    Regularisation,
    RunConfig,
    Schedule,
    TrainConfig,
    settings_of,
)

Command = Callable[..., None]

SECTIONS = {
    "Training": (Schedule, TrainConfig),
    "Network": (NetworkConfig, AwdLstmConfig),
    "Optimiser": (OptimiserConfig,),
    "Regularisation": (Regularisation,),
    "Distillation": (Distillation,),
    "Measuring and saving": (RunConfig,),
}


class Sectioned(click.Command):
    """A command whose help shows options in sections; those without one come first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = None if isinstance(param, click.Argument) else param.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(param, "section", "Options"), []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


class Setting(click.Option):
    """A flag that belongs to a section of the help."""

    def __init__(self, *args: Any, section: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


def settings(command: Command) -> Command:
    """Add a flag for every setting; both architectures share those of one name."""
    options: dict[str, Callable[[Command], Command]] = {}
    for section, groups in SECTIONS.items():
        for group in groups:
            for field, about in settings_of(group):
                options.setdefault(field.name, _option(field, about, section))
    for option in reversed(options.values()):
        command = option(command)
    return command


def _option(field: Field[Any], about: About, section: str) -> Callable[[Command], Command]:
    name = about.flag or field.name.replace("_", "-")
    default = about.shown or _text(field.default)
    text = f"{about.help}{'*' if about.fixed else ''}" + (f"  [{default}]" if default else "")
    kind: dict[str, Any] = {"type": _type(about.kind), "metavar": about.kind.metavar}
    if about.kind is kinds.FLAG:
        kind = {"is_flag": True, "default": None}
    return click.option(f"--{name}", field.name, cls=Setting, section=section, help=text, **kind)


def _type(kind: Kind) -> Any:
    if kind is kinds.PATH:
        return PATH
    return SIZE if kind in (kinds.SIZE, kinds.LENGTH) else parsed(kind.read)


def _text(default: Any) -> str:
    if default is MISSING or default is None:
        return ""
    if isinstance(default, tuple):
        return ",".join(map(str, default)) or "-"
    if isinstance(default, float):
        return f"{default:g}"
    return f"{default:,}" if isinstance(default, int) else str(default)
