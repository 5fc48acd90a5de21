"""Recipes: defaults, a file, single changes, and one clear sentence for what is wrong."""

import json
import sys

import pytest

from tag2mask.models.saliency import SCORERS
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import AffinitySettings, Recipe, read_recipe


def file(tmp_path, content):
    path = tmp_path / "recipe.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def complaint(path=None, changes=()):
    with pytest.raises(UserError) as caught:
        read_recipe(path, changes)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_nothing_is_the_default():
    assert read_recipe(None) == Recipe()


def test_every_setting_is_documented():
    """A person reads the recipe's schema to learn what can be set."""

    def undocumented(schema, definitions, place=""):
        for name, field in schema["properties"].items():
            target = field.get("$ref") or field.get("allOf", [{}])[0].get("$ref")
            inner = definitions.get(target.rsplit("/", 1)[-1]) if target else None
            if inner:
                yield from undocumented(inner, definitions, f"{place}{name}.")
            elif not field.get("description"):
                yield f"{place}{name}"

    schema = Recipe.model_json_schema()
    assert list(undocumented(schema, schema["$defs"])) == []


def test_a_file_is_laid_over_the_defaults(tmp_path):
    changed = {"seed": 5, "tagger": {"training": {"batch": 2}}, "augmentation": [0.5]}
    recipe = read_recipe(file(tmp_path, changed))
    default = Recipe()
    assert recipe.seed == 5
    assert recipe.augmentation == (0.5,)
    assert recipe.tagger.training.batch == 2
    # The tagger's own defaults, which are not those of every training, stay.
    assert recipe.tagger.training.steps == default.tagger.training.steps
    assert recipe.tagger.pooling == default.tagger.pooling
    assert recipe.segmenter == default.segmenter


def test_changes_are_laid_over_the_file(tmp_path):
    path = file(tmp_path, {"seed": 5, "shards": 3})
    recipe = read_recipe(path, ["seed=6", "relabel.scales=[0.5, 1]", "seeds.crf=toco"])
    assert (recipe.seed, recipe.shards) == (6, 3)
    assert recipe.relabel.scales == (0.5, 1)
    assert recipe.seeds.crf == "toco"


@pytest.mark.parametrize(
    ("change", "place", "value"),
    [
        ("backbone.pretrained=false", "backbone.pretrained", False),
        ("split=null", "split", None),
        ("split=dev", "split", "dev"),
        ('seeds.crf="none"', "seeds.crf", "none"),
        ("tagger.training.learning_rate=1e-3", "tagger.training.learning_rate", 1e-3),
        ("augmentation=[]", "augmentation", ()),
        ("select.simple_area=[0.1, 0.5]", "select.simple_area", (0.1, 0.5)),
    ],
)
def test_values_are_json_or_bare_words(change, place, value):
    found = read_recipe(None, [change])
    for level in place.split("."):
        found = getattr(found, level)
    assert found == value


def test_settings_of_a_scorer_are_replaced_as_a_whole():
    recipe = read_recipe(None, ["seeds.settings.scales=[1]"])
    assert recipe.seeds.settings == {"scales": [1]}


@pytest.mark.parametrize("scorer", SCORERS)
def test_another_scorer_does_not_get_the_settings_of_the_default(scorer):
    recipe = read_recipe(None, [f"seeds.scorer={scorer}"])
    expected = Recipe().seeds.settings if scorer == "dcsm" else {}
    assert recipe.seeds.settings == expected


def test_another_scorer_with_settings_of_its_own():
    recipe = read_recipe(None, ["seeds.scorer=cam", "seeds.settings.size=200"])
    assert recipe.seeds.settings == {"size": 200}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ("sed=1", ["'sed'", "seed", "shards"]),
        ("tagger.training.stepz=1", ["'tagger.training.stepz'", "steps"]),
        ("tagger.training.steps=many", ["'tagger.training.steps'"]),
        ("tagger.training.steps=0", ["'tagger.training.steps'"]),
        ("tagger.training.learning_rate=NaN", ["'tagger.training.learning_rate'"]),
        ("tagger.training.learning_rate=Infinity", ["'tagger.training.learning_rate'"]),
        ("tagger.training.scale=[2, 1]", ["'tagger.training.scale'", "smaller"]),
        ("tagger=5", ["'tagger'"]),
        ("affinity.confidence=1", ["'affinity.confidence'", "confident", "walk_log2_steps"]),
        ("backbone.name=vgg", ["'backbone.name'", "vgg16", "resnet50"]),
        ("backbone.name.first=1", ["'backbone.name'"]),
        ("seed.first=1", ["'seed'"]),
        ("seeds.crf=best", ["'seeds.crf'", "toco", "none"]),
        ("seeds.scorer=dscm", ["'seeds.scorer'", "dcsm"]),
        ("seeds.settings=5", ["'seeds.settings'"]),
        ("seeds.settings.canvs=5", ["'seeds.settings'", "dcsm", "canvs"]),
        ('seeds.settings.taps=["conv9"]', ["'seeds.settings'", "conv9"]),
        ("backbone.output_stride=7", ["'backbone'", "7"]),
        ("backbone.name=tiny", ["'backbone'", "tiny", "8"]),
        ("relabel.scales=[]", ["'relabel.scales'"]),
        ("relabel.scales=[0]", ["'relabel.scales.0'"]),
        ("augmentation=[1.5]", ["'augmentation.0'"]),
        ("select.simple_area=[0.1, 50]", ["'select.simple_area.1'"]),
        ("steps", ["key=value", "'steps'"]),
        ("=3", ["key=value"]),
    ],
)
def test_a_wrong_change_is_named(change, names):
    text = complaint(changes=[change])
    for name in names:
        assert name in text


def test_a_change_below_a_value_is_named():
    assert "'seed.first'" in complaint(changes=["seed=1", "seed.first=2"])


@pytest.mark.parametrize("content", ["{", "[]", "5", "\x00"])
def test_a_file_that_is_no_recipe(tmp_path, content):
    path = file(tmp_path, content)
    assert path in complaint(path)


def test_a_file_that_is_missing_or_no_text(tmp_path):
    assert "absent.json" in complaint(str(tmp_path / "absent.json"))
    assert str(tmp_path) in complaint(str(tmp_path))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert "binary" in complaint(str(tmp_path / "binary"))


def test_a_key_of_the_file_that_does_not_exist(tmp_path):
    assert "'relabel.sizes'" in complaint(file(tmp_path, {"relabel": {"sizes": 3}}))


def test_a_recipe_survives_json():
    recipe = read_recipe(None, ["seeds.settings.canvas=200", "relabel.scales=[0.5, 1]"])
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_the_digest_of_parts_follows_from_those_parts():
    default, other = Recipe(), read_recipe(None, ["relabel.size=200"])
    assert default.digest_of("seed", "tagger") == other.digest_of("seed", "tagger")
    assert default.digest_of("relabel") != other.digest_of("relabel")
    json.dumps(default.digest_of("seeds", "relabel", "select"))


def test_architectures_are_those_of_the_recipe():
    recipe = read_recipe(
        None, ["backbone.name=tiny", "backbone.output_stride=8", "segmenter.width=8"]
    )
    tagger, segmenter = recipe.tagger_architecture(3), recipe.segmenter_architecture(3)
    assert (tagger.kind, tagger.backbone, tagger.classes) == ("tagger", "tiny", 3)
    assert (segmenter.kind, segmenter.width, segmenter.output_stride) == ("segmenter", 8, 8)


def test_seeds_walk_unless_told_otherwise() -> None:
    assert read_recipe(None, ["affinity=null"]).affinity is None
    assert read_recipe(None).affinity == AffinitySettings()
    assert read_recipe(None, ["affinity.confident=0.5"]).affinity == AffinitySettings(confident=0.5)


def test_a_segmenter_can_be_given_by_its_name_alone() -> None:
    recipe = read_recipe(None, ["segmenter=pspnet"])
    assert recipe.segmenter == Recipe().segmenter.model_copy(update={"head": "pspnet"})
    with pytest.raises(UserError, match="pspnets"):
        read_recipe(None, ["segmenter=pspnets"])


@pytest.mark.parametrize(("old", "new"), [("fast", "numba"), ("reference", "pydensecrf")])
def test_old_names_of_crf_methods_are_accepted_with_a_warning(tmp_path, old, new) -> None:
    if new == "pydensecrf":
        pytest.importorskip("pydensecrf.densecrf")
    path = file(tmp_path, {"seeds": {"crf_method": old}})
    with pytest.warns(FutureWarning, match=f"{old}.*{new}"):
        recipe = read_recipe(path)
    assert recipe.seeds.crf_method == new
    assert recipe.relabel.crf_method == "numba"
    with pytest.warns(FutureWarning, match=new):  # as a stored recipe is opened
        assert Recipe.model_validate({"relabel": {"crf_method": old}}).relabel.crf_method == new


def test_an_unknown_crf_method_lists_those_of_today() -> None:
    assert "numba, pydensecrf, torch" in complaint(changes=["relabel.crf_method=opencv"])


def test_pydensecrf_without_its_package_names_the_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pydensecrf.densecrf", None)
    assert "tag2mask[pydensecrf]" in complaint(changes=["relabel.crf_method=pydensecrf"])
    assert read_recipe(None, ["seeds.crf_method=numba"]) == Recipe()


def test_a_font_changes_no_mask(tmp_path) -> None:
    from matplotlib import get_data_path

    font = f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf"
    recipe = read_recipe(None, [f"report.font={json.dumps(font)}"])
    assert recipe.report.font == font
    assert recipe != Recipe()
    assert recipe.makes_masks_of(Recipe())
    assert Recipe().makes_masks_of(recipe)
    assert not recipe.makes_masks_of(Recipe(seed=1))
    (tmp_path / "words.txt").write_text("no font")
    assert "report.font" in complaint(changes=[f"report.font={tmp_path}/words.txt"])
    assert "report.font" in complaint(changes=[f"report.font={tmp_path}/nothing.ttf"])
    # A stored recipe is opened on machines that lack the file.
    assert Recipe.model_validate({"report": {"font": "/nowhere.ttf"}}).report.font
