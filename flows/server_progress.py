"""The progress of long steps in Prefect's UI, as progress artifacts of the flow run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)

from tag2mask.pipeline.progress import LINE_SECONDS, Meter, Reporter, StepProgress

__all__ = ["ServerReporter", "tolerate_silence"]

logger = logging.getLogger("tag2mask")

TIMEOUT_SECONDS = 30.0
RETRIES = 2  # a server with a busy database refuses once in a while
PROGRESS_TIMEOUT_SECONDS = 5.0  # images wait meanwhile
SILENCE_SECONDS = 60.0  # until a server that did not answer is asked again


@contextmanager
def tolerate_silence(what: str) -> Iterator[None]:
    """Keep a server that does not answer, or refuses, from failing a run or stopping it for long.

    Args:
        what: Name of the thing that the UI lacks then, for the log.
    """
    try:
        with _limits(TIMEOUT_SECONDS, RETRIES):
            yield
    except Exception as error:
        logger.warning("Prefect's UI lacks the %s: %s", what, error or type(error).__name__)


@contextmanager
def _limits(seconds: float, retries: int) -> Iterator[None]:
    limits = {PREFECT_API_REQUEST_TIMEOUT: seconds, PREFECT_CLIENT_MAX_RETRIES: retries}
    with temporary_settings(limits):
        yield


class ServerReporter:
    """Shows a run's lines and steps through another reporter, and long steps in Prefect's UI.

    A step that takes less than ten seconds has no artifact. The server is asked at most every ten
    seconds, and every minute while it does not answer.

    Args:
        reporter: Shows everything on the console.
        key_of: Gives the key of a step's artifact.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        reporter: Reporter,
        key_of: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reporter, self._key_of, self._clock = reporter, key_of, clock

    def info(self, sentence: str) -> None:
        """Shows a line."""
        self._reporter.info(sentence)

    def rows(self, step: str, total: int) -> Callable[[int], None]:
        """A function to call with the number of images that are done."""
        show, send = self._reporter.rows(step, total), self._follow(step, total, "images")

        def update(done: int) -> None:
            show(done)
            send(done, {})

        return update

    def steps(self, step: str, total: int) -> Callable[[int, Mapping[str, float]], None]:
        """A function to call with the number of training steps that are done, and the losses."""
        show, send = self._reporter.steps(step, total), self._follow(step, total, "steps")

        def update(done: int, losses: Mapping[str, float]) -> None:
            show(done, losses)
            send(done, losses)

        return update

    def _follow(
        self, step: str, total: int, unit: str
    ) -> Callable[[int, Mapping[str, float]], None]:
        artifact = _ProgressArtifact(self._key_of(step))
        meter = Meter(step, total, unit, self._clock)
        sent: list[float] = [self._clock()]

        def update(done: int, losses: Mapping[str, float]) -> None:
            now, progress = self._clock(), meter.update(done, losses)
            at_end = progress.done >= total
            if now - sent[0] >= artifact.pause or (at_end and artifact.exists):
                sent[0] = now
                artifact.send(progress)

        return update


class _ProgressArtifact:
    """The artifact of one step.

    Args:
        key: Its key.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._id: UUID | None = None
        self._ended = False
        self.pause = LINE_SECONDS

    @property
    def exists(self) -> bool:
        """Whether the server has it."""
        return self._id is not None

    def send(self, progress: StepProgress) -> None:
        """Creates or updates it; nothing happens after the end of the step."""
        if self._ended:
            return
        try:
            with _limits(PROGRESS_TIMEOUT_SECONDS, retries=0):
                self._send(100 * progress.done / max(1, progress.total), str(progress))
        except Exception as error:
            if self.pause < SILENCE_SECONDS:
                logger.warning(
                    "Prefect's UI lacks the progress of the step %s for now: %s",
                    progress.step,
                    error or type(error).__name__,
                )
            self.pause = SILENCE_SECONDS
        else:
            self.pause = LINE_SECONDS
            self._ended = progress.done >= progress.total

    def _send(self, percent: float, description: str) -> None:
        if self._id is None:
            made = create_progress_artifact(percent, self._key, description)
            self._id = cast(UUID, made)  # a coroutine in asynchronous code alone
        else:
            update_progress_artifact(self._id, percent, description)
