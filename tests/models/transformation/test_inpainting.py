"""Object removal: holes, the pixels in the loss, and unchanged pixels."""

import torch
from torch.nn.functional import max_pool2d

from tag2mask.models.transformation.inpainting import Inpainting, InpaintingSettings
from tests.models.scenes import CLASSES, scenes


def build(rim=2):
    torch.manual_seed(0)
    return Inpainting(InpaintingSettings(size=64, classes=CLASSES, width=4, rim=rim)).eval()


def wider(area, rim):
    return max_pool2d(area.float().unsqueeze(1), 2 * rim + 1, 1, rim) > 0


def test_the_hole_is_every_object_and_a_rim_around_it():
    batch = scenes(4, seed=0)
    batch["mask"][:, :3] = 255
    shown = (batch["mask"] > 0) & (batch["mask"] < 255)
    image, hole = build(rim=3).given(batch).split((3, 1), dim=1)
    assert torch.equal(hole > 0, wider(shown, 3))
    assert torch.equal(image, torch.where(hole > 0, 0.0, batch["image"]))


def test_only_the_hole_changes():
    batch = scenes(4, seed=0)
    system = build()
    with torch.no_grad():
        made = system.transform(batch, torch.Generator())
    outside = (system.given(batch)[:, 3:] == 0).expand_as(made)
    assert torch.equal(made[outside], batch["image"][outside])
    assert not torch.equal(made[~outside], batch["image"][~outside])


def test_holes_in_training_show_background_alone():
    batch = scenes(8, seed=0)
    system = build()
    hole = system.given(system.exercise(batch))[:, 3] > 0
    assert hole.float().mean() > 0.05
    assert not batch["mask"][hole].any()


def test_the_hole_and_its_rim_are_in_the_loss():
    batch = scenes(4, seed=0)
    system = build(rim=2)
    given = system.given(batch)
    assert torch.equal(system.loss_weights(given) > 0, wider(given[:, 3] > 0, 2))


def test_a_image_without_holes_has_no_distance():
    batch = scenes(2, seed=0)
    batch["mask"].zero_()
    losses = build().losses("generator", batch, torch.Generator().manual_seed(0))
    assert losses["l1"] == 0
