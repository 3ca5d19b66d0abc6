"""`shazip sample`: continues a text with a model."""

from __future__ import annotations

import sys
from typing import Any

import click

from shazip.cli.flags import FILE, computing, quiet_and_verbose
from shazip.cli.options import CodecOptions
from shazip.output import open_output
from shazip.source import open_source


@click.command(epilog="Example: shazip sample --length 300 --prompt 'The history of'")
@click.argument("name", required=False, metavar="[MODEL]")
@click.option("--prompt", metavar="TEXT", help="Text to continue.")
@click.option("--prompt-file", type=FILE, help="File with the text; - is stdin.", metavar="FILE")
@click.option("--length", type=click.IntRange(0), default=500, help="Bytes to write.")
@click.option(
    "--temperature",
    type=click.FloatRange(0),
    default=1.0,
    help="Below 1 likelier bytes, above 1 less likely ones; 0 always takes the likeliest.",
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the draws.")
@computing
@quiet_and_verbose
def sample(
    name: str | None,
    prompt: str | None,
    prompt_file: str | None,
    length: int,
    temperature: float,
    seed: int,
    model: str | None,
    **flags: Any,
) -> None:
    """Write bytes that MODEL finds likely after a prompt, without the prompt.

    The prompt comes from standard input unless that is a terminal. Equal seeds give equal bytes: on
    every machine at temperatures 1 and 0, on the same machine at others.
    """
    if name is not None and model is not None:
        raise click.UsageError("give the model once, either in front or with -m.")
    if prompt is not None and prompt_file is not None:
        raise click.UsageError("give either --prompt or --prompt-file.")
    from shazip.sampling import continued

    text = _read(prompt_file) if prompt is None else prompt.encode()
    engine = CodecOptions(model=name or model, **flags).open_engine()
    with open_output(None, overwrite=False) as output:
        for piece in continued(engine, text, length, temperature=temperature, seed=seed):
            output.write(piece)
            if b"\n" in piece:
                output.flush()


def _read(file: str | None) -> bytes:
    if file is None and (sys.stdin is None or sys.stdin.isatty()):
        return b""
    with open_source(file or "-") as source:
        return source.file.read()
