"""Allow all classes: predictions of an image whose tags are unknown."""

from __future__ import annotations

from tag2mask.pipeline.records import Row


class AllowAllClasses:
    """Replaces the tags by all classes, so that a relabeling is a plain prediction.

    Args:
        classes: Number of foreground classes.
    """

    def __init__(self, classes: int) -> None:
        self.tags = list(range(1, classes + 1))

    def __call__(self, rows: list[Row]) -> list[Row]:
        """The rows with every class allowed."""
        return [{**row, "tags": self.tags} for row in rows]
