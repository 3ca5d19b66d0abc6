"""Model files: what is written is read again, and nothing else is let in."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from random_models import CONFIGS, KINDS, random_model
from safetensors.numpy import save_file

from shazip.errors import ModelError
from shazip.model import file as modelfile
from shazip.model.arithmetic import LIMITS, Sizes, layout
from shazip.model.config import NetworkConfig

CONFIG = CONFIGS["plain"]
MODEL = random_model(3, CONFIG)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def write(path: Path, tensors=None, **changes) -> None:
    document = {"arithmetic": 2, "config": asdict(CONFIG), "id": MODEL.id.hex(), "name": "x"}
    save_file(dict(tensors or MODEL.tensors), path, {"shazip": json.dumps(document | changes)})


def changed(name: str, value: np.ndarray) -> dict[str, np.ndarray]:
    return {**MODEL.tensors, name: value}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CONFIGS)
def test_a_saved_model_loads_again(path, name, kind):
    model = random_model(1, CONFIGS[name], kind)
    modelfile.save(model, path)
    again = modelfile.load(path)
    assert (again.config, again.id, again.name) == (model.config, model.id, model.name)
    assert all(np.array_equal(again.tensors[key], model.tensors[key]) for key in model.tensors)


def test_equal_models_give_equal_bytes():
    assert modelfile.pack(random_model(3, CONFIG)) == modelfile.pack(MODEL)


def test_metadata_is_read_without_tensors(path):
    model = modelfile.build(CONFIG, MODEL.tensors, name="n", metadata={"training": {"bpb": 2.5}})
    modelfile.save(model, path)
    found = modelfile.read_metadata(path)
    assert (found["id"], found["name"], found["training"]) == (model.id.hex(), "n", {"bpb": 2.5})
    assert modelfile.load(path).metadata == {"training": {"bpb": 2.5}}


def test_the_id_depends_on_every_tensor():
    ids = {MODEL.id}
    for name, values in MODEL.tensors.items():
        if values.size and not name.startswith("table.exp"):
            other = values.copy()
            other.flat[0] -= np.sign(other.flat[0]) or -1
            ids.add(modelfile.model_id(CONFIG, changed(name, other)))
    assert len(ids) == len([v for v in MODEL.tensors.values() if v.size]) - 1


def test_the_id_depends_on_the_configuration():
    assert modelfile.model_id(replace(CONFIG, window=17), MODEL.tensors) != MODEL.id


def test_the_id_does_not_depend_on_the_name():
    assert modelfile.build(CONFIG, MODEL.tensors, name="other").id == MODEL.id


def test_tensors_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        MODEL.tensors["start.symbol"][0] = 1


def test_a_missing_file_is_an_oserror(path):
    with pytest.raises(FileNotFoundError):
        modelfile.load(path)


def test_truncations_are_refused(path):
    packed = modelfile.pack(MODEL)
    for size in [*range(0, 600, 7), len(packed) // 2, len(packed) - 1]:
        path.write_bytes(packed[:size])
        with pytest.raises(ModelError, match=r"model\.safetensors"):
            modelfile.load(path)


@pytest.mark.parametrize("content", [pickle.dumps({"a": 1}), b"PK\3\4" + bytes(99), b"\xff" * 99])
def test_other_files_are_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a model file"):
        modelfile.load(path)
    with pytest.raises(ModelError, match="not a model file"):
        modelfile.read_metadata(path)


def test_a_foreign_safetensors_file_is_refused(path):
    save_file({"a": np.zeros(3)}, path)
    with pytest.raises(ModelError, match="without shazip's metadata"):
        modelfile.load(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "NaN", "[" * 100000, '{"arithmetic": 1e999}'])
def test_broken_metadata_is_refused(path, text):
    save_file(dict(MODEL.tensors), path, {"shazip": text})
    with pytest.raises(ModelError):
        modelfile.load(path)


def test_another_arithmetic_version_is_refused(path):
    write(path, arithmetic=1)
    with pytest.raises(ModelError, match="arithmetic version 1, this is 2"):
        modelfile.load(path)


def test_contents_must_have_the_id_that_the_file_names(path):
    write(path, id="00" * 16)
    with pytest.raises(ModelError, match="its id says"):
        modelfile.load(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 10**400},
        {"width": 4097, "heads": 1, "boom_width": 4097},
        {"width": float("nan")},
        {"width": float("inf")},
        {"width": "32"},
        {"width": True},
        {"width": 0},
        {"width": -32},
        {"layers": 10**9},
        {"window": 10**9},
        {"window": None},
        {"boom_width": 65},
        {"heads": 3},
        {"vocabulary": 0},
        {"vocabulary": 300},
        {"vocabulary": 2048},
        {"vocabulary": "256"},
        {"vocabulary": [256]},
        {"vocabulary": 512},
        {"attention": [0, 0]},
        {"attention": [-1]},
        {"attention": [2]},
        {"attention": "0"},
        {"attention": [0.0]},
        {"attention": list(range(10**5))},
        {"extra": 1},
    ],
)
def test_impossible_configurations_are_refused(path, changes):
    write(path, config={**asdict(CONFIG), **changes})
    with pytest.raises(ModelError):
        modelfile.load(path)


@pytest.mark.parametrize("config", [None, [], {}, {"width": 32}])
def test_incomplete_configurations_are_refused(path, config):
    write(path, config=config)
    with pytest.raises(ModelError, match="must have the fields"):
        modelfile.load(path)


def test_each_missing_tensor_is_named(path):
    for name in MODEL.tensors:
        write(path, {key: value for key, value in MODEL.tensors.items() if key != name})
        with pytest.raises(ModelError, match=r"lacks the tensor"):
            modelfile.load(path)


def test_an_unknown_tensor_is_refused(path):
    write(path, changed("surprise", np.zeros(1)))
    with pytest.raises(ModelError, match="unknown tensor 'surprise'"):
        modelfile.load(path)


def test_each_wrong_shape_is_refused(path):
    for name, values in MODEL.tensors.items():
        write(path, changed(name, np.zeros((*values.shape, 1), values.dtype)))
        with pytest.raises(ModelError, match=r"must be|memory vectors"):
            modelfile.load(path)


def test_each_wrong_type_is_refused(path):
    for name, values in MODEL.tensors.items():
        write(path, changed(name, values.astype(np.float64)))
        with pytest.raises(ModelError, match="must be"):
            modelfile.load(path)


def test_too_much_start_memory_is_refused(path):
    write(path, changed("start.memory", np.zeros((1, CONFIG.window, CONFIG.width), np.int8)))
    with pytest.raises(ModelError, match="16 memory vectors, more than 15"):
        modelfile.load(path)


def test_each_value_out_of_range_is_refused():
    for name, field in layout(CONFIG, Sizes(MODEL.tensors["start.memory"].shape[1])).items():
        for value in (field.low - 1, field.high + 1):
            info = np.iinfo(field.dtype)
            if not info.min <= value <= info.max:
                continue
            values = MODEL.tensors[name].copy()
            values.flat[-1] = value
            with pytest.raises(ModelError, match=name):
                modelfile.build(CONFIG, changed(name, values))


@pytest.mark.parametrize("name", ["table.exp_score", "table.exp_logit"])
@pytest.mark.parametrize("index", [0, -1])
def test_exponentials_must_begin_and_end_as_the_step_expects(name, index):
    values = MODEL.tensors[name].copy()
    values[index] = 5
    with pytest.raises(ModelError, match="must begin with"):
        modelfile.build(CONFIG, changed(name, values))


def test_the_greatest_multipliers_load_and_no_greater():
    edge = random_model(0, CONFIG, "edge")
    sites = ("boom", "query", "value", "lstm_hidden", "lstm_input")
    names = [f"layers.{i}.{s}.multiplier" for i in (0, 1) for s in sites]
    for name in [*names, "output.multiplier", "output.activation_multiplier"]:
        if name in edge.tensors and np.abs(edge.tensors[name]).max() < 2**31 - 1:
            more = edge.tensors[name].astype(np.int64)
            more = (more + np.where(more < 0, -2, 2)).astype(np.int32)
            with pytest.raises(ModelError, match="more than"):
                modelfile.build(CONFIG, {**edge.tensors, name: more})


@pytest.mark.parametrize("size", [modelfile.MAX_HEADER_SIZE + 1, 72 << 20, 2**64 - 1])
def test_a_header_beyond_all_need_is_not_read(path, size):
    path.write_bytes(size.to_bytes(8, "little") + b'{"__metadata__":{}}')
    for read in (modelfile.load, modelfile.read_metadata):
        with pytest.raises(ModelError, match=f"its header has {size} bytes"):
            read(path)


def test_the_largest_network_fits_its_header(path):
    config = NetworkConfig(16, 16, LIMITS["layers"], tuple(range(LIMITS["layers"])), 16, 1)
    modelfile.save(random_model(1, config), path)
    assert int.from_bytes(path.read_bytes()[:8], "little") < modelfile.MAX_HEADER_SIZE // 8


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["fifo", "folder"])
def test_what_is_no_regular_file_is_refused_by_name(path, make):
    make(path)
    for read in (modelfile.load, modelfile.read_metadata):
        with pytest.raises(ModelError, match=r"model.safetensors: not a regular file"):
            read(path)


def test_a_loaded_model_does_not_need_its_file(path):
    modelfile.save(MODEL, path)
    loaded = modelfile.load(path)
    os.truncate(path, 100)  # a mapped file would end the process here
    assert modelfile.model_id(loaded.config, loaded.tensors) == MODEL.id
    with pytest.raises(ModelError, match="not a model file"):
        modelfile.load(path)
