"""Top k: the first few ids of a stream, in memory that does not grow with the stream."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator

__all__ = ["TopK"]


class TopK:
    """Keeps the ids with the smallest keys; the id decides between equal keys.

    The result does not depend on the order in which ids arrive. Ids are hashes, so those with
    equal keys are a fair draw: a constant key makes a random sample that is the same each time.

    Args:
        size: Number of ids to keep.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: list[tuple[float, str]] = []

    def add(self, row_id: str, key: float = 0.0) -> None:
        """Add one id."""
        if len(self._kept) == self.size and (not self.size or (key, row_id) >= self._kept[-1]):
            return
        insort(self._kept, (key, row_id))
        del self._kept[self.size :]

    def __iter__(self) -> Iterator[str]:
        """The ids, smallest key first."""
        return (row_id for _, row_id in self._kept)

    def __len__(self) -> int:
        """The number of kept ids."""
        return len(self._kept)
