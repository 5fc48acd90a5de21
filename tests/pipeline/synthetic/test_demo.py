"""The demo's recipe is one that a user could write."""

from tag2mask.pipeline.labeling.recipe import read_recipe
from tag2mask.pipeline.synthetic.demo import DEMO_IMAGES, DEMO_RECIPE
from tag2mask.pipeline.synthetic.images import FEWEST


def test_the_recipe_can_be_read_back_and_built(tmp_path):
    path = tmp_path / "demo.json"
    path.write_text(DEMO_RECIPE.model_dump_json())
    assert read_recipe(str(path)) == DEMO_RECIPE


def test_it_needs_no_download():
    assert not DEMO_RECIPE.backbone.pretrained
    assert DEMO_IMAGES >= FEWEST
