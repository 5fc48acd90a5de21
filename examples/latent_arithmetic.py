"""Arithmetic on images: python latent_arithmetic.py MODEL SHEET.png [LIKE WITHOUT HAVING].

MODEL is a trained ``dcgan``. Without lists the sheet shows 64 samples, row by row from number 0.
Each list names samples that show one concept, such as ``3,17,40``. The sheet then shows the mean
of each concept, and last LIKE - WITHOUT + HAVING (Radford et al., 2015, section 6.3.2).
"""

import sys

import torch
from torchvision.utils import save_image

from tag2mask.models.generation.dcgan import Dcgan, analogy
from tag2mask.pipeline.systems.loading import load_generator

SAMPLES = 64


@torch.no_grad()
def main(model: str, sheet: str, *lists: str) -> None:
    """Saves the samples, or the concepts and the result of the arithmetic."""
    system, _ = load_generator(model)
    if not isinstance(system, Dcgan):
        raise SystemExit(f"{model} is no dcgan: train one with `tag2mask train dcgan`")
    noise = system.noise(SAMPLES, torch.Generator().manual_seed(0))
    if lists:
        concepts = [noise[[int(number) for number in text.split(",")]] for text in lists]
        means = [concept.mean(dim=0) for concept in concepts]
        noise = torch.stack([*means, analogy(*concepts)])
    save_image(system.images(noise), sheet, nrow=8, normalize=True, value_range=(-1, 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
