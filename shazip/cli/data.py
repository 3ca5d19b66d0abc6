"""`shazip data`: fetches texts that papers train on, and verifies them."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import click

from shazip.atomic import AtomicFile
from shazip.cli import progress
from shazip.cli.options import quiet_and_verbose
from shazip.cli.output import refuse_target
from shazip.cli.report import Reporter
from shazip.texts.corpora import KNOWN, CorpusError, Known, check_file


@click.command(epilog="Example: shazip data enwik8 -o texts/enwik8")
@click.argument("name", type=click.Choice(list(KNOWN)), metavar="enwik8|enwik9")
@click.option("-o", "--output", metavar="FILE", help="File to write; by default the text's name.")
@click.option("--url", metavar="URL", help="Zip file with the text; by default Mahoney's.")
@click.option("-f", "--force", is_flag=True, help="Overwrite a FILE with other content.")
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
    if not _is_right(path, known):
        refuse_target(path, None, overwrite=force)
        if path.exists() and not path.is_file():
            raise click.ClickException(f"{path}: is not a regular file")
        _fetch(known, url or known.url, path, force, reporter.quiet)
    reporter.summary(str(path), f"{known.size:,} bytes, sha1 {known.sha1}")


def _is_right(path: Path, known: Known) -> bool:
    try:
        if path.is_file():
            check_file(path, known)
            return True
    except CorpusError:
        pass
    return False


def _fetch(known: Known, url: str, path: Path, force: bool, quiet: int) -> None:
    from shazip.texts.download import download, unpack

    partial = path.with_name(f"{path.name}.zip.part")
    with _drawing(path.name, quiet) as line:
        download(url, partial, line.report if line else None)
    with AtomicFile(path, overwrite=force) as file:
        try:
            unpack(known, partial, file, url)
        except CorpusError:
            partial.unlink()  # resuming a wrong file would be in vain
            raise
        file.commit(None)
    partial.unlink()


def _drawing(name: str, quiet: int) -> AbstractContextManager[Line | None]:
    return Line(name, None) if progress.drawn(quiet) else nullcontext()


class Line(progress.ProgressLine):
    """The progress line of a download: `enwik8  12.4%  3.1 MB/s  eta 0:11`."""

    def report(self, before: int, done: int, total: int | None) -> None:
        """Redraw for `done` of `total` bytes, `before` of them from an earlier call."""
        now = time.monotonic()
        if now - self._drawn < progress.REFRESH_SECONDS:
            return
        self._drawn = now
        self._write(self.downloaded(before, done, total, now - self._start))

    def downloaded(self, before: int, done: int, total: int | None, seconds: float) -> str:
        """The line after so many bytes and `seconds`."""
        parts = [self.name, f"{done / total:.1%}" if total else progress.amount(done)]
        speed = (done - before) / seconds
        parts.append(f"{progress.amount(speed)}/s")
        if total and speed:
            parts.append(f"eta {progress.duration((total - done) / speed)}")
        return "  ".join(parts)
