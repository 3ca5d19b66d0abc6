"""The user's folder of models: installs, removes, chooses the default.

It checks a whole model file before copying it, so that every installed model works.
"""

from __future__ import annotations

import re
from pathlib import Path

from shazip.atomic import write_file
from shazip.engines import open_engine
from shazip.errors import ModelError
from shazip.model import file as modelfile
from shazip.model import store
from shazip.model.folders import SUFFIX, user_folder
from shazip.model.store import DEFAULT_FILE, Installed

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def install(path: Path, name: str | None = None) -> Installed:
    """Copy the model file `path` into the user's folder; return the installed model.

    Its name is `name`, or the one in the file, or the file's own. Raises ModelError if the file is
    not a model, no engine here computes it exactly, or another model has its name.
    """
    model = modelfile.load(path)
    open_engine(model)  # passes its canary
    name = name or model.name or path.stem
    if not _NAME.fullmatch(name):
        raise ModelError(f"{name!r} is not a model's name: letters, digits, dots, - and _")
    for other in store.installed():
        if other.name == name and other.id != model.id:
            raise ModelError(f"another model is called {name!r}: {other.path}")
    target = user_folder() / f"{name}{SUFFIX}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        write_file(target, path.read_bytes(), overwrite=False)
    return Installed(name, target, model.id, modelfile.read_metadata(target))


def remove(name: str) -> Path:
    """Delete the user's model with this name or id; return its former path."""
    found = _named(name)
    if not found.path.is_relative_to(user_folder()):
        raise ModelError(f"{name!r} ships with shazip and cannot be removed: {found.path}")
    if store.chosen() == found.id:
        (user_folder() / DEFAULT_FILE).unlink()
    found.path.unlink()
    return found.path


def choose(name: str) -> Installed:
    """Make the installed model with this name or id the default of this user; return it."""
    found = _named(name)
    folder = user_folder()
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / DEFAULT_FILE, f"{found.id.hex()}\n".encode())
    return found


def _named(name: str) -> Installed:
    models = store.installed()
    for model in models:
        if name in (model.name, model.id.hex()):
            return model
    present = ", ".join(model.name for model in models) or "none"
    raise ModelError(f"no model is called {name!r}; present: {present}")
