"""Scorers of users: found by path, checked before they run, and looked at while they do."""

import pytest
import torch

from tag2mask.models.saliency.loading import (
    Checked,
    build_scorer,
    check_scorer,
    own_factory,
    scorer_source_hash,
)
from tests.models.randomized import random_images, random_tagger

NAMES = ("cat", "dog")


class Halves:
    """Gives class ``i`` the left ``share`` of the image, whatever is there."""

    def __init__(self, tagger, classes, *, share=0.5):
        self.classes, self.share = classes, share

    def __call__(self, image, classes):
        maps = torch.zeros(len(classes), *image.shape[1:])
        maps[:, :, : int(self.share * image.shape[2])] = 1
        return maps


PATH = f"{__name__}:Halves"


def test_an_own_scorer_is_built_with_names_and_settings():
    scorer = build_scorer(PATH, random_tagger(), NAMES, {"share": 0.25})
    assert scorer.scorer.classes == NAMES
    maps = scorer(random_images(3, 8, 16), torch.tensor([1, 0]))
    assert maps.shape == (2, 8, 16)
    assert maps.mean() == 0.25


def test_a_member_is_built_as_ever():
    assert type(build_scorer("cam", random_tagger(), NAMES, {"size": 32})).__name__ == "Cam"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("no_such_module:Thing", "no_such_module"),
        (f"{__name__}:Thirds", "Thirds"),
        (f"{__name__}:NAMES", "is not callable"),
        (":Halves", "package.module:Name"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(path, why):
    with pytest.raises(ValueError, match=why):
        own_factory(path)


def test_settings_are_checked_without_building():
    check_scorer(PATH, random_tagger(), {"share": 0.1})
    with pytest.raises(TypeError, match="part"):
        check_scorer(PATH, random_tagger(), {"part": 0.1})


@pytest.mark.parametrize(
    ("maps", "why"),
    [
        (torch.zeros(1, 8, 8), "must give maps"),
        (torch.full((1, 8, 16), 2.0), r"\[0, 1\]"),
        (torch.full((1, 8, 16), torch.nan), r"\[0, 1\]"),
        ([[0.0]], "list"),
    ],
)
def test_wrong_maps_are_refused(maps, why):
    scorer = Checked(lambda image, classes: maps, "mine:Own")
    with pytest.raises(ValueError, match=why) as caught:
        scorer(random_images(3, 8, 16), torch.tensor([0]))
    assert "mine:Own" in str(caught.value)


def test_the_file_of_an_own_scorer_counts():
    assert scorer_source_hash("dcsm") == {}
    assert len(scorer_source_hash(PATH)["scorer_code"]) == 64
