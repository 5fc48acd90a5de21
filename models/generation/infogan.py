"""InfoGAN (Chen et al., "Interpretable representation learning", NIPS 2016)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import one_hot

from tag2mask.models.generation.conditions.base import vector_inputs
from tag2mask.models.generation.conditions.code import Code, Posterior
from tag2mask.models.generation.dcgan import ImageGan, ImageSettings
from tag2mask.models.generation.networks import eval_mode, features_of
from tag2mask.models.system import Batch


class InfoSettings(ImageSettings):
    """Settings of InfoGAN; the generator learns faster than the discriminator (appendix C)."""

    latent: int = Field(62, ge=1, description="Length of the noise vector z.")
    generator_lr: float = Field(1e-3, gt=0, description="Learning rate of the generator.")
    categories: int = Field(10, ge=2, description="Values of the categorical code.")
    continuous: int = Field(2, ge=0, description="Number of continuous codes.")


class InfoGan(ImageGan):
    """Makes images from noise and a code that can be read from them, without any tags."""

    settings_type = InfoSettings
    settings: InfoSettings
    condition: Code

    def __init__(self, settings: InfoSettings) -> None:
        shape = (settings.size, settings.size)
        features = features_of(shape, width=settings.width, coarsest=settings.coarsest)
        super().__init__(settings, Code(settings.categories, settings.continuous, features))

    @torch.no_grad()
    def recognize(self, images: Tensor) -> Posterior:
        """The distribution of the code, given images (N, 3, S, S)."""
        with eval_mode(self.discriminator), eval_mode(self.condition):
            nothing = vector_inputs(images.new_zeros(len(images), 0))
            return self.condition.posterior(self.discriminator(images, nothing).features)

    @torch.no_grad()
    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """One noise vector in each row, with all categories side by side."""
        rows, categories = len(batch["image"]), self.settings.categories
        noise = self.noise(rows, rng)
        images = []
        for category in range(categories):
            chosen = one_hot(torch.tensor([category], device=rng.device), categories)
            code = noise.new_zeros(rows, categories + self.settings.continuous)
            code[:, :categories] = chosen
            images.append(self.generate(noise, vector_inputs(code)))
        return torch.cat(images, dim=3)
