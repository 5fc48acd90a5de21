"""Change the tag of images: python edit_tags.py MODEL RUN/dataset TAG SHEET.png.

MODEL is a trained ``icgan``. Its encoders find the noise of an image; the generator then makes
the image again with another tag (Perarnau et al., 2016).
"""

import sys

import torch
from torchvision.utils import save_image

import tag2mask
from tag2mask.models.generation.icgan import InvertibleGan
from tag2mask.pipeline.systems.batches import Batches, to_batch
from tag2mask.pipeline.systems.loading import load_generator

IMAGES = 8


def main(model: str, dataset: str, tag: str, sheet: str) -> None:
    """Saves three rows: cut-outs of the dataset, their reconstructions, and the edited ones."""
    system, card = load_generator(model)
    if not isinstance(system, InvertibleGan):
        raise SystemExit(f"{model} is no icgan: train one with `tag2mask train icgan`")
    masks = tag2mask.MaskDataset(dataset)
    squares = Batches(masks, system.view, system.settings.size, IMAGES, seed=0)
    images = to_batch(next(squares.stream()), "cpu")["image"]
    tags = torch.zeros(IMAGES, len(card.classes))
    tags[:, card.classes.index(tag) - 1] = 1
    rows = torch.cat([images, system.reconstruct(images), system.edit(images, tags)])
    save_image(rows, sheet, nrow=IMAGES, normalize=True, value_range=(-1, 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
