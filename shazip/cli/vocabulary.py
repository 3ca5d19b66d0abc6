"""`shazip vocabulary`: learns a vocabulary, the strings of a network's symbols."""

from __future__ import annotations

from pathlib import Path

import click

from shazip.atomic import AtomicFile
from shazip.cli.options import COUNT, byte_size, quiet_and_verbose
from shazip.cli.output import refuse_target
from shazip.cli.report import Reporter
from shazip.cli.train import corpora_of

DEFAULT_SIZE = 1024
DEFAULT_SAMPLE = 64_000_000


@click.command(epilog="Example: shazip vocabulary texts/enwik8 source.tar=2 -o words.safetensors")
@click.argument("texts", nargs=-1, required=True, metavar="TEXT[=WEIGHT]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="Vocabulary to write.",
)
@click.option(
    "--size", type=COUNT, default=DEFAULT_SIZE, show_default=True, help="Number of strings."
)
@click.option(
    "--sample", type=byte_size, default=str(DEFAULT_SAMPLE), help="Bytes of TEXTs to learn from."
)
@click.option("-f", "--force", is_flag=True, help="Overwrite FILE.")
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

    learned = learn_vocabulary(corpora_of(texts, None), size, sample)
    with AtomicFile(output, overwrite=force) as file:
        file.write(learned.pack())
        file.commit(None)
    reporter.summary(str(output), f"{learned.size} strings")
