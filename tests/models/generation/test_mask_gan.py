import pytest
import torch

from models.generation.dcgan import PictureSettings
from models.generation.interactive import silhouette
from models.generation.mask_gan import MaskGan
from tests.models.generation.toys import batches, blobs
from tests.models.turns import train


def trained(seed=0, longer=1):
    torch.manual_seed(seed)
    settings = PictureSettings(
        size=16,
        classes=2,
        latent=8,
        width=12,
        generator_rate=1e-3,
        discriminator_rate=1e-3,
    )
    system = MaskGan(settings)
    train(system, batches(blobs(2000, seed=1), 16, seed), 750 * longer, average=0.98)
    return system


def figures(system):
    """The mean intersection over union of masks and what is not white in their pictures."""
    mask = blobs(100, seed=2)["mask"]
    pictures = system.sample(100, {"mask": mask}, torch.Generator().manual_seed(3))
    shown, wanted = silhouette(pictures)[:, 0] > 0.5, mask > 0
    return {"overlap": ((shown & wanted).sum() / (shown | wanted).sum()).item()}


@pytest.mark.slow
def test_pictures_fill_their_outlines():
    assert figures(trained())["overlap"] > 0.75
