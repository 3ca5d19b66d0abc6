"""The flags that commands share; options.py has their values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from shazip.cli.options import Mode
from shazip.cli.report import Reporter
from shazip.levels import DEFAULT_LEVEL, LEVELS
from shazip.settings import BLOCK_SIZE, ENGINES, MAX_THREADS, MEMORY_LIMIT
from shazip.units import parse_ranges, parse_size

F = TypeVar("F", bound=Callable[..., Any])


def parsed(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """The type of an option that `parse` reads; the message of its ValueError is shown."""

    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise click.BadParameter(f"{error}.") from None

    return read


COUNT = click.IntRange(min=1)
THREADS = click.IntRange(1, MAX_THREADS)
ENGINE = click.Choice(ENGINES)
# An unreadable file is the system's refusal, not a wrong command line.
PATH = click.Path(readable=False, path_type=Path)
FILE = click.Path(readable=False, allow_dash=True)
SIZE = parsed(parse_size)


def quiet_and_verbose(command: F) -> F:
    """Add -q and -v, which configure the run's reporter."""
    wishes: dict[str, Any] = {"count": True, "expose_value": False, "show_default": False}
    for flag, name, text in (
        ("-v", "verbose", "One summary line per file; -vv adds tracebacks to errors."),
        ("-q", "quiet", "No warnings, no progress; -qq no errors either."),
    ):
        command = click.option(flag, f"--{name}", callback=_set_level, help=text, **wishes)(command)
    return command


def _set_level(ctx: click.Context, param: click.Parameter, value: int) -> None:
    setattr(ctx.ensure_object(Reporter), str(param.name), value)


def each_of(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return a decorator that adds all `options` to a command, the last at the top of its help."""

    def decorate(command: F) -> F:
        for option in options:
            command = option(command)
        return command

    return decorate


def mode_option(*names: str, mode: Mode, **settings: Any) -> Callable[[F], F]:
    """An option that chooses the action; the last one given counts."""
    return click.option(*names, "mode", flag_value=mode, type=click.UNPROCESSED, **settings)


recursive = click.option("-r", "--recursive", is_flag=True, help="Go into folders.")


def output_option(metavar: str, text: str, **settings: Any) -> Callable[[F], F]:
    """-o of a command that writes one file; without a default it must be given."""
    settings = {"required": "default" not in settings, "type": PATH, **settings}
    return click.option("-o", "--output", metavar=metavar, help=text, **settings)


def size_option(name: str, text: str, **settings: Any) -> Callable[[F], F]:
    """An option that takes a size in bytes."""
    return click.option(name, type=SIZE, metavar="SIZE", help=text, **settings)


def force_option(text: str) -> Callable[[F], F]:
    """-f."""
    return click.option("-f", "--force", is_flag=True, help=text)


# -c, -o, -k, --rm and -f: where file commands read and write.
places = each_of(
    force_option("Overwrite, follow links, use a terminal."),
    click.option(
        "--rm/--keep",
        " /-k",
        "remove",
        default=False,
        help="Remove each FILE once its result is verified and on disk. It is kept otherwise.",
    ),
    output_option("FILE", "Write to FILE; for one input.", default=None, type=FILE),
    click.option("-c", "--stdout", is_flag=True, help="Write to standard output, keep FILEs."),
)

limited = size_option(
    "--memory-limit", "Refuse work that needs more memory.", default=f"{MEMORY_LIMIT >> 30}GiB"
)
bounded = size_option(
    "--max-output", "Refuse to decode more than SIZE from an archive.  [default: no limit]"
)


def _model_names(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from shazip.model import store as modelstore

    names = [model.name for model in modelstore.installed() if model.name.startswith(incomplete)]
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


model_option = click.option(
    "-m",
    "--model",
    metavar="NAME|PATH",
    shell_complete=_model_names,
    help="An installed model, or a file.",
)

# The model, and where and how its network is computed.
computing = each_of(
    click.option("-T", "--threads", type=THREADS, metavar="N", help="CPU threads; same archives."),
    click.option("--device", metavar="NAME", help="Device of the torch engine: cpu, cuda."),
    click.option("--engine", type=ENGINE, help="Same archives, other speed."),
    model_option,
)

# The settings that decide an archive's bytes besides the model; the archive records them.
coding = each_of(
    click.option("--mix/--no-mix", default=True, help="Context mixing, or the network alone."),
    size_option(
        "--block-size", "Bytes coded at once; bounds the memory.", default=f"{BLOCK_SIZE >> 20}MiB"
    ),
    click.option("--lanes", type=COUNT, metavar="N", help="Slices of a block, coded side by side."),
)


class _LevelOption(click.Option):
    """One of -1 to -9, which help shows as one."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the line of all for the first."""
        return None if self.hidden else (f"-{min(LEVELS)} ... -{max(LEVELS)}", self.help or "")


# -1 to -9; the last one given counts.
leveled = each_of(
    *(
        click.option(
            f"-{number}",
            "level",
            cls=_LevelOption,
            flag_value=number,
            type=click.UNPROCESSED,
            hidden=number != min(LEVELS),
            help="Fast to small: decides what -m, --lanes and the content leave open.  "
            f"[default: -{DEFAULT_LEVEL}]",
        )
        for number in LEVELS
    )
)

framing = size_option(
    "--frame-size", "Cut into frames that stand alone.  [default: 16MiB with --jobs, else one]"
)

# What codes frames at once.
parallel = each_of(
    click.option(
        "--ray",
        metavar="ADDRESS",
        is_flag=False,
        flag_value="local",
        help="Code frames on a Ray cluster, or on a local one.",
    ),
    click.option("--jobs", type=COUNT, metavar="N", help="Code frames in N processes."),
)

# The parts of an archive's content to write.
partly = each_of(
    click.option(
        "--salvage",
        is_flag=True,
        help="Write every intact frame of a damaged archive; exit with 1 if any is lost.",
    ),
    click.option(
        "--range",
        "ranges",
        type=parsed(parse_ranges),
        metavar="FROM-TO[,...]",
        help="Write only these bytes, such as 10MiB-12MiB; decodes only frames that hold them.",
    ),
)

# metavar, because click would name it after the parameter.
files_argument = click.argument("files", nargs=-1, type=FILE, metavar="[FILE]...")
