"""The page: template, style and scripts in one file that loads nothing and runs nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from shazip.view.look import Look
from shazip.view.pack import packed

# Bytes of page for a byte of file. The page of a small file may be larger: it has the scripts, and
# _LEAST_ROOM for the vocabulary and the summaries.
MOST_SIZE = 12
_LEAST_ROOM = 1 << 14

# In the order in which they are put together.
_SCRIPTS = ("decode", "text", "layout", "scale", "draw", "panel", "summary", "main")
_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; "
    "base-uri 'none'; form-action 'none'"
)


def page(look: Look) -> bytes:
    """Return the page of `look`: HTML, at most MOST_SIZE bytes for each byte of a file of 8 KiB.

    Where all of the likeliest symbols would make it too large, fewer are kept.
    """
    most = max(MOST_SIZE * len(look.data) - len(_filled(b"")), _LEAST_ROOM)
    return _filled(packed(look, most))


def _filled(blob: bytes) -> bytes:
    script, style = _script(), _asset("page.css")
    policy = _POLICY.format(script=_digest(script), style=_digest(style))
    html = _asset("page.html")
    # One pass from left to right would be enough: neither part holds another's mark.
    for mark, content in (("POLICY", policy), ("STYLE", style), ("SCRIPT", script)):
        html = html.replace(f"%{mark}%", content)
    return html.encode().replace(b"%DATA%", blob)


@cache
def _script() -> str:
    parts = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _asset(name: str) -> str:
    return (files("shazip.view") / "assets" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
