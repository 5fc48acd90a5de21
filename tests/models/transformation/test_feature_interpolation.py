"""Directions from images without a tag to images with it."""

import pytest
import torch
from torch.nn.functional import interpolate

from tag2mask.models.transformation.feature_interpolation import (
    FeatureInterpolation,
    FeatureInterpolationSettings,
)
from tests.models.scenes import CLASSES, HUES, scenes

SIZE = 48


def cutouts(count, seed):
    """One thing of a scene each, filling the image, the background white."""
    batch = scenes(count, seed=seed, things=1)
    found = []
    for image, mask in zip(batch["image"], batch["mask"], strict=True):
        rows, columns = ((mask > 0).any(dim=axis).nonzero().flatten() for axis in (1, 0))
        alone = torch.where(mask > 0, image, torch.ones_like(image))
        crop = alone[None, :, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        found.append(interpolate(crop, (SIZE, SIZE), mode="bilinear", antialias=True))
    return {"image": torch.cat(found), "tags": batch["tags"]}


def build(**settings):
    small = {"size": SIZE, "classes": CLASSES, "backbone": "tiny", "memory": 12, "steps": 2}
    return FeatureInterpolation(FeatureInterpolationSettings(**{**small, **settings})).eval()


def remember(system, batch):
    (step,) = system.optimizer_steps()
    assert step.networks == ()
    assert system.losses(step.name, batch, torch.Generator()) == {}


def test_the_last_images_are_kept_and_stored():
    system, batch = build(), cutouts(20, 0)
    for start in (0, 8, 16):
        remember(system, {name: values[start : start + 8] for name, values in batch.items()})
    places = [18, 19, 12, 13]  # numbers 12 to 23 are in the places of 0 to 11
    assert system.seen == 20
    kept = system.images / 127.5 - 1
    for place, number in zip((6, 7, 0, 1), places, strict=True):
        torch.testing.assert_close(kept[place], batch["image"][number], atol=1 / 127, rtol=0)
        assert torch.equal(system.tags[place], batch["tags"][number])
    again = build()
    again.load_state_dict(system.state_dict())
    given = {"image": batch["image"][:2], "tags": batch["tags"][:2].roll(1, dims=1)}
    made = [s.transform(given, torch.Generator()) for s in (system, again)]
    assert torch.equal(*made)


def test_direction_goes_from_the_nearest_without_to_the_nearest_with_the_tag():
    system, batch = build(neighbors=2), cutouts(12, 0)
    remember(system, batch)
    features = system.features(system.images / 127.5 - 1)
    tag = torch.zeros(CLASSES)
    tag[batch["tags"][0].argmax()] = 1
    key = system.keys[3]
    found = system._direction(key, tag)
    have = (batch["tags"] * tag).sum(dim=1) > 0
    similarity = system.keys @ key
    means = []
    for kind in (have, ~have):
        order = similarity.masked_fill(~kind, -2).argsort(descending=True)[:2]
        means.append({stage: values[order].mean(dim=0) for stage, values in features.items()})
    for stage, step in found.items():
        expected = means[0][stage] - means[1][stage]
        torch.testing.assert_close(step[0], expected, atol=1e-4, rtol=1e-4)


def test_without_a_contrast_nothing_changes():
    batch = cutouts(4, 0)
    assert torch.equal(build().transform(batch, torch.Generator()), batch["image"])
    system = build()
    remember(system, batch)
    untagged = {**batch, "tags": torch.zeros(4, CLASSES)}
    assert torch.equal(system.transform(untagged, torch.Generator()), batch["image"])
    everything = {**batch, "tags": torch.ones(4, CLASSES)}
    assert torch.equal(system.transform(everything, torch.Generator()), batch["image"])


def likeness(images):
    """How the mean color of cut-outs on white goes in the direction of each class: (N, C)."""
    color = 1 - (images.mean(dim=(2, 3)) + 1) / 2
    return torch.cosine_similarity(color.unsqueeze(1), 1 - HUES, dim=2)


@pytest.mark.slow
def test_images_go_from_their_class_to_the_one_that_is_asked_for():
    known, fresh = cutouts(256, 1), cutouts(24, 11)
    settings = {"neighbors": 30, "steps": 100, "smoothness": 1.0}
    system = build(backbone="efficientnet_lite0", memory=256, **settings)
    remember(system, known)
    own, wanted = fresh["tags"] > 0, fresh["tags"].roll(1, dims=1) > 0
    with torch.no_grad():
        given = {"image": fresh["image"], "tags": wanted.float()}
        made = system.transform(given, torch.Generator())
    # No network judges: outside of what it was trained on, its answers change with its seed.
    change = likeness(made) - likeness(fresh["image"])
    assert (change[wanted] > 0).float().mean() >= 0.9
    assert (change[own] < 0).float().mean() >= 0.8
    assert change[wanted].mean() > 2 * change[~own & ~wanted].mean()
