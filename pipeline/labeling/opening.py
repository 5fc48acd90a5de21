"""The opening of a run: its steps, and a rough estimate of their time and disk space."""

from __future__ import annotations

import os

from tag2mask.pipeline.labeling.dry_run import plan
from tag2mask.pipeline.labeling.estimate import estimate
from tag2mask.pipeline.labeling.incremental import Change
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.progress import duration


def outlook(run: Run, change: Change, workers: int) -> list[str]:
    """Lines on the steps that a run is about to take; none if there is nothing to do.

    Args:
        run: The run.
        change: The source, compared with the last version of the run.
        workers: Processes on this machine that share the images.
    """
    steps = plan(change, run.uri, run.recipe)
    left = [step for step in steps if not step.finished]
    if not left:
        return []
    names = ", ".join(f"{step.title} ({step.count:,} {step.unit})" for step in left)
    done = f"; {len(steps) - len(left)} more are finished" if len(left) < len(steps) else ""
    lines = [f"steps: {names}{done}"]
    costs = estimate(change.images, run.recipe, run.uri, left)
    space = f"{costs.bytes * change.labeled / 2**20:,.0f} MiB of disk"
    if os.environ.get("RAY_ADDRESS"):
        return [*lines, f"estimate: {space}; the time depends on the cluster"]
    seconds = sum(costs.seconds_of(step, workers) for step in left)
    return [
        *lines,
        f"estimate: about {duration(seconds)} on this machine with {workers} workers, and {space}; "
        "a rough guess, label --dry-run measures the steps",
    ]
