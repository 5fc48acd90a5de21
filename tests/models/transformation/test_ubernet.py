"""One backbone, many tasks: missing labels give no gradient at all."""

import pytest
import torch
from torch.nn.functional import max_pool2d

from tag2mask.models.transformation.tasks import TASKS
from tag2mask.models.transformation.ubernet import UberNet, UberNetSettings
from tests.models.scenes import CLASSES, scenes

LABELED = ("segmentation", "boundary", "saliency", "detection")


def build(**changes):
    torch.manual_seed(0)
    return UberNet(UberNetSettings(size=32, classes=CLASSES, width=4, levels=3, **changes))


def gradients(system, batch):
    system.zero_grad()
    losses = system.losses("tasks", batch, torch.Generator())
    torch.stack(list(losses.values())).sum().backward()
    return {key: parameter.grad for key, parameter in system.named_parameters()}


def test_a_batch_without_masks_gives_their_tasks_no_gradient_at_all():
    batch = scenes(4, seed=0, size=32)
    batch["mask"][:] = 255
    system = build().train()
    assert set(system.losses("tasks", batch, torch.Generator())) == {"edges"}
    found = gradients(system, batch)
    for key, gradient in found.items():
        assert (gradient is None) == key.startswith(LABELED), key


def test_adam_leaves_decoders_without_labels_where_they_are():
    batch = scenes(4, seed=0, size=32)
    system = build().train()
    optimizer = torch.optim.Adam(system.parameters())
    gradients(system, batch)
    optimizer.step()
    before = {key: value.clone() for key, value in system.named_parameters()}
    batch["mask"][:] = 255
    gradients(system, batch)
    optimizer.step()
    for key, value in system.named_parameters():
        assert torch.equal(value, before[key]) == key.startswith(LABELED), key


def test_rows_without_masks_change_nothing_for_tasks_that_need_them():
    system = build(tasks=dict.fromkeys(LABELED, 1.0)).eval()
    labeled = scenes(2, seed=0, size=32)
    both = {key: value.clone() for key, value in scenes(4, seed=0, size=32).items()}
    for key, value in labeled.items():
        both[key][:2] = value
    both["mask"][2:] = 255
    alone, mixed = gradients(system, labeled), gradients(system, both)
    for key, gradient in alone.items():
        torch.testing.assert_close(mixed[key], gradient, msg=key)


def test_weights_scale_the_losses_and_name_the_tasks():
    batch = scenes(2, seed=0, size=32)
    plain = build(tasks={"saliency": 1.0}).eval().losses("tasks", batch, torch.Generator())
    heavy = build(tasks={"saliency": 3.0}).eval().losses("tasks", batch, torch.Generator())
    assert set(plain) == {"saliency"}
    torch.testing.assert_close(heavy["saliency"], 3 * plain["saliency"])


@pytest.mark.parametrize("tasks", [{}, {"colors": 1.0}])
def test_unknown_tasks_are_refused(tasks):
    with pytest.raises(ValueError, match="choose some of segmentation"):
        UberNetSettings(tasks=tasks)


@pytest.mark.parametrize("name", TASKS)
def test_a_decoder_that_is_right_has_a_lower_loss_than_one_that_is_wrong(name):
    batch = scenes(2, seed=0, size=32)
    task = TASKS[name](CLASSES, 32)
    torch.manual_seed(0)
    output = torch.randn(2, task.channels, 32, 32, requires_grad=True)
    optimizer = torch.optim.Adam([output], lr=0.2)
    first = task.loss(output, batch)
    for _ in range(30):
        optimizer.zero_grad()
        task.loss(output, batch).backward()
        optimizer.step()
    assert task.loss(output, batch) < 0.7 * first
    images = task.colors(output.detach(), batch["image"])
    assert images.shape == (2, 3, 32, 32)
    assert images.abs().max() <= 1


def test_boundaries_are_where_neighbors_differ():
    batch = scenes(2, seed=0, size=32)
    planes = batch["mask"].unsqueeze(1) == torch.arange(1, CLASSES + 1).view(1, -1, 1, 1)
    inside = -max_pool2d(-planes.float(), 3, 1, 1)
    boundary = max_pool2d(planes.float(), 3, 1, 1) - inside
    task = TASKS["boundary"](CLASSES, 32)
    right = task.loss(20 * (2 * boundary - 1), batch)
    wrong = task.loss(20 * (2 * planes.float() - 1), batch)
    assert right < 1e-3 < wrong
