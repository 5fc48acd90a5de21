"""Mean field as layers, against DenseCRF and against finite differences."""

import numpy as np
import pytest
import torch

from tag2mask.models.crf import CRFS, CrfParameters
from tag2mask.models.segmentation.crf_rnn import MeanField
from tests.models.crf.scenes import scene

PARAMETERS = CrfParameters(
    bilateral_weight=0.9,
    bilateral_sxy=5,
    bilateral_srgb=13,
    gaussian_weight=0.6,
    gaussian_sxy=2,
    iterations=10,
)


def field(labels: int) -> MeanField:
    return MeanField(labels, bilateral=(5.0, 13.0), spatial=2.0, weights=(0.9, 0.6)).eval()


@torch.no_grad()
def test_it_starts_as_dense_crf():
    pytest.importorskip("pydensecrf.densecrf")
    image, probabilities = scene(24, 24, 3, seed=0)
    (theirs,) = CRFS["pydensecrf"](PARAMETERS)([image], [probabilities])
    logits = torch.from_numpy(np.log(probabilities.clip(1e-5)))[None]
    pixels = torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None]
    ours = field(3)(logits, pixels).softmax(dim=1)[0].numpy()
    assert np.abs(ours - theirs).max() < 0.05  # the permutohedral lattice is approximate
    assert (ours.argmax(0) == theirs.argmax(0)).mean() > 0.99


def test_gradients_reach_weights_and_compatibility():
    module = field(2).double()
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 2, 3, 4, generator=generator, dtype=torch.double, requires_grad=True)
    images = 255 * torch.rand(1, 3, 3, 4, generator=generator, dtype=torch.double)

    def refine(logits, weights, compatibility):
        state = {"kernel_weights": weights, "compatibility": compatibility}
        return torch.func.functional_call(module, state, (logits, images))

    learnt = [p.detach().clone().requires_grad_() for p in module.parameters()]
    assert torch.autograd.gradcheck(refine, (logits, *learnt))


def test_a_learnt_compatibility_beats_potts():
    """Label 1 is always taken for 2 next to 0: only an asymmetric compatibility fixes that."""
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(8, 3, 6, 6)
    ground_truth = torch.randint(0, 2, (8, 6, 1), generator=generator).expand(8, 6, 6)
    logits = 2.0 * torch.nn.functional.one_hot(ground_truth * 2, 3).permute(0, 3, 1, 2).float()
    module = field(3).train()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
    losses = []
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(module(logits, images), ground_truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
