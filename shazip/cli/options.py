"""The flags that subcommands share, and their values."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shazip.cli.report import Reporter
from shazip.settings import BLOCK_SIZE, ENGINES, MAX_THREADS, MEMORY_LIMIT, Coding

if TYPE_CHECKING:
    from shazip.archive import Codec
    from shazip.predictor import Engine

F = TypeVar("F", bound=Callable[..., Any])

COUNT = click.IntRange(min=1)
THREADS = click.IntRange(1, MAX_THREADS)
ENGINE = click.Choice(ENGINES)

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_DECIMAL_UNITS = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


class Mode(Enum):
    """The action on files."""

    COMPRESS = "compress"
    DECOMPRESS = "decompress"
    TEST = "test"
    LIST = "list"


@dataclass(frozen=True)
class FileOptions:
    """The action, the place of results and the fate of the sources."""

    mode: Mode = Mode.COMPRESS
    stdout: bool = False
    output: str | None = None
    remove: bool = False
    force: bool = False
    verify: bool = False
    recursive: bool = False
    ranges: tuple[tuple[int, int | None], ...] = ()
    salvage: bool = False

    @property
    def decode(self) -> bool:
        """Whether the inputs are archives."""
        return self.mode in (Mode.DECOMPRESS, Mode.TEST)


@dataclass(frozen=True)
class CodecOptions:
    """The arguments of `Codec`."""

    model: str | None = None
    engine: str | None = None
    device: str | None = None
    threads: int | None = None
    memory_limit: int = MEMORY_LIMIT
    lanes: int | None = None
    block_size: int = BLOCK_SIZE
    mix: bool = True
    frame_size: int | None = None
    jobs: int | None = None
    ray: str | None = None

    @property
    def coding(self) -> Coding:
        """The settings that decide an archive's bytes. Raises UsageError for impossible values."""
        try:
            return Coding(self.lanes, self.block_size, self.mix)
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    def open_engine(self, window: int | None = None) -> Engine:
        """An engine with the model; `window` replaces the steps that its attention sees."""
        from shazip.engines import open_with_window
        from shazip.model import store as modelstore

        model = modelstore.default() if self.model is None else modelstore.find(self.model)
        return open_with_window(
            model, window, self.engine, device=self.device, threads=self.threads
        )

    def open(self) -> Codec:
        """The codec for all files of a run, so that the model is loaded once."""
        from shazip.archive import Codec

        try:
            return Codec(
                self.model,
                engine=self.engine,
                device=self.device,
                threads=self.threads,
                memory_limit=self.memory_limit,
                lanes=self.lanes,
                block_size=self.block_size,
                mix=self.mix,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from error


def grouped(
    command: Callable[[tuple[str, ...], FileOptions, CodecOptions], None],
) -> Callable[..., None]:
    """Pass a command its files and two groups of options instead of one argument a flag."""

    @functools.wraps(command)
    def call(files: tuple[str, ...], **flags: Any) -> None:
        command(
            files,
            FileOptions(**_pick(FileOptions, flags)),
            CodecOptions(**_pick(CodecOptions, flags)),
        )

    return call


def _pick(group: type[FileOptions | CodecOptions], flags: dict[str, Any]) -> dict[str, Any]:
    return {
        field.name: flags[field.name]
        for field in fields(group)
        if flags.get(field.name) is not None
    }


def refuse_places(where: FileOptions) -> None:
    """Refuse -o and --rm in commands that write nothing; -c and -k have no effect there."""
    if where.output is not None or where.remove:
        flag = "--rm" if where.remove else "-o"
        raise click.UsageError(f"this command writes nothing, so {flag} has no meaning.")


def byte_size(text: str) -> int:
    """Bytes in `65536`, `64KiB` or `64k` (powers of 1024), `64kB` (powers of 1000)."""
    match = re.fullmatch(r"([0-9]+) ?([kmgt]?)(ib|b)?", text.strip().lower())
    size = int(match[1]) * _unit(match[2], match[3]) if match else 0
    if size < 1:
        raise click.BadParameter(f"{text!r} is not a size such as 65536, 64KiB or 1GiB.")
    return size


def _unit(letter: str, ending: str | None) -> int:
    return _DECIMAL_UNITS[letter] if letter and ending == "b" else _UNITS[letter]


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


# -c, -o, -k, --rm and -f: where file commands read and write.
places = each_of(
    click.option("-f", "--force", is_flag=True, help="Overwrite, follow links, use a terminal."),
    click.option(
        "--rm/--keep",
        " /-k",
        "remove",
        default=False,
        help="Remove each FILE once its result is verified and on disk. It is kept otherwise.",
    ),
    click.option("-o", "--output", metavar="FILE", help="Write to FILE; for one input."),
    click.option("-c", "--stdout", is_flag=True, help="Write to standard output, keep FILEs."),
)


def limited(command: F) -> F:
    """--memory-limit."""
    return click.option(
        "--memory-limit",
        type=byte_size,
        metavar="SIZE",
        default=f"{MEMORY_LIMIT >> 30}GiB",
        show_default=True,
        help="Refuse work that needs more memory.",
    )(command)


def _model_names(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from shazip.model import store as modelstore

    return [model.name for model in modelstore.installed() if model.name.startswith(incomplete)]


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
    click.option(
        "--block-size",
        type=byte_size,
        metavar="SIZE",
        default=f"{BLOCK_SIZE >> 20}MiB",
        show_default=True,
        help="Bytes coded at once; bounds the memory.",
    ),
    click.option("--lanes", type=COUNT, metavar="N", help="Slices of a block, coded side by side."),
)


# metavar, because click would name it after the parameter.
files_argument = click.argument("files", nargs=-1, metavar="[FILE]...")
