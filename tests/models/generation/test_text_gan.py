import pytest
import torch
from sklearn.metrics import roc_auc_score

from tag2mask.models.generation.text_gan import TextGan, TextSettings
from tests.models.generation.toys import batches, pairs
from tests.models.system_training import train

DIRECTIONS = {
    "a red left of a blue": (0, -1),
    "a red right of a blue": (0, 1),
    "a red above a blue": (-1, 0),
    "a red below a blue": (1, 0),
}


def trained(seed=0, longer=1):
    torch.manual_seed(seed)
    settings = TextSettings(
        size=16,
        classes=2,
        names=("red", "blue"),
        latent=8,
        width=16,
        states=16,
        sentence=16,
        generator_lr=1e-3,
        discriminator_lr=1e-3,
    )
    system = TextGan(settings)
    train(system, batches(pairs(2000, seed=1), 32, seed), 3500 * longer, average=0.99)
    return system


def figures(system):
    """The figures of the two functions below."""
    return {"obedience": obedience(system), "detection": detection(system)}


def obedience(system):
    """The share of images in which red lies in the sentence's direction from blue."""
    right = []
    for sentence, direction in DIRECTIONS.items():
        images = system.illustrate([sentence] * 50, torch.Generator().manual_seed(2))
        away = _center(images, 0) - _center(images, 2)
        expected = torch.tensor(direction, dtype=torch.float32)
        right.append((away @ expected) > 0.7 * away.norm(dim=1))
    return torch.cat(right).float().mean().item()


def detection(system):
    """AUC of separating the sentence of a new image from that of another image."""
    data, rng = pairs(400, seed=3), torch.Generator().manual_seed(4)
    inputs = system.condition.make_inputs(400, data, rng)
    mismatched = system.condition.draw_mismatched(inputs, rng)
    scores = [
        system.match(data["image"], vector[:, 0])
        for vector in (inputs.vector, mismatched.inputs.vector)
    ]
    # Another sentence may be right as well: red left of blue is blue right of red.
    same = _meaning(system, inputs.vector) == _meaning(system, mismatched.inputs.vector)
    ground_truth = torch.cat([torch.ones(400), torch.zeros(400)[~same]])
    return roc_auc_score(ground_truth, torch.cat([scores[0], scores[1][~same]]))


def _meaning(system, vector):
    """The direction from blue to red, as a number."""
    names = {"left of": 0, "right of": 1, "above": 2, "below": 3}
    found = []
    for sentence in system.condition.sentences.write(vector[:, 0]):
        place = next(number for name, number in names.items() if name in sentence)
        found.append(place if sentence.startswith("a red") else place ^ 1)
    return torch.tensor(found)


def _center(images, channel):
    """The center (N, 2) of the red (0) or blue (2) pixels, as (row, column)."""
    weight = (images[:, channel] - images[:, 2 - channel]).clamp(min=0)
    axis = torch.arange(images.shape[-1], dtype=torch.float32)
    total = weight.sum(dim=(1, 2)).clamp(min=1e-6)
    return torch.stack([weight.sum(dim=2) @ axis / total, weight.sum(dim=1) @ axis / total], dim=1)


@pytest.mark.slow
def test_wrong_sentences_are_detected_and_right_ones_obeyed():
    # Words come first, and their order, which says what lies where, after some 2,000 steps.
    found = figures(trained())
    assert found["detection"] > 0.9
    assert found["obedience"] > 0.9


def test_names_and_classes_must_agree():
    with pytest.raises(ValueError, match="1 names were given for 2 classes"):
        TextSettings(classes=2, names=("dog",))
