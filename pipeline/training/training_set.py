"""Training sets: images with the target of each, corrections and negatives among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.augmentation import random_view
from tag2mask.pipeline.training.samples import Samples, Views
from tag2mask.pipeline.training.targets import CORRECTION, CorrectedTarget, NegativeTarget, Target


@dataclass(frozen=True)
class TrainingSet:
    """The images of a training, the target of each, and what both add to the model's key.

    A set grows by :meth:`with_corrections` and :meth:`with_negatives`, in this order: the number
    of negatives usually follows from the number of all other images.

    Attributes:
        scan: The rows; every row holds an image and the columns that ``target`` reads.
        target: Makes the target of a view.
        views: Draws the view of a sample.
        soft: Whether a target is (C + 1, h, w) probabilities and not (h, w) classes.
        key_inputs: JSON values by name for the model's key.
    """

    scan: Scan
    target: Target
    views: Views = random_view
    soft: bool = False
    key_inputs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_round(
        cls,
        images: Table,
        masks: Table,
        target: Target,
        columns: Sequence[str] = ("mask",),
        *,
        views: Views = random_view,
        soft: bool = False,
    ) -> TrainingSet:
        """The images whose mask a round kept.

        Args:
            images: The images.
            masks: The round, ``round`` in the rows.
            target: Makes the target of a view.
            columns: The round's columns that the target reads.
            views: Draws the view of a sample.
            soft: Whether a target is probabilities.
        """
        read = ["image", "tags", *(f"round.{column}" for column in columns)]
        scan = Scan(images, {"round": masks}, columns=read).where(
            lambda row: bool(row["round"] and row["round"]["kept"]), ["round.kept"]
        )
        key_inputs = {"round": masks.fingerprint, "kind": masks.manifest.key}
        return cls(scan, target, views, soft, key_inputs)

    def with_corrections(self, corrections: Table | None) -> TrainingSet:
        """Adds all images that people corrected; their masks replace any other target.

        Args:
            corrections: The table of corrections; None changes nothing.
        """
        if corrections is None:
            return self
        columns = self.scan.columns
        scan = replace(
            self.scan,
            joined={**self.scan.joined, CORRECTION: corrections},
            columns=None if columns is None else [*columns, f"{CORRECTION}.mask"],
            ids={*self.scan.wanted_ids(), *corrections.ids()},
        )
        return replace(
            self,
            scan=scan,
            target=CorrectedTarget(self.target, len(self.class_names), self.soft),
            key_inputs={**self.key_inputs, "corrections": corrections.fingerprint},
        )

    def with_negatives(
        self, ids: AbstractSet[str], target: type[NegativeTarget] | None = NegativeTarget
    ) -> TrainingSet:
        """Adds images that show none of the classes.

        Args:
            ids: The ids of the images, which have no tag; none of them changes nothing.
            target: Makes the target of a negative; None if the set's target serves it too.
        """
        if not ids:
            return self
        scan = replace(
            self.scan,
            ids={*self.scan.wanted_ids(), *ids},
            columns=[*(self.scan.columns or ()), "height", "width"],
        )
        ours = self.target
        if target is not None:
            ours = target(self.target, len(self.class_names), self.soft)
        negatives = table_key(ids=sorted(ids))
        return replace(
            self, scan=scan, target=ours, key_inputs={**self.key_inputs, "negatives": negatives}
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the foreground classes, in the order of the pixel values."""
        return tuple(self.scan.images.metadata["classes"])

    def __len__(self) -> int:
        """The number of images."""
        return len(self.scan)

    def samples(self, batch: int, crop: int, scale: tuple[float, float], seed: int) -> Samples:
        """The endless stream of batches; arguments are those of :class:`Samples`."""
        return Samples(self.scan, self.target, batch, crop, scale, seed, self.views)
