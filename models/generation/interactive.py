"""Interactive GAN (Zhu et al., "Generative visual manipulation", ECCV 2016).

The survey cites it as its reference 43; its number there is 42.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import mse_loss, softplus

from tag2mask.models.generation.conditions.base import vector_inputs
from tag2mask.models.generation.dcgan import Dcgan, ProjectedGanSettings
from tag2mask.models.generation.networks import Encoder, eval_mode
from tag2mask.models.system import Batch, OptimizerStep

RATE = 0.1  # of the optimization, in deviations of the noise
STEPS = 200
SHOWN_STEPS = 10  # steps of the optimization for the sample grid, few so that it comes soon
FEATURES = 0.5  # weight of the features in the distance of images, against the pixels
STAY, REAL = 0.002, 0.005  # weights of the distance from the start, and of the realism
WHITE = 0.1  # mean squared distance from white at which a pixel belongs to an object
TRIALS = 32  # starts for an outline, of which the best is taken


class InteractiveSettings(ProjectedGanSettings):
    """Settings of the interactive GAN."""

    predictor_rate: float = Field(2e-4, gt=0, description="Learning rate of the predictor.")
    begin: float = Field(
        0.6, gt=0, lt=1, description="Share of the training after which the predictor begins."
    )


class InteractiveGan(Dcgan):
    """A GAN whose images are edited by strokes and outlines.

    An image is projected to noise by a predictor, trained after the generator, and then by
    optimization (section 3.2). An edit moves the noise until the image fits the drawing (section
    4.1). The paper optimizes by L-BFGS. Adam is used here, because it moves each image
    independently of its batch. The distance of images is taken in the discriminator's features
    instead of a classifier's.
    """

    settings_type = InteractiveSettings
    settings: InteractiveSettings

    def __init__(self, settings: InteractiveSettings) -> None:
        super().__init__(settings)
        self.predictor = Encoder(
            settings.size, settings.latent, width=settings.width, coarsest=settings.coarsest
        )

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """The adversarial networks first, then the predictor."""
        begin = self.settings.begin
        adversaries = (
            OptimizerStep(step.name, step.networks, step.learning_rate, span=(0.0, begin))
            for step in super().optimizer_steps()
        )
        rate = self.settings.predictor_rate
        return (*adversaries, OptimizerStep("predictor", ("predictor",), rate, span=(begin, 1.0)))

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """For the predictor, the distance of images from their projections (equation 5).

        A second term is the distance between the noise of generated images and its prediction.
        With images alone the predictor may be stuck at objects of one color, because the
        distance to another color has no slope that leads there.
        """
        if step == "predictor":
            wanted = batch["image"]
            found = self.images(self.predictor(wanted))
            noise = self.noise(len(wanted), rng)
            with torch.no_grad():
                made = self.images(noise)
            return {
                "projection": self.distance(found, wanted).mean(),
                "noise": mse_loss(self.predictor(made), noise),
            }
        return super().losses(step, batch, rng)

    def distance(self, made: Tensor, wanted: Tensor) -> Tensor:
        """The distance of images (N, 3, S, S) in pixels and features, (N,)."""
        nothing = vector_inputs(made.new_zeros(len(made), 0))
        with eval_mode(self.discriminator):
            ours = self.discriminator(made, nothing).features.flatten(1)
            theirs = self.discriminator(wanted, nothing).features.flatten(1)
        # Features have no scale of their own, so their distance is relative.
        features = (ours - theirs).square().mean(1) / theirs.square().mean(1).clamp(min=1e-6)
        return (made - wanted).square().flatten(1).mean(1) + FEATURES * features

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """The predicted noise (N, Z) of images (N, 3, S, S), in one pass."""
        with eval_mode(self.predictor):
            return self.predictor(images)

    def project(self, images: Tensor, start: Tensor | None = None, steps: int = STEPS) -> Tensor:
        """The noise whose image is the nearest to a given one, by optimization.

        Args:
            images: (N, 3, S, S).
            start: (N, Z); the prediction by default, the paper's hybrid method.
            steps: Number of steps of the optimization.

        Returns:
            (N, Z).
        """
        start = self.predict(images) if start is None else start
        return self._descend(start, lambda noise: self.distance(self.images(noise), images), steps)

    def paint(self, noise: Tensor, colors: Tensor, where: Tensor, steps: int = STEPS) -> Tensor:
        """Moves images until they have the colors of some strokes (equation 7).

        Args:
            noise: (N, Z), the noise of the images before.
            colors: (N, 3, S, S) RGB in [-1, 1].
            where: (N, 1, S, S), 1 under a stroke and 0 elsewhere.
            steps: Number of steps of the optimization.

        Returns:
            (N, Z), the noise of the images after.
        """
        area = where.flatten(1).sum(dim=1).clamp(min=1)

        def off(images: Tensor) -> Tensor:
            return ((images - colors).square() * where).flatten(1).sum(dim=1) / (3 * area)

        return self._edit(noise, off, steps)

    def draw(self, outlines: Tensor, rng: torch.Generator, steps: int = STEPS) -> Tensor:
        """Images of any objects that fill given outlines.

        Args:
            outlines: (N, 1, S, S), 1 inside and 0 outside.
            rng: Draws the images to begin with, of which the best is optimized.
            steps: Number of steps of the optimization.

        Returns:
            (N, Z), the noise of the images.
        """

        def off(images: Tensor) -> Tensor:
            return (silhouette(images) - outlines).square().flatten(1).mean(dim=1)

        with torch.no_grad():
            trials = self.noise(TRIALS, rng)
            shapes = silhouette(self.images(trials))
            far = (shapes[None] - outlines[:, None]).square().flatten(2).mean(dim=2)
            start = trials[far.argmin(dim=1)]
        return self._edit(start, off, steps)

    def _edit(self, start: Tensor, off: Callable[[Tensor], Tensor], steps: int) -> Tensor:
        def loss(noise: Tensor) -> Tensor:
            images = self.images(noise)
            with eval_mode(self.discriminator):
                output = self.discriminator(images, vector_inputs(noise.new_zeros(len(noise), 0)))
            moved = (noise - start).square().mean(dim=1)
            return off(images) + STAY * moved + REAL * softplus(-output.logits).mean(dim=1)

        return self._descend(start, loss, steps)

    def _descend(self, start: Tensor, loss: Callable[[Tensor], Tensor], steps: int) -> Tensor:
        """Minimizes losses (N,) of noise (N, Z), each independent of the others' noise."""
        with torch.enable_grad():
            noise = start.detach().clone().requires_grad_()
            optimizer = torch.optim.Adam([noise], lr=RATE)
            for _ in range(steps):
                (noise.grad,) = torch.autograd.grad(loss(noise).sum(), noise)
                optimizer.step()
        return noise.detach()

    @torch.no_grad()
    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """An image, its predicted and optimized projections, and a filling of its outline."""
        images = batch["image"]
        predicted = self.predict(images)
        outlines = (batch["mask"] > 0).float().unsqueeze(1)
        found = (
            predicted,
            self.project(images, predicted, SHOWN_STEPS),
            self.draw(outlines, rng, SHOWN_STEPS),
        )
        return torch.cat([images, *(self.images(noise) for noise in found)], dim=3)


def silhouette(images: Tensor) -> Tensor:
    """The difference of a cut-out's pixels from white, (N, 3, H, W) to (N, 1, H, W) in [0, 1]."""
    return 1 - torch.exp(-(1 - images).square().mean(dim=1, keepdim=True) / WHITE)
