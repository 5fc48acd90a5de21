"""How masks are made of probabilities: the size they are made at, and their specks and holes."""

from __future__ import annotations

from pydantic import Field

from tag2mask.models.settings import Settings


class MaskSettings(Settings):
    """The size at which masks are made, and the components that are removed from them.

    The defaults were measured on photographs (docs/experiments/masks.md).
    """

    max_side: int = Field(
        350,
        ge=32,
        description="Longer side at which masks of larger images are made, in pixels; they come "
        "back at the image's size.",
    )
    min_component: float = Field(
        0.001,
        ge=0,
        lt=1,
        description="Components of a class under this share of the image are removed, but for "
        "the largest of each class; 0 for none.",
    )
    min_hole: float = Field(
        0.001,
        ge=0,
        lt=1,
        description="Components of the background under this share of the image are filled; "
        "0 for none.",
    )
