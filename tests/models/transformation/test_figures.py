"""What each system must show after seconds of training; the figures are those of the papers."""

from typing import Any

import pytest

from tests.models.transformation.figures import figures, trained

# Steps and settings that a quiet processor needs less than half a minute for.
SHORT: dict[str, tuple[int, dict[str, Any]]] = {
    "colourisation": (250, {"width": 16, "learning_rate": 2e-3}),
    "depth": (200, {"width": 16, "levels": 4}),
    "edges_to_photo": (100, {"width": 16}),
    "flow_correlation": (200, {"width": 16, "levels": 4, "learning_rate": 2e-3}),
    "flow_simple": (400, {"width": 16, "levels": 4, "learning_rate": 2e-3}),
    "inpainting": (100, {"width": 16}),
    "mask_to_photo": (100, {"width": 16}),
    "super_resolution": (300, {}),
    "ubernet": (200, {"width": 16, "levels": 4}),
}


def reached(name):
    steps, settings = SHORT[name]
    return figures(name, trained(name, steps, seed=0, **settings))


@pytest.mark.slow
def test_sub_pixels_surpass_bicubic_enlargement():
    found = reached("super_resolution")
    assert found["system"] > found["bicubic"] + 0.2


@pytest.mark.slow
def test_colours_follow_from_texture():
    found = reached("colourisation")
    assert found["gain"] >= 2
    assert found["colours"] >= 0.5
