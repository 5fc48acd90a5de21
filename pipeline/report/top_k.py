"""A shortlist: the best few of a stream, in memory that the stream's length does not touch."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator

__all__ = ["Shortlist"]


class Shortlist:
    """Keeps the ids with the smallest keys; equal keys are parted by the id.

    The result does not depend on the order in which ids arrive. Ids are hashes, so those with
    equal keys are a fair draw: a constant key makes a random sample that is the same each time.

    Args:
        size: How many it keeps.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: list[tuple[float, str]] = []

    def add(self, row_id: str, key: float = 0.0) -> None:
        """Take in one id."""
        if len(self._kept) == self.size and (not self.size or (key, row_id) >= self._kept[-1]):
            return
        insort(self._kept, (key, row_id))
        del self._kept[self.size :]

    def __iter__(self) -> Iterator[str]:
        """The ids, smallest key first."""
        return (row_id for _, row_id in self._kept)

    def __len__(self) -> int:
        """How many ids are kept."""
        return len(self._kept)
