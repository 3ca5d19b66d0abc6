"""The study of Merity 2019 in small: `python -m benchmarks.paper TRAIN VALID`.

Six networks of about equal size read equally many bytes of TRAIN, none of them twice, with the same
optimiser, each in a process of its own: AWD-LSTM, SHA-RNN without attention, with one head, with a
head in every layer, with four heads, and a Transformer of torch's own layers. Measured are bits per
byte of VALID, CPU seconds per update and peak memory; table, curves and figures go to
benchmarks/results/paper.*. It needs torch, and matplotlib for the curves.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.transformer import TransformerConfig
from shazip.bench.machine import describe
from shazip.bench.tables import picture
from shazip.model.config import NetworkConfig
from shazip.model.vocabulary import BYTES
from shazip.training.data import SEGMENT
from shazip.training.evaluate import bits_per_byte
from shazip.training.network.architecture import new_network, parameters
from shazip.training.network.awd_lstm import AwdLstm
from shazip.training.parallel import Workers
from shazip.training.settings import AwdLstmConfig, Corpus, Schedule, TrainConfig
from shazip.training.trainer import Trainer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESULTS = Path(__file__).resolve().parent / "results"
VALID_LANES = 64
SETTINGS = ("bytes", "lanes", "steps", "window", "peak", "seed")
CURVE_POINTS, CURVE_SIZE = 10, 1 << 15  # validations on the way, and bytes of VALID for each
LAYERS = 4  # as in the paper
STRONGER_EMBEDDING, STRONGER_INPUT = 5, 3  # AWD-LSTM only
COLUMNS = ("network", "parameters", "bpb", "CPU s per update", "peak MB", "the paper's bpb, size")
WIDTHS = range(8, 2048, 8)
Sizes = Callable[[int, int], Any]  # (width, window)


def sha_rnn(attention: tuple[int, ...], heads: int = 1) -> Sizes:
    """Return the sizes of a SHA-RNN shaped as the paper's: the Boom is four times as wide."""
    return lambda width, window: NetworkConfig(width, 4 * width, LAYERS, attention, window, heads)


NETWORKS: dict[str, Sizes] = {
    "AWD-LSTM": lambda width, _: AwdLstmConfig(width * 3 // 8, width),
    "SHA-RNN, no attention": sha_rnn(()),
    "SHA-RNN, one head": sha_rnn((2,)),
    "SHA-RNN, a head in every layer": sha_rnn((0, 1, 2, 3)),
    "SHA-RNN, four heads": sha_rnn((2,), 4),
    "Transformer": lambda width, window: TransformerConfig(width, LAYERS, 4, window),
}
# bpb of enwik8's test part and parameters in millions: tables of Merity 2019, arXiv 1911.11423.
PUBLISHED: dict[str, tuple[str, str]] = {
    "AWD-LSTM": ("1.23", "44M"),
    "SHA-RNN, no attention": ("1.33", "51M"),
    "SHA-RNN, one head": ("1.076", "52M"),
    "SHA-RNN, a head in every layer": ("1.068", "54M"),
    "Transformer": ("1.06", "41M, Transformer-XL of 12 layers"),
}
HONEST = """\
What this can show: which network learns faster from very little text in one pass, what an update
of each costs on one CPU thread, and that all six run through the same trainer. What it cannot
show: the paper's ranking. That one is of networks two hundred times as large after thousands of
times as many bytes, where a long memory and regularisation pay; nothing here was tuned, and one
seed says little: the same run of a head in every layer came out 0.16 lower when only the rounding
of sums was another. Widths are multiples of 8, so sizes differ by up to 15 %. Bits per byte of this
text are not those of enwik8's test part.\
"""


def main(arguments: Sequence[str]) -> int:
    """Train the wanted networks, each in a process of its own; write the report."""
    wishes = parse(arguments)
    if wishes.render:
        write(json.loads((wishes.output / "paper.json").read_text()), wishes.output)
        return 0
    if wishes.train is None or wishes.valid is None:
        raise SystemExit("benchmarks.paper: needs a text to train on and one to validate on")
    if wishes.train.stat().st_size < max(wishes.bytes, wishes.lanes * SEGMENT):
        raise SystemExit(f"benchmarks.paper: {wishes.train} has too little text for the lanes")
    if wishes.only:
        print(json.dumps(study(wishes.only, wishes)))
        return 0
    names = [name for name in NETWORKS if wishes.few is None or name in wishes.few]
    with ThreadPoolExecutor(wishes.jobs) as pool:
        found = list(pool.map(lambda name: in_process(name, arguments), names))
    settings = {key: getattr(wishes, key) for key in SETTINGS}
    texts = {key: text(getattr(wishes, key)) for key in ("train", "valid")}
    machine = {**describe(), "torch": torch.__version__}
    write({"settings": settings, **texts, "machine": machine, "networks": found}, wishes.output)
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.paper", description=__doc__)
    parser.add_argument("train", type=Path, nargs="?", metavar="TRAIN")
    parser.add_argument("valid", type=Path, nargs="?", metavar="VALID")
    parser.add_argument("--bytes", type=int, default=300_000, help="to train on")
    parser.add_argument("--parameters", type=int, default=250_000, help="after folding, about")
    parser.add_argument("--lanes", type=int, default=16)
    parser.add_argument("--steps", type=int, default=32, help="per update")
    parser.add_argument("--window", type=int, default=256, help="steps that attention sees")
    parser.add_argument("--peak", type=float, default=4e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="networks trained side by side")
    parser.add_argument("--few", action="append", choices=NETWORKS, help="leave out the others")
    parser.add_argument("--only", choices=NETWORKS, help="in this process; print JSON")
    parser.add_argument("--render", action="store_true", help="the report anew from paper.json")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, metavar="FOLDER")
    return parser.parse_args(arguments)


def in_process(name: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Return the results of one network, trained in a process of its own."""
    print(name, file=sys.stderr)
    command = [sys.executable, "-m", "benchmarks.paper", *arguments, "--only", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"benchmarks.paper: {name} failed")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def study(name: str, wishes: argparse.Namespace) -> dict[str, Any]:
    """Train one network and return its figures."""
    sizes = fitted(NETWORKS[name], wishes.parameters, wishes.window)
    with Workers(1) as workers:
        trainer = Trainer(config(sizes, wishes), workers)
        if isinstance(trainer.network, AwdLstm):
            strengthen(trainer.network)
        valid = np.fromfile(wishes.valid, np.uint8)
        tell = lambda line: print(f"{name}: {line}", file=sys.stderr)  # noqa: E731
        seconds, curve = learn(trainer, wishes.bytes, valid[:CURVE_SIZE], workers, tell)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        bpb = bits_per_byte(trainer.network, BYTES, valid, VALID_LANES, workers)
    trained, folded = parameters(trainer.network)
    return {
        "name": name,
        "sizes": asdict(sizes),
        "parameters": folded,
        "trained": trained,
        "bpb": bpb,
        "cpu_seconds": seconds,
        "updates": trainer.updates,
        "memory": memory,
        "curve": curve,
    }


@torch.no_grad()
def strengthen(network: AwdLstm) -> None:
    """Scale the first weights up: as published, signals shrink from layer to layer at such sizes.

    With the published ones it had not got beyond the frequencies of bytes after 400 kB.
    """
    network.embedding.mul_(STRONGER_EMBEDDING)
    for layer in network.layers:
        layer.w_input.mul_(STRONGER_INPUT)


def fitted(sizes: Sizes, count: int, window: int) -> Any:
    """Return the sizes whose number of parameters after folding is nearest to `count`."""

    def distance(width: int) -> int:
        with torch.device("meta"):
            return abs(parameters(new_network(sizes(width, window)))[1] - count)

    nearest = WIDTHS[0]
    for width in WIDTHS:
        if distance(width) > distance(nearest):
            break
        nearest = width
    return sizes(nearest, window)


def config(sizes: Any, wishes: argparse.Namespace) -> TrainConfig:
    """Return the same training for all: AdamW, a twentieth of warm-up, a cosine, no dropout.

    A Transformer's window stands alone, so its updates are as many bytes in longer, fewer lanes.
    """
    schedule = Schedule(wishes.bytes, wishes.peak, wishes.bytes // 20, quantise_last=0)
    lanes, steps = wishes.lanes, wishes.steps
    if isinstance(sizes, TransformerConfig):
        lanes, steps = max(1, lanes * steps // wishes.window), wishes.window
    corpora, seed = (Corpus(wishes.train),), wishes.seed
    return TrainConfig(corpora, schedule, sizes, lanes=lanes, steps=steps, seed=seed)


def learn(
    trainer: Trainer, size: int, valid: np.ndarray, workers: Workers, tell: Callable[[str], None]
) -> tuple[float, list[tuple[int, float]]]:
    """Train on `size` bytes; return the CPU seconds of all updates, and bytes and bpb on the way.

    CPU seconds hardly depend on other work of the machine.
    """
    seconds, curve = 0.0, []
    while trainer.done < size:
        start = time.process_time()
        trainer.update()
        seconds += time.process_time() - start
        if trainer.done * CURVE_POINTS >= size * (len(curve) + 1):
            bpb = bits_per_byte(trainer.network, BYTES, valid, VALID_LANES, workers)
            curve.append((trainer.done, bpb))
            tell(f"{trainer.done:>10,} bytes {bpb:6.3f} bpb {seconds:7.1f} s")
    return seconds, curve


def text(path: Path) -> dict[str, Any]:
    """Return name, size and hash of a text."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return {"name": path.name, "size": len(content), "sha256": digest}


def write(found: dict[str, Any], folder: Path) -> None:
    """Write figures, table and curves to the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "paper.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "paper.md").write_text(report(found))
    try:
        draw(found, folder / "paper.svg")
    except ModuleNotFoundError:
        print("benchmarks.paper: no curves without matplotlib", file=sys.stderr)


def report(found: dict[str, Any]) -> str:
    """Return the table with its explanation, as Markdown."""
    how, train, valid = found["settings"], found["train"], found["valid"]
    lines = [
        "# SHA-RNN and its neighbours, in small",
        "",
        f"Trained on {how['bytes']:,} bytes from all over {train['name']}, none of them twice, "
        f"{how['lanes']} lanes of {how['steps']} steps, AdamW at {how['peak']:g} with a cosine, "
        f"seed {how['seed']}, no dropout, one thread of {found['machine']['cpu']}, torch "
        f"{found['machine']['torch']}. Attention sees {how['window']} steps, in which "
        "the Transformer is trained too, with as many bytes per update. Bits per byte are those of "
        f"{valid['name']}, {valid['size']:,} bytes in {VALID_LANES} lanes with carried state.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
        *[row(network) for network in found["networks"]],
        "",
        f"The paper's are bits per byte of enwik8's test part (Merity 2019). {HONEST}",
        "",
        f"AWD-LSTM begins with its embedding {STRONGER_EMBEDDING} and its input weights "
        f"{STRONGER_INPUT} times as large as published: with the published ones a network so small "
        "had not got beyond the frequencies of bytes (5.17 bpb) after 400 kB.",
        "",
        picture("paper", "Bits per byte by bytes trained on"),
        "All figures: [paper.json](paper.json). Made by `python -m benchmarks.paper`.",
        "",
    ]
    return "\n".join(lines)


def row(network: dict[str, Any]) -> str:
    """Return a network's line of the table."""
    bpb, size = PUBLISHED.get(network["name"], ("-", ""))
    cells = (
        network["name"],
        f"{network['parameters']:,}",
        f"{network['bpb']:.3f}",
        f"{network['cpu_seconds'] / network['updates']:.3f}",
        f"{network['memory'] / 1e6:.0f}",
        f"{bpb} ({size})" if size else bpb,
    )
    return f"| {' | '.join(cells)} |"


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw the learning curves, in both colour schemes."""
    from shazip.picture import Scheme, mark_good, new_figure, save_schemes

    def curves(_: Scheme) -> Figure:
        figure, axes = new_figure()
        for network in found["networks"]:
            done, bpb = zip(*network["curve"], strict=True)
            axes.plot([n / 1e6 for n in done], bpb, marker=".", label=network["name"])
        axes.set(xlabel="MB trained on", ylabel=f"bits per byte, start of {found['valid']['name']}")
        axes.set_title("SHA-RNN and its neighbours")
        axes.legend()
        mark_good(axes, "smaller, sooner", right=False)
        return figure

    save_schemes(curves, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
