import pytest
import torch
from torchvision.transforms.v2.functional import crop, pad

from tag2mask.models.generation import GENERATORS
from tag2mask.models.generation.diff_augment import AUGMENTATIONS, color, cutout, translation
from tests.models.generation.toys import pairs


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def maps(count=4, planes=2, height=16, width=24, seed=0):
    return torch.rand(count, 3 + planes, height, width, generator=rng(seed)) * 2 - 1


@pytest.fixture(params=sorted(AUGMENTATIONS))
def change(request):
    return AUGMENTATIONS[request.param]


def test_changes_differ_by_image_and_draw_and_repeat(change):
    same = maps(1).expand(4, -1, -1, -1)
    changed = change(same, rng(1))
    assert changed.shape == same.shape
    assert not any(torch.equal(changed[0], other) for other in changed[1:])
    assert torch.equal(changed, change(same, rng(1)))
    assert not torch.equal(changed, change(same, rng(2)))


def test_gradients_pass_through(change):
    """The generator's gradient is the derivative of the augmented images."""
    here = maps(2, planes=0, height=8, width=8).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: change(x, rng()), here)


def test_colors_keep_planes_and_the_relations_of_gray_images():
    gray = maps(50)
    gray[:, :3] = gray[:, :1]
    changed = color(gray, rng())
    assert torch.equal(changed[:, 3:], gray[:, 3:])
    # A gray image stays gray, whatever the saturation, and its contrast is scaled.
    torch.testing.assert_close(changed[:, 0], changed[:, 2])
    scale = changed[:, 0].flatten(1).std(dim=1) / gray[:, 0].flatten(1).std(dim=1)
    shift = changed[:, 0].flatten(1).mean(dim=1) - gray[:, 0].flatten(1).mean(dim=1)
    assert 0.5 <= scale.min() < 0.6
    assert 1.4 < scale.max() <= 1.5
    assert -0.5 <= shift.min() < -0.4
    assert 0.4 < shift.max() <= 0.5


def test_translations_crop_torchvision_s_padding_and_reach_an_eighth():
    before = maps(200)
    height, width = before.shape[-2:]
    steps = set()
    for one, moved in zip(before, translation(before, rng()), strict=True):
        padded = pad(one, [3, 2], padding_mode="edge")
        fitting = [
            (x, y)
            for x in range(-3, 4)
            for y in range(-2, 3)
            if torch.equal(moved, crop(padded, 2 - y, 3 - x, height, width))
        ]
        assert len(fitting) == 1
        steps |= set(fitting)
    assert len(steps) == 7 * 5


def test_cutouts_hide_half_a_side_of_the_image_alone():
    before = maps(200)
    changed = cutout(before, rng())
    assert torch.equal(changed[:, 3:], before[:, 3:])
    hidden = (changed[:, :3] == 0).all(dim=1)
    assert torch.equal(changed[:, :3], before[:, :3] * ~hidden[:, None])
    areas = hidden.sum(dim=(1, 2))
    assert areas.max() == 8 * 12
    assert areas.min() >= 4 * 6
    for mask in hidden:
        rows, columns = mask.any(dim=1), mask.any(dim=0)
        assert torch.equal(mask, rows[:, None] & columns)


@pytest.mark.parametrize("name", ["mask_gan", "cgan"])
def test_discriminators_see_changed_images_alone(name):
    """Both steps lose other than without; the same inputs without maps, the same masks with."""
    batch = pairs(6, seed=0, size=32)
    losses = []
    for augment in ((), ("color",), ("color", "translation", "cutout")):
        torch.manual_seed(0)
        kind = GENERATORS[name]
        settings = kind.settings_type(size=32, classes=2, latent=8, width=4, augment=augment)
        system = kind(settings).eval()
        seen = []
        system.discriminator.register_forward_pre_hook(
            lambda _, given, seen=seen: seen.append(given)
        )
        losses.append(
            [
                sum(system.losses(step.name, batch, rng()).values())
                for step in system.optimizer_steps()
            ]
        )
        for shown, inputs in seen:
            assert shown.shape == (6, 3, 32, 32)
            assert inputs.planes.shape[1] == (3 if name == "mask_gan" else 0)
    assert len({tuple(term.item() for term in pair) for pair in losses}) == 3
