"""`shazip export`: turns a training checkpoint into a model file that compresses."""

from __future__ import annotations

from pathlib import Path

import click

from shazip.cli.flags import PATH, force_option, output_option, quiet_and_verbose
from shazip.cli.refusals import refuse_target
from shazip.cli.report import Reporter


@click.command(epilog="Example: shazip export run -o own.safetensors")
@click.argument("checkpoint", type=PATH)
@output_option("MODEL", "File to write.")
@click.option("--name", help="The model's name; by default that of the file.")
@click.option("--text", type=PATH, help="Training text to calibrate on; by default the run's own.")
@click.option("--valid", type=PATH, help="Text to measure the model on, for its record.")
@click.option("--last", is_flag=True, help="Take the last weights, not their average.")
@click.option("--float", "as_float", is_flag=True, help="Write float16 weights to train from.")
@force_option("Overwrite MODEL.")
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

    It fits ranges and the start state on training text; it does not train.
    """
    refuse_target(output, None, overwrite=force)
    from shazip.model import file as modelfile
    from shazip.training.export import read_trained, to_integer, with_result

    trained = read_trained(checkpoint, average=not last)
    if as_float:
        from shazip.training.checkpoint import save_weights

        save_weights(trained.network, trained.vocabulary, output, trained.record, overwrite=force)
        return
    model = to_integer(trained, text, name or output.stem)
    if valid is not None:
        model = with_result(model, trained, valid)
    modelfile.save(model, output, overwrite=force)
    bpb = model.metadata["training"].get("bpb")
    found = f"model {model.id.hex()}" + (f", {bpb} bpb" if bpb else "")
    reporter.note(str(output), f"{found}; next: shazip compress -m {output} FILE")
