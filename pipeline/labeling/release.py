"""Release: the kept masks of the last round become the next version of the dataset."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.labeling.recipe_workspace import RecipeWorkspace
from tag2mask.pipeline.labeling.workspace import TableSpec, base_key
from tag2mask.pipeline.publication.card import write_card
from tag2mask.pipeline.publication.confidence import ConfidenceCalibration, calibrate
from tag2mask.pipeline.publication.publish import (
    DATASET_SCHEMA,
    Publish,
    dataset_metadata,
    dataset_schema,
    is_kept,
    part_name,
    published_columns,
)
from tag2mask.pipeline.publication.verify.metadata_checks import metadata_issues
from tag2mask.pipeline.report.rejection_reasons import require_kept
from tag2mask.pipeline.tables.manifest import Lineage, table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.versions import file_version, next_version


def release(
    run: RecipeWorkspace,
    images: Table,
    last: Table,
    base: Table | None = None,
    earlier: Sequence[Table] = (),
) -> Table:
    """The next version of the dataset: the kept masks of the last round, their images.

    The version before stays readable, see :mod:`tag2mask.pipeline.tables.versions`.

    Args:
        run: The workspace.
        images: The images.
        last: The last round.
        base: The version that the new masks are added to; None publishes all masks.
        earlier: The rounds before the last, the seeds first; each mask names the one that
            it follows.

    Raises:
        UserError: If no mask is kept.
    """
    done = () if base is None else base.manifest.inputs
    new_images, new_masks = images.without(done), last.without(done)
    if new_images is None or new_masks is None:
        raise ValueError("there is nothing to add to the dataset")
    require_kept(new_masks, "dataset")
    place = Folder(run.table_uri("dataset"))
    file_version(place)
    lineage = Lineage.of(
        images.manifest, last.manifest, base=None if base is None else base.manifest
    )
    number, settings = len(earlier), run.recipe.publish.model_dump(mode="json")
    scan = Scan(
        new_images,
        {f"round{index}": table for index, table in enumerate([*earlier, new_masks])},
        columns=published_columns(number),
    ).where(lambda row: is_kept(row[f"round{number}"]), [f"round{number}.kept"])
    rounds = [*earlier, last]
    calibration = _calibration(last, base, earlier)
    spec = TableSpec(
        name="dataset",
        schema=dataset_schema(list(images.metadata["classes"])),
        key=table_key(
            images=images.manifest.key,
            rounds=[[table.fingerprint, table.manifest.key] for table in rounds],
            columns=DATASET_SCHEMA.names,
            **run.recipe.digest_of("publish", "split"),
            **base_key(base),
        ),
        shards=run.recipe.shards,
        metadata={
            **last.metadata,
            **dataset_metadata(rounds, run.recipe.split, settings, calibration),
        },
        lineage=dataclasses.replace(lineage, revision=next_version(place)),
        part_name=part_name(run.recipe.split),
        describe=write_card,
    )
    publish = StageSpec(
        Publish,
        {
            "number": number,
            "quality": settings["quality"],
            "classes": list(images.metadata["classes"]),
            "calibration": calibration.model_dump(),
        },
    )
    dataset = run.make_table(spec, scan, [publish])
    file_version(place)
    if any(metadata_issues(place, dataset)):  # removed since, or of an earlier release
        write_card(dataset)
    return dataset


def _calibration(
    last: Table, base: Table | None, earlier: Sequence[Table]
) -> ConfidenceCalibration:
    """The calibration of a version: that of the version to which it adds, or a new one."""
    if base is not None:
        return ConfidenceCalibration.model_validate(base.metadata.get("confidence", {}))
    return calibrate(earlier[0], last) if earlier else ConfidenceCalibration()
