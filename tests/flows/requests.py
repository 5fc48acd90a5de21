"""Requests of the benchmarks' tests: one worker on the local engine."""

from collections.abc import Sequence
from pathlib import Path

from tag2mask.flows.benchmarks.setup import BenchRequest
from tag2mask.pipeline.labeling.recipe import Recipe


def request(
    data: str | Path, out: str | Path, recipe: Recipe, chosen: Sequence[str] | None = None
) -> BenchRequest:
    """A benchmark's request on the local engine, with one process."""
    return BenchRequest(
        data=str(data),
        out=str(out),
        recipe=recipe,
        workers=1,
        chosen=None if chosen is None else tuple(chosen),
    )
