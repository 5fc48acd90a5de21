"""Later runs: they label the images that a source has gained since the last version.

Three tables grow: the images, the masks of the last segmenter and the dataset. Each records the
parts of the others that it was made from, so the remaining work follows from the tables. A run that
was killed between two of them is finished by the next one. The segmenter stays as it is. Training
starts again from the whole source on request, when a share of the images is new to the models, or
when people have corrected masks.

Until then, images that have left the source or have other tags keep their rows: a version only adds
to the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.ingest import Image, Ingest, ingest
from tag2mask.pipeline.labeling.last_version import Finished, find_finished, has_kept
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.rounds import labeling_rounds
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.run_source import find_difference, requested_classes
from tag2mask.pipeline.publication.publish import DATASET_SCHEMA
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.sources import Source
from tag2mask.pipeline.tables.table import Table


class Work(Enum):
    """The work of a run."""

    EVERYTHING = "everything"
    ADDITION = "addition"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Change:
    """The changes of a source since the last version.

    Attributes:
        work: The work that follows from them.
        why: The reason in words.
        images: All images of the source.
        new: The images that no version has.
        gone: Number of a version's images that are no longer in the source.
        retagged: Number of images with other tags than in the last version.
    """

    work: Work
    why: str
    images: Ingest
    new: tuple[Image, ...] = ()
    gone: int = 0
    retagged: int = 0

    @property
    def labeled(self) -> int:
        """Number of images that the work labels."""
        if self.work is Work.EVERYTHING:
            return sum(bool(image.tags) for image in self.images.images)
        return len(self.new)

    def sentence(self) -> str:
        """The change in one line for people, without counts of zero."""
        parts = [self.why]
        for count, state in ((self.gone, "no longer in the source"), (self.retagged, "retagged")):
            if count:
                parts.append(f"{count:,} {state}: their masks stay until the next training")
        return "; ".join(parts)


def find_change(
    run: Run,
    source: Source,
    classes: Sequence[str] | None = None,
    *,
    retrain: bool = False,
    share: float = 1.0,
) -> Change:
    """Compare a source with the last version of a run.

    Args:
        run: The run.
        source: The source of its images.
        classes: The tags to keep; None keeps those of the last version, or all.
        retrain: Label and train everything again.
        share: Train again, too, if this many images are new to the models, or more, for each image
            that they were trained on.
    """
    recipe = run.recipe
    ingested = partial(
        ingest,
        source,
        split=recipe.split,
        near_duplicates=recipe.near_duplicates,
        negatives=recipe.negatives,
    )
    finished = None if retrain else find_finished(run)
    if finished is None:
        everything = ingested(classes)
        return Change(Work.EVERYTHING, "training was requested" if retrain else "", everything)
    known = ClassTable(names=tuple(finished.images.metadata["classes"]))
    if classes is not None and tuple(classes) != known.names:
        why = f"version {finished.dataset.manifest.revision} has other classes"
        return Change(Work.EVERYTHING, why, ingested(classes))
    if finished.corrected:
        why = f"masks were corrected since version {finished.dataset.manifest.revision}"
        return Change(Work.EVERYTHING, why, ingested(classes))
    change = _compare(ingested(known), finished)
    untrained = _untrained_share(finished.images, len(change.new))
    if change.new and untrained >= share:
        why = f"{untrained:.0%} as many images as the models were trained on are new to them"
        return Change(Work.EVERYTHING, why, ingested(classes))
    return change


def find_change_of_run(
    run: Run,
    tagged: Source,
    source: str,
    classes: Sequence[str] | None,
    *,
    force: bool,
    retrain: bool,
    share: float,
) -> tuple[Change, bool]:
    """Compare a source and class list with those of the run, and with its last version.

    A source at another address is the same one if it holds all images of the run.

    Args:
        run: The run.
        tagged: The source of the images.
        source: Its local path or URI, as a user wrote it.
        classes: The requested class names; None keeps those of the run, or all.
        force: Whether a run of another source or class list is replaced.
        retrain: See :func:`find_change`.
        share: See :func:`find_change`.

    Returns:
        The change, and whether it replaces the run; then it is the work on everything.

    Raises:
        UserError: If the run belongs to another source or class list, and is not replaced.
    """
    difference = find_difference(run.folder, source, classes)
    if difference.sources and _holds_all(run, tagged):
        difference = replace(difference, sources=None)
    if not difference:
        wanted = requested_classes(run.folder, classes)
        return find_change(run, tagged, wanted, retrain=retrain, share=share), False
    if not force:
        raise UserError(difference.sentence())
    change = find_change(run, tagged, classes, retrain=True)
    return replace(change, why="the run that is there is replaced"), True


def _holds_all(run: Run, source: Source) -> bool:
    """Whether a source holds all images that a run can read."""
    images = Table.open(run.table_uri("images"))
    known = ClassTable(names=tuple(images.metadata["classes"]))
    ids = {image.id for image in ingest(source, known, split=run.recipe.split).images}
    rows = images.rows(["id", "tags", "error"])
    return ids >= {row["id"] for row in rows if row["tags"] and not row["error"]}


def _compare(images: Ingest, finished: Finished) -> Change:
    left = {image.id: image for image in images.images if image.tags}
    gone = retagged = 0
    for row in finished.images.rows(["id", "tags"]):
        image = left.pop(row["id"], None)
        gone += image is None and bool(row["tags"])
        retagged += image is not None and list(image.tags) != row["tags"]
    new = tuple(left.values())
    version = finished.dataset.manifest.revision
    if new or not finished.complete:
        why = f"{len(new):,} images are new since version {version}"
        return Change(Work.ADDITION, why, images, new, gone, retagged)
    why = f"nothing new in the source since version {version}"
    return Change(Work.NOTHING, why, images, new, gone, retagged)


def _untrained_share(images: Table, new: int) -> float:
    """The number of images after the training, for each image of the training."""
    trained = sum(part.rows for part in images.manifest.parts if part.revision == 1)
    return (len(images) - trained + new) / max(trained, 1)


def add_images(run: Run, change: Change) -> Table:
    """The images table with the new images."""
    images = Table.open(run.table_uri("images"))
    if not change.new:
        return images
    return run.make_images(replace(change.images, images=change.new), base=images)


def add_masks(run: Run, images: Table) -> Table:
    """The last round, with masks of the new images."""
    last = labeling_rounds(run.recipe)[-1]
    masks = Table.open(run.table_uri(f"rounds/{last.name}"))
    added = images.without(masks.manifest.inputs)
    return masks if added is None else run.relabel(last, added, base=masks)


def add_to_dataset(run: Run, images: Table, masks: Table) -> Table:
    """The next version of the dataset; the last one again if no new mask was kept."""
    dataset = Table.open(run.table_uri("dataset"))
    if not has_kept(masks.without(dataset.manifest.inputs)):
        return dataset
    # One version has one set of columns: that of an older release is published again in full.
    base = dataset if {*dataset.schema.names} >= {*DATASET_SCHEMA.names} else None
    # The earlier rounds have no mask of a new image, but each mask names its round by a number.
    names = [made["name"] for made in dataset.metadata["rounds"][:-1]]
    earlier = [Table.open(run.table_uri(f"rounds/{name}")) for name in names]
    return release(run, images, masks, base=base, earlier=earlier)
