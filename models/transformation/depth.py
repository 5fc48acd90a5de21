"""Depth from one image, learnt from stereo pairs alone (Garg et al., ECCV 2016).

The pairs are cut-outs in front of backgrounds, from a left and a right camera. In the right image
near objects lie further to the left. The true depth of the pairs is for the evaluation alone.
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
from tag2mask.models.transformation.warping import warp

SCALES = 3  # scales of the photometric loss, each half as large
SPREAD = 0.5  # range of the places of cut-outs, as a share of the side
BEHIND = (0.1, 0.2)  # range of the background's nearness
BEFORE = (0.5, 1.0)  # range of the cut-outs' nearness; 1 has the largest disparity


class DepthSettings(SystemSettings):
    """Settings of the network, the stereo pairs and the loss."""

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
    """A U-Net that predicts the nearness of each pixel, 1 / depth, from 0 to 1."""

    settings_type: ClassVar[type[SystemSettings]] = DepthSettings
    settings: DepthSettings

    def __init__(self, settings: DepthSettings) -> None:
        super().__init__(settings)
        self.network = EncoderDecoder(3, 1, widths_of(settings.width, settings.levels))

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """One optimizer step of the network."""
        return (
            OptimizerStep("network", ("network",), self.settings.learning_rate, (0.9, 0.999), 0.1),
        )

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The difference between the warped right view and the left view, and γ times roughness.

        These are equations 2 and 3 with absolute differences in place of squares, as in later
        papers. Pixels that the right view does not show cost less: on generated scenes the error
        is 0.43 in place of 0.49 of the best constant's error.
        """
        del step
        pair = self.pair(batch, rng)
        disparity = self.settings.reach * self._looked(pair.first)
        left, right, pixels = pair.first, pair.second, disparity
        photometric = []
        for _ in range(SCALES):
            flow = torch.cat([-pixels, torch.zeros_like(pixels)], dim=1)
            photometric.append((warp(right, flow) - left).abs().mean())
            # If the match is far away, only a coarse image has a slope in its direction.
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
        """A scene of the batch's objects and objects of other images, from left and right."""
        images = batch["image"]
        count, _, height, width = images.shape
        cutouts = self.settings.others + 1
        drawn = torch.rand(cutouts + 1, count, generator=rng, device=images.device)
        # Later layers cover earlier ones, so they must be nearer.
        near = _between(BEFORE, drawn[1:].sort(dim=0).values)
        sides = images.new_tensor([width, height])
        strewn = torch.rand(cutouts, count, 2, generator=rng, device=images.device) - 0.5
        places = [self._affine(images, torch.zeros_like(strewn[0]))]
        # Near objects are larger, by perspective.
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
        """The nearness of every pixel, from the images and their mirror images.

        Pixels that an object hides from the right view lie to its left. They have no match there
        and get the object's own disparity. In the mirror image they lie to the right. So the
        farther of both predictions is taken. (The post-processing of Godard et al., CVPR 2017,
        section 3.3, blends both by their distance from the border.)

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
        """A scene, its predicted nearness and its true nearness."""
        pair = self.pair(batch, rng)
        true = depth_colors(-pair.flow[:, :1] / self.settings.reach)
        return torch.cat([pair.first, self.transform({"image": pair.first}, rng), true], dim=3)

    @staticmethod
    def _affine(like: Tensor, shift: Tensor, zoom: Tensor | None = None) -> Tensor:
        """Shifts (N, 2) in pixels after zooms (N,), without rotation."""
        still = torch.zeros_like(shift[:, 0])
        return affine(still, still + 1 if zoom is None else zoom, shift, *like.shape[-2:])


def _between(ends: tuple[float, float], share: Tensor) -> Tensor:
    low, high = ends
    return low + (high - low) * share
