"""Networks with random weights that are alive: every layer passes a signal on."""

import torch
from torch import Tensor, nn

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.tagging import Tagger


def randomize(network: nn.Module, seed: int = 0) -> nn.Module:
    """Draws convolutions that keep the scale of their inputs, and uneven statistics.

    torchvision's and torch's own initialization fades out over a dozen layers, and fresh
    batch normalizations do nothing, so that a wrong one would not show.
    """
    generator = torch.Generator().manual_seed(seed)

    def uniform(values: Tensor | None, low: float, high: float) -> None:
        if values is not None:
            nn.init.uniform_(values, low, high, generator=generator)

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            uniform(module.bias, -0.1, 0.1)
        elif isinstance(module, nn.BatchNorm2d):
            uniform(module.weight, 0.7, 1.3)
            uniform(module.bias, -0.2, 0.2)
            uniform(module.running_mean, -0.2, 0.2)
            uniform(module.running_var, 0.7, 1.3)
    return network


def random_tagger(
    backbone: str = "tiny", classes: int = 6, seed: int = 0, pooling: str = "max"
) -> Tagger:
    """A tagger in evaluation mode whose probabilities lie on both sides of one half."""
    tagger = Tagger(BACKBONES[backbone](pretrained=False), classes, pooling)
    randomize(tagger, seed)
    return tagger.eval()


def assert_same(ours: Tensor, theirs: Tensor, tolerance: float = 1e-5) -> None:
    """Equal up to rounding, against the largest value: small ones are sums that cancel."""
    torch.testing.assert_close(
        ours, theirs, rtol=0, atol=tolerance * float(theirs.detach().abs().max())
    )


def random_images(*shape: int, seed: int = 0) -> Tensor:
    """Random RGB in [0, 255] of the given shape (..., 3, H, W)."""
    return 255 * torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
