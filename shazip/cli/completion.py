"""`shazip completion`: completes commands, options and their values in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from shazip.cli.main import COMPLETION, cli
from shazip.cli.report import tell


@click.command(epilog='Example: eval "$(shazip completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that makes SHELL complete commands, options and their values.

    bash and zsh: add the example's line to ~/.bashrc or ~/.zshrc. fish: write the script to
    ~/.config/fish/completions/shazip.fish.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    tell(kind(cli, {}, "shazip", COMPLETION).source())
