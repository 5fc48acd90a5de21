"""The settings of a prediction for a folder: which masks, which files, how many at once."""

from __future__ import annotations

from pydantic import Field

from tag2mask.models.settings import Settings


class PredictSettings(Settings):
    """Classes, refinement, files and resources of a prediction."""

    classes: tuple[str, ...] | None = Field(
        None, description="Classes to predict beside the background; all by default."
    )
    crf: bool = Field(
        False, description="Refine masks by the DenseCRF of the run that trained the model."
    )
    confidence: bool = Field(
        False, description="Write confidence/: gray PNGs, the probability of each pixel's class."
    )
    overlay: bool = Field(False, description="Write overlay/: the masks drawn over the images.")
    batch: int | None = Field(
        None,
        ge=1,
        description="Images of one size that run through the network together; by default 8 on a "
        "GPU, else 1.",
    )
    device: str | None = Field(
        None, description="Device of the network, such as cpu or cuda:1; by default a GPU if any."
    )
