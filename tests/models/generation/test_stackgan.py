import pytest
import torch
from sklearn.svm import SVC
from torch.nn.functional import interpolate

from tag2mask.models.generation.stackgan import StackGan, StackSettings
from tag2mask.models.kernel_distance import kernel_distance
from tests.models.generation.filters import random_filters
from tests.models.generation.toys import COLORS, batches, blobs, kinds
from tests.models.system_training import train

SIZE = 32


def trained(seed=0, longer=1):
    torch.manual_seed(seed)
    settings = StackSettings(
        size=SIZE,
        classes=4,
        latent=8,
        width=12,
        tag_vector=32,
        blocks=1,
        begin=0.35,
        generator_lr=1e-3,
        # As fast as the generator, it wins: what stage II makes is then now sharp, now spoilt.
        discriminator_lr=5e-4,
    )
    system = StackGan(settings)
    data = batches(blobs(2000, seed=1, size=SIZE), 16, seed)
    train(system, data, 3000 * longer, average=0.99)
    return system


def figures(system):
    """Figures of stage I, enlarged, and of stage II: kid@filters, blur, shares that obey the tags.

    An independent judge of images says which of the four kinds they show, and the color
    says which of two: eight pixels are too few for a shape.
    """
    real = blobs(2000, seed=2, size=SIZE)
    machine = SVC().fit(real["image"].flatten(1), _kind(real["tags"]))
    some = real["image"][:500]
    filters, rng = random_filters(some), torch.Generator().manual_seed(3)
    tags = blobs(500, seed=4)["tags"]
    small = system.first.sample(500, {"tags": tags}, rng)
    smooth = interpolate(small, (SIZE, SIZE), mode="bicubic", align_corners=False).clamp(-1, 1)
    found = {}
    for name, images in (("bicubic", smooth), ("second", system.enlarge(small, tags, rng))):
        blue, judged = kinds(images)[1], machine.predict(images.flatten(1))
        found[f"kid@filters {name}"] = kernel_distance(filters(images), filters(some))
        found[f"blur {name}"] = blur(images)
        found[f"colors {name}"] = (blue == tags[:, 3].bool()).float().mean().item()
        found[f"classes {name}"] = float((judged == _kind(tags)).mean())
    return found


def _kind(tags):
    return (tags[:, 1] + 2 * tags[:, 3]).numpy()


def blur(images):
    """The mean distance of pixels to the nearest of the colors that blobs have."""
    pure = torch.cat([torch.ones(1, 3), COLORS])
    pixels = images.permute(0, 2, 3, 1).reshape(-1, 3)
    return torch.cdist(pixels, pure).amin(dim=1).mean().item()


def test_stages_follow_each_other():
    steps = StackGan(StackSettings(size=32, width=4)).optimizer_steps()
    assert [step.span for step in steps] == [(0.0, 0.5)] * 2 + [(0.5, 1.0)] * 2


def test_a_factor_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="32 is no multiple of the factor 3"):
        StackSettings(size=32, factor=3)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_factors(factor):
    system = StackGan(StackSettings(size=48, factor=factor, coarsest=3, width=4, classes=2))
    images = system.sample(2, {"tags": torch.eye(2)}, torch.Generator().manual_seed(0))
    assert images.shape == (2, 3, 48, 48)


def test_the_second_stage_begins_with_the_enlarged_image():
    system = StackGan(StackSettings(size=32, width=4, classes=2, blocks=1)).second
    small = 1.6 * torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.8
    body = system.generator.body
    torch.nn.init.zeros_(body.last.weight)
    made = body(torch.zeros(2, body.join[0].in_channels - 8), small).tanh()
    enlarged = interpolate(small, (32, 32), mode="bicubic")
    torch.testing.assert_close(made, enlarged.clamp(-0.9, 0.9))


@pytest.mark.slow
def test_the_second_stage_is_sharper_and_corrects_the_first():
    found = figures(trained())
    assert found["colors bicubic"] >= 0.9
    assert found["classes second"] >= 0.9
    assert found["classes second"] > found["classes bicubic"] + 0.3
    assert found["blur second"] < 0.8 * found["blur bicubic"]


def test_the_old_name_of_a_setting_is_read():
    assert StackSettings(size=32, told=8).tag_vector == 8
