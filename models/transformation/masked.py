"""Transformations of some classes alone, by their mask."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tag2mask.models.system import Batch
from tag2mask.models.transformation.base import TransformingSystem


def within(batch: Batch, made: Tensor) -> Tensor:
    """The new image within the classes of the tags, and the original image everywhere else.

    Args:
        batch: ``image``, ``mask`` and the ``tags`` of the classes to change.
        made: (N, 3, H, W), the new image, of the same size.

    Returns:
        (N, 3, H, W); pixels of other classes, of the background and ignored ones are unchanged.
    """
    mask, tags = batch["mask"], batch["tags"]
    wanted = torch.zeros(len(tags), 256, dtype=torch.bool, device=tags.device)
    wanted[:, 1 : tags.shape[1] + 1] = tags > 0
    inside = wanted.gather(1, mask.flatten(1)).view_as(mask)
    return torch.where(inside.unsqueeze(1), made, batch["image"])


def masked(member: type[TransformingSystem]) -> type[TransformingSystem]:
    """The same system, restricted to the classes of the tags.

    It learns on whole images, as the member does, so that both can use the same weights.

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
