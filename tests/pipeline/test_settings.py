"""Old names of settings: read as the new ones, never beside them, each of them named."""

import hashlib
import json
import logging

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from tag2mask.models.factory import Architecture
from tag2mask.models.settings import use_new_names
from tag2mask.models.system_factory import SystemArchitecture
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import Recipe, SeedSettings, complete_recipe
from tag2mask.pipeline.publication.publish import PublishSettings, colors_of, license_of
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.sources import DownloadSettings
from tag2mask.pipeline.systems.recipe import complete_system_recipe
from tag2mask.pipeline.training.model_store import load_model, save_model

OLD = {
    "trunk": {"name": "tiny", "output_stride": 8, "pretrained": False},
    "adaptive_share": 0.2,
    "seeds": {"contrast": 3.0, "pictures_per_class": 7, "scorer": "oquab", "settings": {}},
    "affinity": {"doublings": 5, "round_doublings": 2},
    "segmenter": {"training": {"passes": 2, "least": 10, "head_factor": 4.0}},
    "publish": {"licence": "cc0-1.0"},
    "download": {"seconds": 5.0, "tries": 2, "wait": 0.5, "stores": ["s3://bucket"]},
}


def assert_is_the_new_recipe(recipe: Recipe) -> None:
    assert (recipe.backbone.name, recipe.missing_tag_area) == ("tiny", 0.2)
    assert (recipe.seeds.score_power, recipe.seeds.images_per_class) == (3.0, 7)
    assert recipe.seeds.scorer == "global_max_pooling"
    assert recipe.affinity is not None
    assert (recipe.affinity.walk_log2_steps, recipe.affinity.round_walk_log2_steps) == (5, 2)
    training = recipe.segmenter.training
    assert (training.max_epochs, training.min_steps, training.head_lr_multiplier) == (2, 10, 4.0)
    assert recipe.publish == PublishSettings(license="cc0-1.0")
    assert recipe.download == DownloadSettings(
        timeout=5.0, retries=2, backoff=0.5, allowed_prefixes=("s3://bucket",)
    )


def test_a_stored_recipe_of_the_version_before():
    assert_is_the_new_recipe(Recipe.model_validate(OLD))


def test_a_user_is_warned_once_for_each_old_name(caplog):
    caplog.set_level(logging.WARNING, "tag2mask")  # Prefect may have set the root to ERROR
    assert_is_the_new_recipe(complete_recipe(OLD))
    said = [record.getMessage() for record in caplog.records if record.name == "tag2mask"]
    assert len(said) == 14
    assert any("seeds.contrast is now named seeds.score_power" in line for line in said)
    assert any("segmenter.training.passes is now named" in line for line in said)


def test_new_names_warn_of_nothing(caplog):
    caplog.set_level(logging.WARNING, "tag2mask")  # Prefect may have set the root to ERROR
    complete_recipe(Recipe.model_validate(OLD).model_dump(mode="json"))
    assert not caplog.records


def test_an_old_name_beside_the_new_one_is_refused():
    both = {"seeds": {"contrast": 3.0, "score_power": 4.0}}
    with pytest.raises(UserError, match="'contrast' is the old name of 'score_power'"):
        complete_recipe(both)
    with pytest.raises(ValidationError, match="give one of them"):
        SeedSettings.model_validate(both["seeds"])


def test_other_names_stay_unknown():
    current, used = use_new_names({"nonsense": 1, "seeds": {"kontrast": 2}}, Recipe)
    assert (current, used) == ({"nonsense": 1, "seeds": {"kontrast": 2}}, [])
    with pytest.raises(UserError, match="unknown setting 'nonsense'"):
        complete_recipe({"nonsense": 1})


def test_old_names_of_models():
    card = {"kind": "tagger", "trunk": "tiny", "output_stride": 8, "head": "log_sum_exp"}
    assert Architecture.model_validate({**card, "classes": 2}).backbone == "tiny"
    for old, new in (("colourisation", "colorization"), ("confined_gatys", "masked_gatys")):
        built = SystemArchitecture(name=old, settings={"size": 16, "classes": 2}).build()
        assert type(built) is type(
            SystemArchitecture(name=new, settings={"size": 16, "classes": 2}).build()
        )


def test_old_names_and_values_of_systems(caplog):
    caplog.set_level(logging.WARNING, "tag2mask")  # Prefect may have set the root to ERROR
    old = {
        "system": {"generator_rate": 1e-3, "discriminator_rate": 2e-3, "augment": ["colour"]},
        "training": {"rate": 0.5},
    }
    recipe = complete_system_recipe("dcgan", old)
    system = recipe.system.model_dump()
    assert (system["generator_lr"], system["discriminator_lr"]) == (1e-3, 2e-3)
    assert system["augment"] == ("color",)
    assert recipe.training.learning_rate == 0.5
    assert len(caplog.records) == 3
    assert complete_system_recipe("colourisation", {}).task == "colorization"


def test_metadata_of_the_version_before():
    old = {"publish": {"licence": "cc0-1.0"}, "colours": {"cat": "#800000"}}
    new = {"publish": {"license": "cc0-1.0"}, "colors": {"cat": "#800000"}}
    for metadata in (old, new):
        assert license_of(metadata) == "cc0-1.0"
        assert colors_of(metadata) == {"cat": "#800000"}


def test_a_model_of_the_version_before_is_loaded(tmp_path):
    """Its card says ``trunk`` and its weights are named after it."""
    recipe = Recipe.model_validate({"trunk": OLD["trunk"]})
    architecture = recipe.segmenter_architecture(2)
    model = architecture.build()
    names = ClassTable(names=("cat", "dog"))
    uri = str(tmp_path / "model")
    save_model(uri, model, architecture=architecture, classes=names, key="k", training={})
    weights = load_file(tmp_path / "model/model.safetensors")
    old = {name.replace("backbone.", "trunk."): value for name, value in weights.items()}
    assert old.keys() != weights.keys()
    save_file(old, tmp_path / "model/model.safetensors")
    data = (tmp_path / "model/model.safetensors").read_bytes()
    card = json.loads((tmp_path / "model/model.json").read_text())
    card["architecture"]["trunk"] = card["architecture"].pop("backbone")
    card["weights"] = hashlib.sha256(data).hexdigest()
    (tmp_path / "model/model.json").write_text(json.dumps(card))
    loaded, _ = load_model(uri, "segmenter")
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
