"""The flags of frames: --frame-size, --jobs, --ray, --range, --salvage."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import click

from shazip.cli.options import COUNT, CodecOptions, FileOptions, byte_size, each_of

if TYPE_CHECKING:
    from shazip.parallel import Executor
    from shazip.salvage import Loss

JOBS_FRAME_SIZE = "16MiB"

framing = click.option(
    "--frame-size",
    type=byte_size,
    metavar="SIZE",
    help=f"Cut into frames that stand alone.  [default: {JOBS_FRAME_SIZE} with --jobs, else one]",
)

parallel = each_of(
    click.option(
        "--ray",
        metavar="ADDRESS",
        is_flag=False,
        flag_value="local",
        help="Code frames on a Ray cluster, or on a local one.",
    ),
    click.option("--jobs", type=COUNT, metavar="N", help="Code frames in N processes."),
)


def byte_ranges(_: click.Context, __: click.Parameter, text: str | None) -> object:
    """Turn `10MiB-12MiB,5@100` into (start, stop) pairs; `10MiB-` has the stop None."""
    if text is None:
        return None
    return tuple(_range(part.strip()) for part in text.split(","))


def _range(text: str) -> tuple[int, int | None]:
    if match := re.fullmatch(r"([^-@]+)-([^-@]*)", text):
        start, stop = _position(match[1]), _position(match[2]) if match[2].strip() else None
    elif match := re.fullmatch(r"([^-@]+)@([^-@]+)", text):
        start = _position(match[2])
        stop = start + _position(match[1])
    else:
        raise click.BadParameter(f"{text!r} is not a range such as 10MiB-12MiB or 2MiB@10MiB.")
    if stop is not None and stop < start:
        raise click.BadParameter(f"{text!r} ends before it begins.")
    return start, stop


def _position(text: str) -> int:
    return 0 if text.strip() == "0" else byte_size(text)


partly = each_of(
    click.option(
        "--salvage",
        is_flag=True,
        help="Write every intact frame of a damaged archive; exit with 1 if any is lost.",
    ),
    click.option(
        "--range",
        "ranges",
        callback=byte_ranges,
        metavar="FROM-TO[,...]",
        help="Write only these bytes, such as 10MiB-12MiB; decodes only frames that hold them.",
    ),
)


def executor_of(settings: CodecOptions) -> AbstractContextManager[Executor | None]:
    """What codes frames at once, None if nothing was asked for."""
    if settings.jobs is not None and settings.ray is not None:
        raise click.UsageError("--jobs and --ray exclude each other.")
    if settings.ray is not None:
        from shazip.cluster import ray_cluster

        return ray_cluster(settings.ray)
    if settings.jobs is not None:
        from shazip.jobs import processes

        return processes(settings.jobs)
    return nullcontext()


def refuse_parts(where: FileOptions, settings: CodecOptions) -> None:
    """Refuse to write parts of a content where it would be taken for the whole."""
    if not (where.ranges or where.salvage):
        return
    flag = "--salvage" if where.salvage else "--range"
    if where.ranges and where.salvage:
        raise click.UsageError("--range and --salvage exclude each other.")
    if not where.stdout and where.output is None:
        raise click.UsageError(f"{flag} writes a part of the content: say where to by -c or -o.")
    if where.remove:
        raise click.UsageError(f"{flag} keeps the archive, so --rm has no meaning.")
    if settings.jobs is not None or settings.ray is not None:
        raise click.UsageError(f"{flag} decodes one frame after another, without --jobs and --ray.")


def loss_text(loss: Loss) -> str:
    """One line on a part of an archive that gave nothing."""
    size = "an unknown number of" if loss.original_size is None else str(loss.original_size)
    return (
        f"lost: bytes {loss.offset}-{loss.stop} of the archive, {size} bytes of content"
        f" ({loss.reason})"
    )
