"""`shazip view`: where the bits of a file go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shazip.cli.flags import coding, computing, limited, quiet_and_verbose
from shazip.cli.options import CodecOptions, FileOptions, grouped
from shazip.cli.output import open_output
from shazip.cli.refusals import refuse_target
from shazip.cli.report import Reporter
from shazip.source import open_source

if TYPE_CHECKING:
    from shazip.view.look import Viewer


@click.command(epilog="Example: shazip view README.md -o readme.html")
@click.argument("files", nargs=1, metavar="FILE", callback=lambda ctx, param, name: (name,))
@click.option("-o", "--output", metavar="PAGE", help="The page; FILE.html if not given.")
@click.option("-f", "--force", is_flag=True, help="Overwrite PAGE.")
@click.option("--text", is_flag=True, help="Show it in the terminal, with 24-bit colours.")
@coding
@computing
@limited
@quiet_and_verbose
@grouped
def view(files: tuple[str, ...], where: FileOptions, settings: CodecOptions) -> None:
    """Show where the bits of FILE go: a page for the browser that needs nothing else.

    Of an archive, it shows what its content cost there. The page has every byte shaded by its bits,
    what the network alone would have paid, the likeliest symbols, and summaries.
    """
    (name,) = files
    reporter = Reporter.current()
    text = click.get_current_context().params["text"]
    if text and where.output is not None:
        raise click.UsageError("give either --text or -o.")
    target = Path(where.output or f"{'stdin' if name == '-' else name}.html")
    if not text:
        refuse_target(target, None, overwrite=where.force)
    with open_source(name) as source:
        data = source.file.read()
        with reporter.progress(source.name, len(data)) as report:
            look = _viewer(settings, likeliest=not text).look(Path(source.name).name, data, report)
    if text:
        from shazip.view.terminal import lines

        click.echo_via_pager(lines(look), color=True)
        return
    from shazip.view.page import page

    with open_output(target, overwrite=where.force) as output:
        size = output.write(page(look))
        output.commit(None)
    reporter.note(str(target), f"{size} bytes")


def _viewer(settings: CodecOptions, *, likeliest: bool) -> Viewer:
    from shazip.loader import Loader
    from shazip.view.look import LIKELIEST, Viewer

    given = (settings.model, settings.engine, settings.device, settings.threads)
    return Viewer(
        Loader(*given, settings.memory_limit),
        settings.open(),
        threads=settings.threads,
        likeliest=LIKELIEST if likeliest else 0,
    )
