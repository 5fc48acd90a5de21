"""A fault of a dataset."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """Something that is not as it should be.

    Attributes:
        place: File inside the dataset, with the id of the row where it is one row's.
        what: What is wrong there.
    """

    place: str
    what: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.place}: {self.what}"
