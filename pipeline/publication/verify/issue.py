"""One problem that the check of a dataset found."""

from __future__ import annotations

from typing import NamedTuple


class Issue(NamedTuple):
    """One problem of a dataset.

    Attributes:
        place: File inside the dataset, with the row's id if the problem is of one row.
        message: Description of the problem.
    """

    place: str
    message: str

    def __str__(self) -> str:
        """The place and the message in one line."""
        return f"{self.place}: {self.message}"
