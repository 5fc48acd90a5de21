"""Styles that keep to some classes."""

import pytest
import torch

from tag2mask.models.transformation import STYLES, TRANSFORMERS
from tag2mask.models.transformation.masked import within
from tests.models.scenes import CLASSES, scenes
from tests.models.transformation.test_base import settings_of


def test_pixels_of_other_classes_are_not_touched():
    batch = scenes(3, seed=0, size=32)
    batch["mask"][:, :3, :4] = 255
    batch["tags"] = torch.zeros(3, CLASSES)
    batch["tags"][0] = torch.tensor([1.0, 0, 1, 0, 0])
    batch["tags"][1, 4] = 1
    made = within(batch, torch.full((3, 3, 32, 32), 7.0))
    for number, wanted in enumerate(([1, 3], [5], [])):
        inside = torch.isin(batch["mask"][number], torch.tensor(wanted))
        assert torch.equal(made[number][:, ~inside], batch["image"][number][:, ~inside])
        assert (made[number][:, inside] == 7).all()


@pytest.mark.parametrize("name", STYLES)
def test_masked_member_equals_the_member_inside_the_mask(name):
    member, masked = TRANSFORMERS[name], TRANSFORMERS[f"masked_{name}"]
    assert {*masked.needs} == {*member.needs, "mask", "tags"}
    settings = settings_of(name)
    batch = scenes(2, seed=0, size=32)
    batch["style"] = scenes(2, seed=1, size=32)["image"]
    batch["tags"] = torch.eye(CLASSES)[[0, 1]]
    batch["mask"][:, :8, :8] = torch.tensor([1, 2]).view(2, 1, 1)
    torch.manual_seed(0)
    whole = member(settings).eval()
    part = masked(settings).eval()
    part.load_state_dict(whole.state_dict())  # the weights serve both
    with torch.no_grad():
        first, second = (s.transform(batch, torch.Generator()) for s in (whole, part))
    for number in range(2):
        inside = batch["mask"][number] == number + 1
        assert 0 < inside.sum() < inside.numel()
        torch.testing.assert_close(second[number][:, inside], first[number][:, inside])
        assert torch.equal(second[number][:, ~inside], batch["image"][number][:, ~inside])
