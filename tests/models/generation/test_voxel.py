import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from tag2mask.models.generation.solids import distance_inside, inflate, shade
from tag2mask.models.generation.voxel import VoxelGan, VoxelSettings
from tests.models.generation.toys import batches, blobs
from tests.models.system_training import train

SIDE = 16


def trained(seed=0, longer=1):
    torch.manual_seed(seed)
    settings = VoxelSettings(
        size=16,
        side=SIDE,
        latent=16,
        width=12,
        discriminator_lr=2e-4,
    )
    system = VoxelGan(settings)
    train(system, batches(blobs(500, seed=1), 16, seed), 300 * longer, average=0.99)
    return system


def figures(system):
    """The mean intersection over union of new solids and the nearest real one."""
    new = system.voxels(60, torch.Generator().manual_seed(2)) > 0.5
    real = inflate((blobs(500, seed=1)["mask"] > 0).unsqueeze(1), SIDE) > 0.5
    new, real = new.flatten(1).float(), real.flatten(1).float()
    both = new @ real.T
    alike = both / (new.sum(1)[:, None] + real.sum(1) - both)
    return {"nearest": alike.amax(dim=1).mean().item()}


class TestInflate:
    def test_a_disc_becomes_a_ball(self):
        axis = torch.arange(32) - 15.5
        disc = torch.hypot(axis[:, None], axis[None]) < 12
        ball = (axis.view(-1, 1, 1) ** 2 + axis.view(1, -1, 1) ** 2 + axis**2).sqrt() < 12
        solid = inflate(disc[None, None], 32)[0, 0] > 0.5
        assert (solid & ball).sum() / (solid | ball).sum() > 0.9

    def test_from_the_front_it_is_the_mask(self):
        masks = (blobs(20, seed=0)["mask"] > 0).unsqueeze(1)
        assert torch.equal(inflate(masks, 16).amax(dim=2) > 0.5, masks)

    def test_it_is_the_same_from_behind(self):
        solids = inflate((blobs(5, seed=0)["mask"] > 0).unsqueeze(1), 16)
        assert torch.equal(solids, solids.flip(2))

    def test_no_mask_no_solid(self):
        assert inflate(torch.zeros(2, 1, 16, 16), 16).sum() == 0


def test_distances_are_those_of_scipy():
    rng = np.random.default_rng(0)
    shapes = rng.random((4, 20, 20)) < 0.8
    padded = np.pad(shapes, ((0, 0), (1, 1), (1, 1)))
    expected = np.stack([distance_transform_edt(shape) for shape in padded])[:, 1:-1, 1:-1]
    found = distance_inside(torch.from_numpy(shapes)).numpy()
    np.testing.assert_allclose(found[shapes], expected[shapes] - 0.5, atol=1e-4)
    assert (found[~shapes] == 0).all()


class TestShade:
    def test_nothing_is_white(self):
        assert torch.equal(shade(torch.zeros(1, 1, 8, 8, 8)), torch.ones(1, 3, 8, 24))

    def test_a_plate_has_a_front_and_an_edge(self):
        plate = torch.zeros(1, 1, 8, 8, 8)
        plate[:, :, 3, 2:6, 2:6] = 1
        front, aside, above = (shade(plate)[0, 0] < 1).chunk(3, dim=1)
        assert front.sum() == 16
        assert aside.sum() == above.sum() == 4

    def test_a_ball_is_brightest_where_the_light_falls(self):
        axis = torch.arange(32) - 15.5
        ball = ((axis.view(-1, 1, 1) ** 2 + axis.view(1, -1, 1) ** 2 + axis**2).sqrt() < 12).float()
        front = shade(ball[None, None])[0, 0, :, :32]
        assert front[10, 11] > front[21, 20] + 0.3


class TestWaiting:
    def test_a_discriminator_that_is_right_too_often_waits(self):
        system = VoxelGan(VoxelSettings(size=16, side=16, width=4))
        sure, torn = torch.full((10,), 3.0), torch.linspace(-1, 1, 10)
        assert system.skips_discriminator(sure, -sure)
        assert not system.skips_discriminator(torn, -torn)
        system.discriminator.judge.weight.data.zero_()
        system.discriminator.judge.bias.data.fill_(1.0)
        # Half right: all real ones and none of the others.
        assert system.losses("discriminator", blobs(4, 0), torch.Generator().manual_seed(0))


@pytest.mark.slow
def test_solids_are_like_those_of_the_masks():
    assert figures(trained())["nearest"] > 0.7
