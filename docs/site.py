"""mkdocs hooks: the pages that are made from other files, and links out of docs/.

README.md becomes the first page, CHANGELOG.md the last; the reference of the command line is made
from the help. Links to files outside docs/ lead to the repository.
"""

from __future__ import annotations

import re
from pathlib import Path

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from shazip.cli.main import COMMANDS, cli

ROOT = Path(__file__).parent.parent
PICTURE = re.compile(r'(?:!\[[^\]]*\]\(|src="|srcset=")([^)"\s]+\.(?:svg|png))')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here, and the pictures of the README."""
    readme = (ROOT / "README.md").read_text()
    for name in dict.fromkeys(PICTURE.findall(readme)):
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    pages = {
        "index.md": readme,
        "changes.md": (ROOT / "CHANGELOG.md").read_text(),
        "command-line.md": reference(),
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead relative links to pages of the site if it has them, else to the repository."""

    def leads(match: re.Match[str]) -> str:
        target, _, anchor = match[2].partition("#")
        path = (ROOT / ("" if page.file.generated_by else "docs") / target).resolve()
        name = str(path.relative_to(ROOT))
        inside = name.removeprefix("docs/")
        found = {"README.md": "index.md", "CHANGELOG.md": "changes.md"}.get(name, inside)
        if files.get_file_from_path(found) is None:
            found = f"{config.repo_url}blob/main/{name}"
        return f"{match[1]}{found}{'#' if anchor else ''}{anchor})"

    return re.sub(r"(\]\()(?!https?:|#|mailto:)([^)\s]+)\)", leads, markdown)


def reference() -> str:
    """Return the help of all commands as a page."""
    parent = cli.make_context("shazip", [], resilient_parsing=True, max_content_width=90)
    parts = ["# Command line", "```text\n" + parent.get_help() + "\n```"]
    for name in COMMANDS:
        command = cli.get_command(parent, name)
        assert command is not None
        with click.Context(command, info_name=name, parent=parent) as ctx:
            parts += [f"## shazip {name}", f"```text\n{command.get_help(ctx)}\n```"]
    return "\n\n".join(parts) + "\n"
