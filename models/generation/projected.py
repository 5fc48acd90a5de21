"""A discriminator on a pretrained backbone (Projected GANs: Sauer et al., NeurIPS 2021).

Real and generated images are separated in the features of a frozen ImageNet backbone. Random layers
that never learn mix the features, so that no part of them can be ignored (section 3.2). A small
network for each resolution gives the logits. With a few thousand images it teaches outlines, fur
and faces in a few thousand steps.
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
from tag2mask.models.generation.networks import DiscriminatorOutput, with_planes
from tag2mask.models.transformation.perceptual import Perceptual

# Stages of the backbone. The paper begins at stride 4 with images enlarged to 256 pixels. Images of
# 64 pixels are not enlarged here, and the colors hold the details below the first stride.
STAGES = ("c0", "c1", "c2", "c3", "c4", "c5")
# The fine maps are large: with as many channels they would cost more than all others.
NARROWER = {"c0": 4, "c1": 2}


class Mixing(nn.Module):
    """Random layers across channels and scales, which are never trained (section 3.2).

    From coarse to fine, each stage is mixed with the coarser ones, so that the finest depends on
    all.

    Args:
        channels: Channels of each stage, from fine to coarse.
        width: Channels of the coarse stages afterwards.
        seed: Random seed of the layers.

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
    """Logits for every place of one stage's maps, after they are halved to a coarse size.

    A condition's vector is compared with the features (Miyato & Koyama, "cGANs with projection
    discriminator", ICLR 2018), and its planes are joined with the maps. Spectral normalization
    (Miyato et al., ICLR 2018) replaces batch normalization, as in the paper.

    Args:
        inputs: Channels of the maps.
        side: Side of the maps, in pixels.
        coarsest: Largest side of the coarse maps, in pixels.
        width: Channels of the coarse maps.
        condition: Reads the condition for the discriminator.
    """

    def __init__(
        self, inputs: int, side: int, coarsest: int, width: int, condition: Reader
    ) -> None:
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
            for before, after in pairwise([inputs + condition.planes, *between, width])
        )
        self.judge = spectral_norm(nn.Conv2d(width, 1, 1))
        self.compare = (
            spectral_norm(nn.Linear(condition.vector, width)) if condition.vector else None
        )

    def forward(self, x: Tensor, condition: ConditionInputs) -> tuple[Tensor, Tensor]:
        """Logits (N, places), and their maps (N, width, h, w)."""
        x = with_planes(x, condition.planes)
        for shrink in self.shrink:
            x = shrink(x)
        logits = self.judge(x)[:, 0]
        if self.compare is not None:
            logits = logits + (self.compare(condition.vector)[..., None, None] * x).sum(dim=1)
        return logits.flatten(1), x


class ProjectedDiscriminator(nn.Module):
    """Separates real from generated images by a backbone's features; see the module.

    Args:
        reader: Reads the condition.
        side: Side of the images, in pixels.
        backbone: One of :data:`tag2mask.models.backbones.BACKBONES`.
        width: Channels of the coarse maps.
        coarsest: Largest side of the coarse maps, in pixels.
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

    def forward(self, made: Tensor, inputs: ConditionInputs) -> DiscriminatorOutput:
        """Images (N, 3, S, S) and the inputs that they should match."""
        condition = self.reader(inputs)
        maps = self.mixing(self.features(made))
        outputs = [head(x, condition) for head, x in zip(self.heads, maps, strict=True)]
        return DiscriminatorOutput(
            torch.cat([logits for logits, _ in outputs], dim=1), outputs[-1][1]
        )
