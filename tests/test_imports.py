"""No import points up, neither at the top of a module nor where a function runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENTRIES = {"shazip.__main__", "shazip.entry"}  # how a process begins
UPPER = {"training", "bench", "view", "hooks", "cli"}
# What a folder may not reach, through any number of imports.
FORBIDDEN = {
    "model": UPPER | {"engines", "texts"},
    "engines": UPPER | {"texts"},
    "texts": UPPER | {"engines", "model"},
    "": UPPER | {"texts"},
    "training": UPPER - {"training"},
    "bench": UPPER - {"bench"},
    "view": UPPER - {"view"},
    "hooks": UPPER - {"hooks"},
}


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for path in sorted((ROOT / "shazip").rglob("*.py"))}


def folder(module: str) -> str:
    """The folder of a module inside shazip/, "" for shazip/ itself."""
    return (MODULES[module].relative_to(ROOT / "shazip").parts[:-1] or ("",))[0]


def imports(node: ast.AST) -> Iterator[str]:
    """The modules that run-time imports below a node name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (name.name for name in child.names)
        elif isinstance(child, ast.ImportFrom):
            for name in child.names:
                inside = f"{child.module}.{name.name}"
                yield inside if inside in MODULES else str(child.module)
        else:
            yield from imports(child)


@cache
def imported(module: str) -> frozenset[str]:
    found = imports(ast.parse(MODULES[module].read_text()))
    return frozenset(name for name in found if name in MODULES and name != module)


def reached(module: str) -> set[str]:
    """All modules that importing and running this one may load."""
    found, waiting = set(), [module]
    while waiting:
        for name in imported(waiting.pop()) - found:
            found.add(name)
            waiting.append(name)
    return found


def test_the_imports_are_read():
    assert "shazip.compiled" in imported("shazip.model.vocabulary")
    assert "shazip.ranges" in imported("shazip.transfer")  # inside a function
    assert "shazip.archive" not in imported("shazip.parallel")  # for types only
    assert "shazip.errors" in reached("shazip.cli.files")


def test_no_modules_import_each_other_in_a_circle():
    graph = {module: imported(module) for module in MODULES}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


@pytest.mark.parametrize("place", FORBIDDEN)
def test_no_folder_reaches_what_lies_above_it(place):
    up = {
        (module, other)
        for module in MODULES
        if folder(module) == place and module not in ENTRIES
        for other in reached(module)
        if folder(other) in FORBIDDEN[place]
    }
    assert up == set()
