"""Looks into files, and what a page of them holds, read back by other means than the page's."""

from __future__ import annotations

import base64
import json
import re
import zlib
from html.parser import HTMLParser

import numpy as np

from shazip.model.vocabulary import BYTES
from shazip.trace import Trace
from shazip.view.look import Look

HOSTILE = "\u202eevil</script><script>fail()</script><img src=x onerror=fail()>"


def made_look(data: bytes, name: str = "a", seed: int = 0, mixed: bool = True) -> Look:
    """A look with arbitrary costs: the worst case for a page's size."""
    rng = np.random.default_rng(seed)
    size = len(data)
    bits = rng.random(size) ** 4 * 20
    network = bits + rng.normal(size=size) if mixed else bits
    likeliest = rng.integers(0, 256, (size, 5)).astype(np.uint16)
    shares = np.sort(rng.random((size, 5)) * 24, axis=1)
    trace = Trace(BYTES.strings, bits, network.clip(0), np.arange(size), likeliest, shares)
    return Look(name, data, trace, ["made-up"], mixed, None)


class Elements(HTMLParser):
    """All elements of a page with their attributes, and what scripts and styles contain."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.contents: dict[str, list[str]] = {"script": [], "style": []}
        self._inside: str | None = None
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        """Note an element."""
        self.attributes += [(tag, name, value) for name, value in attrs]
        self._inside = tag if tag in self.contents else None

    def handle_endtag(self, tag):
        """Note its end."""
        self._inside = None

    def handle_data(self, data):
        """Note what is in it."""
        if self._inside:
            self.contents[self._inside].append(data)


def data_of(page: bytes) -> bytes:
    """Return the base64 of a page."""
    found = re.search(rb'<script type="text/plain" id="data">([^<]*)</script>', page)
    assert found is not None
    return found[1]


def opened(blob: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """Return facts and planes of a blob in base64."""
    raw = zlib.decompress(base64.b64decode(blob), -15)
    at = 4 + int.from_bytes(raw[:4], "little")
    facts, planes = json.loads(raw[4:at]), {}
    for name, size in facts["planes"].items():
        planes[name] = np.frombuffer(raw, np.uint8, size, at)
        at += size
    assert at == len(raw)
    return facts, planes
