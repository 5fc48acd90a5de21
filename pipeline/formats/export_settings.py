"""Settings of an export: which objects it holds, how their outlines are written, its splits."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationError

from tag2mask.models.settings import Settings
from tag2mask.pipeline.errors import UserError

ObjectKind = Literal["component", "class"]
Shapes = Literal["polygon", "rle"]
SplitMethod = Literal["stratified", "hash", "source"]


class ExportSettings(Settings):
    """Settings of all formats; a format without objects ignores the settings of objects.

    Raises:
        ValueError: If a setting is out of range, or the shares leave no training images.
    """

    min_area: float = Field(
        0.001,
        ge=0,
        lt=1,
        description="Minimum area of a connected component of a class, as a share of the image; "
        "smaller ones are no objects of the export.",
    )
    objects: ObjectKind = Field(
        "component",
        description="Kind of the objects: connected components of a class, or all of them as one.",
    )
    shapes: Shapes | None = Field(
        None,
        description="Outlines of objects: polygon, or rle for run lengths; None takes the "
        "format's own choice.",
    )
    split: SplitMethod = Field(
        "stratified",
        description="Division of the images: stratified by class, by the hash of their ids, or by "
        "the folders of the source.",
    )
    val_share: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Share of the images in the split val; None takes the format's own.",
    )
    test_share: float = Field(0.0, ge=0, lt=1, description="Share of the images in the split test.")
    seed: int = Field(0, description="Random seed of the splits.")
    shard_images: int = Field(
        1000, ge=1, description="Images of one shard, in formats that have shards."
    )


# All pixels of all objects, exactly: for files that are read back.
LOSSLESS = ExportSettings(min_area=0, shapes="rle", val_share=0)


def read_export_settings(**values: float | str | None) -> ExportSettings:
    """Settings as a user gives them.

    Raises:
        UserError: If a value is unknown or out of range.
    """
    try:
        return ExportSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).removesuffix("_share").replace("_", "-")
        raise UserError(f"{name} {first['input']!r}: {first['msg']}") from error
