"""StackGAN (Zhang et al., "Text to photo-realistic image synthesis", ICCV 2017): two stages."""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tag2mask.models.generation.base import GeneratingSystem
from tag2mask.models.generation.conditions.augmentation import AugmentedTags
from tag2mask.models.generation.conditions.low_resolution import LowResolution
from tag2mask.models.generation.dcgan import ImageGan, ImageSettings
from tag2mask.models.generation.gan import EXAMPLES, Gan, GanSettings
from tag2mask.models.generation.networks import Discriminator, Downsampler, Generator
from tag2mask.models.generation.refiner import Refiner
from tag2mask.models.system import Batch, OptimizerStep, SystemSettings

STAGES = ("first", "second")


class StackSettings(GanSettings):
    """Settings of both stages; latent, width and coarsest as in the paper."""

    old_names: ClassVar[dict[str, str]] = {"told": "tag_vector"}

    factor: int = Field(
        4, ge=2, description="Side of the large images, as a multiple of the small images' side."
    )
    tag_vector: int = Field(
        128, ge=1, description="Length of the vector that each network makes of the tags."
    )
    blocks: int = Field(4, ge=1, description="Residual blocks of the second generator.")
    begin: float = Field(
        0.5, gt=0, lt=1, description="Share of the training after which stage two begins."
    )

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        if self.size % self.factor:
            raise ValueError(f"a size of {self.size} is no multiple of the factor {self.factor}")
        self.small()
        return self

    def small(self) -> ImageSettings:
        """The settings of the first stage."""
        common = GanSettings.model_fields.keys() - {"size"}
        values = {name: getattr(self, name) for name in common}
        return ImageSettings(size=self.size // self.factor, **values)


class StackGan(GeneratingSystem):
    """Tags to a small image, and tags with the small image to a large one.

    The first stage is trained, then the second on the images of the first. Both are GANs with
    conditioning augmentation and mismatched pairs, on tags in place of sentences.
    """

    settings_type: ClassVar[type[SystemSettings]] = StackSettings
    settings: StackSettings
    averaged = ("first.generator", "second.generator")
    needs = AugmentedTags.needs
    view = "cutout"

    def __init__(self, settings: StackSettings) -> None:
        super().__init__(settings)
        small = settings.small()
        self.first = ImageGan(small, AugmentedTags(settings.classes, settings.tag_vector), joins=-1)
        self.second = _Second(settings)

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """The optimizer steps of the first stage, then those of the second."""
        begin = self.settings.begin
        spans = {"first": (0.0, begin), "second": (begin, 1.0)}
        return tuple(
            OptimizerStep(
                f"{stage} {step.name}",
                tuple(f"{stage}.{network}" for network in step.networks),
                step.learning_rate,
                span=spans[stage],
            )
            for stage in STAGES
            for step in self._stage(stage).optimizer_steps()
        )

    def _stage(self, stage: str) -> Gan:
        return self.first if stage == "first" else self.second

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The losses of one stage; the second gets the first's images of the same tags."""
        stage, name = step.split()
        if stage == "first":
            return self.first.losses(name, self._shrunk(batch), rng)
        small = self.first.sample(len(batch["tags"]), batch, rng)
        return self.second.losses(name, {**batch, "small": small}, rng)

    def _shrunk(self, batch: Batch) -> Batch:
        side = self.settings.size // self.settings.factor
        return {**batch, "image": interpolate(batch["image"], (side, side), mode="area")}

    @torch.no_grad()
    def sample(self, count: int, wanted: Batch, rng: torch.Generator) -> Tensor:
        """See :class:`tag2mask.models.generation.base.GeneratingSystem`."""
        small = self.first.sample(count, wanted, rng)
        return self.enlarge(small, wanted["tags"], rng)

    @torch.no_grad()
    def enlarge(self, small: Tensor, tags: Tensor, rng: torch.Generator) -> Tensor:
        """The second stage's images of small images (N, 3, s, s) with tags (N, C)."""
        return self.second.sample(len(small), {"tags": tags, "small": small}, rng)

    @torch.no_grad()
    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """A real image, then pairs of a small and a large generated image."""
        shown, side = [batch["image"]], (self.settings.size, self.settings.size)
        for _ in range(EXAMPLES // 2):
            small = self.first.sample(len(batch["tags"]), batch, rng)
            shown += [
                interpolate(small, side, mode="nearest"),
                self.enlarge(small, batch["tags"], rng),
            ]
        return torch.cat(shown, dim=3)


class _Second(Gan):
    """The second stage, whose only noise is that of the augmentation."""

    def __init__(self, settings: StackSettings) -> None:
        condition = LowResolution(AugmentedTags(settings.classes, settings.tag_vector))
        ours, theirs = condition.for_generator(), condition.for_discriminator()
        maker = Refiner(
            ours.vector, settings.width, settings.factor, settings.size, settings.blocks
        )
        body = Downsampler(
            3,
            (settings.size, settings.size),
            width=settings.width,
            coarsest=settings.coarsest,
            vector=theirs.vector,
            joins=-1,
        )
        super().__init__(
            settings,
            Generator(ours, maker, nn.Tanh()),
            Discriminator(theirs, body, body.outputs),
            condition,
        )

    def noise(self, count: int, rng: torch.Generator) -> Tensor:
        """No noise, (N, 0)."""
        return torch.zeros(count, 0, device=rng.device)
