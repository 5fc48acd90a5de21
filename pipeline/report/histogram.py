"""Histograms with fixed bins, filled one value after another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["AREA_BOUNDS", "CONFIDENCE_BOUNDS", "OBJECT_BOUNDS", "Histogram"]

OBJECT_BOUNDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
# Of whole masks, most confidences lie above 0.9: equal bins would show one bar.
CONFIDENCE_BOUNDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
AREA_BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8)


@dataclass
class Histogram:
    """Counts of values in [0, 1].

    Args:
        bounds: Borders between the bins in rising order, without 0 and 1.
    """

    bounds: Sequence[float]
    counts: list[int] = field(init=False)
    total: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        """Start with empty bins."""
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """Count one value; a bound belongs to the bin that it begins."""
        self.counts[bisect_right(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """The number of values."""
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """The mean of the values; None without values."""
        return self.total / self.count if self.count else None

    def bars(self) -> list[tuple[str, int, float]]:
        """For each bin its range in words, its count, and its height in [0, 1]."""
        edges = (0.0, *self.bounds, 1.0)
        highest = max(self.counts) or 1
        return [
            (f"{low:.4g} to {high:.4g}", count, count / highest)
            for (low, high), count in zip(pairwise(edges), self.counts, strict=True)
        ]
