"""Progress in the terminal, in committed images and in training steps."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tag2mask.pipeline.progress import Progress, duration
from tag2mask.pipeline.training.trainable import Losses, ProgressCallback

LINE_SECONDS = 10.0


class Terminal:
    """Prints progress to standard error, so that results can be piped from standard output."""

    def say(self, sentence: str) -> None:
        """Prints a line."""
        print(sentence, file=sys.stderr, flush=True)

    def rows(self, step: str, total: int) -> Callable[[int], None]:
        """What to call with the number of committed images."""
        return Progress(total, step).update

    def steps(self, step: str, total: int) -> ProgressCallback:
        """What to call with the training step and the losses."""
        begun: list[tuple[float, int]] = []
        told = [time.monotonic()]

        def report(done: int, losses: Losses) -> None:
            now = time.monotonic()
            if not begun:
                begun.append((now, done))
            if now - told[0] < LINE_SECONDS and done < total:
                return
            told[0] = now
            line = f"{step} step {done:,}/{total:,}"
            line += "".join(f" · {name} {value:.3f}" for name, value in losses.items())
            # A resumed training has made its first steps at another time.
            start, first = begun[0]
            if first < done < total:
                left = (total - done) * (now - start) / (done - first)
                line += f" · {duration(left)} left"
            self.say(line)

        return report
