"""Make the files that mixing's contexts are tuned on: `python -m benchmarks.mixing_files [FOLDER]`.

Kinds of data, not the measured files: text, source code, machine code of four processors, scanned
pages, pictures, sound, and tables as spreadsheets, databases and arrays. Debian packages named
with their versions hold the sources; Pillow, xlwt, dbf, sqlite3 and NumPy write the formats. Every
file has a twin of the same kind and other content, from which mixing_train learns start values.
"""

from __future__ import annotations

import argparse
import io
import json
import pickle
import sqlite3
import struct
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache, partial
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.corpus import HERE, package

FOLDER = HERE / "files" / "mixing"  # ignored by git
SIZE = 250_000
FAX = (1728, 1100)  # pixels of a page: 204 dots an inch
COUNTRIES = package("iso-codes=4.15.0-1", "usr/share/iso-codes/json/iso_3166-2.json")
SERIF = package("fonts-dejavu-core=2.37-6", "usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf")
FORTUNES = "fortunes=1:1.99.1-7.3"
SPHINX = "python3-sphinx=5.3.0-4"
PHOTOS, NATURE = "mate-backgrounds=1.26.0-1", "usr/share/backgrounds/mate/nature"
SPARC, SPARC_LIB = "libc6-sparc-sparc64-cross=2.36-8cross1", "usr/sparc64-linux-gnu/lib32"
ARM64, ARM64_LIB = "libc6-arm64-cross=2.36-8cross1", "usr/aarch64-linux-gnu/lib"
ARMHF, ARMHF_LIB = "libc6-armhf-cross=2.36-8cross1", "usr/arm-linux-gnueabihf/lib"
ALSA = "alsa-utils=1.2.8-1"


def page(fortunes: str, seed: int) -> bytes:
    """Return a printed page with a drawing as a fax machine scans it: PBM, a bit a pixel."""
    from PIL import Image, ImageDraw, ImageFilter, ImageFont

    random, (width, height) = Random(seed), FAX
    picture = Image.new("L", FAX, 255)
    draw, font = ImageDraw.Draw(picture), ImageFont.truetype(io.BytesIO(SERIF()), 33)
    lines = package(FORTUNES, f"usr/share/games/fortunes/{fortunes}")().decode("latin-1")
    for number, line in enumerate(lines.expandtabs(4).splitlines()[: height // 90]):
        draw.text((150, 60 + 45 * number), line, 0, font)
    for _ in range(12):
        x, y = random.randrange(200, width - 500), random.randrange(600, height - 200)
        draw.rectangle((x, y, x + random.randrange(60, 300), y + 90), outline=0, width=4)
        draw.line((x, y, random.randrange(width), random.randrange(500, height)), 0, 3)
        draw.ellipse((x - 40, y - 40, x + 40, y + 40), outline=0, width=4)
    picture = picture.rotate(random.uniform(-0.4, 0.4), fillcolor=255, resample=Image.BILINEAR)
    grey = np.asarray(picture.filter(ImageFilter.GaussianBlur(1.2)), np.int16)
    grey = grey + np.random.default_rng(seed).normal(0, 20, grey.shape)
    # A PBM's 1 is black.
    return b"P4\n%d %d\n" % FAX + np.packbits(grey < 128, axis=1).tobytes()


def picture(name: str, mode: str, size: tuple[int, int], sort: str) -> bytes:
    """Return a photograph, scaled, as an uncompressed file."""
    from PIL import Image

    sink = io.BytesIO()
    photo = Image.open(io.BytesIO(package(PHOTOS, f"{NATURE}/{name}.jpg")()))
    photo.convert("RGB").resize(size).convert(mode).save(sink, sort)
    return sink.getvalue()


@cache
def table(rows: int, seed: int) -> list[tuple[str, str, str, int, int, float, date]]:
    """Return rows of a made-up ledger over the regions of the world."""
    random = Random(seed)
    regions = json.loads(COUNTRIES())["3166-2"]
    random.shuffle(regions)
    day, balance, found = date(1996, 1, 1), 1000.0, []
    for number, region in enumerate(regions[:rows]):
        day += timedelta(random.randrange(3))
        balance = round(balance + random.gauss(0, 40), 2)
        units = random.randrange(1, 40) * random.choice((1, 1, 1, 10))
        found.append((region["code"], region["name"], region["type"], number, units, balance, day))
    return found


def spreadsheet(rows: int, seed: int) -> bytes:
    """Return the ledger as an .xls file."""
    import xlwt

    book = xlwt.Workbook()
    sheet, sink = book.add_sheet("ledger"), io.BytesIO()
    for y, row in enumerate(table(rows, seed)):
        for x, value in enumerate((*row[:6], row[4] * row[5], row[4] / 7, row[3] % 12)):
            sheet.write(y, x, value)
    book.save(sink)
    return sink.getvalue()


def dbase(rows: int, seed: int) -> bytes:
    """Return the ledger as a .dbf file."""
    import dbf

    fields = "code C(6); name C(40); kind C(20); number N(8,0); units N(6,0); sum N(12,2); day D"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.dbf"
        with dbf.Table(str(path), fields, codepage="utf8") as file:
            for row in table(rows, seed):
                texts = [text.encode("ascii", "replace").decode() for text in row[:3]]
                file.append((texts[0], texts[1][:40], texts[2][:20], *row[3:]))
        return path.read_bytes()


def database(rows: int, seed: int) -> bytes:
    """Return the ledger as an SQLite file with an index."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        link = sqlite3.connect(path)
        link.execute("create table ledger(code, name, kind, number integer, units, sum real, day)")
        values = [(*row[:6], row[6].isoformat()) for row in table(rows, seed)]
        link.executemany("insert into ledger values(?,?,?,?,?,?,?)", values)
        link.execute("create index by_kind on ledger(kind, units)")
        link.commit()
        link.close()
        return path.read_bytes()


def arrays(seed: int) -> bytes:
    """Return a pickle of measurements: float64, int32 and int16, by row."""
    rng = np.random.default_rng(seed)
    walk = np.round(np.cumsum(rng.normal(0, 0.2, (3000, 4)), axis=0), 2)
    counts = rng.poisson(30 + 20 * np.sin(np.arange(9000) / 50)).astype(np.int32)
    samples = (8000 * np.sin(np.arange(9000) / 9) + rng.normal(0, 60, 9000)).astype(np.int16)
    return pickle.dumps({"walk": walk, "counts": counts, "samples": samples}, protocol=4)


def structures(seed: int) -> bytes:
    """Return the ledger as packed C structures of 32 bytes."""
    return b"".join(
        struct.pack("<8sIHHdII", code.encode(), number, units, units % 7, sum_, day.toordinal(), 0)
        for code, _, _, number, units, sum_, day in table(4000, seed)
    )


Reader = Callable[[], bytes]
# name: (the file of the trials, its twin to learn from)
FILES: dict[str, tuple[Reader, Reader]] = {
    "page.pbm": (partial(page, "science", 1), partial(page, "law", 2)),
    "grey.bmp": (
        partial(picture, "Garden", "L", (500, 400), "BMP"),
        partial(picture, "Storm", "L", (417, 300), "BMP"),
    ),
    "colour.bmp": (
        partial(picture, "FreshFlower", "RGB", (320, 240), "BMP"),
        partial(picture, "Dune", "RGB", (251, 240), "BMP"),
    ),
    "table.xls": (partial(spreadsheet, 1800, 1), partial(spreadsheet, 1500, 2)),
    "table.dbf": (partial(dbase, 2200, 1), partial(dbase, 1500, 2)),
    "table.sqlite": (partial(database, 2500, 1), partial(database, 1800, 2)),
    "table.structs": (partial(structures, 1), partial(structures, 2)),
    "arrays.pickle": (partial(arrays, 1), partial(arrays, 2)),
    "sound.wav": (
        package(ALSA, "usr/share/sounds/alsa/Front_Center.wav"),
        package(ALSA, "usr/share/sounds/alsa/Rear_Left.wav"),
    ),
    "x86.elf": (
        package("nano=7.2-1+deb12u1", "bin/nano"),
        package("bison:amd64=2:3.8.2+dfsg-1+b1", "usr/bin/bison"),
    ),
    "sparc.elf": (
        package(SPARC, f"{SPARC_LIB}/ld-linux.so.2"),
        package(SPARC, f"{SPARC_LIB}/libnss_*.so.2"),
    ),
    "arm64.elf": (
        package(ARM64, f"{ARM64_LIB}/ld-linux-aarch64.so.1"),
        package(ARM64, f"{ARM64_LIB}/lib[np]*.so.*"),
    ),
    "armhf.elf": (
        package(ARMHF, f"{ARMHF_LIB}/ld-linux-armhf.so.3"),
        package(ARMHF, f"{ARMHF_LIB}/lib[nr]*.so.*"),
    ),
    "text": (
        package(FORTUNES, "usr/share/games/fortunes/[k-s]*[a-z]"),
        package(FORTUNES, "usr/share/games/fortunes/[a-d]*[a-z]"),
    ),
    "code": (
        package(SPHINX, "usr/lib/python3/dist-packages/sphinx/[a-e]*/*.py"),
        package(SPHINX, "usr/lib/python3/dist-packages/sphinx/[p-w]*/*.py"),
    ),
}
BINARIES = tuple(name for name in FILES if name not in ("text", "code"))


def make(folder: Path = FOLDER, twins: bool = False) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of the files, or of their twins; make those that are not there."""
    folder = folder / "twins" if twins else folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, readers in FILES.items():
        path = folder / name
        if not path.is_file():
            path.write_bytes(readers[twins]()[:SIZE])
        yield name, path.read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.mixing_files", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    folder = parser.parse_args().folder
    for twins in (False, True):
        for name, content in make(folder, twins):
            print(f"{'twin of ' * twins + name:24}{len(content):>8}")


if __name__ == "__main__":
    main()
