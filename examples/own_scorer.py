"""A scorer of your own: python own_scorer.py IMAGES RUN [RECIPE].

The scorer is found by its path ``own_scorer:CenterPrior`` because the script runs in its folder.
"""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor

import tag2mask


class CenterPrior:
    """Puts every tag in the middle of the image, as photographers do."""

    def __init__(self, tagger: object, classes: tuple[str, ...], *, width: float = 0.5) -> None:
        self.width = width

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for an image (3, H, W) and its T tags."""
        rows, columns = (torch.linspace(-1, 1, side) for side in image.shape[1:])
        distance = rows[:, None] ** 2 + columns[None, :] ** 2
        return torch.exp(-distance / self.width).expand(len(classes), -1, -1).contiguous()


def main(images: str, run: str, recipe: str | None = None) -> None:
    """Labels the images with the scorer above and prints the summary."""
    values = json.loads(Path(recipe).read_text()) if recipe else {}
    values.setdefault("seeds", {}).update(
        scorer="own_scorer:CenterPrior", settings={"width": 0.3}, score_power=1.0
    )
    print(tag2mask.label(images, out=run, recipe=values, engine="local"))


if __name__ == "__main__":
    main(*sys.argv[1:])
