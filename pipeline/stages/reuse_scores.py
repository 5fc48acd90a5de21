"""Reuse scores: the scores of an earlier round, so that they are not computed again."""

from __future__ import annotations

from tag2mask.pipeline.records import Row


class ReuseScores:
    """Takes ``scores``, ``source`` and ``model`` from an earlier round.

    Args:
        name: The round's name in the scan.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, rows: list[Row]) -> list[Row]:
        """The rows with the columns of the round."""
        columns = ("scores", "source", "model")
        return [{**row, **{name: row[self.name][name] for name in columns}} for row in rows]
