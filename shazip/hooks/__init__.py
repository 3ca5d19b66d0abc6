"""Hooks: shazip inside other libraries, each of which stays optional.

`shazip.hooks.register()` adds shazip to shutil and fsspec; numcodecs and zarr find their codecs by
entry points; file(1) reads shazip.magic. Nothing else in the package imports this folder.
"""

from __future__ import annotations

from importlib.util import find_spec


def register() -> None:
    """Register `.tar.shz` with shutil and, if fsspec is installed, `.shz` with fsspec."""
    from shazip.hooks import shutil

    shutil.register()
    if find_spec("fsspec") is not None:
        from shazip.hooks import fsspec

        fsspec.register()
