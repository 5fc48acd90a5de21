"""Untagged: predictions as a user without tags gets them."""

from __future__ import annotations

from tag2mask.pipeline.records import Row


class Untagged:
    """Replaces the tags by all classes, so that a relabeling is a plain prediction.

    Args:
        classes: Number of foreground classes.
    """

    def __init__(self, classes: int) -> None:
        self.tags = list(range(1, classes + 1))

    def __call__(self, rows: list[Row]) -> list[Row]:
        """The rows with every class allowed."""
        return [{**row, "tags": self.tags} for row in rows]


class Rescore:
    """Takes the scores of an earlier round, so that they are not computed again.

    Args:
        name: The round's name in the scan.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, rows: list[Row]) -> list[Row]:
        """The rows with ``scores``, ``source`` and ``model`` of the round."""
        columns = ("scores", "source", "model")
        return [{**row, **{name: row[self.name][name] for name in columns}} for row in rows]
