"""Depth from one image, learnt from stereo pairs alone (Garg et al., ECCV 2016).

The pairs are cut-outs before backgrounds, as a camera to the right would see them: near
things move further to the left. The true depth of the pairs is never looked at; it is there
for the evaluation.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import avg_pool2d

from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.base import TransformingSystem
from tag2mask.models.transformation.colors import depth_colors
from tag2mask.models.transformation.encoder_decoder import EncoderDecoder, widths_of
from tag2mask.models.transformation.synthetic_flow import Frames, affine, scene
from tag2mask.models.transformation.warping import warped

SCALES = 3  # of the photometric loss, each half as large
SPREAD = 0.5  # of the places of cut-outs, as a share of the side
BEHIND = (0.1, 0.2)  # range of the background's nearness
BEFORE = (0.5, 1.0)  # of the cut-outs'; 1 is that of the largest disparity


class DepthSettings(SystemSettings):
    """Of the network, the stereo pairs and the loss."""

    width: int = Field(32, ge=1, description="Channels of the first level; they double.")
    levels: int = Field(5, ge=2, le=7, description="Halvings of the side.")
    disparity: float = Field(
        0.1,
        gt=0,
        le=0.5,
        description="Disparity of the nearest object, as a share of the image's width.",
    )
    smoothness: float = Field(0.01, ge=0, description="Weight γ of the disparity's slopes.")
    others: int = Field(1, ge=0, description="Cut-outs of other images in a scene.")
    learning_rate: float = Field(1e-3, gt=0, description="Initial learning rate of Adam.")

    @property
    def reach(self) -> int:
        """The largest disparity in pixels, rounded up."""
        return math.ceil(self.disparity * self.size)


class Depth(TransformingSystem):
    """A U-Net that gives the nearness of what each pixel shows: 1 / depth, from 0 to 1."""

    settings_type: ClassVar[type[SystemSettings]] = DepthSettings
    settings: DepthSettings

    def __init__(self, settings: DepthSettings) -> None:
        super().__init__(settings)
        self.network = EncoderDecoder(3, 1, widths_of(settings.width, settings.levels))

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """One."""
        return (
            OptimizerStep("network", ("network",), self.settings.learning_rate, (0.9, 0.999), 0.1),
        )

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """How the right view, warped, differs from the left one, and γ times the roughness.

        These are equations 2 and 3, but absolute differences in place of squares, as all who
        followed took them: what the right view does not show costs less (0.43 in place of 0.49
        of the best constant's error on generated scenes).
        """
        del step
        pair = self.pair(batch, rng)
        disparity = self.settings.reach * self._looked(pair.first)
        left, right, pixels = pair.first, pair.second, disparity
        photometric = []
        for _ in range(SCALES):
            flow = torch.cat([-pixels, torch.zeros_like(pixels)], dim=1)
            photometric.append((warped(right, flow) - left).abs().mean())
            # Where the match is far away, only a coarse image has a slope that points to it.
            left, right, pixels = (avg_pool2d(x, 2, ceil_mode=True) for x in (left, right, pixels))
            pixels = pixels / 2
        down = disparity[..., 1:, :] - disparity[..., :-1, :]
        across = disparity[..., 1:] - disparity[..., :-1]
        rough = down.square().mean() + across.square().mean()
        return {
            "photometric": torch.stack(photometric).mean(),
            "smoothness": self.settings.smoothness * rough,
        }

    def pair(self, batch: Batch, rng: torch.Generator) -> Frames:
        """A scene of the batch's objects and some of other images, from left and right."""
        images = batch["image"]
        count, _, height, width = images.shape
        cutouts = self.settings.others + 1
        drawn = torch.rand(cutouts + 1, count, generator=rng, device=images.device)
        # Later layers cover earlier ones, so they are nearer.
        near = _between(BEFORE, drawn[1:].sort(dim=0).values)
        sides = images.new_tensor([width, height])
        strewn = torch.rand(cutouts, count, 2, generator=rng, device=images.device) - 0.5
        places = [self._affine(images, torch.zeros_like(strewn[0]))]
        # As in perspective, things are larger where they are nearer.
        places += [
            self._affine(images, SPREAD * sides * shift, 0.6 + 0.6 * nearness)
            for shift, nearness in zip(strewn, near, strict=True)
        ]
        behind = _between(BEHIND, drawn[:1])
        to_left = images.new_tensor([-self.settings.reach, 0.0])
        motions = [
            self._affine(images, nearness.unsqueeze(1) * to_left)
            for nearness in torch.cat([behind, near])
        ]
        return scene(images, batch["mask"], places, motions)

    def nearness(self, images: Tensor) -> Tensor:
        """How near everything is, from a look at the images and one at their mirror images.

        What a thing hides from the right view lies to its left, has no match there and takes
        the thing's own disparity; in the mirror image it lies to the right. The farther of the
        two looks is what is behind (after the post-processing of Godard et al., CVPR 2017,
        section 3.3, who blend the two by their distance from the border).

        Args:
            images: (N, 3, H, W) RGB in [-1, 1].

        Returns:
            (N, 1, H, W) in [0, 1]: the disparity in units of the largest.
        """
        mirrored = self._looked(images.flip(3)).flip(3)
        return torch.minimum(self._looked(images), mirrored)

    def _looked(self, images: Tensor) -> Tensor:
        return self.network(images).float().sigmoid()

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The nearness in colors."""
        del rng
        return depth_colors(self.nearness(batch["image"]))

    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """A scene, the nearness that is seen and the true one."""
        pair = self.pair(batch, rng)
        true = depth_colors(-pair.flow[:, :1] / self.settings.reach)
        return torch.cat([pair.first, self.transform({"image": pair.first}, rng), true], dim=3)

    @staticmethod
    def _affine(like: Tensor, shift: Tensor, zoom: Tensor | None = None) -> Tensor:
        """Shifts (N, 2) in pixels after zooms (N,), without any turn."""
        still = torch.zeros_like(shift[:, 0])
        return affine(still, still + 1 if zoom is None else zoom, shift, *like.shape[-2:])


def _between(ends: tuple[float, float], share: Tensor) -> Tensor:
    low, high = ends
    return low + (high - low) * share
