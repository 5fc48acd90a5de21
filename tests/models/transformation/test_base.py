"""Properties of every transforming system."""

import pytest
import torch
from torch import Tensor

from tag2mask.models.system import SystemSettings
from tag2mask.models.transformation import STYLES, TRANSFORMERS, TransformingSystem
from tests.models.scenes import CLASSES, scenes

SIZE = 32
# What makes a member small and quick enough for this test, as changes to its settings.
SMALL: dict[str, dict[str, object]] = {
    "colorization": {"width": 4},
    "depth": {"width": 4, "levels": 3},
    "edges_to_photo": {"width": 4},
    "flow_correlation": {"width": 4, "levels": 3},
    "flow_simple": {"width": 4, "levels": 3},
    "inpainting": {"width": 4},
    "mask_to_photo": {"width": 4},
    "super_resolution": {"widths": (4, 4)},
    "ubernet": {"width": 4, "levels": 3},
    "feature_inversion": {"backbone": "tiny", "width": 4},
    "feature_interpolation": {"backbone": "tiny", "memory": 8, "neighbors": 2, "steps": 2},
    "fast_style": {"backbone": "tiny", "width": 4, "blocks": 1},
    "feature_statistics": {"backbone": "tiny", "width": 4},
    "gatys": {"backbone": "tiny", "steps": 2},
    "patch_swap": {"backbone": "tiny", "width": 4},
    "unseen_style": {"backbone": "tiny", "width": 4, "blocks": 1, "code": 4, "style_width": 4},
}
SMALL |= {f"masked_{name}": SMALL[name] for name in STYLES}


def settings_of(name: str) -> SystemSettings:
    return TRANSFORMERS[name].settings_type(size=SIZE, classes=CLASSES, **SMALL.get(name, {}))


def build(name: str) -> TransformingSystem:
    torch.manual_seed(0)
    return TRANSFORMERS[name](settings_of(name))


def batch_of(height: int = SIZE, width: int = SIZE, count: int = 4) -> dict[str, Tensor]:
    batch = scenes(count, seed=0, size=max(height, width))
    batch["image"] = batch["image"][..., :height, :width]
    batch["mask"] = batch["mask"][..., :height, :width].clone()
    batch["mask"][:, :2, :3] = 255
    batch["style"] = scenes(count, seed=1, size=40)["image"][..., :37]
    batch["next"] = batch["image"].roll(1, dims=3)
    return batch


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(name: str, height: int, width: int, seed: int = 0) -> Tensor:
    system = build(name).eval()
    given = {
        need: values for need, values in batch_of(height, width).items() if need in system.needs
    }
    with torch.no_grad():
        return system.transform(given, seeded(seed))


@pytest.fixture(params=TRANSFORMERS)
def name(request):
    return request.param


def test_settings_and_weights_rebuild_the_system(name):
    settings = settings_of(name)
    again = TRANSFORMERS[name].settings_type.model_validate_json(settings.model_dump_json())
    assert again == settings
    first, second = build(name), TRANSFORMERS[name](again)
    second.load_state_dict(first.state_dict())
    given = batch_of(24, 40)
    with torch.no_grad():
        images = [s.eval().transform(given, seeded()) for s in (first, second)]
    torch.testing.assert_close(*images, rtol=0, atol=0)


def test_every_setting_is_described(name):
    fields = TRANSFORMERS[name].settings_type.model_fields
    assert [field for field, info in fields.items() if not info.description] == []


@pytest.mark.parametrize(("height", "width"), [(32, 32), (16, 23), (45, 33)])
def test_images_of_any_size_become_images(name, height, width):
    images = made(name, height, width)
    assert images.shape == (4, 3, *build(name).made_size(height, width))
    assert images.dtype == torch.float32
    assert images.isfinite().all()
    assert images.abs().max() <= 1 + 1e-5


def test_the_generator_alone_decides_about_noise(name):
    torch.testing.assert_close(made(name, 32, 32), made(name, 32, 32), rtol=0, atol=0)
    system, batch = build(name), batch_of()
    state = torch.get_rng_state()
    with torch.no_grad():
        system.eval().transform(batch, seeded())
    for step in system.optimizer_steps():
        system.losses(step.name, batch, seeded())
    assert torch.equal(torch.get_rng_state(), state)


def test_steps_move_their_networks_and_no_others(name):
    system = build(name).train()
    batch = batch_of()
    # A step without networks remembers what it sees, and has no loss.
    for step in (step for step in system.optimizer_steps() if step.networks):
        before = {key: value.clone() for key, value in system.named_parameters()}
        parameters = [p for part in step.networks for p in getattr(system, part).parameters()]
        optimizer = torch.optim.SGD(parameters, lr=1.0)
        system.zero_grad()
        losses = system.losses(step.name, batch, seeded())
        assert losses
        assert all(loss.shape == () and loss.isfinite() for loss in losses.values())
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()
        moved = {k for k, value in system.named_parameters() if not torch.equal(value, before[k])}
        for part in step.networks:
            assert any(key.startswith(f"{part}.") for key in moved), part
        assert {key.split(".")[0] for key in moved} <= set(step.networks)


def test_training_images_need_no_round_side(name):
    settings = settings_of(name).model_copy(update={"size": 20})
    system = TRANSFORMERS[name](settings).train()
    for step in system.optimizer_steps():
        losses = system.losses(step.name, batch_of(20, 20), seeded())
        assert all(loss.isfinite() for loss in losses.values())


def test_losses_repeat_with_the_generator(name):
    system, batch = build(name).eval(), batch_of()
    for step in system.optimizer_steps():
        first, second = (system.losses(step.name, batch, seeded(3)) for _ in range(2))
        assert {k: v.item() for k, v in first.items()} == {k: v.item() for k, v in second.items()}


def test_show_gives_a_row_for_each_image(name):
    with torch.no_grad():
        rows = build(name).eval().show(batch_of(), seeded())
    assert rows.ndim == 4
    assert rows.shape[:2] == (4, 3)
    assert rows.isfinite().all()
    assert rows.abs().max() <= 1 + 1e-5
