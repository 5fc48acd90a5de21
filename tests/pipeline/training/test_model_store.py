"""Stored models: weights and cards are loaded as saved, and damage is reported in a sentence."""

import json

import pytest
import torch

from tag2mask.models.factory import Architecture
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.training.model_files import CARD, WEIGHTS
from tag2mask.pipeline.training.model_store import (
    load_model,
    model_exists,
    read_card,
    save_model,
)
from tests.models.randomized import random_images, randomize

ARCHITECTURE = Architecture(
    kind="segmenter", backbone="tiny", output_stride=8, head="deeplab_v1", width=8, classes=2
)


@pytest.fixture
def uri(tmp_path):
    return f"{tmp_path}/models/initial"


def store(uri, key="the key"):
    model = randomize(ARCHITECTURE.build()).eval()
    save_model(
        uri,
        model,
        architecture=ARCHITECTURE,
        classes=ClassTable(names=("cat", "dog")),
        key=key,
        training={"steps": 3, "loss": 0.5},
    )
    return model


def test_round_trip(uri):
    model = store(uri)
    loaded, card = load_model(uri, "segmenter")
    images = random_images(1, 3, 32, 48)
    with torch.no_grad():
        torch.testing.assert_close(loaded(images), model(images), rtol=0, atol=1e-5)
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
    assert not loaded.training
    assert card == read_card(uri)
    assert card.classes.names == ("cat", "dog")
    assert card.training == {"steps": 3, "loss": 0.5}


def test_a_model_exists_by_its_key(uri):
    assert not model_exists(uri, "the key")
    store(uri)
    assert model_exists(uri, "the key")
    assert not model_exists(uri, "another key")


def test_the_same_weights_have_the_same_hash(tmp_path):
    cards = []
    for name in ("one", "two"):
        store(f"{tmp_path}/{name}")
        cards.append(read_card(f"{tmp_path}/{name}"))
    assert cards[0].weights == cards[1].weights


def test_it_works_on_an_object_store():
    store("memory://models/one")
    assert load_model("memory://models/one", "segmenter")[1].key == "the key"


def sentence(uri, kind="segmenter"):
    with pytest.raises(UserError) as caught:
        load_model(uri, kind)
    text = str(caught.value)
    assert uri in text
    assert "\n" not in text
    return text


def test_no_model(uri, tmp_path):
    assert "no model at" in sentence(uri)
    file = tmp_path / "file"
    file.write_text("no folder")
    assert "no model at" in sentence(str(file))


def test_the_wrong_kind(uri):
    store(uri)
    assert "a segmenter, not a tagger" in sentence(uri, "tagger")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "\xff"])
def test_a_damaged_card(uri, tmp_path, text):
    store(uri)
    (tmp_path / "models/initial" / CARD).write_bytes(text.encode("latin-1"))
    assert "damaged" in sentence(uri)
    assert not model_exists(uri, "the key")


@pytest.mark.parametrize(
    ("field", "value"), [("backbone", "vgg99"), ("head", "deeplab_v99"), ("output_stride", 5)]
)
def test_a_card_of_something_unknown(uri, tmp_path, field, value):
    store(uri)
    path = tmp_path / "models/initial" / CARD
    card = json.loads(path.read_text())
    card["architecture"][field] = value
    path.write_text(json.dumps(card))
    assert str(value) in sentence(uri)


def test_weights_are_missing(uri, tmp_path):
    store(uri)
    (tmp_path / "models/initial" / WEIGHTS).unlink()
    assert WEIGHTS in sentence(uri)


def test_weights_are_damaged(uri, tmp_path):
    store(uri)
    path = tmp_path / "models/initial" / WEIGHTS
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    assert "not those of the card" in sentence(uri)


def test_weights_of_another_architecture(uri, tmp_path):
    store(uri)
    path = tmp_path / "models/initial" / CARD
    card = json.loads(path.read_text())
    card["architecture"]["width"] = 16
    path.write_text(json.dumps(card))
    assert "cannot be loaded" in sentence(uri)
