"""Batches for systems: any images with masks as an endless, resumable stream."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from tag2mask.pipeline.dataset.sample import Sample
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import BACKGROUND, IGNORE
from tag2mask.pipeline.systems.views import VIEWS

# Number of images that are tried for one with an object large enough for the view.
ATTEMPTS = 200


class Pairs(Protocol):
    """Picklable pairs of image and mask, such as ``MaskDataset``."""

    def __len__(self) -> int:
        """The number of pairs."""
        ...

    def __getitem__(self, index: int) -> Sample:
        """A sample with ``image`` (3, H, W), ``mask`` (H, W), uint8, and ``tags`` (C,)."""
        ...


@dataclass(frozen=True)
class Batches:
    """An endless stream of batches that follow from the seed and the step alone.

    Args:
        pairs: The images with masks.
        view: One of :data:`tag2mask.pipeline.systems.views.VIEWS`.
        size: Side of the squares, in pixels.
        batch: Images in a step.
        seed: Random seed of order and views.
    """

    pairs: Pairs
    view: str
    size: int
    batch: int
    seed: int

    def stream(
        self, first_step: int = 0, rank: int = 0, of: int = 1
    ) -> Iterator[dict[str, Tensor]]:
        """Batches from a step on, on the processor; see :class:`tag2mask.models.system.System`.

        The next batch is prepared in threads while the caller computes.

        Args:
            first_step: Number of the first step.
            rank: Number of this process among those that share the batches, from 0.
            of: Number of processes.
        """
        with ThreadPoolExecutor(2) as pool:
            ahead = self._begin(pool, first_step, rank, of)
            step = first_step
            while True:
                step += 1
                batch, ahead = ahead, self._begin(pool, step, rank, of)
                yield _stacked([future.result() for future in batch])

    def _begin(
        self, pool: ThreadPoolExecutor, step: int, rank: int, of: int
    ) -> list[Future[dict[str, Tensor]]]:
        numbers = range(step * self.batch + rank, (step + 1) * self.batch, of)
        return [pool.submit(self.sample, number) for number in numbers]

    def sample(self, number: int) -> dict[str, Tensor]:
        """The sample of a number; each epoch has every image once, in a random order.

        Raises:
            UserError: If no image has an object large enough for the view.
        """
        epoch, place = divmod(number, len(self.pairs))
        rng = np.random.default_rng([self.seed, 0, number])
        index = int(_order(len(self.pairs), self.seed, epoch)[place])
        for _ in range(ATTEMPTS):
            sample = self.pairs[index]
            square = VIEWS[self.view](sample["image"], sample["mask"], self.size, rng)
            if square is not None:
                image, mask = square
                tags = (
                    find_shown_tags(mask, sample["tags"])
                    if self.view == "cutout"
                    else sample["tags"]
                )
                return {"image": image, "mask": mask, "tags": tags}
            index = int(rng.integers(len(self.pairs)))
        raise UserError(
            f"none of {ATTEMPTS} masks shows an object large enough for a {self.view}: loosen the "
            "filter of the rows, or label more images"
        )


def find_shown_tags(mask: Tensor, tags: Tensor) -> Tensor:
    """The classes in a mask (H, W), in the form of the tags (C,)."""
    shown = torch.zeros_like(tags)
    labels = mask.unique()
    shown[labels[(labels != BACKGROUND) & (labels != IGNORE)].long() - 1] = 1
    return shown


def to_batch(parts: dict[str, Tensor], device: torch.device | str) -> dict[str, Tensor]:
    """Uint8 images and masks as a batch of a system, on a device."""
    batch = {"image": parts["image"].to(device, torch.float32) / 127.5 - 1}
    batch["mask"] = parts["mask"].to(device, torch.int64)
    batch["tags"] = parts["tags"].to(device)
    return batch


def _order(length: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, 1, epoch]).permutation(length)


def _stacked(samples: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}
