"""IcGAN on digits; it is a conditional GAN as well, so that one training shows both."""

import pytest
import torch
from sklearn.svm import SVC

from tag2mask.models.generation.icgan import InvertibleGan, InvertibleSettings
from tests.models.generation.toys import batches, digits
from tests.models.system_training import train

HALF = 898  # of the digits: one half for the GAN, the other for the judge


def trained(seed=0, longer=1):
    torch.manual_seed(seed)
    settings = InvertibleSettings(
        size=8,
        classes=10,
        latent=32,
        width=24,
        coarsest=2,
        generator_lr=1e-3,
        discriminator_lr=1e-3,
        encoder_rate=1e-3,
        begin=0.65,
    )
    system = InvertibleGan(settings)
    seen = {name: values[:HALF] for name, values in digits().items()}
    train(system, batches(seen, 32, seed), 2200 * longer, average=0.99)
    return system


def figures(system):
    """Shares of right classes by an independent classifier, and the error of reconstructions."""
    data = digits()
    # It has seen no digit that the system was trained on.
    machine = SVC().fit(_flat(data["image"][HALF:]), data["tags"][HALF:].argmax(dim=1))

    def judged(originals, classes):
        return (
            (torch.from_numpy(machine.predict(_flat(originals))) == classes).float().mean().item()
        )

    tags = torch.eye(10).repeat(50, 1)
    originals = system.sample(500, {"tags": tags}, torch.Generator().manual_seed(1))
    images = data["image"][HALF : HALF + 400]
    classes = data["tags"][HALF : HALF + 400].argmax(dim=1)
    others = (classes + 3) % 10
    error = (system.reconstruct(images) - images).square().mean()
    zeros = system.edit(images, torch.eye(10)[:1].expand(400, -1))
    ink = torch.stack([images.mean(dim=(1, 2, 3)), zeros.mean(dim=(1, 2, 3))])
    real = data["image"][data["tags"][:, 0] == 1]
    return {
        "samples": judged(originals, tags.argmax(dim=1)),
        "variety": (originals[::10].std(dim=0).mean() / real.std(dim=0).mean()).item(),
        "recognition": (system.recognize(images).argmax(1) == classes).float().mean().item(),
        "reconstruction": (error / (data["image"][:HALF].mean(0) - images).square().mean()).item(),
        "edits": judged(system.edit(images, torch.eye(10)[others]), others),
        "kept ink": torch.corrcoef(ink)[0, 1].item(),
    }


def _flat(images):
    return images.mean(dim=1).flatten(1).numpy()


@pytest.fixture(scope="module")
def found():
    return figures(trained())


@pytest.mark.slow
class TestInvertibleGan:
    def test_images_show_their_tags(self, found):
        assert found["samples"] >= 0.9

    def test_images_of_one_tag_differ(self, found):
        assert found["variety"] > 0.5

    def test_tags_are_recognized(self, found):
        assert found["recognition"] >= 0.9

    def test_reconstruction_is_better_than_the_mean_image(self, found):
        assert found["reconstruction"] < 0.6

    def test_edits_change_the_classes(self, found):
        assert found["edits"] >= 0.9

    def test_edits_keep_the_rest(self, found):
        """The stroke's weight, of digits that were all edited to be a zero."""
        assert found["kept ink"] > 0.3
