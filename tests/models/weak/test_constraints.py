"""EM-Adapt and CCNN: shares of the labels, by hand and by scipy."""

import numpy as np
import torch
from scipy.optimize import minimize

from tag2mask.models.weak.ccnn import Ccnn
from tag2mask.models.weak.em_adapt import EmAdapt
from tests.models.weak.test_base import labels, logits


def test_every_tag_gets_its_share():
    scores = logits(side=20)
    scores[:, 0] += 5  # background everywhere, but for the biases
    estimated = EmAdapt(foreground=0.2, background=0.4).estimate(scores, labels().tags)
    shares = [(estimated[0] == label).float().mean().item() for label in range(4)]
    assert shares[2] == shares[3] == 0
    assert 0.15 < shares[1] < 0.65
    assert shares[0] >= 0.3


def test_labels_without_a_tag_are_never_estimated():
    scores = logits()
    scores[:, 2] += 50
    estimated = EmAdapt().estimate(scores, labels().tags)
    assert not (estimated == 2).any()


def test_the_constraints_hold_after_the_projection():
    scores = logits(side=16)
    scores[:, 0] += 6
    nearest = Ccnn().project(scores, labels().tags)
    shares = nearest.mean(dim=(2, 3))
    torch.testing.assert_close(nearest.sum(dim=1), torch.ones(2, 16, 16))
    assert nearest[0, 2:].max() == 0
    assert (shares[:, 0] < 0.7 + 1e-2).all(), "at most"
    assert (shares[:, 0] > 0.3 - 1e-2).all(), "at least"


def test_the_projection_is_the_nearest_distribution():
    """Against a general solver on an image of six pixels, slack included."""
    scores = torch.tensor([[4.0, 3.0, 2.0, 5.0, 1.0, 4.0], [0.0, 0.2, 0.1, -1.0, 0.5, 0.0]])
    tags = torch.tensor([[1.0]])
    ours = Ccnn(steps=4000, rate=1.0).project(scores.view(1, 2, 1, 6), tags)[0, :, 0].numpy()
    q = scores.softmax(dim=0).numpy()

    def divergence(p: np.ndarray) -> float:
        foreground = np.clip(p, 1e-9, 1 - 1e-9)
        missing = max(0.0, 0.05 - foreground.mean())
        kl = foreground * np.log(foreground / q[1])
        kl += (1 - foreground) * np.log((1 - foreground) / q[0])
        return float(kl.mean() + 2.0 * missing)

    bounds = {"type": "ineq", "fun": lambda p: [0.7 - (1 - p).mean(), (1 - p).mean() - 0.3]}
    solved = minimize(divergence, np.full(6, 0.35), bounds=[(0, 1)] * 6, constraints=bounds)
    np.testing.assert_allclose(ours[1], solved.x, atol=0.01)
