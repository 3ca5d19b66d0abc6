"""`shazip export`: turn what training left into a model file that compresses."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shazip.atomic import AtomicFile
from shazip.cli.options import quiet_and_verbose
from shazip.cli.report import Reporter

if TYPE_CHECKING:
    from shazip.model.file import IntegerModel
    from shazip.training.data import Corpus
    from shazip.training.network.architecture import Trainable

PATH = click.Path(path_type=Path)


@dataclass(frozen=True)
class Trained:
    """What a checkpoint gives: the network, a record of its training, the first training text."""

    network: Trainable
    record: dict[str, Any]
    text: Corpus | None


@click.command()
@click.argument("checkpoint", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, metavar="MODEL", help="File to write.")
@click.option("--name", help="The model's name; by default that of the file.")
@click.option("--text", type=PATH, help="Training text to calibrate on; by default the run's own.")
@click.option("--valid", type=PATH, help="Text to measure the model on, for its record.")
@click.option("--last", is_flag=True, help="Take the last weights, not their average.")
@click.option("--float", "as_float", is_flag=True, help="Write float16 weights to train from.")
@click.option("-f", "--force", is_flag=True, help="Overwrite MODEL.")
@quiet_and_verbose
@click.pass_obj
def export(
    reporter: Reporter,
    /,
    checkpoint: Path,
    output: Path,
    name: str | None,
    text: Path | None,
    valid: Path | None,
    last: bool,
    as_float: bool,
    force: bool,
) -> None:
    """Turn CHECKPOINT, a run's folder or a file from it, into the integer MODEL that compresses.

    Ranges and the start state are fitted on training text, so nothing is learned here.
    """
    if output.exists() and not force:
        raise click.ClickException(f"{output}: already exists; use -f to overwrite it")
    trained = read_trained(checkpoint, average=not last)
    if as_float:
        from shazip.training.checkpoint import save_weights

        save_weights(trained.network, output, trained.record)
        return
    model = quantised(trained, text, name or output.stem)
    if valid is not None:
        model = measured(model, trained.network, valid)
    write(model, output, overwrite=force)
    bpb = model.metadata["training"].get("bpb")
    reporter.summary(str(output), f"model {model.id.hex()}" + (f", {bpb} bpb" if bpb else ""))


def read_trained(path: Path, *, average: bool) -> Trained:
    """Return the network of a run's folder, a checkpoint, or a file of float weights."""
    from shazip.training.checkpoint import load_checkpoint, load_weights
    from shazip.training.integer.grid import set_grids
    from shazip.training.network.architecture import new_network
    from shazip.training.run import CHECKPOINT

    if path.suffix == ".safetensors":
        return Trained(*load_weights(path), None)
    config, state = load_checkpoint(path / CHECKPOINT if path.is_dir() else path)
    network = new_network(config.network)
    network.load_state_dict(state["average" if average else "model"])
    set_grids(network, state.get("grids", {}))
    hashes = state["feed"]["hashes"]
    texts = [
        {"name": corpus.name, "weight": corpus.weight, "sha256": digest}
        for corpus, digest in zip(config.corpora, hashes, strict=True)
    ]
    record = {
        "texts": texts,
        **{key: state[key] for key in ("done", "updates")},
        "seed": config.seed,
    }
    return Trained(network, record, config.corpora[0])


def quantised(trained: Trained, text: Path | None, name: str) -> IntegerModel:
    """Return the integer model, calibrated on `text` or on the run's first."""
    import numpy as np

    from shazip.training.data import Corpus, open_text
    from shazip.training.integer.quantise import quantise
    from shazip.training.network.architecture import sha_rnn

    source = trained.text if text is None else Corpus(text)
    if source is None:
        raise click.UsageError("float weights name no training text: give one with --text.")
    sample = np.array(open_text(source))
    return quantise(sha_rnn(trained.network), sample, name=name, training=trained.record)


def measured(model: IntegerModel, network: Trainable, valid: Path) -> IntegerModel:
    """Return the model with what it needs for `valid`, and the float network, in its record."""
    from shazip.cli.measure import Meter
    from shazip.cli.options import CodecOptions
    from shazip.engines import open_engine
    from shazip.model import file as modelfile

    with valid.open("rb") as file:
        found = Meter(open_engine(model), CodecOptions(mix=False), None).measure(file)
    result = {
        "valid": valid.name,
        "lanes": found.lanes,
        "bpb": round(found.bpb, 4),
        "float_bpb": round(float_bpb(network, valid, found.lanes), 4),
    }
    training = {**model.metadata["training"], **result}
    metadata = {**model.metadata, "training": training}
    return modelfile.build(model.config, model.tensors, name=model.name, metadata=metadata)


def float_bpb(network: Trainable, text: Path, lanes: int) -> float:
    """Return the float network's bits per byte on `text`, from an empty state."""
    import numpy as np

    from shazip.training.evaluate import bits_per_byte
    from shazip.training.integer.grid import set_grids
    from shazip.training.parallel import Workers

    network = copy.deepcopy(network)
    set_grids(network, {})
    with Workers(1) as workers:
        return bits_per_byte(network, np.fromfile(text, np.uint8), lanes, workers)


def write(model: IntegerModel, path: Path, *, overwrite: bool) -> None:
    """Write the model file, whole or not at all."""
    from shazip.model import file as modelfile

    with AtomicFile(path, overwrite=overwrite) as file:
        file.write(modelfile.pack(model))
        file.commit(None)
