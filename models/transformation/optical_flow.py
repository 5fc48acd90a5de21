"""Optical flow that is learnt from moving cut-outs (FlowNet; Dosovitskiy et al., ICCV 2015).

The ground truth is made from a mask dataset, see
:mod:`tag2mask.models.transformation.synthetic_flow`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.base import TransformingSystem
from tag2mask.models.transformation.colors import flow_colors
from tag2mask.models.transformation.encoder_decoder import padded, widths_of
from tag2mask.models.transformation.flownet import FlowNetCorrelation, FlowNetSimple
from tag2mask.models.transformation.synthetic_flow import Frames, affine, scene

FADING = 0.5  # weight of a level's loss relative to the next finer level's


class Range(NamedTuple):
    """The largest shift as a share of the side, rotation in degrees, and zoom as a share of 1."""

    shift: float
    turn: float
    zoom: float


STILL = Range(0, 0, 0)
PLACES = Range(0.25, 15, 0.2)  # range of the first places of other images' cut-outs


class OpticalFlowSettings(SystemSettings):
    """Settings of a FlowNet, and of the motions that it learns from."""

    width: int = Field(64, ge=1, description="Channels of the first level; they double.")
    levels: int = Field(5, ge=3, le=7, description="Halvings of the side.")
    shift: float = Field(0.08, gt=0, le=0.5, description="Largest shift, as a share of the side.")
    turn: float = Field(8.0, ge=0, description="Largest rotation, in degrees.")
    zoom: float = Field(0.08, ge=0, lt=1, description="Largest zoom, as a share of the length.")
    others: int = Field(1, ge=0, description="Cut-outs of other images in a frame.")
    learning_rate: float = Field(1e-3, gt=0, description="Initial learning rate of Adam.")

    @property
    def reach(self) -> int:
        """The largest shift in pixels, rounded up."""
        return math.ceil(self.shift * self.size)

    @property
    def motion(self) -> Range:
        """The range of every layer's own motion."""
        return Range(self.shift, self.turn, self.zoom)


class OpticalFlow(TransformingSystem):
    """A FlowNet; :meth:`flow` gives the motion from one image to the next.

    Args:
        settings: The member's settings.
    """

    settings_type: ClassVar[type[SystemSettings]] = OpticalFlowSettings
    settings: OpticalFlowSettings
    needs: ClassVar[tuple[str, ...]] = ("image", "next")

    def __init__(self, settings: OpticalFlowSettings) -> None:
        super().__init__(settings)
        self.network = self.build(settings, widths_of(settings.width, settings.levels))

    @classmethod
    @abstractmethod
    def build(cls, settings: OpticalFlowSettings, widths: tuple[int, ...]) -> nn.Module:
        """The network: two frames to the flows of its levels, in units of the reach."""

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """One optimizer step of the network."""
        return (
            OptimizerStep("network", ("network",), self.settings.learning_rate, (0.9, 0.999), 0.01),
        )

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The endpoint error of every level, in pixels; coarser ones count less."""
        del step
        frames = self.frames(batch, rng)
        flows = self.network(frames.first, frames.second)
        terms = {}
        for level, flow in enumerate(reversed(flows)):
            stride = 2 ** (level + 1)
            true = avg_pool2d(padded(frames.flow, 2**self.settings.levels), stride)
            error = self.settings.reach * flow.float() - true
            terms[f"endpoint_{stride}"] = FADING**level * lengths(error).mean()
        return terms

    def frames(self, batch: Batch, rng: torch.Generator) -> Frames:
        """Two frames: objects of the batch and of other images, over the backgrounds."""
        images = batch["image"]
        layers = self.settings.others + 2
        places = [STILL, STILL, *[PLACES] * self.settings.others]
        return scene(
            images,
            batch["mask"],
            [_affine(images, rng, most) for most in places],
            [_affine(images, rng, self.settings.motion) for _ in range(layers)],
        )

    def flow(self, first: Tensor, second: Tensor) -> Tensor:
        """The motion of the pixels from one image to the next.

        Args:
            first: (N, 3, H, W) RGB in [-1, 1].
            second: (N, 3, H, W) RGB in [-1, 1].

        Returns:
            (N, 2, H, W), x and y in pixels.
        """
        height, width = first.shape[-2:]
        finest = self.settings.reach * self.network(first, second)[-1].float()
        whole = interpolate(finest, scale_factor=2, mode="bilinear", align_corners=False)
        return whole[..., :height, :width]

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The flow from the image to the next, in colors."""
        del rng
        return flow_colors(self.flow(batch["image"], batch["next"]), self.settings.reach)

    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """Two frames, their predicted flow and their true flow."""
        frames = self.frames(batch, rng)
        seen = self.transform({"image": frames.first, "next": frames.second}, rng)
        true = flow_colors(frames.flow, self.settings.reach)
        return torch.cat([frames.first, frames.second, seen, true], dim=3)


def _affine(like: Tensor, rng: torch.Generator, most: Range) -> Tensor:
    """Random affine maps (N, 2, 3), one for each image."""
    count, _, height, width = like.shape
    turn, zoom, x, y = 2 * torch.rand(4, count, generator=rng, device=like.device) - 1
    shift = most.shift * torch.stack([width * x, height * y], dim=1)
    angle = math.radians(most.turn) * turn
    return affine(angle, 1 + most.zoom * zoom, shift, height, width)


def lengths(vectors: Tensor) -> Tensor:
    """(N, 2, H, W) to the lengths (N, H, W), with a finite slope at zero too."""
    return (vectors.square().sum(dim=1) + 1e-8).sqrt()


class FlowSimple(OpticalFlow):
    """FlowNetS."""

    @classmethod
    def build(cls, settings: OpticalFlowSettings, widths: tuple[int, ...]) -> nn.Module:
        """See :class:`~tag2mask.models.transformation.flownet.FlowNetSimple`."""
        del settings
        return FlowNetSimple(widths)


class FlowCorrelation(OpticalFlow):
    """FlowNetC."""

    @classmethod
    def build(cls, settings: OpticalFlowSettings, widths: tuple[int, ...]) -> nn.Module:
        """See :class:`~tag2mask.models.transformation.flownet.FlowNetCorrelation`."""
        return FlowNetCorrelation(widths, 2 * settings.reach)
