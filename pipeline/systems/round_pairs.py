"""Images with the masks of any round, in memory, to compare masks."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from torchvision.transforms.v2.functional import InterpolationMode, resize

from tag2mask.pipeline.dataset.sample import Sample, decode_pair
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table


@dataclass(frozen=True)
class RoundPairs:
    """A few thousand images at most, with masks.

    See :class:`tag2mask.pipeline.systems.batches.Pairs`.

    Attributes:
        files: The files of each image and its mask.
        tags: Pixel values of each image's tags.
        classes: Number of foreground classes.
    """

    files: tuple[tuple[bytes, bytes], ...]
    tags: tuple[tuple[int, ...], ...]
    classes: int

    def __len__(self) -> int:
        """The number of images."""
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:
        """A sample; a mask of another size is resized to its image."""
        image, mask = decode_pair(*self.files[index])
        if mask.shape != image.shape[1:]:
            mask = resize(mask[None], list(image.shape[1:]), InterpolationMode.NEAREST)[0]
        tags = torch.zeros(self.classes)
        tags[[tag - 1 for tag in self.tags[index]]] = 1
        return {"image": image, "mask": mask, "tags": tags}

    def digest(self) -> str:
        """A hash of all images and masks."""
        digest = hashlib.sha256()
        for image, mask in self.files:
            digest.update(hashlib.sha256(image).digest() + hashlib.sha256(mask).digest())
        return digest.hexdigest()

    def with_mismatched_masks(self, seed: int) -> RoundPairs:
        """Every image with the mask and tags of another image."""
        order = np.random.default_rng(seed).permutation(len(self))
        other = np.roll(order, 1)
        masks = dict(zip(order.tolist(), other.tolist(), strict=True))
        files = [(image, self.files[masks[i]][1]) for i, (image, _) in enumerate(self.files)]
        return RoundPairs(
            tuple(files), tuple(self.tags[masks[i]] for i in range(len(self))), self.classes
        )


def read_round_pairs(images: Table, masks: Table, ids: Collection[str]) -> RoundPairs:
    """Images with their masks of a round, in the order of their ids.

    Args:
        images: The images.
        masks: The round.
        ids: The ids of the images; images without a mask are skipped.
    """
    scan = Scan(images, {"round": masks}, ["image", "tags", "round.mask"], set(ids))
    rows = [row for row in scan.rows() if row["round"] and row["round"]["mask"]]
    rows.sort(key=lambda row: str(row["id"]))
    return RoundPairs(
        tuple((row["image"]["bytes"], row["round"]["mask"]["bytes"]) for row in rows),
        tuple(tuple(row["tags"]) for row in rows),
        len(images.metadata["classes"]),
    )
