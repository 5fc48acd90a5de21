"""Filter of a dataset's rows by their small columns, without reading images."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.publication.quality import FLAGS
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.records.confidence_thresholds import Thresholds, class_thresholds


class RowFilter(BaseModel):
    """Conditions that a wanted row must all meet; None, 0 and () set no condition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: tuple[str, ...] | None = Field(None, description="At least one of these tags.")
    classes: tuple[str, ...] | None = Field(
        None, description="A mask that shows at least one of these classes."
    )
    confidence: Thresholds = Field(
        0.0,
        description="Least confidence of the object of every tag; by class as "
        '{"cat": 0.9, "*": 0.8}, where * stands for all other classes.',
    )
    class_confidence: float = Field(
        0.0, ge=0, le=1, description="Least mean probability of every class that the mask shows."
    )
    rounds: tuple[int, ...] | None = Field(None, description="A mask of one of these rounds.")
    sources: tuple[str, ...] | None = Field(None, description="A mask made by one of these.")
    without: tuple[str, ...] = Field((), description="None of these quality flags.")

    def matches(self, rows: pa.Table, classes: ClassTable) -> np.ndarray:
        """Find the wanted rows.

        Args:
            rows: Rows with :data:`tag2mask.pipeline.dataset.rows.COLUMNS`, each column in one
                chunk.
            classes: Class table of the dataset.

        Returns:
            (N,) bool, whether each row is wanted.

        Raises:
            UserError: If a class or flag is unknown, or a threshold is not between 0 and 1.
        """
        wanted = np.ones(rows.num_rows, bool)
        for column, names in (("tags", self.tags), ("classes", self.classes)):
            if names is not None:
                values = pa.array([classes.index(name) for name in names], pa.int64())
                wanted &= _any_of(rows[column], values)
        if self.without:
            wanted &= ~_any_of(rows["flags"], pa.array(self._known_flags(), pa.string()))
        if self.rounds is not None:
            wanted &= np.isin(rows["round"].to_numpy(), self.rounds)
        if self.sources is not None:
            wanted &= pc.is_in(rows["source"], value_set=pa.array(self.sources)).to_numpy()
        # Confidences are stored in single precision, and thresholds are too: 0.7 must not miss a
        # stored 0.7.
        least = class_thresholds(self.confidence, classes)
        tags = pc.list_flatten(rows["tags"]).to_numpy()
        low = pc.list_flatten(rows["class_confidence"]).to_numpy() < least[tags]
        wanted[pc.list_parent_indices(rows["tags"]).to_numpy()[low]] = False
        return wanted & (least_values(rows["confidence"]) >= np.float32(self.class_confidence))

    def _known_flags(self) -> tuple[str, ...]:
        unknown = [name for name in self.without if name not in FLAGS]
        if unknown:
            raise UserError(
                f"unknown quality flag {unknown[0]!r}; choose one of {', '.join(FLAGS)}"
            )
        return self.without


def _any_of(column: pa.ChunkedArray, values: pa.Array) -> np.ndarray:
    """Whether each list holds at least one of the values, (N,) bool."""
    hits = pc.is_in(pc.list_flatten(column), value_set=values)
    rows = pc.list_parent_indices(column).filter(hits)
    found = np.zeros(len(column), bool)
    found[rows.to_numpy()] = True
    return found


def least_values(column: pa.ChunkedArray) -> np.ndarray:
    """The least value of each list, (N,) float32; 1 for empty lists."""
    least = np.ones(len(column), np.float32)
    rows = pc.list_parent_indices(column).to_numpy()
    np.minimum.at(least, rows, pc.list_flatten(column).to_numpy())
    return least
