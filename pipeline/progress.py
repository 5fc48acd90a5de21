"""Progress of the steps: counts, rate and time left, as log lines.

All lines of the package go through ``logging.getLogger("tag2mask")``. A line about a step
carries its numbers as the attribute ``progress`` of the log record, for handlers that write
them as data or draw them as bars.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")

logger = logging.getLogger("tag2mask")

# The rate is that of the last minute or so: a stage that has just loaded its model, or a
# machine that is busy elsewhere, should not be averaged over the whole run.
_WINDOW_SECONDS = 60.0
LINE_SECONDS = 10.0


class Reporter(Protocol):
    """Shows the lines and the progress of a run."""

    def info(self, sentence: str) -> None:
        """Shows a line."""
        ...

    def rows(self, step: str, total: int) -> Callable[[int], None]:
        """A function to call with the number of images that are done."""
        ...

    def steps(self, step: str, total: int) -> Callable[[int, Mapping[str, float]], None]:
        """A function to call with the number of training steps that are done, and the losses."""
        ...


@dataclass(frozen=True)
class StepProgress:
    """The progress of a step at one time.

    Args:
        step: Name of the step.
        unit: Plural of the counted things.
        done: Number of finished ones.
        total: Number of all.
        rate: Things each second; 0 while it is unknown.
        losses: Losses by name, of a training.
    """

    step: str
    unit: str
    done: int
    total: int
    rate: float = 0.0
    losses: Mapping[str, float] = field(default_factory=dict)

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the end at this rate; None if nothing is left or the rate is unknown."""
        if self.done >= self.total or self.rate <= 0:
            return None
        return (self.total - self.done) / self.rate

    def counts(self) -> str:
        """Count, losses, rate and time left, as ``1,234/2,952 images · 12.3 images/s``."""
        parts = [f"{self.done:,}/{self.total:,} {self.unit}"]
        parts += [f"{name} {value:.3f}" for name, value in self.losses.items()]
        if self.rate > 0:
            parts.append(f"{self.rate:,.1f} {self.unit}/s")
        if self.seconds_left is not None:
            parts.append(f"{duration(self.seconds_left)} left")
        return " · ".join(parts)

    def __str__(self) -> str:
        """The counts behind the name of the step."""
        return f"{self.step} {self.counts()}"

    def record(self) -> dict[str, Any]:
        """The values as JSON values."""
        left = self.seconds_left
        return {
            "step": self.step,
            "unit": self.unit,
            "done": self.done,
            "total": self.total,
            "rate": round(self.rate, 3),
            "seconds_left": None if left is None else round(left, 1),
            "losses": dict(self.losses),
        }


class Meter:
    """Measures the progress of a step.

    Counts that go back, as of a listing that lags behind, are ignored.

    Args:
        step: Name of the step.
        total: Number of all things.
        unit: Their plural.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self, step: str, total: int, unit: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._step, self._total, self._unit, self._clock = step, total, unit, clock
        self._done = 0
        self._history: deque[tuple[float, int]] = deque()

    def update(self, done: int, losses: Mapping[str, float] | None = None) -> StepProgress:
        """Takes in the number of things done so far.

        Args:
            done: The number.
            losses: Losses by name, of a training.
        """
        now = self._clock()
        self._done = max(self._done, min(done, self._total))
        # The first count is the work of an earlier run: this run's rate starts there.
        if not self._history or self._done > self._history[-1][1]:
            self._history.append((now, self._done))
        while len(self._history) > 2 and now - self._history[1][0] > _WINDOW_SECONDS:
            self._history.popleft()
        rate = self._rate(now)
        return StepProgress(self._step, self._unit, self._done, self._total, rate, losses or {})

    def _rate(self, now: float) -> float:
        if len(self._history) < 2:
            return 0.0
        (start, first), (_, last) = self._history[0], self._history[-1]
        return (last - first) / max(now - start, 1e-9)


class LogReporter:
    """Writes log lines: every ten seconds one about the step, and one at its end.

    Args:
        clock: Seconds that never run backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    def info(self, sentence: str) -> None:
        """Writes a line."""
        logger.info(sentence)

    def rows(self, step: str, total: int) -> Callable[[int], None]:
        """A function to call with the number of images that are done."""
        update = self.follow(step, total, "images")
        return lambda done: update(done, {})

    def steps(self, step: str, total: int) -> Callable[[int, Mapping[str, float]], None]:
        """A function to call with the number of training steps that are done, and the losses."""
        return self.follow(step, total, "steps")

    def follow(
        self, step: str, total: int, unit: str
    ) -> Callable[[int, Mapping[str, float]], None]:
        """A function to call with the number of things that are done, and the losses.

        Args:
            step: Name of the step.
            total: Number of all things.
            unit: Their plural.
        """
        meter = Meter(step, total, unit, self._clock)
        written: list[float] = [self._clock()]
        ended: list[bool] = []

        def update(done: int, losses: Mapping[str, float]) -> None:
            now = self._clock()
            progress = meter.update(done, losses)
            at_end = progress.done >= total
            if ended or (now - written[0] < LINE_SECONDS and not at_end):
                return
            written[0] = now
            if at_end:
                ended.append(True)
            log_progress(progress)

        return update


class NoReporter:
    """Shows nothing: the default of functions that other programs call."""

    def info(self, sentence: str) -> None:
        """Shows nothing."""

    def rows(self, step: str, total: int) -> Callable[[int], None]:
        """A function that does nothing."""
        return lambda done: None

    def steps(self, step: str, total: int) -> Callable[[int, Mapping[str, float]], None]:
        """A function that does nothing."""
        return lambda done, losses: None


SILENT = NoReporter()


def counted(items: Iterable[Item], update: Callable[[int], None]) -> Iterator[Item]:
    """The same items; each is counted when the next one is asked for.

    Args:
        items: The items.
        update: Takes the number of items that are done.
    """
    for done, item in enumerate(items, 1):
        yield item
        update(done)


def log_progress(progress: StepProgress) -> None:
    """Writes a log line about a step."""
    logger.info("%s", progress, extra={"progress": progress.record()})


def duration(seconds: float) -> str:
    """A time span in words for people: ``45 s``, ``2 min``, ``1 h 5 min``."""
    if round(seconds) < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
