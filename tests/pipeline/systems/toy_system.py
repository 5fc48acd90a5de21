"""A small system with four optimizer steps, and images for it."""

from __future__ import annotations

import torch
from torch import nn

from tag2mask.models.system import OptimizerStep, System, SystemSettings


class ToySettings(SystemSettings):
    """Small images."""

    size: int = 16
    classes: int = 3


class ToySystem(System):
    """A generator of one color against a discriminator; with batch norm, dropout and noise."""

    settings_type = ToySettings
    averaged = ("generator",)

    def __init__(self, settings):
        super().__init__(settings)
        self.generator = nn.Sequential(
            nn.Conv2d(4, 8, 1), nn.BatchNorm2d(8), nn.Dropout(0.2), nn.Conv2d(8, 3, 1), nn.Tanh()
        )
        self.discriminator = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.Conv2d(8, 1, 1))
        self.late = nn.Conv2d(3, 3, 1)
        self.never = nn.Conv2d(3, 3, 1)

    def optimizer_steps(self):
        return (
            OptimizerStep("discriminator", ("discriminator",), learning_rate=1e-2),
            OptimizerStep("generator", ("generator",), learning_rate=1e-2),
            OptimizerStep("late", ("late",), span=(0.5, 1.0)),
            OptimizerStep("never", ("never",)),
        )

    def generate(self, batch, rng):
        count, size = len(batch["image"]), batch["image"].shape[-1]
        noise = torch.randn(count, 4, 1, 1, generator=rng, device=rng.device)
        return self.generator(noise.expand(-1, -1, size, size))

    def losses(self, step, batch, rng):
        fake = self.generate(batch, rng)
        if step == "discriminator":
            real = nn.functional.softplus(-self.discriminator(batch["image"])).mean()
            return {
                "real": real,
                "fake": nn.functional.softplus(self.discriminator(fake.detach())).mean(),
            }
        if step == "generator":
            return {"fooled": nn.functional.softplus(-self.discriminator(fake)).mean()}
        if step == "late":
            return {"copy": (self.late(batch["image"]) - batch["image"]).square().mean()}
        return {}

    def show(self, batch, rng):
        return torch.cat([batch["image"], self.generate(batch, rng)], dim=3)


class ToyPairs:
    """Images of one color for each class, with an object on the left."""

    def __len__(self):
        return 10

    def __getitem__(self, index):
        label = 1 + index % 3
        mask = torch.zeros(24, 32, dtype=torch.uint8)
        mask[4:20, 2:14] = label
        image = torch.full((3, 24, 32), 20, dtype=torch.uint8)
        image[label - 1, mask > 0] = 230
        tags = torch.zeros(3)
        tags[label - 1] = 1
        return {"image": image, "mask": mask, "tags": tags}
