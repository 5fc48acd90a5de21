import pytest
import torch
from scipy.optimize import linear_sum_assignment

from tag2mask.models.generation.infogan import InfoGan, InfoSettings
from tests.models.generation.toys import batches, digits
from tests.models.system_training import train


def matched(found, true, classes=10):
    """The accuracy of codes as classes, under the best assignment of one to the other."""
    counts = torch.bincount(found * classes + true, minlength=classes**2)
    counts = counts.view(classes, classes)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return float(counts[rows, columns].sum() / counts.sum())


def trained(seed=0, longer=1):
    torch.manual_seed(seed)
    settings = InfoSettings(size=8, latent=16, width=24, coarsest=2, continuous=1)
    system = InfoGan(settings)
    train(system, batches(digits(), 32, seed), 1600 * longer, average=0.99)
    return system


def figures(system):
    """How well categories are classes, and how well both kinds of code are found again."""
    data, rng = digits(), torch.Generator().manual_seed(0)
    classes = system.recognize(data["image"]).logits.argmax(dim=1)
    inputs = system.condition.make_inputs(300, {}, rng)
    with torch.no_grad():
        believed = system.recognize(system.generate(system.noise(300, rng), inputs))
    found = believed.logits.argmax(dim=1) == inputs.vector[:, :10].argmax(dim=1)
    codes = torch.stack([believed.mean[:, 0], inputs.vector[:, 10]])
    return {
        "classes": matched(classes, data["tags"].argmax(dim=1)),
        "categories": found.float().mean().item(),
        "continuous": torch.corrcoef(codes)[0, 1].item(),
    }


def test_matching_undoes_a_permutation():
    true = torch.arange(10).repeat(3)
    assert matched((true * 7 + 3) % 10, true) == 1


@pytest.mark.slow
def test_codes_are_classes_that_nobody_named():
    found = figures(trained())
    assert found["classes"] > 0.35, "chance is 0.1"
    assert found["categories"] > 0.9, "a code can be read off what was made of it"
    assert found["continuous"] > 0.8
