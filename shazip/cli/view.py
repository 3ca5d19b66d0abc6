"""`shazip view`: where the bits of a file go."""

from __future__ import annotations

from pathlib import Path

import click

from shazip.cli.flags import (
    FILE,
    coding,
    computing,
    force_option,
    limited,
    output_option,
    quiet_and_verbose,
)
from shazip.cli.options import CodecOptions, FileOptions, grouped
from shazip.cli.refusals import refuse_target
from shazip.cli.report import Reporter
from shazip.output import open_output
from shazip.source import open_source


@click.command(epilog="Example: shazip view README.md -o readme.html")
@click.argument("name", type=FILE, metavar="FILE")
@output_option("PAGE", "The page; FILE.html if not given.", default=None, type=FILE)
@force_option("Overwrite PAGE.")
@click.option("--text", is_flag=True, help="Show it in the terminal, with 24-bit colours.")
@coding
@computing
@limited
@quiet_and_verbose
@grouped
def view(name: str, text: bool, where: FileOptions, settings: CodecOptions) -> None:
    """Show where the bits of FILE go: a page for the browser that needs nothing else.

    Of an archive, it shows what its content cost there. The page has every byte shaded by its bits,
    what the network alone would have paid, the likeliest symbols, and summaries.
    """
    reporter = Reporter.current()
    if text and where.output is not None:
        raise click.UsageError("give either --text or -o.")
    target = Path(where.output or f"{'stdin' if name == '-' else name}.html")
    if not text:
        refuse_target(target, None, overwrite=where.force)
    from shazip.view.look import LIKELIEST, Viewer

    likeliest = 0 if text else LIKELIEST
    with open_source(name) as source:
        data = source.file.read()
        with reporter.progress(source.name, len(data)) as report:
            viewer = Viewer(settings.open(), threads=settings.threads, likeliest=likeliest)
            look = viewer.look(Path(source.name).name, data, report)
    if text:
        from shazip.view.terminal import lines

        click.echo_via_pager(lines(look), color=True)
        return
    from shazip.view.page import page

    with open_output(target, overwrite=where.force) as output:
        size = output.write(page(look))
        output.commit(None)
    reporter.note(str(target), f"{size} bytes")
