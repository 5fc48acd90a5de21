"""Labeling of new images: those that a source has gained, by the current segmenter."""

from __future__ import annotations

from tag2mask.flows.summary import (
    draw_sheet,
    load_record,
    publication_lines,
    save_record,
    save_sheet,
)
from tag2mask.flows.task import step
from tag2mask.pipeline.labeling.incremental import Change, add_images, add_masks, add_to_dataset
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records.round_names import POWERFUL
from tag2mask.pipeline.report.rejection_reasons import count_reasons, list_failures
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.text_tables import text_table


def label_new(run: Run, change: Change) -> str:
    """Makes the next version of the dataset and returns its summary."""
    images = add_new_images(run, change)
    masks = add_labels(run, images)
    dataset = add_version(run, images, masks)
    return summarize_addition(run, change, images, masks, dataset)


@step
def add_new_images(run: Run, change: Change) -> str:
    """The images table with the new images."""
    return add_images(run, change).uri


@step
def add_labels(run: Run, images: str) -> str:
    """The last round with the masks of the new images."""
    return add_masks(run, Table.open(images)).uri


@step
def add_version(run: Run, images: str, masks: str) -> str:
    """The dataset with the kept masks."""
    return add_to_dataset(run, Table.open(images), Table.open(masks)).uri


@step
def summarize_addition(run: Run, change: Change, images: str, masks: str, dataset: str) -> str:
    """Writes run.json and a contact sheet of the new images, and returns the summary."""
    current, record = Table.open(dataset), load_record(run)
    version = current.manifest.revision
    if version == record.get("version"):
        rejected = count_new_reasons(Table.open(masks).without(current.manifest.inputs))
        return "\n".join(
            [change.sentence(), *publication_lines(0, rejected), f"version {version} stays"]
        )
    before = Table.open(dataset, revision=version - 1)
    new_images = Table.open(images).without(before.manifest.inputs)
    new_masks = Table.open(masks).without(before.manifest.inputs)
    if new_images is None or new_masks is None:
        raise ValueError(f"version {version} of {dataset} was not made from this run's tables")
    name = f"contact_sheet_{version:06d}.png"
    sheet = draw_sheet(new_images, {POWERFUL: new_masks}, None, run.recipe.report.font)
    save_sheet(run, name, sheet)
    added, rejected = len(current) - len(before), count_reasons(new_masks)
    lines = [change.sentence(), *publication_lines(added, rejected), ""]
    found = {
        "version": f"{version}, {len(current):,} images",
        "fingerprint": current.fingerprint,
        "dataset": current.uri,
        "contact sheet": f"{run.uri}/{name}",
    }
    lines.append(text_table((), found.items()))
    addition = {
        "version": version,
        "images": len(new_images),
        "errors": len(list_failures(new_images)),
        "published": added,
        "rejected": rejected,
    }
    changes = {
        "version": version,
        "published": len(current),
        "fingerprint": current.fingerprint,
        "contact_sheet": name,
        "summary": "\n".join(lines),
        "additions": [*record.get("additions", []), addition],
    }
    save_record(run, {**record, **changes})
    return "\n".join(lines)


def count_new_reasons(masks: Table | None) -> dict[str, int]:
    """The number of rejected masks by reason; empty without masks."""
    return {} if masks is None else count_reasons(masks)
