"""`shazip sample`: continues a text with a model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from shazip.atomic import named
from shazip.cli.flags import computing, quiet_and_verbose
from shazip.cli.options import CodecOptions
from shazip.cli.report import STDOUT

PATH = click.Path(path_type=Path, allow_dash=True)


@click.command(epilog="Example: shazip sample --length 300 --prompt 'The history of'")
@click.argument("name", required=False, metavar="[MODEL]")
@click.option("--prompt", metavar="TEXT", help="Text to continue.")
@click.option("--prompt-file", type=PATH, metavar="FILE", help="File with the text; - is stdin.")
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
    prompt_file: Path | None,
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
    from shazip.sampling import drawn

    text = _read(prompt_file) if prompt is None else prompt.encode()
    engine = CodecOptions(model=name or model, **flags).open_engine()
    vocabulary = engine.model.vocabulary
    symbols = drawn(engine.predictor(1), vocabulary.parse(text), temperature, seed)
    while length > 0:
        string = vocabulary.strings[next(symbols)][:length]
        _write(string)
        length -= len(string)


def _read(path: Path | None) -> bytes:
    if path is not None and str(path) != "-":
        return path.read_bytes()
    if sys.stdin is None or (path is None and sys.stdin.isatty()):
        return b""
    return sys.stdin.buffer.read()


def _write(string: bytes) -> None:
    try:
        sys.stdout.buffer.write(string)
        if b"\n" in string:
            sys.stdout.buffer.flush()
    except OSError as error:
        raise named(error, STDOUT) from error
