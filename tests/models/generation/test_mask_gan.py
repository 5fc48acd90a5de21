import pytest
import torch

from tag2mask.models.generation.dcgan import ProjectedGanSettings
from tag2mask.models.generation.mask_gan import MaskGan
from tests.models.generation.toys import COLORS, batches, blobs
from tests.models.system_training import train

NEAR = 0.5  # of a color, in each of its channels


def build(seed=0):
    torch.manual_seed(seed)
    settings = ProjectedGanSettings(
        size=16,
        classes=2,
        latent=8,
        width=12,
        generator_lr=1e-3,
        discriminator_lr=1e-3,
    )
    return MaskGan(settings)


def trained(seed=0, longer=1):
    system = build(seed)
    train(system, batches(blobs(2000, seed=1), 16, seed), 1500 * longer, average=0.98)
    return system


def figures(system):
    """The share of things in one of the two colors, and that of the rarer of these."""
    mask = blobs(100, seed=2)["mask"]
    images = system.sample(100, {"mask": mask}, torch.Generator().manual_seed(3))
    inside = (mask > 0)[:, None]
    colors = (images * inside).sum(dim=(2, 3)) / inside.sum(dim=(2, 3))
    near = (colors[:, None] - COLORS).abs().amax(dim=2) < NEAR
    return {
        "colored": near.any(dim=1).float().mean().item(),
        "rarer": near.float().mean(dim=0).min().item(),
    }


def test_around_the_outline_it_is_white_and_inside_it_is_noise():
    mask = blobs(4, seed=2)["mask"]
    one, other = (
        build().sample(4, {"mask": mask}, torch.Generator().manual_seed(seed)) for seed in (0, 1)
    )
    outside = (mask == 0)[:, None].expand_as(one)
    assert (one[outside] == 1).all()
    assert not (one[~outside] == 1).any()
    assert not torch.equal(one[~outside], other[~outside])


@pytest.mark.slow
def test_one_outline_is_filled_in_many_ways():
    """Half of the blobs are red and half are blue; their masks do not say which."""
    found = figures(trained())
    assert found["colored"] >= 0.7
    assert found["rarer"] >= 0.15
