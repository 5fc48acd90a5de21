"""Retries: a store that fails for a while costs time, one that is gone ends in a sentence."""

from __future__ import annotations

import errno

import pytest

from tag2mask.pipeline.errors import StorageError
from tag2mask.pipeline.tables.retries import call_with_retries


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, without waiting."""
    slept: list[float] = []
    monkeypatch.setattr("tag2mask.pipeline.tables.retries.time.sleep", slept.append)
    return slept


class Flaky:
    """Fails a few times."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.left = failures
        self.error = error

    def __call__(self, value: int, *, more: int) -> int:
        if self.left:
            self.left -= 1
            raise self.error
        return value + more


@pytest.mark.parametrize("error", [OSError("InternalError"), TimeoutError(), RuntimeError("gone")])
def test_a_passing_failure_is_retried(waits: list[float], error: Exception) -> None:
    assert call_with_retries("s3://b", Flaky(3, error), 1, more=2) == 3
    assert len(waits) == 3
    for wait, base in zip(waits, (0.5, 1, 2), strict=True):
        assert base / 2 <= wait <= base * 1.5


@pytest.mark.parametrize(
    "error", [FileNotFoundError("x"), PermissionError(), OSError(errno.EINVAL, "range")]
)
def test_an_answer_is_taken_at_once(waits: list[float], error: Exception) -> None:
    with pytest.raises(type(error)):
        call_with_retries("s3://b", Flaky(1, error), 1, more=2)
    assert waits == []


def test_retries_end_in_an_error(waits: list[float]) -> None:
    with pytest.raises(StorageError, match=r"s3://b fails again and again \(OSError: slow down\)"):
        call_with_retries("s3://b", Flaky(100, OSError("slow\ndown")), 1, more=2)
    assert 15 < sum(waits) < 50
