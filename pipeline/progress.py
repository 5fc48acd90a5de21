"""Progress in committed images: one line that says done, total, speed and time left."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

# The speed is that of the last minute or so: a stage that has just loaded its model, or a
# machine that is busy elsewhere, should not be averaged over the whole run.
_WINDOW_SECONDS = 60.0
_LINE_SECONDS = 10.0
_REDRAW_SECONDS = 0.2


class Progress:
    """Shows ``seed 1,234/2,952 images · 12.3 images/s · 2 min left``.

    On a terminal the line is redrawn in place; elsewhere, as in a log, a plain line is
    written every ten seconds. Counts that go back, as of a listing that lags behind, are
    ignored.

    Args:
        total: Number of images of the step.
        stage_name: What the step is called.
        stream: Where the line goes; None is standard error, so that results on standard
            output can be piped.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        total: int,
        stage_name: str,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._name = stage_name
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._done = 0
        self._history: deque[tuple[float, int]] = deque()
        self._shown_at: float | None = None
        self._shown = ""
        self._ended = False

    def update(self, done: int) -> None:
        """Take in the number of images staged so far, and show it if it is time to."""
        if self._ended:
            return
        now = self._clock()
        self._done = max(self._done, min(done, self._total))
        self._remember(now)
        wait = _REDRAW_SECONDS if self._stream.isatty() else _LINE_SECONDS
        if self._done == self._total:
            self.close()
        elif self._shown_at is None or now - self._shown_at >= wait:
            self._show(now)

    def close(self) -> None:
        """Show the last count and end the line; happens by itself when all is done."""
        if not self._ended:
            self._ended = True
            self._show(self._clock())
            if self._stream.isatty():
                self._stream.write("\n")
                self._stream.flush()

    def line(self) -> str:
        """The line as it stands."""
        parts = [f"{self._name} {self._done:,}/{self._total:,} images"]
        speed = self._speed()
        if speed > 0:
            parts.append(f"{speed:,.1f} images/s")
            if self._done < self._total:
                parts.append(f"{duration((self._total - self._done) / speed)} left")
        return " · ".join(parts)

    def _remember(self, now: float) -> None:
        # The first count is what an earlier run did: it is where this run's speed starts.
        if not self._history or self._done > self._history[-1][1]:
            self._history.append((now, self._done))
        while len(self._history) > 2 and now - self._history[1][0] > _WINDOW_SECONDS:
            self._history.popleft()

    def _speed(self) -> float:
        if len(self._history) < 2:
            return 0.0
        (start, first), (_, last) = self._history[0], self._history[-1]
        return (last - first) / max(self._clock() - start, 1e-9)

    def _show(self, now: float) -> None:
        line = self.line()
        if self._stream.isatty():
            # Spaces cover what is left of a longer line before.
            self._stream.write(f"\r{line.ljust(len(self._shown))}")
        elif line != self._shown:
            self._stream.write(f"{line}\n")
        self._stream.flush()
        self._shown, self._shown_at = line, now


def duration(seconds: float) -> str:
    """A time span in words for people: ``45 s``, ``2 min``, ``1 h 5 min``."""
    if round(seconds) < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
