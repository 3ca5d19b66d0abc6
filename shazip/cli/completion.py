"""`shazip completion`: completes commands, options and their values in a shell."""

from __future__ import annotations

import os

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from shazip.cli.main import COMPLETION, cli
from shazip.cli.report import tell


@click.command(epilog='Example: eval "$(shazip completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that makes SHELL complete commands, options and their values.

    bash and zsh: add the example's line to ~/.bashrc or ~/.zshrc. fish: write the script to
    ~/.config/fish/completions/shazip.fish.
    """
    tell(_completer(shell, cli).source())


def answer(command: click.Command) -> int:
    """Print the completions that a shell asks for and return the exit code."""
    shell = os.environ[COMPLETION].removesuffix("_complete")
    tell(_completer(shell, command).complete())
    return 0


def _completer(shell: str, command: click.Command) -> ShellComplete:
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell!r}")

    class Completer(kind):  # type: ignore[misc, valid-type]  # one of three classes
        """Completes file names where nothing else fits."""

        def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
            found: list[CompletionItem] = super().get_completions(args, incomplete)
            return found or [CompletionItem(incomplete, type="file")]

    return Completer(command, {}, "shazip", COMPLETION)
