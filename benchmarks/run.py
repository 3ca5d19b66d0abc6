"""Take the published figures: `python -m benchmarks.run`.

It fills benchmarks/results/ and the README's table.

`--quick` measures the beginnings of the files in a folder of its own and changes nothing;
`--render` writes tables, pictures and README anew from results/results.json.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Container, Sequence
from pathlib import Path

from benchmarks.corpus import make
from shazip import process
from shazip.bench.plan import QUICK_SIZE, Subject, competitors, open_subject, shazip_rows
from shazip.bench.results import Results, Row
from shazip.bench.session import QUICK, Extent, Session
from shazip.bench.tables import document, machine_line, markdown, matrix, picture, summary_lines
from shazip.bench.tools import Tool
from shazip.bench.trial import Patience
from shazip.errors import ShazipError

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
README = HERE.parent / "README.md"
BEGIN, END = "<!-- results:begin -->\n", "<!-- results:end -->\n"
PICTURES = ("size-speed-enwik8.valid", "by-size", "by-lanes")  # that pages show
VARIANTS = ("--no-mix",)  # measured on the first file only
# The whole stays under 15 minutes: shazip gets two or three rounds on the first file, then one.
FIRST, OTHERS = Patience(3, 120), Patience(3, 10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write, and return 1 if a file was missing or shazip failed."""
    parser = argparse.ArgumentParser("python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the first 8 KiB of each file")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    parser.add_argument("-m", "--model", help="an installed model or a file")
    parser.add_argument("-o", "--output", type=Path, help="write there, leave the README alone")
    wishes = parser.parse_args(arguments)
    process.catch_signals()
    if wishes.render:
        publish(Results.loads((RESULTS / "results.json").read_text()))
        return 0
    subjects, missing = _subjects(QUICK_SIZE if wishes.quick else None)
    if not subjects or (missing and not wishes.quick):
        return 1  # figures without all files are not to be published
    try:
        session = _measure(subjects, wishes.model, quick=wishes.quick)
    except ShazipError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if any(row.failure and row.tool.startswith("shazip") for row in session.rows):
        return 1
    if wishes.output:
        write(session.results(), wishes.output)
    elif not wishes.quick:
        publish(session.results())
    return 0


def _subjects(limit: int | None) -> tuple[list[Subject], bool]:
    """Return the files, and whether one is missing."""
    subjects, missing = [], False
    for _, made in make():
        if isinstance(made, Path):
            subjects.append(open_subject(made, limit))
        else:
            sys.stderr.write(f"{made}\n")
            missing = True
    return subjects, missing


def _measure(subjects: Sequence[Subject], model: str | None, *, quick: bool) -> Session:
    libraries = competitors((), quick=True)
    first: list[Tool] = [*competitors((), quick=quick), *shazip_rows(model, VARIANTS)]
    session = Session(first, Patience(1, 0) if quick else FIRST, sys.stdout, sys.stderr)
    for subject in subjects:
        session.measure(subject)
        session.tools = [*libraries, *shazip_rows(model, ())]
        session.patience = Patience(1, 0) if quick else OTHERS
    session.draw_curves(subjects[0], QUICK if quick else Extent())
    print("\n".join(summary_lines(session.results())))
    return session


def write(results: Results, folder: Path, pictures: Container[str] | None = None) -> None:
    """Write JSON, tables and pictures of a run, all pictures or those named."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(results.dumps())
    (folder / "tables.md").write_text(document(results))
    from shazip.bench.plots import save_all  # needs matplotlib

    save_all(results, folder, "svg", pictures)


def publish(results: Results) -> None:
    """Write a run to benchmarks/results/ and its table to the README."""
    write(results, RESULTS, PICTURES)
    README.write_text(with_section(README.read_text(), section(results), BEGIN, END))


def section(results: Results) -> str:
    """Return the README's text about a run."""
    first, *others = results.files
    parts = [
        f"{first.name} ({first.size:,} bytes of English Wikipedia held out from training), "
        "one run of `python -m benchmarks.run`:\n",
        markdown(_without_missing(results.rows_of(first.name))),
        picture("benchmarks/results/size-speed-enwik8.valid", "Bits per byte against speed"),
    ]
    if others:
        parts += ["Files unlike Wikipedia, and how they are made: [benchmarks/](benchmarks).\n"]
        parts += [matrix(results)]
    return "\n".join([*parts, machine_line(results)])


def _without_missing(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if not row.failure.startswith("missing")]


def with_section(readme: str, text: str, begin: str, end: str) -> str:
    """Return the README's text with what stands between the lines `begin` and `end` replaced."""
    before, found, rest = readme.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"README.md lacks the lines {begin.strip()} and {end.strip()}")
    return f"{before}{begin}{_wrapped(text)}{end}{after}"


def _wrapped(text: str) -> str:
    """Return `text` with its paragraphs wrapped; rows of tables and tags stay as they are."""
    lines = (
        line if line.startswith(("|", "<")) else textwrap.fill(line, 100, break_on_hyphens=False)
        for line in text.split("\n")
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
