"""A reporter that sends the losses of trainings to a tracker as well."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from tag2mask.flows.tracking.base import Tracker
from tag2mask.pipeline.progress import Reporter

logger = logging.getLogger("tag2mask")


class TrackedReporter:
    """Shows what another reporter shows, and stores the losses.

    A tracker that fails, such as a server that is gone, ends no training of some hours: one
    warning is written, and no further loss is sent.

    Args:
        reporter: The reporter that shows everything.
        tracker: The tracker that gets the losses.
    """

    def __init__(self, reporter: Reporter, tracker: Tracker) -> None:
        self._reporter, self._tracker = reporter, tracker
        self._failed = False

    def info(self, sentence: str) -> None:
        """Shows a line."""
        self._reporter.info(sentence)

    def rows(self, step: str, total: int) -> Callable[[int], None]:
        """A function to call with the number of images that are done."""
        return self._reporter.rows(step, total)

    def steps(self, step: str, total: int) -> Callable[[int, Mapping[str, float]], None]:
        """A function to call with the number of training steps that are done, and the losses."""
        show = self._reporter.steps(step, total)

        def update(done: int, losses: Mapping[str, float]) -> None:
            show(done, losses)
            self._send({f"{step}/{name}": value for name, value in losses.items()}, done)

        return update

    def _send(self, values: Mapping[str, float], step: int) -> None:
        if self._failed or not values:
            return
        try:
            self._tracker.log_scalars(values, step)
        except Exception as error:
            self._failed = True
            logger.warning("the losses are no longer tracked: %s", error)
