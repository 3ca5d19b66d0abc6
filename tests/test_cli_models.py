"""Models on the command line: `shazip models`, `-m`, and archives whose model is not there."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_run import TEXT, files_in, shazip
from random_models import CONFIGS, random_model

from shazip import engines
from shazip.errors import ModelError
from shazip.model import file as modelfile
from shazip.model import store as modelstore
from shazip.model.config import NetworkConfig

ENGINE = engines.available()[0]


def installable(seed):
    """A small random model that prefers the bytes of TEXT, with its canary."""
    model = random_model(seed, CONFIGS["plain"])
    liked = np.isin(np.arange(256), np.frombuffer(TEXT, np.uint8))
    bias = np.where(liked, 1600, -1600).astype(np.int32)  # in steps of 1/256: 6.25 nats
    weight = model.tensors["output.weight"] // 8
    changed = {"output.bias": bias, "output.weight": weight}
    model = modelfile.build(model.config, {**model.tensors, **changed})
    engine = engines._create(model, ENGINE, None, None)
    return replace(model, metadata={"canary": engines.record_canary(engine)})


@pytest.fixture(scope="module")
def made():
    """Two models."""
    return {"wikipedia": installable(1), "other": installable(2)}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, made):
    """A current directory with the file `a`; `wikipedia` ships, `other` is the user's own."""
    store, shipped = tmp_path / "store", tmp_path / "shipped"
    for folder, name in ((shipped, "wikipedia"), (store, "other")):
        folder.mkdir()
        modelfile.save(made[name], folder / f"{name}.safetensors")
    work = tmp_path / "work"
    work.mkdir()
    (work / "a").write_bytes(TEXT)
    monkeypatch.chdir(work)
    monkeypatch.setenv("SHAZIP_MODELS", str(store))
    monkeypatch.setattr(modelstore, "shipped_folder", lambda: shipped)
    return work


@pytest.fixture
def mixing(monkeypatch):
    """Mixing that holds its own; its tests are elsewhere."""
    monkeypatch.setattr("shazip.engines.mixing.check_canary", lambda symbols, contexts: None)


def compress(*arguments, **keywords):
    return shazip("compress", "--no-mix", *arguments, **keywords)


def test_models_lists_what_is_installed(folder, made):
    code, out, err = shazip("models")
    titles, first, second = (line.split() for line in out.decode().splitlines())
    assert (code, err) == (0, "")
    assert titles == ["name", "id", "parameters", "bpb", "path"]
    path = str(folder.parent / "shipped" / "wikipedia.safetensors")
    size = str(CONFIGS["plain"].parameters)
    assert first[0] == "other"
    assert second == ["*", "wikipedia", made["wikipedia"].id.hex(), size, "-", path]


def test_models_lists_those_that_are_named(folder, made):
    path = folder / "mine.safetensors"
    record = {**made["other"].metadata, "training": {"bpb": 1.23456}}
    modelfile.save(replace(made["other"], metadata=record), path)
    code, out, err = shazip("models", "other", path, "missing")
    assert code == 1
    assert err == "shazip: missing: no model is called 'missing'; present: other, wikipedia\n"
    assert [line.split()[0] for line in out.decode().splitlines()] == ["name", "other", "mine"]
    assert out.decode().split()[-2:] == ["1.235", str(path)]


def test_models_checks_an_engine(mixing):
    code, out, err = shazip("models", "--check", "--engine", ENGINE, "wikipedia", "other")
    assert (code, err) == (0, "")
    wanted = [f"{name}: exact with the {ENGINE} engine" for name in ("wikipedia", "other")]
    assert out.decode().splitlines() == [*wanted, "context mixing: exact, version 6"]


def test_models_checks_mixing(monkeypatch):
    def refuse(symbols, contexts):
        raise ModelError("mixing gives other frequencies")

    monkeypatch.setattr("shazip.engines.mixing.check_canary", refuse)
    code, out, err = shazip("models", "--check", "--engine", ENGINE, "wikipedia")
    assert (code, err) == (1, "shazip: context mixing: mixing gives other frequencies\n")
    assert out.decode() == f"wikipedia: exact with the {ENGINE} engine\n"


def test_an_engine_that_is_not_exact_is_refused(folder, made, mixing):
    wrong = {"canary": {"short": "0" * 64, "long": "0" * 64}}
    modelfile.save(replace(made["wikipedia"], metadata=wrong), folder / "wrong.safetensors")
    code, out, err = shazip("models", "--check", "wrong.safetensors")
    assert (code, out) == (1, b"context mixing: exact, version 6\n")
    assert "computes other frequencies" in err
    code, out, err = compress("-m", "wrong.safetensors", "a")
    assert (code, out) == (1, b"")
    assert "computes other frequencies" in err
    assert files_in(folder) == ["a", "wrong.safetensors"]


def test_without_models_there_is_one_line(folder, monkeypatch):
    monkeypatch.setenv("SHAZIP_MODELS", str(folder / "nowhere"))
    monkeypatch.setattr(modelstore, "shipped_folder", lambda: folder / "nowhere")
    for arguments in (["models"], ["compress", "--no-mix", "a", "a"]):
        code, out, err = shazip(*arguments)
        assert (code, out, err.count("\n")) == (1, b"", 1)
        assert "installed" in err
    assert files_in(folder) == ["a"]


def test_the_parameters_of_the_papers_model():
    paper = NetworkConfig(1024, 4096, 4, (2,), 5000, 1)
    assert paper.parameters // 10**5 == 517
    assert replace(paper, attention=(0, 1, 2, 3)).parameters // 10**5 == 548


@pytest.mark.parametrize("flags", [[], ["-m", "other"]])
def test_the_model_is_recorded_and_found_again(folder, made, flags):
    assert compress(*flags, "a") == (0, b"", "")
    assert json.loads(shazip("info", "--json", "a.shz").out)["stored_blocks"] == 0
    model = made["other" if flags else "wikipedia"]
    assert model.id.hex() in shazip("info", "-v", "a.shz").out.decode()
    assert shazip("decompress", "-c", "a.shz") == (0, TEXT, "")
    assert shazip("decompress", "-m", "wikipedia", "-c", "a.shz") == (0, TEXT, "")


def test_rm_works_with_a_real_engine(folder):
    assert compress("--rm", "a") == (0, b"", "")
    assert files_in(folder) == ["a.shz"]


def test_an_archive_names_the_model_that_is_missing_and_those_present(folder, made):
    compress("-m", "other", "a")
    elsewhere = (folder.parent / "store" / "other.safetensors").rename(folder / "x.safetensors")
    code, out, err = shazip("test", "a.shz")
    assert (code, out) == (1, b"")
    assert f"no model {made['other'].id.hex()} is installed" in err
    assert f"wikipedia ({made['wikipedia'].id.hex()})" in err
    assert shazip("test", "-m", elsewhere, "a.shz") == (0, b"", "")


def test_a_model_that_is_not_there_ends_the_run_with_one_line(folder):
    code, out, err = compress("-m", "missing", "a", "a")
    assert (code, out) == (1, b"")
    assert err == "shazip: no model is called 'missing'; present: other, wikipedia\n"
    assert files_in(folder) == ["a"]


def test_a_file_that_is_no_model_is_refused(folder):
    code, out, err = compress("-m", "./a", "a")
    assert (code, out, err.count("\n")) == (1, b"", 1)
    assert "not a model file" in err


def test_an_engine_that_cannot_run_there_is_refused_in_one_line(folder):
    code, out, err = compress("--engine", "native", "--device", "cuda", "a")
    assert (code, out, err.count("\n")) == (1, b"", 1)
    assert "native" in err
    assert files_in(folder) == ["a"]


# A home for models


def test_a_model_is_installed_chosen_used_and_removed(folder, made):
    mine = replace(installable(3), name="mine")
    modelfile.save(mine, folder / "mine.safetensors")
    target = folder.parent / "store" / "mine.safetensors"
    assert shazip("models", "--install", "mine.safetensors", "--default", "mine") == (
        *(0, f"mine: installed, {target}\nmine: the default\n".encode(), ""),
    )
    (folder / "mine.safetensors").unlink()
    assert [line[0] for line in shazip("models").out.decode().splitlines()] == [" ", "*", " ", " "]
    assert compress("a") == (0, b"", "")
    assert mine.id.hex() in shazip("info", "-v", "a.shz").out.decode()
    assert shazip("models", "--remove", "mine").out.decode() == f"mine: removed, {target}\n"
    assert compress("-f", "a") == (0, b"", "")
    assert made["wikipedia"].id.hex() in shazip("info", "-v", "a.shz").out.decode()


def test_installing_again_or_under_another_name_is_no_mistake(folder):
    source = folder.parent / "store" / "other.safetensors"
    assert shazip("models", "--install", source).code == 0
    assert shazip("models", "--install", source, "--name", "second").code == 0
    assert files_in(source.parent) == ["other.safetensors", "second.safetensors"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--install", "a"], "a: not a model file"),
        (["--install", "missing"], "missing: No such file or directory"),
        (["--install", "new", "--name", "wikipedia"], "another model is called 'wikipedia': "),
        (["--install", "new", "--name", "../x"], "'../x' is not a model's name"),
        (["--install", "inexact"], "computes other frequencies"),
        (["--remove", "wikipedia"], "'wikipedia' ships with shazip and cannot be removed: "),
        (["--remove", "none"], "no model is called 'none'; present: other, wikipedia"),
        (["--default", "none"], "no model is called 'none'; present: other, wikipedia"),
    ],
)
def test_what_has_no_place_there_is_refused_in_one_line(folder, made, arguments, message):
    modelfile.save(installable(3), folder / "new")
    wrong = {"canary": {"short": "0" * 64, "long": "0" * 64}}
    modelfile.save(replace(made["wikipedia"], metadata=wrong), folder / "inexact")
    code, out, err = shazip("models", *arguments)
    assert (code, out, err.count("\n")) == (1, b"", 1)
    assert message in err
    assert files_in(folder.parent / "store") == ["other.safetensors"]


def test_help_names_the_folder(monkeypatch):
    assert b"Your models are in " in shazip("models", "--help").out


def test_an_archive_whose_model_is_missing_names_the_command_that_helps(folder, made):
    compress("-m", "other", "a")
    (folder.parent / "store" / "other.safetensors").rename(folder / "saved")
    err = shazip("test", "a.shz").err
    assert f"shazip models --install FILE, which puts it into {folder.parent / 'store'}" in err
    assert "the model given is" not in err
    assert (
        f"the model given is {made['wikipedia'].id.hex()}"
        in shazip("test", "-m", "wikipedia", "a.shz").err
    )
    assert shazip("models", "--install", "saved", "--name", "other").code == 0
    assert shazip("test", "a.shz") == (0, b"", "")


def test_json_has_an_object_for_each_model(made):
    records = list(map(json.loads, shazip("models", "--json").out.splitlines()))
    assert {record["name"]: record["id"] for record in records} == {
        name: model.id.hex() for name, model in made.items()
    }
    assert [record["name"] for record in records if record["default"]] == ["wikipedia"]
    assert all(Path(record["path"]).exists() for record in records)
    assert records[0]["parameters"] == made["wikipedia"].config.parameters


@pytest.mark.parametrize("bpb", [10**400, -1, float("inf"), "x" * 100, None])
def test_a_record_of_any_number_leaves_the_list_whole(bpb):
    from shazip.model.record import recorded_bpb

    assert recorded_bpb({"training": {"bpb": bpb}}) is None
