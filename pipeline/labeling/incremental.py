"""Later runs: what a source has gained since the last version, and labeling that alone.

Three tables grow: the images, the masks of the last segmenter and the dataset. Each records
the parts of the others that it was made of, so what is left to do follows from the tables,
and a run that was killed between two of them is finished by the next one. The segmenter
stays as it is; training starts again from the source as a whole, when it is asked for, when
a share of the images is new to it, or when people have corrected masks.

An image that has left the source, and one whose tags have changed, keep their rows until
then: a version adds to the one before and takes nothing away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

from tag2mask.pipeline.ingestion.ingest import Image, Ingest, ingest
from tag2mask.pipeline.labeling.last_version import Finished, find_finished, has_kept
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.rounds import labeling_rounds
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.sources import Source
from tag2mask.pipeline.tables.table import Table


class Work(Enum):
    """What a run has to do."""

    EVERYTHING = "everything"
    ADDITION = "addition"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Change:
    """What became of a source since the last version.

    Attributes:
        work: What is to be done about it.
        why: In words.
        images: All images of the source.
        new: Those that no version has.
        gone: How many that a version has are no longer in the source.
        retagged: How many have other tags than in the last version.
    """

    work: Work
    why: str
    images: Ingest
    new: tuple[Image, ...] = ()
    gone: int = 0
    retagged: int = 0

    def sentence(self) -> str:
        """The change in one line for people; what is zero is not mentioned."""
        said = [self.why]
        for count, what in ((self.gone, "no longer in the source"), (self.retagged, "retagged")):
            if count:
                said.append(f"{count:,} {what}: their masks stay until the next training")
        return "; ".join(said)


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
        source: Its images.
        classes: The tags to keep; None keeps those of the last version, or all.
        retrain: Begin again from the source as it is.
        share: Begin again, too, when the images that the models were not trained on are
            this share of those that they were, or more.
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
        return Change(Work.EVERYTHING, "training was asked for" if retrain else "", everything)
    known = ClassTable(names=tuple(finished.images.metadata["classes"]))
    if classes is not None and tuple(classes) != known.names:
        why = f"the classes of version {finished.dataset.manifest.revision} are others"
        return Change(Work.EVERYTHING, why, ingested(classes))
    if finished.corrected:
        why = f"masks were corrected since version {finished.dataset.manifest.revision}"
        return Change(Work.EVERYTHING, why, ingested(classes))
    change = _compared(ingested(known), finished)
    untrained = _untrained(finished.images, len(change.new))
    if change.new and untrained >= share:
        why = f"{untrained:.0%} as many images as the models were trained on are new to them"
        return Change(Work.EVERYTHING, why, ingested(classes))
    return change


def _compared(images: Ingest, finished: Finished) -> Change:
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


def _untrained(images: Table, new: int) -> float:
    """Images that came after the training, by those that were there."""
    trained = sum(part.rows for part in images.manifest.parts if part.revision == 1)
    return (len(images) - trained + new) / max(trained, 1)


def add_images(run: Run, change: Change) -> Table:
    """The images table with the new images."""
    images = Table.open(run.table_uri("images"))
    if not change.new:
        return images
    return run.make_images(replace(change.images, images=change.new), base=images)


def add_masks(run: Run, images: Table) -> Table:
    """The last round with the masks of the images that it does not have yet."""
    last = labeling_rounds(run.recipe)[-1]
    masks = Table.open(run.table_uri(f"rounds/{last.name}"))
    added = images.without(masks.manifest.inputs)
    return masks if added is None else run.relabel(last, added, base=masks)


def add_to_dataset(run: Run, images: Table, masks: Table) -> Table:
    """The next version of the dataset; the same one if no new mask was kept."""
    dataset = Table.open(run.table_uri("dataset"))
    if not has_kept(masks.without(dataset.manifest.inputs)):
        return dataset
    # None of them has a mask of a new image, but a mask says which round it is of.
    names = [made["name"] for made in dataset.metadata["rounds"][:-1]]
    earlier = [Table.open(run.table_uri(f"rounds/{name}")) for name in names]
    return release(run, images, masks, base=dataset, earlier=earlier)
