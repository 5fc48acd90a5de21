import pytest
import torch

from tag2mask.models.generation.original import OriginalGan, OriginalSettings
from tag2mask.models.kernel_distance import kernel_distance
from tests.models.generation.filters import random_filters
from tests.models.generation.toys import batches, digits
from tests.models.system_training import train


def built(seed=0):
    torch.manual_seed(seed)
    return OriginalGan(
        OriginalSettings(
            size=8,
            coarsest=2,
            latent=16,
            hidden=64,
            generator_lr=1e-3,
            discriminator_lr=5e-4,
        )
    )


def trained(seed=0, longer=1):
    system = built(seed)
    train(system, batches(digits(), 32, seed), 1000 * longer, average=0.99)
    return system


def figures(system):
    """How far new digits are from real ones, against those of untrained networks."""
    return {"kid@filters": distance(system) / distance(built())}


def distance(system):
    """kid@filters of new digits to real ones."""
    real = digits()["image"]
    filters = random_filters(real)
    made = system.sample(500, {}, torch.Generator().manual_seed(1))
    return kernel_distance(filters(made), filters(real))


@pytest.mark.slow
def test_digits_come_closer_to_real_ones():
    assert figures(trained())["kid@filters"] < 0.3, "of those of untrained networks"
