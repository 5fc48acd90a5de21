"""IcGAN on digits; it is a conditional GAN as well, so that one training shows both."""

import pytest
import torch
from sklearn.svm import SVC

from models.generation.icgan import InvertibleGan, InvertibleSettings
from tests.models.generation.toys import batches, digits
from tests.models.turns import train

HALF = 898  # of the digits: one half for the GAN, the other for the judge


@pytest.fixture(scope="module")
def data():
    return digits()


@pytest.fixture(scope="module")
def judge(data):
    """Says which digit pictures show; it has seen none that the GAN was trained on."""
    machine = SVC().fit(_flat(data["image"][HALF:]), data["tags"][HALF:].argmax(dim=1))
    return lambda pictures: torch.from_numpy(machine.predict(_flat(pictures)))


@pytest.fixture(scope="module")
def system(data):
    torch.manual_seed(0)
    settings = InvertibleSettings(
        size=8,
        classes=10,
        latent=32,
        width=24,
        coarsest=2,
        generator_rate=1e-3,
        discriminator_rate=1e-3,
        encoder_rate=1e-3,
        begin=0.65,
    )
    system = InvertibleGan(settings)
    seen = {name: values[:HALF] for name, values in data.items()}
    train(system, batches(seen, 32), 1100, average=0.99)
    return system


@pytest.fixture(scope="module")
def unseen(data):
    """Digits for the judge, which neither generator nor encoders have seen."""
    return {name: values[HALF : HALF + 400] for name, values in data.items()}


@pytest.mark.slow
class TestInvertibleGan:
    def test_pictures_show_their_tags(self, system, judge):
        tags = torch.eye(10).repeat(50, 1)
        pictures = system.sample(500, {"tags": tags}, torch.Generator().manual_seed(1))
        assert (judge(pictures) == tags.argmax(dim=1)).float().mean() >= 0.9

    def test_pictures_of_one_tag_differ(self, system, data):
        tags = torch.eye(10)[:1].expand(100, -1)
        pictures = system.sample(100, {"tags": tags}, torch.Generator().manual_seed(1))
        real = data["image"][data["tags"][:, 0] == 1]
        assert pictures.std(dim=0).mean() > 0.5 * real.std(dim=0).mean()

    def test_tags_are_recognised(self, system, unseen):
        seen = system.recognise(unseen["image"]).argmax(dim=1)
        assert (seen == unseen["tags"].argmax(dim=1)).float().mean() >= 0.9

    def test_reconstruction(self, system, data, unseen):
        error = (system.reconstruct(unseen["image"]) - unseen["image"]).square().mean()
        mean = data["image"][:HALF].mean(dim=0)
        assert error < 0.6 * (mean - unseen["image"]).square().mean()

    def test_edit_changes_what_is_seen(self, system, judge, unseen):
        others = (unseen["tags"].argmax(dim=1) + 3) % 10
        edited = system.edit(unseen["image"], torch.eye(10)[others])
        assert (judge(edited) == others).float().mean() >= 0.9

    def test_edit_keeps_the_rest(self, system, unseen):
        """The noise that is found differs between pictures, and what is made of it does."""
        tags = torch.eye(10)[:1].expand(len(unseen["image"]), -1)
        edited = system.edit(unseen["image"], tags)
        ink, kept = (-pictures.mean(dim=(1, 2, 3)) for pictures in (unseen["image"], edited))
        assert torch.corrcoef(torch.stack([ink, kept]))[0, 1] > 0.3


def _flat(pictures):
    return pictures.mean(dim=1).flatten(1).numpy()
