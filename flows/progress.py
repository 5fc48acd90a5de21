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


class BarReporter:
    """Draws a bar for the step at work; a finished step leaves one line.

    Args:
        bars: The terminal's bars.
        clock: Seconds that never run backwards.
    """

    def __init__(self, bars: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._bars, self._clock = bars, clock

    def info(self, sentence: str) -> None:
        """Writes a line above the bar."""
        logger.info(sentence)

    def rows(self, step: str, total: int) -> Callable[[int], None]:
        """A function to call with the number of images that are done."""
        update = self._bar(step, total, "images")
        return lambda done: update(done, {})

    def steps(self, step: str, total: int) -> Callable[[int, Mapping[str, float]], None]:
        """A function to call with the number of training steps that are done, and the losses."""
        return self._bar(step, total, "steps")

    def _bar(self, step: str, total: int, unit: str) -> Callable[[int, Mapping[str, float]], None]:
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
