"""Transformations of some classes only, by their mask."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tag2mask.models.system import Batch
from tag2mask.models.transformation.base import TransformingSystem


def within(batch: Batch, made: Tensor) -> Tensor:
    """What was made, within the classes of the tags; the image as it was everywhere else.

    Args:
        batch: ``image``, ``mask`` and, of what is to change, ``tags``.
        made: (N, 3, H, W), of the image's size.

    Returns:
        (N, 3, H, W); pixels of other classes, of the background and of none are not touched.
    """
    mask, tags = batch["mask"], batch["tags"]
    wanted = torch.zeros(len(tags), 256, dtype=torch.bool, device=tags.device)
    wanted[:, 1 : tags.shape[1] + 1] = tags > 0
    inside = wanted.gather(1, mask.flatten(1)).view_as(mask)
    return torch.where(inside.unsqueeze(1), made, batch["image"])


def masked(member: type[TransformingSystem]) -> type[TransformingSystem]:
    """The same system, which changes only the classes that the tags name.

    It learns as the member does, on whole images, so that either can use the weights of the
    other.

    Args:
        member: Any system that changes images.
    """

    def transform(self: TransformingSystem, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images, changed within the classes of the tags only."""
        return within(batch, member.transform(self, batch, rng))

    namespace: dict[str, Any] = {
        "__doc__": f"{member.__name__}, masked to the classes that the tags name.",
        "__module__": __name__,
        "needs": tuple(dict.fromkeys((*member.needs, "mask", "tags"))),
        "transform": transform,
    }
    return type(f"Masked{member.__name__}", (member,), namespace)
