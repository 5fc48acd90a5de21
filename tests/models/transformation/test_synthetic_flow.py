"""Frames of moving cut-outs: their flow is the ground truth, pixel for pixel."""

import math

import pytest
import torch

from tag2mask.models.transformation.synthetic_flow import (
    affine,
    after,
    applied,
    backgrounds,
    inverse,
    objects,
    scene,
)
from tag2mask.models.transformation.warping import pixel_grid, sample, warp
from tests.models.scenes import scenes


def smooth_scenes(count=4):
    """Scenes without frequencies that bilinear sampling would lose."""
    batch = scenes(count, seed=0)
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    waves = [torch.sin(x / 5 + n) * torch.cos(y / 7 - n) for n in range(count)]
    batch["image"] = torch.stack(waves).unsqueeze(1).repeat(1, 3, 1, 1) * 0.9
    return batch


def motions(count, layers, seed=0):
    rng = torch.Generator().manual_seed(seed)
    drawn = 2 * torch.rand(layers, 4, count, generator=rng) - 1
    return [
        affine(0.1 * a, 1 + 0.06 * z, 5 * torch.stack([x, y], dim=1), 64, 64)
        for a, z, x, y in drawn
    ]


def still(count):
    return affine(torch.zeros(count), torch.ones(count), torch.zeros(count, 2), 64, 64)


def test_affine_maps_rotate_around_the_middle_and_shift():
    quarter = affine(
        torch.tensor([math.pi / 2]), torch.tensor([1.0]), torch.tensor([[3.0, 0.0]]), 5, 5
    )
    moved = applied(quarter, pixel_grid(torch.zeros(5, 5)))
    torch.testing.assert_close(moved[0, :, 2, 2], torch.tensor([5.0, 2.0]))
    torch.testing.assert_close(moved[0, :, 2, 3], torch.tensor([5.0, 3.0]), atol=1e-5, rtol=0)


def test_inverse_and_composition():
    first, second = motions(3, 2)
    grid = pixel_grid(torch.zeros(4, 6))
    back = applied(after(inverse(first), first), grid)
    torch.testing.assert_close(back, grid.expand(3, 2, 4, 6), atol=1e-4, rtol=0)
    one_step = applied(after(second, first), grid)
    two_steps = (second[:, :, :2] @ applied(first, grid).flatten(2) + second[:, :, 2:]).view(
        3, 2, 4, 6
    )
    torch.testing.assert_close(one_step, two_steps, atol=1e-4, rtol=0)


def test_sampling_at_the_pixels_changes_nothing():
    images = torch.randn(2, 3, 5, 7)
    places = pixel_grid(images).expand(2, 2, 5, 7)
    torch.testing.assert_close(sample(images, places), images, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shift", [(1, 0), (0, 2), (-3, 1)])
def test_whole_shifts_are_exact(shift):
    images = torch.randn(1, 3, 9, 9)
    flow = torch.tensor(shift, dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, 9, 9)
    rolled = images.roll((-shift[1], -shift[0]), dims=(2, 3))
    inner = (slice(None), slice(None), slice(3, -3), slice(3, -3))
    torch.testing.assert_close(warp(images, flow)[inner], rolled[inner])


def test_every_visible_pixel_is_found_at_the_end_of_its_flow():
    batch = smooth_scenes()
    frames = scene(batch["image"], batch["mask"], [still(4)] * 3, motions(4, 3))
    error = (warp(frames.second, frames.flow) - frames.first).abs().amax(dim=1, keepdim=True)
    # Away from outlines, where a pixel shows two layers.
    inner = frames.seen & (_edges_of(frames.layer) == 0)
    assert inner.float().mean() > 0.5
    assert torch.quantile(error[inner], 0.99) < 0.05
    zero = (frames.second - frames.first).abs().amax(dim=1, keepdim=True)
    assert zero[inner].mean() > 5 * error[inner].mean()


def test_flow_is_the_motion_of_the_layer_on_top():
    batch = smooth_scenes()
    moves = motions(4, 2)
    frames = scene(batch["image"], batch["mask"], [still(4)] * 2, moves)
    assert torch.equal(frames.layer > 0, objects(batch["mask"])[:, 0] > 0)
    grid = pixel_grid(batch["image"])
    for layer in (0, 1):
        on_top = (frames.layer == layer).unsqueeze(1).expand_as(frames.flow)
        expected = applied(moves[layer], grid) - grid
        torch.testing.assert_close(frames.flow[on_top], expected[on_top])


def test_still_pixels_stay_as_they_are():
    batch = scenes(3, seed=0)
    frames = scene(batch["image"], batch["mask"], [still(3)] * 2, [still(3)] * 2)
    torch.testing.assert_close(frames.first, batch["image"], atol=2e-4, rtol=0)
    assert torch.equal(frames.first, frames.second)
    assert not frames.flow.abs().gt(1e-4).any()
    assert frames.seen.all()


def test_backgrounds_keep_known_pixels_and_hide_the_objects():
    batch = scenes(8, seed=0)
    batch["mask"][:, :3] = 255
    filled = backgrounds(batch["image"], batch["mask"])
    known = (batch["mask"] == 0).unsqueeze(1).expand_as(filled)
    assert torch.equal(filled[known], batch["image"][known])
    spread = filled.amax(dim=1) - filled.amin(dim=1)
    # The things are colorful, what lies around them is not.
    assert spread[batch["mask"] > 0].mean() < 1.5 * spread[batch["mask"] == 0].mean()
    assert backgrounds(batch["image"], torch.ones_like(batch["mask"])).isfinite().all()


def _edges_of(layer):
    planes = torch.stack([(layer == number).float() for number in range(3)], dim=1)
    spread = torch.nn.functional.max_pool2d(planes, 7, 1, 3)
    return (spread.sum(dim=1, keepdim=True) > 1).long()
