"""The reporter of a command: live bars on a terminal, log lines elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from rich.progress import Progress

from tag2mask.flows.console import configure_logging, console_handlers, is_configured
from tag2mask.pipeline.progress import LogReporter, Meter, Reporter, log_progress

logger = logging.getLogger("tag2mask")


def build_reporter() -> Reporter:
    """The reporter that suits standard error.

    Where nobody has set up logging, as in a notebook, the log is shown on standard error.
    """
    if not is_configured():
        configure_logging()
    for handler in console_handlers():
        if handler.shows_bars and logger.isEnabledFor(logging.INFO):
            return BarReporter(handler.bars)
    return LogReporter()


class BarReporter(LogReporter):
    """Draws a bar for the step at work; a finished step leaves one line.

    Args:
        bars: The terminal's bars.
        clock: Seconds that never run backwards.
    """

    def __init__(self, bars: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._bars = bars

    def follow(
        self, step: str, total: int, unit: str
    ) -> Callable[[int, Mapping[str, float]], None]:
        """A bar; the function to call with the number of things that are done, and the losses."""
        # A step that failed in a notebook has left its bar; steps come one after another.
        for stale in self._bars.task_ids:
            self._bars.remove_task(stale)
        meter = Meter(step, total, unit, self._clock)
        bar = self._bars.add_task(step, total=total, counts=f"0/{total:,} {unit}")
        self._bars.start()

        def update(done: int, losses: Mapping[str, float]) -> None:
            if bar not in self._bars.task_ids:
                return
            progress = meter.update(done, losses)
            if progress.done < total:
                self._bars.update(bar, completed=progress.done, counts=progress.counts())
                return
            self._bars.remove_task(bar)
            self._bars.stop()
            log_progress(progress)

        return update
