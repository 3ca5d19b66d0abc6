"""Tables on standard output: columns for people or, with --json, an object a line for programs."""

from __future__ import annotations

from collections.abc import Mapping

import click

from shazip.cli.report import Reporter, tell

json_option = click.option(
    "--json",
    is_flag=True,
    expose_value=False,
    callback=lambda ctx, _, wanted: setattr(ctx.ensure_object(Reporter), "as_json", wanted),
    help="One JSON object a line instead of the table.",
)


class Table:
    """Prints rows one by one, and the titles above the first."""

    def __init__(self, form: str, titles: tuple[str, ...]) -> None:
        """Take a format with a field for each title; the command's --json replaces it."""
        self.as_json = Reporter.current().as_json
        self._form = form
        self._titles: tuple[str, ...] | None = titles

    def add(self, cells: tuple[object, ...], record: Mapping[str, object]) -> None:
        """Print one row: `cells` in columns, or `record` as JSON."""
        if self.as_json:
            import json  # more than help and most tables need

            tell(json.dumps(record))
            return
        self.begin()
        tell(self._form.format(*cells))

    def begin(self) -> None:
        """Print the titles once; a table without rows has them, too."""
        if self._titles and not self.as_json:
            tell(self._form.format(*self._titles))
        self._titles = None
