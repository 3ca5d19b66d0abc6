"""`shazip models`: lists, checks, installs and removes models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from shazip import process
from shazip.cli.convert import for_each
from shazip.cli.flags import ENGINE, PATH, quiet_and_verbose
from shazip.cli.report import Reporter, tell
from shazip.cli.table import Table, json_option
from shazip.errors import ModelError
from shazip.model.folders import VARIABLE, user_folder
from shazip.terminal import printable

ROW = "{:<1} {:<12}  {:<32} {:>11} {:>6}  {}"
ID_LENGTH = 32  # hexadecimal digits
TITLES = ("", "name", "id", "parameters", "bpb", "path")


class Models(click.Command):
    """A command whose help ends with this user's folder, which the manual page cannot know."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        with formatter.indentation():
            formatter.write_text(f"Your models are in {user_folder()}.")


@click.command(
    cls=Models,
    epilog="Example: shazip models --install own.safetensors --default own\n\n"
    f"The variable {VARIABLE} names another folder for your models.",
)
@click.argument("names", nargs=-1, metavar="[NAME|PATH]...")
@click.option("--check", is_flag=True, help="Run the long conformance check.")
@click.option("--engine", type=ENGINE, help="Check this engine instead of all installed ones.")
@click.option("--install", "file", type=PATH, metavar="FILE", help="Add a model.")
@click.option("--name", help="Name of the installed model, instead of that in FILE.")
@click.option("--remove", metavar="NAME", help="Delete one of your models.")
@click.option("--default", metavar="NAME", help="Make NAME the default model of compress.")
@json_option
@quiet_and_verbose
def models(
    names: tuple[str, ...],
    check: bool,
    engine: str | None,
    file: Path | None,
    name: str | None,
    remove: str | None,
    default: str | None,
) -> None:
    """List the installed models, or those named: id, parameters, bpb, file; * marks the default.

    bpb is the bits per byte of the validation text in the model's training record.
    """
    if file or remove or default:
        if names or check:
            raise click.UsageError("--install, --remove and --default list and check nothing.")
        _change(file, name, remove, default)
        return
    if name is not None:
        raise click.UsageError("--name goes with --install.")
    _show(names, check, engine)


def _change(file: Path | None, name: str | None, remove: str | None, default: str | None) -> None:
    from shazip import install

    if file is not None:
        added = install.install(file, name)
        tell(f"{printable(added.name)}: installed, {printable(str(added.path))}")
    if default is not None:
        tell(f"{printable(install.choose(default).name)}: the default")
    if remove is not None:
        tell(f"{printable(remove)}: removed, {printable(str(install.remove(remove)))}")


def _show(names: tuple[str, ...], check: bool, engine: str | None) -> None:
    from shazip.model import store as modelstore

    reporter = Reporter.current()
    wanted = names or [str(model.path) for model in modelstore.installed()]
    if not wanted:
        folders = " or ".join(map(str, modelstore.folders()))
        raise click.ClickException(f"no model is installed in {folders}")
    if check:
        checks: dict[str, Callable[[], None]] = {
            name: partial(_check, engine, name) for name in wanted
        }
        checks["context mixing"] = _check_mixing
        for_each(checks, lambda name: checks[name](), reporter)
    else:
        table, default = Table(ROW, TITLES), _default()
        table.begin()
        for_each(wanted, lambda name: _list(table, name, default), reporter)


def _default() -> Path | None:
    from shazip.model import store as modelstore

    try:
        return modelstore.default_path()
    except ModelError:
        return None


def _list(table: Table, name: str, default: Path | None) -> None:
    from shazip.model import store as modelstore
    from shazip.model.record import describe

    found = describe(modelstore.find_path(name))
    record = {**vars(found), "default": found.path == default, "path": str(found.path)}
    cells = (
        *("*" if record["default"] else "", printable(found.name)),
        *(printable(found.id)[:ID_LENGTH], found.parameters),
        *("-" if found.bpb is None else f"{found.bpb:.3f}", printable(str(found.path))),
    )
    table.add(cells, record)


def _check(engine: str | None, name: str) -> None:
    from shazip import engines
    from shazip.model import file as modelfile
    from shazip.model import store as modelstore

    path: Path = modelstore.find_path(name)
    model = modelfile.load(path)
    for each in [engine] if engine else engines.available():
        engines.check_long(engines.open_engine(model, each))
        tell(f"{printable(path.stem)}: exact with the {each} engine")
        process.flush_stdout()  # the next one may take a while


def _check_mixing() -> None:
    """Check context mixing, whose start values belong to no model."""
    from shazip.engines import mixing

    for contexts, digests in mixing.CANARY_DIGESTS.items():
        for symbols in digests:
            mixing.check_canary(symbols, contexts)
    tell(f"context mixing: exact, version {mixing.MIXING_VERSION}")
