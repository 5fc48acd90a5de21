"""Inputs and settings of pix2pix, and their use."""

import pytest
import torch

from tag2mask.models.transformation import TRANSFORMERS
from tag2mask.models.transformation.edges import edges
from tag2mask.models.transformation.pix2pix import Pix2Pix
from tests.models.scenes import CLASSES, scenes, seen_colors
from tests.models.system_training import train


def build(name, **changes):
    torch.manual_seed(0)
    member = TRANSFORMERS[name]
    settings = {"size": 64, "classes": CLASSES, "width": 4} | changes
    system = member(member.settings_type.model_validate(settings))
    assert isinstance(system, Pix2Pix)
    return system.eval()


def test_masks_are_one_hot_and_zero_for_ignored_or_unknown_pixels():
    mask = torch.tensor([[[0, 5, 255, 6]]])
    planes = build("mask_to_photo").given({"mask": mask})
    assert planes.shape == (1, 6, 1, 4)
    assert planes.sum(dim=1).flatten().tolist() == [1, 1, 0, 0]
    assert planes.argmax(dim=1).flatten().tolist()[:2] == [0, 5]


def test_edges_are_where_the_light_changes():
    image = -torch.ones(1, 3, 8, 9)
    image[..., 4:] = 0.2
    drawn = edges(image)
    assert drawn.shape == (1, 1, 8, 9)
    assert drawn[..., 3:5].eq(1).all()
    assert not drawn[..., :3].any()
    assert not drawn[..., 5:].any()
    torch.testing.assert_close(edges(image.mT).mT, drawn)


def test_the_discriminator_tells_pairs_apart_not_only_images():
    system = build("mask_to_photo")
    batch = scenes(2, seed=0)
    given = system.given(batch)
    logits = [
        system.discriminator(torch.cat([condition, batch["image"]], dim=1))
        for condition in (given, given.flip(0))
    ]
    assert not torch.allclose(*logits)


@pytest.mark.parametrize("step", ["discriminator", "generator"])
def test_each_step_reaches_the_network_that_it_moves(step):
    system = build("mask_to_photo")
    losses = system.losses(step, scenes(2, seed=0), torch.Generator().manual_seed(0))
    torch.stack(list(losses.values())).sum().backward()
    assert all(parameter.grad is not None for parameter in getattr(system, step).parameters())


@pytest.mark.parametrize("name", ["l1", "perceptual"])
def test_the_distances_have_their_weights(name):
    batch, rng = scenes(2, seed=0), torch.Generator()
    terms = [
        build("mask_to_photo", backbone="tiny", **{name: weight}).losses(
            "generator", batch, rng.manual_seed(0)
        )[name]
        for weight in (1.0, 100.0)
    ]
    assert terms[0] > 0
    torch.testing.assert_close(100 * terms[0], terms[1])


def test_the_perceptual_distance_is_of_features_and_of_the_finished_image(monkeypatch):
    system, batch = build("inpainting", backbone="tiny", perceptual=1.0), scenes(2, seed=0)
    made = batch["image"].roll(5, dims=-1)
    monkeypatch.setattr(system, "finished", lambda given, _: made)
    found = system.losses("generator", batch, torch.Generator().manual_seed(0))["perceptual"]
    features = [system.features(images) for images in (made, batch["image"])]
    stages = [(features[0][name] - features[1][name]).abs().mean() for name in features[0]]
    assert len(stages) == 4
    torch.testing.assert_close(found, torch.stack(stages).mean())
    monkeypatch.setattr(system, "finished", lambda given, _: batch["image"])
    assert system.losses("generator", batch, torch.Generator())["perceptual"] == 0


def test_the_generator_doubles_by_the_chosen_upsampling():
    system = build("mask_to_photo", upsampling="resized")
    kinds = [type(module) for module in system.generator.decoder.modules()]
    assert torch.nn.Upsample in kinds
    assert torch.nn.ConvTranspose2d not in kinds


def test_perceptual_features_do_not_learn():
    system = build("mask_to_photo", backbone="tiny", perceptual=1.0)
    before = {name: value.clone() for name, value in system.features.state_dict().items()}
    train(system, lambda step: scenes(2, seed=step), steps=2)
    torch.testing.assert_close(system.features.state_dict(), before, rtol=0, atol=0)


def colors_from_masks(shuffled):
    """The share of things that get their class's color, after a short training."""
    data = scenes(200, seed=1)

    def batch(step):
        rows = torch.randint(200, (8,), generator=torch.Generator().manual_seed(step))
        chosen = {key: values[rows] for key, values in data.items()}
        return chosen | {"mask": chosen["mask"].roll(1, dims=0)} if shuffled else chosen

    system = build("mask_to_photo", width=16)
    train(system, batch, steps=100)
    test = scenes(32, seed=2)
    with torch.no_grad():
        made = system.transform(test, torch.Generator().manual_seed(0))
    true, seen = seen_colors(made, test["mask"])
    return (true == seen).float().mean()


@pytest.mark.slow
def test_masks_decide_about_the_photo_when_they_are_right():
    assert colors_from_masks(shuffled=False) >= 0.7
    assert colors_from_masks(shuffled=True) <= 0.4
