"""The state of a run and its update; a saved state continues bit for bit."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shazip.model.vocabulary import Vocabulary
from shazip.training.data import Feed, sample
from shazip.training.distributed import ALONE, Group
from shazip.training.errors import TrainingError
from shazip.training.integer.grid import grids, set_grids
from shazip.training.integer.quantise import fit_grids
from shazip.training.network.architecture import new_network
from shazip.training.network.regularise import penalty
from shazip.training.network.sha_rnn import Network
from shazip.training.network.trainable import LayerState, Trainable
from shazip.training.optim import Average, build
from shazip.training.parallel import Workers, split
from shazip.training.settings import TrainConfig

if TYPE_CHECKING:
    from shazip.training.teacher import Teacher


@dataclass(frozen=True)
class Update:
    """One update: `size` bytes predicted at `bpb`, the gradient's norm, the learning rate."""

    size: int
    bpb: float
    norm: float
    rate: float


class Trainer:
    """Network, average, optimiser, feed and lane states of one run.

    In a group of several processes each has all of them, but only its own lanes' states.
    """

    def __init__(
        self,
        config: TrainConfig,
        workers: Workers,
        group: Group = ALONE,
        teacher: Teacher | None = None,
    ) -> None:
        self.config, self.workers, self.group, self.teacher = config, workers, group, teacher
        count = group.size * config.threads
        if count > config.lanes:
            raise TrainingError(
                f"{config.lanes} lanes are too few for {group.size} processes "
                f"with {config.threads} threads each"
            )
        group.take_device(config.device)
        self.network = _network(config)
        self.average = Average(self.network, _network(config), config.optimiser)
        self.optimiser = build(self.network, config.optimiser)
        self.parameters: list[Tensor] = list(self.network.parameters())
        self.feed = Feed(config.corpora, config.vocabulary, config.lanes, config.seed)
        first = group.rank * config.threads
        self.parts = [
            _Part(config, index, lanes, self.network, teacher)
            for index, lanes in enumerate(split(config.lanes, count))
            if first <= index < first + config.threads
        ]
        self.wrapped: nn.Module | None = None  # a part's loss, for gradients of all processes
        self.done = self.updates = 0
        self.seconds = 0.0  # spent in updates

    def update(self) -> Update:
        """Train on the next windows.

        Raises TrainingError, without changing the weights, if loss or gradient are not finite.
        """
        start = time.perf_counter()
        self._turn_grids_on_or_off()
        windows = self._windows()
        targets = [window[1:] for window in windows]
        size = sum(int(self.config.vocabulary.lengths[rows].sum()) for rows in targets)
        symbols = sum(rows.size for rows in targets)
        bpb = self._learn(self._tensors(windows), symbols) * symbols / size / math.log(2)
        clip = self.config.optimiser.clip
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, clip))
        if not math.isfinite(bpb) or not math.isfinite(norm):
            raise TrainingError(f"not finite at update {self.updates}: loss {bpb}, gradient {norm}")
        rate = self._step()
        self.updates += 1
        self.done += size
        self.average.update(self.updates)
        self.seconds += time.perf_counter() - start
        return Update(size, bpb, norm, rate)

    @property
    def networks(self) -> tuple[Trainable, Trainable]:
        """The network as it is, and the average of its weights."""
        return self.network, self.average.average

    def take_weights(self, other: Trainable, vocabulary: Vocabulary) -> None:
        """Begin with the weights of `other`, which predicts the symbols of `vocabulary`.

        Raises TrainingError if sizes or vocabulary differ from this run's.
        """
        if vocabulary != self.config.vocabulary:
            raise TrainingError("the weights were trained with another vocabulary")
        if other.config != self.config.network:
            raise TrainingError(f"weights of {other.config} do not fit {self.config.network}")
        for network in self.networks:
            network.load_state_dict(other.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Return the state on which later updates depend, apart from the configuration.

        In a group it is complete only in process 0.
        """
        lanes, generators = self._states()
        return {
            "model": self.network.state_dict(),
            "average": self.average.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "feed": self.feed.state_dict(),
            "lanes": lanes,
            "generators": generators,
            "grids": grids(self.network),
            "done": self.done,
            "updates": self.updates,
            "average_start": {"since": self.average.since, "measured": self.average.measured},
            "seconds": self.seconds,
            "teacher": self.teacher and self.teacher.digest,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state`: exactly, or with another number of threads up to rounding.

        Raises TrainingError if files that the run reads are other ones now.
        """
        if state.get("teacher") != (self.teacher and self.teacher.digest):
            raise TrainingError("the teacher is not the one that the run began with")
        self.network.load_state_dict(state["model"])
        self.average.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self._set_grids(state.get("grids", {}))
        self.feed.load_state_dict(state["feed"])
        for part in self.parts:
            part.state = tuple(
                _cut(layer, part.lanes, self.config.device) for layer in state["lanes"]
            )
        if len(state["generators"]) == self.group.size * self.config.threads:
            for part in self.parts:
                part.generator.set_state(state["generators"][part.index])
        self.done, self.updates = state["done"], state["updates"]
        self.seconds = state["seconds"]
        begun = state.get("average_start", {"since": None, "measured": []})
        self.average.since, self.average.measured = begun["since"], list(begun["measured"])

    @property
    def quantised(self) -> bool:
        """Whether the last update used the integer model's arithmetic."""
        return bool(grids(self.network))

    def _turn_grids_on_or_off(self) -> None:
        wanted = self.config.schedule.quantised(self.done)
        average = self.average.average
        if wanted == self.quantised or not isinstance(average, Network):
            return
        found: dict[str, Tensor] = {}
        if wanted:
            text = sample(self.config.corpora, self.config.vocabulary)
            # Fitted to the average, which gets exported, in a worker, where torch has one thread.
            (found,) = self.workers.map(lambda network: fit_grids(network, text), [average])
            found = {name: tensor.contiguous() for name, tensor in found.items()}
            self.group.equalise(list(found.values()))  # machines may round differently
        self._set_grids(found)

    def _set_grids(self, found: dict[str, Tensor]) -> None:
        for network in self.networks:
            set_grids(network, found)

    def _states(self) -> tuple[list[dict[str, Tensor | None]], list[Tensor]]:
        """Return the state of each layer over all lanes, and of each part's generator."""
        device = self.config.device if self.group.size == 1 else "cpu"
        own = [(part.state, part.generator.get_state()) for part in self.parts]
        own = [(tuple(layer.to(device) for layer in state), numbers) for state, numbers in own]
        parts = [part for of_process in self.group.gather(own) for part in of_process]
        layers = zip(*[state for state, _ in parts], strict=True)
        return [_join(layer) for layer in layers], [numbers for _, numbers in parts]

    def _windows(self) -> list[np.ndarray]:
        """Return the next windows, uint16 (any + 1, lanes)."""
        # Lengths come from seed and update number, so there is no random state to save.
        lengths = np.random.default_rng((self.config.seed, self.updates))
        low, high = 1 - self.config.jitter, 1 + self.config.jitter
        windows = []
        for _ in range(self.config.accumulate):
            steps = max(1, round(self.config.steps * lengths.uniform(low, high)))
            windows.append(self.feed.read(steps))
        return windows

    def _tensors(self, windows: list[np.ndarray]) -> list[Tensor]:
        columns = (torch.from_numpy(window.astype(np.int64)) for window in windows)
        return [column.to(self.config.device) for column in columns]

    def _learn(self, windows: list[Tensor], symbols: int) -> float:
        """Leave the gradients of the mean loss in the parameters; return it in nats per symbol."""
        if self.group.size > 1 and self.config.threads == 1:
            nats = self._learn_wrapped(windows, symbols)
        else:
            results = self.workers.map(
                lambda part: part.learn(self.network, self.parameters, windows, symbols), self.parts
            )
            nats = sum(float(nats) for nats, _ in results)
            gradients = [_sum([g[i] for _, g in results]) for i in range(len(self.parameters))]
            for parameter, gradient in zip(self.parameters, self.group.sum(gradients), strict=True):
                parameter.grad = gradient
        # On the CPU, before anything waits for a GPU, which might itself wait for a lost process.
        (total,) = self.group.sum([torch.tensor(nats, dtype=torch.float64)])
        return float(total)

    def _learn_wrapped(self, windows: list[Tensor], symbols: int) -> float:
        if self.wrapped is None:
            self.wrapped = self.group.wrap(_Whole(self.network))
        nats, (part,) = 0.0, self.parts
        for window in windows:
            with self.group.exchanging():
                loss, penalty = self.wrapped(part, window[:, part.lanes])
                nats += float(loss.detach()) / symbols
                # DistributedDataParallel averages over the processes; the sum is wanted.
                ((loss + penalty) * (self.group.size / symbols)).backward()
        return nats

    def _step(self) -> float:
        rate = self.config.schedule.rate(self.done)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.optimiser.zero_grad()
        return rate


class _Part:
    """The lanes of one thread: their state and the random numbers of their dropout."""

    def __init__(
        self,
        config: TrainConfig,
        index: int,
        lanes: slice,
        network: Trainable,
        teacher: Teacher | None,
    ) -> None:
        self.config, self.index, self.lanes, self.teacher = config, index, lanes, teacher
        count = lanes.stop - lanes.start
        self.state = network.start(count)  # the network's layers, then the teacher's
        self._layers = len(self.state)
        if teacher is not None:
            self.state += teacher.network.start(count)
        self.generator = torch.Generator(config.device).manual_seed(config.seed * 1000 + index)

    def learn(
        self, network: Trainable, parameters: list[Tensor], windows: list[Tensor], symbols: int
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return this part's share of the mean loss (nats per symbol) and of its gradients."""
        nats, gradients = torch.zeros(()), None
        for window in windows:
            loss, penalty = self.loss(network, window[:, self.lanes])
            loss = loss / symbols
            new = torch.autograd.grad(loss + penalty / symbols, parameters)
            gradients = new if gradients is None else tuple(map(torch.add, gradients, new))
            nats = nats + loss.detach().cpu()
        assert gradients is not None
        return nats, gradients

    def loss(self, network: Trainable, window: Tensor) -> tuple[Tensor, Tensor | float]:
        """Return the cross-entropy (nats) of the window, summed over symbols, and the rest.

        The rest are penalties, and the difference that a teacher makes.
        """
        with torch.autocast(window.device.type, torch.bfloat16, enabled=self.config.bfloat16):
            own, others = self.state[: self._layers], self.state[self._layers :]
            raw, dropped, own = network.outputs(window[:-1], own, self.generator)
            logits = network.logits(dropped).float()
            loss = F.cross_entropy(logits.flatten(0, 1), window[1:].flatten(), reduction="sum")
            wishes = self.config.regularisation
            extra = penalty(wishes, raw, dropped) if wishes.penalises else 0.0
            if self.teacher is not None:
                taught, others = self.teacher.loss(window[:-1], others, logits)
                extra = extra + self.config.distillation.teacher_share * (taught - loss)
        self.state = tuple(layer.detach() for layer in own) + others
        return loss, extra


class _Whole(nn.Module):
    """A part's loss as a module, which DistributedDataParallel can wrap."""

    def __init__(self, network: Trainable) -> None:
        super().__init__()
        self.network = network

    def forward(self, part: _Part, window: Tensor) -> tuple[Tensor, Tensor | float]:
        return part.loss(self.network, window)


def _network(config: TrainConfig) -> Trainable:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = new_network(config.network, config.dropout, config.regularisation)
        return network.to(config.device)


def _sum(gradients: list[Tensor]) -> Tensor:
    # In the order of the parts, not of the threads' ends, so that the result is always the same.
    total = gradients[0]
    for gradient in gradients[1:]:
        total = total + gradient
    return total


def _join(layers: tuple[LayerState, ...]) -> dict[str, Tensor | None]:
    memories = [layer.memory for layer in layers if layer.memory is not None]
    return {
        "h": torch.cat([layer.h for layer in layers]),
        "c": torch.cat([layer.c for layer in layers]),
        "memory": torch.cat(memories) if memories else None,
    }


def _cut(layer: dict[str, Tensor | None], lanes: slice, device: str) -> LayerState:
    cut = {k: None if whole is None else whole[lanes].to(device) for k, whole in layer.items()}
    assert cut["h"] is not None
    assert cut["c"] is not None
    return LayerState(cut["h"], cut["c"], cut["memory"])
