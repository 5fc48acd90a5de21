"""The example of docs/scorers.md, end to end: from a path in the recipe to masks."""

import re
from pathlib import Path

import pytest
import torch

from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import read_recipe
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import decode_mask
from tests.pipeline.toys import SilentWatch, images_table, tiny_recipe

PAGE = Path(__file__).parents[2] / "docs/scorers.md"


@pytest.fixture(autouse=True)
def _normal_floats():
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The page's example as a module of its own."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    name = f"scorers_of_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_the_example_makes_the_seeds(module, tmp_path):
    recipe = tiny_recipe(f"seeds.scorer={module}:SegmentVotes", 'seeds.settings={"size": 64}')
    run = Run(str(tmp_path), recipe, LocalEngine(1), SilentWatch())
    images = images_table(tmp_path, 6)
    run.tagger(images)
    seed = run.seed(images)
    tags = {row["id"]: row["tags"] for row in images.rows(["id", "tags"])}
    for row in seed.rows():
        assert row["error"] is None
        assert row["source"] == f"{module}:SegmentVotes"
        assert set(decode_mask(row["mask"]["bytes"]).flat) <= {0, *tags[row["id"]]}


def test_a_setting_that_it_lacks_is_named(module):
    changes = [f"seeds.scorer={module}:SegmentVotes", "seeds.settings.scales=3"]
    with pytest.raises(UserError, match=r"seeds\.settings.*SegmentVotes.*scales"):
        read_recipe(None, changes)


def test_a_scorer_that_is_not_there_is_named():
    with pytest.raises(UserError, match=r"seeds\.scorer.*nowhere.*PYTHONPATH"):
        read_recipe(None, ["seeds.scorer=nowhere:Mine"])
