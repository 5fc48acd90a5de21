"""Images from features: the deeper the stage, the less is left of them."""

import pytest
import torch
from torch.nn.functional import mse_loss

from tag2mask.models.transformation import TRANSFORMERS
from tag2mask.models.transformation.inversion import (
    FeatureDecoder,
    FeatureInversion,
    InversionSettings,
)
from tests.models.scenes import scenes
from tests.models.transformation.textures import styles, train

SIZE = 32


def psnr(made, ground_truth):
    return 10 * (4 / mse_loss(made, ground_truth)).log10()


@pytest.mark.parametrize(("stride", "size"), [(1, (7, 9)), (4, (16, 23)), (16, (33, 16))])
def test_decoder_grows_to_the_size_of_the_image(stride, size):
    features = torch.zeros(2, 5, *(-(-extent // stride) for extent in size))
    assert FeatureDecoder(5, stride, 4)(features, torch.Size(size)).shape == (2, 3, *size)


@pytest.mark.slow
def test_less_is_left_at_every_stage():
    images, fresh = (
        scenes(count, seed=seed, size=SIZE)["image"] for count, seed in ((96, 0), (32, 9))
    )

    def batch_of(rng):
        return {"image": images[torch.randint(96, (8,), generator=rng)]}

    found = []
    for stage in ("c1", "c2", "c3", "c5"):
        torch.manual_seed(0)
        settings = InversionSettings(size=SIZE, backbone="tiny", stage=stage, width=8)
        system = FeatureInversion(settings)
        train(system, batch_of, 150, 2e-3)
        with torch.no_grad():
            found.append(psnr(system.transform({"image": fresh}, torch.Generator()), fresh))
    found.append(psnr(images.mean(dim=0).expand_as(fresh), fresh))
    assert found == sorted(found, reverse=True)
    assert found[0] - found[-2] > 4


def decoded(name):
    """A short training: the system, new images, their styles and the results."""
    images, known = scenes(64, seed=0, size=SIZE)["image"], styles(64, SIZE, 0)

    def batch_of(rng):
        numbers = torch.randint(64, (2, 8), generator=rng)
        return {"image": images[numbers[0]], "style": known[numbers[1]]}

    torch.manual_seed(0)
    member = TRANSFORMERS[name]
    system = member(member.settings_type(size=SIZE, backbone="tiny", width=8))
    train(system, batch_of, 100, 3e-3)
    fresh, new = scenes(24, seed=9, size=SIZE)["image"], styles(24, SIZE, 7)
    with torch.no_grad():
        made = system.transform({"image": fresh, "style": new}, torch.Generator())
    return system, fresh, new, made


def restyled_share(system, fresh, new, made):
    """The distance to the style, against that of the untouched images."""
    wanted = system.features(new)
    after = system.style_distance(system.features(made), wanted)
    return after.mean() / system.style_distance(system.features(fresh), wanted).mean()


@pytest.mark.slow
def test_swapped_patches_are_decoded():
    system, fresh, new, made = decoded("patch_swap")
    assert restyled_share(system, fresh, new, made) < 0.6
    stage = system.settings.content_stage
    given, style, found = (system.features(images)[stage] for images in (fresh, new, made))
    wanted = system.restyle(given, style)
    assert mse_loss(found, wanted) < 0.6 * mse_loss(given, wanted)


@pytest.mark.slow
def test_matched_statistics_are_decoded():
    system, fresh, new, made = decoded("feature_statistics")
    assert restyled_share(system, fresh, new, made) < 0.5
    # Channel by channel the content stays in its places.
    gray, before = (images.mean(dim=1).flatten(1) for images in (made, fresh))
    kept = torch.cosine_similarity(gray - gray.mean(1, True), before - before.mean(1, True))
    assert kept.mean() > 0.3
