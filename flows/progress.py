"""Progress in the terminal, in committed pictures and in training steps."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from pipeline.progress import Progress
from pipeline.training import Report


class Terminal:
    """Prints progress to standard error, so that results can be piped from standard output."""

    def say(self, sentence: str) -> None:
        """Prints a line."""
        print(sentence, file=sys.stderr, flush=True)

    def rows(self, step: str, total: int) -> Callable[[int], None]:
        """What to call with the number of committed pictures."""
        return Progress(total, step).update

    def steps(self, step: str, total: int) -> Report:
        """What to call with the training step and the loss."""
        started = time.monotonic()
        first: list[int] = []
        told = [started]

        def report(done: int, loss: float) -> None:
            first.append(done) if not first else None
            now = time.monotonic()
            if now - told[0] < 10 and done < total:
                return
            told[0] = now
            rate = max(done - first[0], 1) / max(now - started, 1e-9)
            left = (total - done) / rate
            self.say(f"{step} step {done:,}/{total:,} · loss {loss:.3f} · {left:.0f} s left")

        return report
