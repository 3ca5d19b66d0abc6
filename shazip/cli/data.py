"""`shazip data`: fetches texts that papers train on, and verifies them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import click

from shazip.cli.flags import FILE, force_option, output_option, quiet_and_verbose
from shazip.cli.refusals import refuse_target
from shazip.cli.report import Reporter
from shazip.progress import DownloadProgress
from shazip.texts.corpora import KNOWN, is_right


@click.command(epilog="Example: shazip data enwik8 -o texts/enwik8")
@click.argument("name", type=click.Choice(list(KNOWN)), metavar="enwik8|enwik9")
@output_option("FILE", "File to write; by default the text's name.", default=None, type=FILE)
@click.option("--url", metavar="URL", help="Zip file with the text; by default Mahoney's.")
@force_option("Overwrite a FILE with other content.")
@quiet_and_verbose
@click.pass_obj
def data(
    reporter: Reporter, /, name: str, output: str | None, url: str | None, force: bool
) -> None:
    """Fetch enwik8 or enwik9, unpack it, and check its size and SHA-1.

    It resumes an interrupted download from FILE.zip.part, and leaves a correct FILE alone.
    """
    known = KNOWN[name]
    if output == "-":
        raise click.UsageError("-o needs a file: a download to standard output cannot be resumed.")
    if urlsplit(url or known.url).scheme not in ("http", "https"):
        raise click.UsageError(f"{url!r} is not an http or https address.")
    path = Path(output or name)
    if not is_right(path, known):
        refuse_target(path, None, overwrite=force)
        if path.exists() and not path.is_file():
            raise click.ClickException(f"{path}: is not a regular file")
        from shazip.texts.download import fetch

        with reporter.progress_line(path.name) as line:
            report = None if line is None else DownloadProgress(line)
            fetch(known, url or known.url, path, overwrite=force, report=report)
    reporter.summary(str(path), f"{known.size:,} bytes, sha1 {known.sha1}")
