"""VGAN (Vondrick, Pirsiavash & Torralba, "Generating videos with scene dynamics", NIPS 2016)."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from tag2mask.models.generation.clips import Clips, moving_clips
from tag2mask.models.generation.conditions.base import (
    ConditionInputs,
    IgnoreCondition,
    vector_inputs,
)
from tag2mask.models.generation.conditions.unconditional import Unconditional
from tag2mask.models.generation.gan import Gan, GanSettings
from tag2mask.models.generation.networks import (
    Discriminator,
    Downsampler,
    Generator,
    Upsampler,
    eval_mode,
)
from tag2mask.models.system import Batch

STRIP = 4  # frames in an image of a clip
# The mask's logits at the start. From zero, either stream might learn either part of a clip.
STILL = -2.0


class VideoSettings(GanSettings):
    """Settings of the video GAN."""

    frames: int = Field(8, ge=2, description="Frames of a clip, T; 32 in the paper.")
    sparsity: float = Field(
        0.1, ge=0, description="Weight of the mean foreground mask in the generator's loss."
    )


class Streams(NamedTuple):
    """A clip and its parts.

    Attributes:
        clip: (N, 3, T, S, S), mask * foreground + (1 - mask) * background.
        foreground: (N, 3, T, S, S).
        mask: (N, 1, T, S, S) in [0, 1], 1 on the moving foreground.
        background: (N, 3, 1, S, S), the same in every frame.
    """

    clip: Tensor
    foreground: Tensor
    mask: Tensor
    background: Tensor


class TwoStreams(nn.Module):
    """A vector to a static background and a moving foreground (section 3.2)."""

    def __init__(self, settings: VideoSettings) -> None:
        super().__init__()
        sizes = {"width": settings.width, "coarsest": settings.coarsest}
        still = (settings.size, settings.size)
        self.moving = Upsampler(settings.latent, 4, (settings.frames, *still), **sizes)
        self.still = Upsampler(settings.latent, 3, still, **sizes)

    def forward(self, vector: Tensor, planes: Tensor) -> Streams:
        """(N, Z) to a clip and its parts; there are no planes."""
        colors, mask = self.moving(vector, planes).split([3, 1], dim=1)
        foreground, mask = colors.tanh(), (mask + STILL).sigmoid()
        background = self.still(vector, planes).tanh().unsqueeze(2)
        clip = mask * foreground + (1 - mask) * background
        return Streams(clip, foreground, mask, background)


class VideoGan(Gan):
    """Makes short clips with masks of their moving foreground, from noise.

    The real clips are made of images and masks, see :mod:`tag2mask.models.generation.clips`.
    """

    settings_type = VideoSettings
    settings: VideoSettings
    view = "image"

    def __init__(self, settings: VideoSettings) -> None:
        body = Downsampler(
            3,
            (settings.frames, settings.size, settings.size),
            width=settings.width,
            coarsest=settings.coarsest,
        )
        super().__init__(
            settings,
            Generator(IgnoreCondition(), TwoStreams(settings), nn.Identity()),
            Discriminator(IgnoreCondition(), body, body.outputs),
            Unconditional(),
        )

    def reals(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """Clips (N, 3, T, S, S) of moving cut-outs."""
        return moving_clips(batch["image"], batch["mask"], self.settings.frames, rng).images

    def make(self, noise: Tensor, inputs: ConditionInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Clips, and the mean of their masks as a loss that keeps the foreground small."""
        streams = cast(Streams, self.generator(noise, inputs))
        return streams.clip, {"sparsity": self.settings.sparsity * streams.mask.mean()}

    def render(self, made: Tensor) -> Tensor:
        """Some frames side by side: (N, 3, T, S, S) to (N, 3, S, 4 S)."""
        chosen = torch.linspace(0, made.shape[2] - 1, STRIP).round().long()
        return made[:, :, chosen.to(made.device)].transpose(2, 3).flatten(3)

    @torch.no_grad()
    def clips(self, count: int, rng: torch.Generator) -> Clips:
        """New clips with the masks of their moving foreground."""
        with eval_mode(self.generator):
            noise = self.noise(count, rng)
            streams = cast(Streams, self.generator(noise, vector_inputs(noise[:, :0])))
        return Clips(streams.clip, streams.mask)

    @torch.no_grad()
    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """Frames of a real clip, of a new one, and of the new one's mask."""
        reals = self.reals(batch, rng)
        new = self.clips(len(reals), rng)
        mask = (2 * new.movers - 1).expand_as(new.images)
        return torch.cat([self.render(part) for part in (reals, new.images, mask)], dim=3)
