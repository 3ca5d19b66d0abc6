"""`shazip sample`: the exact engine goes on with a text."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from cli_run import shazip
from random_models import CONFIGS, random_model

from shazip import engines
from shazip.model import file as modelfile
from shazip.sampling import drawn

NOTHING = np.empty(0, np.uint16)
ENGINE = engines.available()[0]


class Fixed:
    """A predictor that always finds `a` three times as likely as `b`, and nothing else likely."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def predict(self, live: int) -> np.ndarray:
        freqs = np.ones((live, 256), np.uint32)
        freqs[:, ord("a")] = 3 * (2**22 - 64) + 2
        freqs[:, ord("b")] = 2**22 - 64
        return freqs

    def update(self, column: np.ndarray) -> None:
        self.seen += column.tolist()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    model = random_model(3, CONFIGS["plain"])
    canary = engines.record_canary(engines._create(model, ENGINE, None, None))
    model = modelfile.build(model.config, model.tensors, metadata={"canary": canary})
    path = tmp_path_factory.mktemp("models") / "a.safetensors"
    modelfile.save(model, path)
    return path


@pytest.mark.parametrize(("temperature", "part"), [(1, 0.75), (0.5, 0.9), (2, 0.634)])
def test_temperature_sharpens_and_flattens(temperature, part):
    found = list(islice(drawn(Fixed(), NOTHING, temperature, 1), 4000))
    assert found.count(ord("a")) / 4000 == pytest.approx(part, abs=0.03)


def test_temperature_zero_takes_the_likeliest():
    assert bytes(islice(drawn(Fixed(), NOTHING, 0, 5), 9)) == b"aaaaaaaaa"


def test_the_predictor_sees_the_prompt_and_what_was_drawn():
    predictor = Fixed()
    found = list(islice(drawn(predictor, np.array([*b"xyz"], np.uint16), 1, 1), 5))
    assert predictor.seen == [*b"xyz", *found]


def test_equal_seeds_give_equal_bytes(path):
    wishes = ("sample", path, "--length", 60)
    first, again = (shazip(*wishes, "--prompt", "The ", "--seed", 4) for _ in range(2))
    other = shazip(*wishes, "--prompt", "The ", "--seed", 5)
    assert (first.code, len(first.out)) == (0, 60)
    assert first.out == again.out != other.out


def test_prompts_come_from_option_file_or_standard_input(path, tmp_path):
    (tmp_path / "prompt").write_bytes(b"The ")
    ways = (
        (("--prompt", "The "), b""),
        (("--prompt-file", tmp_path / "prompt"), b""),
        ((), b"The "),
        (("--prompt-file", "-"), b"The "),
    )
    found = {shazip("sample", path, "--length", 40, *flags, stdin=s).out for flags, s in ways}
    assert len(found) == 1


WRONG = {
    "two models": ("-m", "base"),
    "two prompts": ("--prompt", "a", "--prompt-file", "b"),
    "negative temperature": ("--temperature", "-1"),
}


@pytest.mark.parametrize("flags", WRONG.values(), ids=WRONG.keys())
def test_usage_errors_exit_with_2(path, flags):
    assert shazip("sample", path, *flags).code == 2
