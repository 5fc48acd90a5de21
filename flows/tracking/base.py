"""The interface of experiment trackers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self


class Tracker(Protocol):
    """Stores what a run reports; a context manager that ends the tracker's own run.

    Names have slashes between their parts, as trackers group them: ``initial/loss``.
    """

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        """Stores the settings of the run.

        Args:
            settings: JSON values, nested as a recipe is.
        """
        ...

    def log_scalars(self, values: Mapping[str, float], step: int) -> None:
        """Stores figures of a step.

        Args:
            values: Figures by name.
            step: The number of training steps that are done, or of the table's row.
        """
        ...

    def log_image(self, name: str, png: bytes) -> None:
        """Stores an image.

        Args:
            name: Its name.
            png: The file.
        """
        ...

    def __enter__(self) -> Self:
        """The tracker itself."""
        ...

    def __exit__(self, *error: object) -> None:
        """Ends the tracker's run, which a failure marks as failed where it can be."""
        ...


class NoTracker:
    """Stores nothing."""

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        """Stores nothing."""

    def log_scalars(self, values: Mapping[str, float], step: int) -> None:
        """Stores nothing."""

    def log_image(self, name: str, png: bytes) -> None:
        """Stores nothing."""

    def __enter__(self) -> Self:
        """The tracker itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends nothing."""


NO_TRACKER = NoTracker()
