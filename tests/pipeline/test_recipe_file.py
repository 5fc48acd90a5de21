"""Recipe files in JSON, YAML and TOML: the same settings, and one sentence for what is wrong."""

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import Recipe, read_recipe
from tag2mask.pipeline.recipe_file import read_recipe_file
from tag2mask.pipeline.systems.recipe import read_system_recipe

SAME = {
    "recipe.json": '{"seed": 5, "seeds": {"crf": "toco"}, "augmentation": [0.5]}',
    "recipe.yaml": "seed: 5  # a comment\nseeds:\n  crf: toco\naugmentation: [0.5]\n",
    "recipe.yml": "seed: 5\nseeds: {crf: toco}\naugmentation:\n- 0.5\n",
    "recipe.toml": 'seed = 5\naugmentation = [0.5]\n[seeds]\ncrf = "toco"\n',
    "RECIPE.YAML": "seed: 5\nseeds: {crf: toco}\naugmentation: [0.5]\n",
}


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def complaint(path):
    with pytest.raises(UserError) as caught:
        read_recipe(path)
    text = str(caught.value)
    assert "\n" not in text
    assert path in text
    return text


@pytest.mark.parametrize("name", SAME)
def test_every_format_gives_the_same_recipe(tmp_path, name):
    recipe = read_recipe(write(tmp_path, name, SAME[name]))
    assert (recipe.seed, recipe.seeds.crf, recipe.augmentation) == (5, "toco", (0.5,))
    assert recipe.tagger == Recipe().tagger


def test_systems_read_the_same_formats(tmp_path):
    path = write(tmp_path, "recipe.yaml", "training: {steps: 7, seed: 3}\n")
    recipe = read_system_recipe("dcgan", path, ["training.steps=8"])
    assert (recipe.training.steps, recipe.training.seed) == (8, 3)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("recipe.json", '{\n"seed": 1,\n"shards" 2}', 3),
        ("recipe.yaml", "seed: 1\nshards: 2\nseeds: {crf: toco\n", 4),
        ("recipe.yaml", "seed: 1\nsplit: \x01\n", 2),
        ("recipe.yaml", "seed: 1\n---\nseed: 2\n", 2),
        ("recipe.yaml", "seed: !!python/object:os.system 1\n", 1),
        ("recipe.toml", "seed = 1\n\nshards == 2\n", 3),
        ("recipe.toml", "seed = 1\n[seeds", 2),
    ],
)
def test_wrong_syntax_names_the_line(tmp_path, name, text, line):
    assert f": line {line}: " in complaint(write(tmp_path, name, text))


@pytest.mark.parametrize(
    ("name", "text"),
    [("recipe.json", "[1]"), ("recipe.json", "null"), ("recipe.yaml", "- 1\n"), ("r.yml", "word")],
)
def test_something_other_than_settings(tmp_path, name, text):
    assert "settings by name" in complaint(write(tmp_path, name, text))


@pytest.mark.parametrize("name", ["recipe", "recipe.ini", "recipe.json.bak"])
def test_an_unknown_extension(tmp_path, name):
    assert ".json, .yaml, .yml, .toml" in complaint(write(tmp_path, name, "{}"))


def test_a_file_that_cannot_be_read(tmp_path):
    assert "cannot read" in complaint(str(tmp_path / "absent.yaml"))
    path = tmp_path / "recipe.toml"
    path.write_bytes(b"split = '\xff'")
    assert "cannot read" in complaint(str(path))


def test_yaml_numbers_and_dates_are_those_of_json(tmp_path):
    text = "a: 1e-4\nb: 5e3\nc: -2.5E+2\nd: .5\ne: 2026-11-28\nf: none\ng: null\nh: e5\n"
    assert read_recipe_file(write(tmp_path, "recipe.yaml", text)) == {
        "a": 1e-4,
        "b": 5e3,
        "c": -250.0,
        "d": 0.5,
        "e": "2026-11-28",
        "f": "none",
        "g": None,
        "h": "e5",
    }


def test_empty_files_change_nothing(tmp_path):
    assert read_recipe(write(tmp_path, "recipe.yaml", "# nothing yet\n")) == Recipe()
    assert read_recipe(write(tmp_path, "recipe.toml", "")) == Recipe()


def test_a_byte_order_mark_is_skipped(tmp_path):
    assert read_recipe(write(tmp_path, "recipe.json", '\ufeff{"seed": 4}')).seed == 4


def test_changes_are_laid_over_a_toml_file(tmp_path):
    path = write(tmp_path, "recipe.toml", "seed = 5\n[backbone]\noutput_stride = 8\n")
    recipe = read_recipe(path, ["backbone.output_stride=16"])
    assert (recipe.seed, recipe.backbone.output_stride) == (5, 16)
