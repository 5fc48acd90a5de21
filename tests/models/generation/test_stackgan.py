import pytest
import torch
from torch.nn.functional import interpolate

from models.generation.stackgan import StackGan, StackSettings
from models.kernel_distance import kernel_distance
from tests.models.generation.filters import random_filters
from tests.models.generation.toys import batches, blobs, kinds
from tests.models.turns import train

SIZE = 32


def trained(seed=0, longer=1):
    torch.manual_seed(seed)
    settings = StackSettings(
        size=SIZE,
        classes=4,
        latent=8,
        width=12,
        told=8,
        blocks=1,
        generator_rate=1e-3,
        discriminator_rate=1e-3,
    )
    system = StackGan(settings)
    train(system, batches(blobs(2000, seed=1, size=SIZE), 16, seed), 800 * longer, average=0.99)
    return system


def figures(system):
    """kid@filters and shares of the right kind: of stage I, enlarged, and of stage II."""
    real = blobs(500, seed=2, size=SIZE)
    filters, rng = random_filters(real["image"]), torch.Generator().manual_seed(3)
    tags = blobs(500, seed=4)["tags"]
    small = system.first.sample(500, {"tags": tags}, rng)
    smooth = interpolate(small, (SIZE, SIZE), mode="bicubic", align_corners=False).clamp(-1, 1)
    found = {}
    for name, pictures in (("bicubic", smooth), ("second", system.enlarge(small, tags, rng))):
        square, blue = kinds(pictures)
        right = (square == tags[:, 1].bool()) & (blue == tags[:, 3].bool())
        found[f"kid@filters {name}"] = kernel_distance(filters(pictures), filters(real["image"]))
        found[f"accuracy {name}"] = right.float().mean().item()
    return found


def test_stages_follow_each_other():
    turns = StackGan(StackSettings(size=32, width=4)).turns()
    assert [turn.span for turn in turns] == [(0.0, 0.5)] * 2 + [(0.5, 1.0)] * 2


def test_a_factor_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="32 is no multiple of the factor 3"):
        StackSettings(size=32, factor=3)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_factors(factor):
    system = StackGan(StackSettings(size=48, factor=factor, coarsest=3, width=4, classes=2))
    pictures = system.sample(2, {"tags": torch.eye(2)}, torch.Generator().manual_seed(0))
    assert pictures.shape == (2, 3, 48, 48)


@pytest.mark.slow
def test_the_second_stage_is_better_than_enlarging():
    found = figures(trained())
    assert found["kid@filters second"] < 0.85 * found["kid@filters bicubic"]
    assert found["accuracy second"] > found["accuracy bicubic"] + 0.08
