"""Models are found by name, id and path, in the user's folder and among those that ship."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from random_models import CONFIGS, random_model

from shazip.errors import ModelError
from shazip.model import file as modelfile
from shazip.model import store as modelstore

MODEL = random_model(1, CONFIGS["plain"])
OTHER = random_model(2, CONFIGS["plain"])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The user's folder of models, with one of each layout; nothing ships, nothing is here."""
    store = tmp_path / "store"
    (store / "mine").mkdir(parents=True)
    modelfile.save(MODEL, store / "mine" / "mine.safetensors")
    modelfile.save(OTHER, store / "other.safetensors")
    monkeypatch.setenv("SHAZIP_MODELS", str(store))
    monkeypatch.setattr(modelstore, "shipped_folder", lambda: tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    return store


def test_installed_models_are_listed_with_their_ids(folder):
    found = [(m.name, m.id, m.path.parent.name) for m in modelstore.installed()]
    assert found == [("mine", MODEL.id, "mine"), ("other", OTHER.id, "store")]


@pytest.mark.parametrize("wanted", ["mine", MODEL.id.hex(), "store/mine/mine.safetensors"])
def test_a_model_is_found_by_name_id_and_path(wanted):
    assert modelstore.find(wanted).id == MODEL.id


def test_a_path_object_is_a_file_not_a_name(folder):
    assert modelstore.find(folder / "other.safetensors").id == OTHER.id
    with pytest.raises(FileNotFoundError):
        modelstore.find(Path("mine"))


def test_a_model_is_found_by_the_id_of_an_archive():
    assert modelstore.find_id(OTHER.id).id == OTHER.id


def test_an_unknown_id_is_named_beside_those_present_and_the_way_out(folder):
    with pytest.raises(ModelError) as error:
        modelstore.find_id(bytes(16))
    assert "00" * 16 in str(error.value)
    assert f"mine ({MODEL.id.hex()})" in str(error.value)
    assert f"other ({OTHER.id.hex()})" in str(error.value)
    assert f"shazip models --install FILE, which puts it into {folder}" in str(error.value)


def test_an_unknown_name_is_named_beside_those_present():
    with pytest.raises(ModelError, match="no model is called 'big'; present: mine, other"):
        modelstore.find("big")


def test_a_missing_path_is_an_oserror():
    with pytest.raises(FileNotFoundError):
        modelstore.find("store/none.safetensors")


def test_without_a_default_model_the_folders_are_named(folder):
    with pytest.raises(ModelError, match=r"no default model is installed in .*store or .*shipped"):
        modelstore.default()


def test_the_default_model_is_the_first_of_the_defaults_that_ships(tmp_path):
    (tmp_path / "shipped").mkdir()
    modelfile.save(MODEL, tmp_path / "shipped" / "tiny.safetensors")
    assert modelstore.default().id == MODEL.id
    modelfile.save(OTHER, tmp_path / "shipped" / "wikipedia.safetensors")
    assert modelstore.default().id == OTHER.id


def test_a_file_of_the_user_does_not_become_the_default_by_its_name(folder):
    modelfile.save(MODEL, folder / "wikipedia.safetensors")
    with pytest.raises(ModelError, match="no default model"):
        modelstore.default()


def test_the_user_chooses_the_default(folder):
    (folder / "default").write_text(f"{OTHER.id.hex()}\n")
    assert modelstore.default().id == OTHER.id
    (folder / "other.safetensors").unlink()
    with pytest.raises(ModelError, match="is not installed; choose another"):
        modelstore.default()
    (folder / "default").write_text("other")
    with pytest.raises(ModelError, match="default holds no model id"):
        modelstore.default()


def test_files_that_are_no_models_are_left_out(folder):
    (folder / "broken.safetensors").write_bytes(b"junk")
    (folder / "empty.safetensors").write_bytes(b"")
    (folder / "notes.txt").write_text("x")
    (folder / "nothing").mkdir()
    (folder / "link.safetensors").symlink_to(folder / "nowhere")
    assert [m.name for m in modelstore.installed()] == ["mine", "other"]


def test_a_file_that_lies_about_its_id_is_refused_when_loaded(folder):
    packed = modelfile.pack(MODEL).replace(MODEL.id.hex().encode(), b"00" * 16)
    (folder / "liar.safetensors").write_bytes(packed)
    with pytest.raises(ModelError, match="its id says"):
        modelstore.find_id(bytes(16))


def test_missing_folders_hold_no_models(monkeypatch, tmp_path):
    monkeypatch.setenv("SHAZIP_MODELS", str(tmp_path / "none"))
    assert modelstore.installed() == []


@pytest.mark.skipif(sys.platform != "linux", reason="the folder is the platform's own")
def test_the_users_folder_follows_the_platform(monkeypatch, tmp_path):
    monkeypatch.delenv("SHAZIP_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert modelstore.user_folder() == tmp_path / "shazip" / "models"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert modelstore.user_folder() == tmp_path / ".local" / "share" / "shazip" / "models"


def test_the_tiny_model_ships(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("SHAZIP_MODELS", "/nowhere")
    model = modelstore.find("tiny")
    assert model.name == "tiny"
    path = modelstore.find_path("tiny")
    assert path.stat().st_size < 200_000
    assert (path.parent / "README.md").is_file()


def test_every_shipped_model_loads(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("SHAZIP_MODELS", "/nowhere")
    for model in modelstore.installed():
        assert modelfile.load(model.path).id == model.id
