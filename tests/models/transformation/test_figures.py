"""Least figures of each system after seconds of training; the measures are the papers'."""

from typing import Any

import pytest

from tests.models.transformation.figures import figures, trained

FLOW = {"width": 16, "levels": 4, "turn": 3, "zoom": 0.03, "learning_rate": 2e-3}
# Steps and settings that a quiet processor needs less than a minute and a half for.
SHORT: dict[str, tuple[int, dict[str, Any]]] = {
    "colorization": (250, {"width": 16, "learning_rate": 2e-3}),
    "depth": (600, {"width": 16, "levels": 4}),
    "edges_to_photo": (1000, {"width": 16}),
    "flow_correlation": (1000, FLOW),
    "flow_simple": (3000, {**FLOW, "learning_rate": 4e-3}),
    "inpainting": (150, {"width": 16}),
    "mask_to_photo": (100, {"width": 16}),
    "super_resolution": (300, {}),
    "ubernet": (
        1000,
        {"size": 32, "width": 16, "levels": 3, "decoder": 24, "learning_rate": 2e-3},
    ),
}


def reached(name):
    steps, settings = SHORT[name]
    return figures(name, trained(name, steps, seed=0, **settings))


@pytest.mark.slow
def test_sub_pixels_surpass_bicubic_enlargement():
    found = reached("super_resolution")
    assert found["system"] > found["bicubic"] + 0.2


@pytest.mark.slow
def test_colors_follow_from_texture():
    found = reached("colorization")
    assert found["gain"] >= 2
    assert found["colors"] >= 0.5


@pytest.mark.slow
def test_depth_is_learnt_from_one_image_without_depth_labels():
    found = reached("depth")
    assert found["system"] < 0.5 * found["constant"]


@pytest.mark.slow
def test_edges_tell_class_and_texture():
    found = reached("edges_to_photo")
    assert found["colors"] >= 3 * found["chance"]
    assert found["textures"] >= 2 * found["chance"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flow_correlation", "flow_simple"])
def test_flow_is_better_than_standing_still(name):
    found = reached(name)
    assert found["system"] < 0.4 * found["zero"]


@pytest.mark.slow
def test_objects_are_removed_and_holes_filled_with_background():
    found = reached("inpainting")
    assert found["system"] < 0.95 * found["mean"]
    assert found["removed"] < 0.3 * found["objects"]


@pytest.mark.slow
def test_one_backbone_learns_all_tasks():
    found = reached("ubernet")
    assert found["segmentation"] >= 0.8
    assert found["saliency"] >= 0.9
    assert found["boundary"] >= 0.5
    assert found["detection"] >= 0.6
    assert found["edges"] >= 0.8
