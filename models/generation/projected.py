"""A discriminator that knows photographs before it is trained.

Projected GANs (Sauer et al., NeurIPS 2021): what is real and what is made are told apart in the
features of a frozen ImageNet backbone. Random layers that never learn mix them, so that no part of
them can be passed by (section 3.2), and a small network for each resolution judges. Of some
thousand images it teaches outlines, fur and faces in a few thousand steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.utils.parametrizations import spectral_norm

from tag2mask.models.adversarial import SLOPE
from tag2mask.models.generation.conditions.base import ConditionInputs, Reader
from tag2mask.models.generation.networks import Judgement, with_planes
from tag2mask.models.transformation.perceptual import Perceptual

# Of the backbone. The paper begins at stride 4, with images that are brought to 256 pixels; those
# of 64 are seen as they are, and what the first stride passes over is in the colors.
STAGES = ("c0", "c1", "c2", "c3", "c4", "c5")
# The fine maps are large: with as many channels they would cost more than all others.
NARROWER = {"c0": 4, "c1": 2}


class Mixing(nn.Module):
    """Random layers across channels and scales, which keep still (section 3.2).

    From coarse to fine each stage meets what came of the coarser ones, so that the finest knows
    of all.

    Args:
        channels: Of each stage, from fine to coarse.
        width: Channels of the coarse stages afterwards.
        seed: Of the layers.

    Attributes:
        outputs: Channels of each stage afterwards.
    """

    def __init__(self, channels: Mapping[str, int], width: int, seed: int = 0) -> None:
        super().__init__()
        self.outputs = {stage: max(1, width // NARROWER.get(stage, 1)) for stage in channels}
        self.across = nn.ModuleDict(
            {stage: nn.Conv2d(n, self.outputs[stage], 1) for stage, n in channels.items()}
        )
        self.up = nn.ModuleDict(
            {
                coarse: nn.Conv2d(self.outputs[coarse], self.outputs[fine], 3, padding=1)
                for fine, coarse in pairwise(channels)
            }
        )
        rng = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear", generator=rng)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # there is one
        self.requires_grad_(False)

    def forward(self, features: dict[str, Tensor]) -> list[Tensor]:
        """Maps (N, outputs, h, w) of every stage, from fine to coarse."""
        mixed: list[Tensor] = []
        coarser: Tensor | None = None
        for stage, seen in reversed(features.items()):
            x = self.across[stage](seen)
            if coarser is not None:
                x = (x + interpolate(coarser, x.shape[2:], mode="bilinear")) / math.sqrt(2)
            coarser = self.up[stage](x) if stage in self.up else None
            mixed.insert(0, x)
        return mixed


class Head(nn.Module):
    """Judges the maps of one stage, place by place, when they are halved until they are coarse.

    What is told in numbers is compared with what is seen (Miyato & Koyama, "cGANs with projection
    discriminator", ICLR 2018), what is told in planes is seen beside the maps. Spectral
    normalization (Miyato et al., ICLR 2018) in place of batch normalization, as in the paper.

    Args:
        inputs: Channels of the maps.
        side: Of the maps, in pixels.
        coarsest: Largest side of the maps that are judged.
        width: Channels of those.
        told: How the discriminator reads what it is told.
    """

    def __init__(self, inputs: int, side: int, coarsest: int, width: int, told: Reader) -> None:
        super().__init__()
        halvings = max(0, math.ceil(math.log2(side / coarsest)))
        between = [min(width, inputs * 2**level) for level in range(1, halvings)]
        kernel, stride = (4, 2) if halvings else (3, 1)
        self.shrink = nn.ModuleList(
            nn.Sequential(
                spectral_norm(nn.Conv2d(before, after, kernel, stride, padding=1, bias=False)),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(SLOPE),
            )
            for before, after in pairwise([inputs + told.planes, *between, width])
        )
        self.judge = spectral_norm(nn.Conv2d(width, 1, 1))
        self.compare = spectral_norm(nn.Linear(told.vector, width)) if told.vector else None

    def forward(self, x: Tensor, told: ConditionInputs) -> tuple[Tensor, Tensor]:
        """Logits (N, places), and the maps (N, width, h, w) that they are of."""
        x = with_planes(x, told.planes)
        for shrink in self.shrink:
            x = shrink(x)
        logits = self.judge(x)[:, 0]
        if self.compare is not None:
            logits = logits + (self.compare(told.vector)[..., None, None] * x).sum(dim=1)
        return logits.flatten(1), x


class ProjectedDiscriminator(nn.Module):
    """Tells what is real from what is made by a backbone's features; see the module.

    Args:
        reader: How it reads what it is told.
        side: Of the images, in pixels.
        backbone: One of :data:`tag2mask.models.backbones.BACKBONES`.
        width: Channels of the maps that are judged.
        coarsest: Largest side of these.
    """

    def __init__(
        self, reader: Reader, side: int, backbone: str, *, width: int, coarsest: int = 4
    ) -> None:
        super().__init__()
        self.reader = reader
        self.features = Perceptual(backbone, STAGES)
        self.mixing = Mixing(self.features.channels, width)
        self.heads = nn.ModuleList(
            Head(number, math.ceil(side / stride), coarsest, width, reader)
            for number, stride in zip(
                self.mixing.outputs.values(), self.features.strides.values(), strict=True
            )
        )

    def forward(self, made: Tensor, inputs: ConditionInputs) -> Judgement:
        """What is judged (N, 3, S, S) and what it should fit to."""
        told = self.reader(inputs)
        maps = self.mixing(self.features(made))
        judged = [head(x, told) for head, x in zip(self.heads, maps, strict=True)]
        return Judgement(torch.cat([logits for logits, _ in judged], dim=1), judged[-1][1])
