"""The `shazip` command: the table of subcommands, exit codes, the handling of exceptions."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import click
from click.shell_completion import CompletionItem, shell_complete

from shazip import __version__, process
from shazip.cli.report import Reporter, tell
from shazip.errors import SlowWarning

# name: (module and attribute, one line of help). The modules are imported when their command is
# run, so that `--help` and `--version` load neither a model nor NumPy.
COMMANDS = {
    "compress": ("shazip.cli.files:compress", "Compress FILEs to FILE.shz."),
    "decompress": ("shazip.cli.files:decompress", "Decompress FILE.shz to FILE."),
    "test": ("shazip.cli.files:test", "Decode archives in full, write nothing."),
    "info": ("shazip.cli.info:info", "Show sizes, model and versions of archives."),
    "models": ("shazip.cli.models:models", "List, check, install and remove models."),
    "eval": (
        "shazip.cli.eval:evaluate",
        "Measure a model's bits per byte on files, without coding.",
    ),
    "view": ("shazip.cli.view:view", "Show where the bits of a file go, as a page."),
    "vocabulary": (
        "shazip.cli.vocabulary:vocabulary",
        "Learn a vocabulary: the strings of a network's symbols.",
    ),
    "train": ("shazip.cli.train:train", "Train a network on text."),
    "export": ("shazip.cli.export:export", "Turn a training checkpoint into a model file."),
    "sample": ("shazip.cli.sample:sample", "Write text with a model."),
    "plot": ("shazip.cli.plot:plot", "Draw the curves of training runs."),
    "data": ("shazip.cli.data:data", "Fetch texts that papers train on."),
    "bench": ("shazip.cli.bench:bench", "Compare with other compressors."),
    "completion": ("shazip.cli.completion:completion", "Print a shell's completion script."),
}

COMPLETION = "_SHAZIP_COMPLETE"  # a shell sets it to ask for completions
BY_FLAGS = ""  # the name of the command that `shazip FILE` and `shazip -d FILE` run, as gzip does
OWN_OPTIONS = ("-h", "--help", "-V", "--version")

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True}


class LazyGroup(click.Group):
    """A group that imports a subcommand's module only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Treat arguments without a command's name as files and flags, as gzip does."""
        if ctx.resilient_parsing and not args:
            return super().parse_args(ctx, args)
        if not args and sys.stdout is not None and sys.stdout.isatty():
            ctx.fail("Neither COMMAND nor FILE.")
        if not args or args[0] not in (*COMMANDS, *OWN_OPTIONS):
            if args and not args[0].startswith("-"):
                self._refuse_misspelled(ctx, args[0])
            args = [BY_FLAGS, *args]
        return super().parse_args(ctx, args)

    def _refuse_misspelled(self, ctx: click.Context, name: str) -> None:
        from difflib import get_close_matches

        meant = get_close_matches(name, COMMANDS, 1, cutoff=0.8)
        if meant and not os.path.lexists(name):
            ctx.fail(f"No such command or file {name!r}. Did you mean {meant[0]!r}?")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in (*COMMANDS, BY_FLAGS):
            return None
        place = "shazip.cli.files:by_flags" if cmd_name == BY_FLAGS else COMMANDS[cmd_name][0]
        module, attribute = place.split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that begin with `incomplete`; import no command."""
        names = [name for name in COMMANDS if name.startswith(incomplete)]
        found = [CompletionItem(name, help=COMMANDS[name][1]) for name in names]
        found += click.Command.shell_complete(self, ctx, incomplete)
        return found or [CompletionItem(incomplete, type="file")]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


# click's own option would not name standard output where that is full.
def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        tell(f"shazip {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings=CONTEXT,
    no_args_is_help=False,
    epilog="Example: shazip -v notes.txt && shazip -l notes.txt.shz",
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Compress files with a neural network whose archives open on every machine.

    Without COMMAND, shazip takes FILEs and flags as gzip does: shazip FILE, shazip -d FILE.shz,
    -t, -l, -c, -r, -k, -f, -T N; tar -I shazip. Sources are kept unless --rm is given.
    """


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line; return 0 done, 1 a file failed, 2 usage, 141 broken pipe."""
    reporter = Reporter()
    warnings.showwarning = lambda message, *_, **__: reporter.warning(None, str(message))
    try:
        code = _invoke(arguments, reporter)
        process.flush_stdout()
        return code
    except click.UsageError as error:
        reporter.usage(error)
        return 2
    except BrokenPipeError:
        # The reader has gone; the buffered rest would only raise again at exit.
        process.silence_stdout()
        return 141
    except Exception as error:
        reporter.failure(error)
        process.silence_stdout()
        return 1


def _invoke(arguments: Sequence[str], reporter: Reporter) -> int:
    try:
        with cli.make_context("shazip", list(arguments), obj=reporter) as ctx:
            cli.invoke(ctx)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    return 0


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line of this process and leave it."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # those of libraries address developers
        warnings.simplefilter("default", SlowWarning)
    if COMPLETION in os.environ:
        wanted = os.environ[COMPLETION]
        process.leave_with(lambda: shell_complete(cli, {}, "shazip", COMPLETION, wanted))
    process.catch_signals()
    process.occupy_standard_descriptors()
    process.leave_with(lambda: run(sys.argv[1:] if arguments is None else arguments))
