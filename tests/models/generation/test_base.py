"""Properties of every generating system; a new member is tested as soon as it is registered."""

import copy
import inspect

import pytest
import torch
from safetensors.torch import load, save

from tag2mask.models.generation import GENERATORS
from tag2mask.models.system import System
from tests.models.generation.toys import pairs

CLASSES, SIZE, COUNT = 2, 32, 6
SMALL = {"size": SIZE, "classes": CLASSES, "latent": 8, "width": 4}
# What makes members small that have further sizes.
SMALLER: dict[str, dict[str, int]] = {
    "gan": {"hidden": 16},
    "stackgan": {"tag_vector": 4, "blocks": 1},
    "text_gan": {"states": 4, "sentence": 4},
    "video_gan": {"frames": 4},
    "voxel_gan": {"side": 16},
}


def build(name: str, seed: int = 0) -> System:
    torch.manual_seed(seed)
    system = GENERATORS[name]
    return system(system.settings_type(**SMALL, **SMALLER.get(name, {})))


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=sorted(GENERATORS))
def name(request):
    return request.param


@pytest.fixture
def system(name):
    return build(name)


@pytest.fixture(scope="module")
def batch():
    return pairs(COUNT, seed=0, size=SIZE)


def gradients(system, step, batch, seed=0):
    """The gradients of a step's networks by parameter name; None where there are none."""
    system.zero_grad(set_to_none=True)
    terms = system.losses(step.name, batch, rng(seed))
    if not terms:
        return {}
    torch.stack(list(terms.values())).sum().backward()
    return {
        f"{network}.{name}": parameter.grad
        for network in step.networks
        for name, parameter in system.get_submodule(network).named_parameters()
    }


class TestGeneratingSystem:
    def test_settings_survive_json(self, system, name):
        kind = type(system).settings_type
        assert kind.model_validate_json(system.settings.model_dump_json()) == system.settings
        assert all(field.description for field in kind.model_fields.values())
        assert kind().size == 64  # the defaults make sense together

    def test_needs_are_parts_of_a_batch(self, system):
        assert set(system.needs) <= {"image", "mask", "tags"}
        assert system.view in {"image", "cutout"}

    def test_every_member_names_its_paper(self, name):
        module = inspect.getmodule(GENERATORS[name])
        assert " et al." in module.__doc__ or "&" in module.__doc__

    @pytest.mark.parametrize("training", [True, False])
    def test_sample(self, system, batch, training):
        system.train(training)
        wanted = {need: batch[need] for need in system.needs}
        images = system.sample(COUNT, wanted, rng())
        assert images.shape[:2] == (COUNT, 3)
        assert images.dtype == torch.float32
        assert images.isfinite().all()
        assert images.abs().max() <= 1
        assert not images.requires_grad
        assert torch.equal(images, system.sample(COUNT, wanted, rng()))
        assert not torch.equal(images, system.sample(COUNT, wanted, rng(1)))
        assert system.training == training
        assert all(module.training == training for module in system.modules())

    def test_show_has_a_row_for_each_of_the_batch(self, system, batch):
        shown = system.show(batch, rng())
        assert shown.shape[:2] == (COUNT, 3)
        assert shown.abs().max() <= 1
        assert torch.equal(shown, system.show(batch, rng()))

    def test_losses_follow_from_the_generator(self, system, batch):
        state = copy.deepcopy(system.state_dict())
        for step in system.optimizer_steps():
            found = []
            for seed in (0, 0):
                system.load_state_dict(state)
                terms = system.losses(step.name, batch, rng(seed))
                found.append({name: value.item() for name, value in terms.items()})
            assert found[0] == found[1]
            assert all(value.isfinite() and value.dim() == 0 for value in terms.values())

    def test_a_step_reaches_every_parameter_of_its_networks(self, system, batch):
        system.train()
        learnt = set()
        for step in system.optimizer_steps():
            assert step.span[0] < step.span[1]
            found = gradients(system, step, batch)
            assert all(value is not None for value in found.values()), step.name
            assert all(value.isfinite().all() for value in found.values()), step.name
            learnt |= {name for name, value in found.items() if value.abs().max() > 0}
        assert learnt == {name for name, _ in system.named_parameters()}

    def test_averages_are_networks_that_learn(self, system):
        learning = {name for step in system.optimizer_steps() for name in step.networks}
        assert set(system.averaged) <= learning
        assert system.averaged

    def test_steps_do_not_change_the_weights_or_each_other(self, system, batch):
        before = {name: value.clone() for name, value in system.named_parameters()}
        for step in system.optimizer_steps():
            system.losses(step.name, batch, rng())
        for name, value in system.named_parameters():
            assert torch.equal(value, before[name])

    def test_weights_survive_safetensors(self, system, name, batch):
        other = build(name, seed=1)
        wanted = {need: batch[need] for need in system.needs}
        assert not torch.equal(other.sample(2, _first(wanted), rng()), _two(system, wanted))
        other.load_state_dict(
            load(save({k: v.contiguous() for k, v in system.state_dict().items()}))
        )
        assert torch.equal(other.sample(2, _first(wanted), rng()), _two(system, wanted))


def _first(wanted):
    return {name: values[:2] for name, values in wanted.items()}


def _two(system, wanted):
    return system.sample(2, _first(wanted), rng())


def test_a_size_that_cannot_be_halved_is_refused():
    for kind in {member.settings_type for member in GENERATORS.values()}:
        with pytest.raises(ValueError, match="power of two, such as 128"):
            kind(size=70)
