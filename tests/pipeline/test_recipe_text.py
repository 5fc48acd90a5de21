"""The recipe as YAML with comments: it reads back as it was, and nothing is undescribed."""

from typing import Any

import pytest
import yaml
from pydantic import BaseModel, Field

from tag2mask.pipeline.labeling.recipe import Recipe, read_recipe
from tag2mask.pipeline.recipe_file import read_recipe_file
from tag2mask.pipeline.recipe_text import commented_yaml


class Inner(BaseModel):
    """Settings of a part.

    More about them.
    """

    rate: float = Field(1e-5, description="Learning rate.")


class Outer(BaseModel):
    """Values that YAML could read as something else."""

    inner: Inner = Inner()
    absent: Inner | None = Field(None, description="A part, or none.")
    word: str = Field("none", description="A word.")
    texts: dict[str, Any] = Field(
        {"a": "null", "b": "1e5", "c": "no", "d": "2026-11-28", "e": "x: y # z", "f": "ü\n"},
        description="Texts " + "that are described at length " * 6,
    )
    empty: str = Field("", description="No text.")
    yes: str = Field("yes", description="A word that YAML takes for true.")
    pair: tuple[float, float] = Field((0.5, 1e16), description="Two numbers.")


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("affinity=null", "split=null", "augmentation=[]", "segmenter=pspnet"),
        ("seeds.scorer=cam", "seeds.settings.size=200", "tagger.training.learning_rate=1e-7"),
    ],
)
def test_a_recipe_reads_back_as_it_was(tmp_path, changes):
    recipe = read_recipe(None, changes)
    path = tmp_path / "recipe.yaml"
    path.write_text(commented_yaml(recipe), encoding="utf-8")
    assert read_recipe(str(path)) == recipe
    assert read_recipe_file(str(path)) == recipe.model_dump(mode="json")


def test_values_that_look_like_others_read_back(tmp_path):
    path = tmp_path / "outer.yaml"
    path.write_text(commented_yaml(Outer()), encoding="utf-8")
    assert read_recipe_file(str(path)) == Outer().model_dump(mode="json")


def test_descriptions_stand_above_their_fields():
    lines = commented_yaml(Outer()).splitlines()
    assert lines[1:5] == ["# Settings of a part.", "inner:", "  # Learning rate.", "  rate: 1e-05"]
    assert lines[lines.index("absent: null") - 1] == "# A part, or none."
    assert max(map(len, lines)) <= 100


def test_every_field_of_the_recipe_has_a_comment_above_it():
    lines = [line for line in commented_yaml(Recipe()).splitlines() if line]
    fields = [index for index, line in enumerate(lines) if not line.lstrip().startswith("#")]
    assert len(fields) > 80
    assert [lines[i] for i in fields if not lines[i - 1].lstrip().startswith("#")] == []
    seeds = yaml.safe_load("\n".join(lines))["seeds"]
    assert (seeds["scorer"], seeds["crf_method"]) == ("dcsm", "numba")
