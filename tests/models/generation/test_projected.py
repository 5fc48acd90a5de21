"""The discriminator on a frozen backbone: learning parts, fixed parts, and conditions."""

import pytest
import torch

from tag2mask.models.generation import GENERATORS
from tag2mask.models.generation.cgan import ConditionalGan
from tag2mask.models.generation.conditions.base import ConditionInputs, Reader, vector_inputs
from tag2mask.models.generation.dcgan import ProjectedGanSettings
from tag2mask.models.generation.projected import Head, Mixing, ProjectedDiscriminator
from tests.models.generation.toys import batches, blobs, kinds, pairs
from tests.models.system_training import train

CLASSES, SIZE, COUNT = 2, 32, 6
KNOWING = sorted(
    name
    for name, member in GENERATORS.items()
    if issubclass(member.settings_type, ProjectedGanSettings)
)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def discriminator(reader=None, side=SIZE):
    torch.manual_seed(0)
    return ProjectedDiscriminator(reader or Reader(), side, "tiny", width=8)


def images(count=COUNT, side=SIZE, seed=0):
    return torch.rand(count, 3, side, side, generator=rng(seed)) * 2 - 1


def test_most_gans_can_have_it():
    assert KNOWING == ["cgan", "dcgan", "icgan", "interactive_gan", "mask_gan", "text_gan"]


@pytest.mark.parametrize("name", KNOWING)
def test_a_step_moves_learning_layers_and_nothing_of_the_backbone(name):
    torch.manual_seed(0)
    member = GENERATORS[name]
    small = {"size": SIZE, "classes": CLASSES, "latent": 8, "width": 4, "backbone": "tiny"}
    system = member(member.settings_type(**small)).train()
    batch = pairs(COUNT, seed=0, size=SIZE)
    still = {"discriminator.features", "discriminator.mixing"}
    for step in system.optimizer_steps()[:2]:
        system.zero_grad(set_to_none=True)
        terms = system.losses(step.name, batch, rng())
        torch.stack(list(terms.values())).sum().backward()
        for network in step.networks:
            for key, parameter in system.get_submodule(network).named_parameters(network):
                frozen = key.startswith(tuple(still))
                assert parameter.requires_grad != frozen, key
                assert (parameter.grad is None) == frozen, key


@pytest.mark.parametrize("side", [16, 24, 32, 64])
def test_every_stage_has_logits_of_some_places(side):
    judged = discriminator(side=side)(images(side=side), vector_inputs(torch.zeros(COUNT, 0)))
    assert judged.logits.shape[0] == COUNT
    assert judged.logits.shape[1] >= 6
    assert judged.features.shape[:2] == (COUNT, 8)
    assert judged.logits.isfinite().all()


def test_the_condition_changes_the_logits():
    judge = discriminator(Reader(vector=3)).eval()
    seen = images(1)
    told = [judge(seen, vector_inputs(vector[None])).logits for vector in torch.eye(3)]
    assert not torch.allclose(told[0], told[1])
    planes = discriminator(Reader(planes=2)).eval()
    nothing, something = torch.zeros(1, 2, SIZE, SIZE), torch.ones(1, 2, SIZE, SIZE)
    vector = torch.zeros(1, 0)
    said_nothing = planes(seen, ConditionInputs(vector, nothing)).logits
    assert not torch.allclose(said_nothing, planes(seen, ConditionInputs(vector, something)).logits)


def test_images_do_not_see_each_other():
    judge = discriminator().eval()
    seen = images()
    alone = [judge(one[None], vector_inputs(torch.zeros(1, 0))).logits for one in seen]
    together = judge(seen, vector_inputs(torch.zeros(COUNT, 0))).logits
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-4)


def test_heads_are_spectrally_normal():
    """The largest singular value of every layer that learns is one."""
    head = Head(4, 16, 4, 8, Reader(vector=3)).train()
    told = vector_inputs(torch.zeros(1, 3))
    for _ in range(50):  # of the power iteration
        head(torch.zeros(1, 4, 16, 16), told)
    layers = [*(block[0] for block in head.shrink), head.judge, head.compare]
    for layer in layers:
        largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), ord=2)
        assert largest == pytest.approx(1, abs=0.01)


def test_mixing_goes_from_coarse_to_fine_and_repeats():
    channels = {"c2": 5, "c3": 6, "c4": 7}
    features = {
        stage: torch.randn(1, number, 16 // 2**level, 16 // 2**level, generator=rng(level))
        for level, (stage, number) in enumerate(channels.items())
    }
    mixed = Mixing(channels, 4)(features)
    assert [tuple(x.shape) for x in mixed] == [(1, 4, 16, 16), (1, 4, 8, 8), (1, 4, 4, 4)]
    for one, other in zip(mixed, Mixing(channels, 4)(features), strict=True):
        assert torch.equal(one, other)
    coarse = {**features, "c4": features["c4"] + 1}
    fine = {**features, "c2": features["c2"] + 1}
    assert not torch.equal(Mixing(channels, 4)(coarse)[0], mixed[0])
    assert torch.equal(Mixing(channels, 4)(fine)[2], mixed[2])


@pytest.mark.slow
def test_its_generator_learns_to_obey():
    """Random filters describe colors but not objects, and colors are the condition here."""
    torch.manual_seed(0)
    settings = ProjectedGanSettings(
        size=SIZE,
        classes=4,
        latent=16,
        width=8,
        backbone="tiny",
        generator_lr=1e-3,
        discriminator_lr=1e-3,
    )
    system = ConditionalGan(settings)
    train(system, batches(blobs(400, seed=1, size=SIZE), 16, 0), 200, average=0.98)
    tags = blobs(100, seed=2, size=SIZE)["tags"]
    _, blue = kinds(system.sample(100, {"tags": tags}, rng()))
    assert (blue == tags[:, 3].bool()).float().mean() >= 0.9


def test_an_unknown_backbone_is_refused():
    with pytest.raises(
        ValueError, match="unknown backbone 'vgg'; choose one of efficientnet_lite0"
    ):
        ProjectedGanSettings(backbone="vgg")
