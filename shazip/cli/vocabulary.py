"""`shazip vocabulary`: learns a vocabulary, the strings of a network's symbols."""

from __future__ import annotations

from pathlib import Path

import click

from shazip.atomic import write_file
from shazip.cli.flags import SIZE, force_option, output_option, quiet_and_verbose
from shazip.cli.refusals import refuse_target
from shazip.cli.report import Reporter, as_usage
from shazip.training.configure import corpora_of

DEFAULT_SIZE = 1024
STRINGS = click.IntRange(256, 1 << 16)  # all bytes; symbols are uint16


@click.command(epilog="Example: shazip vocabulary texts/enwik8 source.tar=2 -o words.safetensors")
@click.argument("texts", nargs=-1, required=True, metavar="TEXT[=WEIGHT]...")
@output_option("FILE", "Vocabulary to write.")
@click.option("--size", type=STRINGS, default=DEFAULT_SIZE, help="Number of strings.")
@click.option("--sample", type=SIZE, default="64MB", help="Bytes of TEXTs to learn from.")
@force_option("Overwrite FILE.")
@quiet_and_verbose
@click.pass_obj
def vocabulary(
    reporter: Reporter,
    /,
    texts: tuple[str, ...],
    output: Path,
    size: int,
    sample: int,
    force: bool,
) -> None:
    """Learn a vocabulary from TEXTs, each in proportion to its WEIGHT (default 1).

    `shazip train --vocabulary FILE` trains a network on its symbols. A vocabulary holds the 256
    single bytes and frequent byte strings.
    """
    refuse_target(output, None, overwrite=force)
    from shazip.training.vocabulary import learn_vocabulary

    with as_usage():
        corpora = corpora_of(texts)
    learned = learn_vocabulary(corpora, size, sample)
    write_file(output, learned.pack(), overwrite=force)
    reporter.summary(str(output), f"{learned.size} strings")
