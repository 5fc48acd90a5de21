"""The dry run of ``label``: the steps, which are finished, and about how long the rest takes."""

from __future__ import annotations

from dataclasses import dataclass

from tag2mask.pipeline.labeling.dry_run import FinishedRun, PlannedStep, plan
from tag2mask.pipeline.labeling.incremental import find_change_of_run
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.replacement import REPLACEMENT
from tag2mask.pipeline.labeling.trial import Costs, measure
from tag2mask.pipeline.progress import Reporter, duration
from tag2mask.pipeline.sources import Downloads, open_source
from tag2mask.pipeline.tables.places import check_out
from tag2mask.pipeline.text_tables import text_table


@dataclass(frozen=True)
class DryRun:
    """The plan of a run; ``str`` of it is the text that the command prints.

    Args:
        opening: Lines on the source.
        steps: The steps in their order; empty if there is nothing to do.
        seconds: Estimated seconds of each step on this machine.
        bytes: Estimated size of the run's tables.
        workers: Processes that the estimate holds for.
        trial_images: Number of images that the times were measured on.
    """

    opening: tuple[str, ...]
    steps: tuple[PlannedStep, ...]
    seconds: tuple[float, ...]
    bytes: float
    workers: int
    trial_images: int

    def __str__(self) -> str:
        """The source, a table of the steps, and the time and space in all."""
        if not self.steps:
            return "\n".join([*self.opening, "nothing to do"])
        rows = [
            [step.title, f"{step.count:,} {step.unit}", _state(step), _time(step, seconds)]
            for step, seconds in zip(self.steps, self.seconds, strict=True)
        ]
        table = text_table(["step", "work", "state", "time"], rows, "lrlr")
        total = (
            f"about {duration(sum(self.seconds))} on this machine with {self.workers} workers, and "
            f"{self.bytes / 2**20:,.0f} MiB of tables; measured on {self.trial_images} of the "
            "images; nothing was written"
        )
        return "\n".join([*self.opening, "", table, "", total])


def dry_run(
    source: str,
    out: str,
    recipe: Recipe,
    classes: list[str] | None,
    workers: int,
    retrain: bool,
    retrain_share: float,
    source_kind: str | None,
    reporter: Reporter,
    force: bool = False,
) -> DryRun:
    """Plans a run of :func:`tag2mask.flows.label.label`, whose arguments it has.

    Nothing is written to ``out``; the trial on a few images uses a temporary folder.

    Raises:
        UserError: If the source cannot be read or fits no run.
    """
    check_out(source, out)
    run = FinishedRun(out, recipe)
    tagged = open_source(source, source_kind, Downloads(recipe.download))
    change, replaced = find_change_of_run(
        run, tagged, source, classes, force=force, retrain=retrain, share=retrain_share
    )
    opening = [*change.images.opening(), *change.images.accounts()]
    if change.why:
        opening.append(change.sentence())
    steps = plan(change, f"{run.uri}/{REPLACEMENT}" if replaced else out, recipe)
    costs = Costs()
    if not all(step.finished for step in steps):
        reporter.info("the steps are timed on a few images")
        costs = measure(change.images, recipe)
    seconds = [costs.seconds_of(step, workers) for step in steps]
    images = sum(bool(image.tags) for image in change.images.images)
    return DryRun(
        tuple(opening), tuple(steps), tuple(seconds), costs.bytes * images, workers, costs.images
    )


def _state(step: PlannedStep) -> str:
    if step.finished:
        return "finished"
    return f"{step.done:,} finished" if step.done else "to do"


def _time(step: PlannedStep, seconds: float) -> str:
    return "" if step.finished else duration(seconds)
