"""The rounds as benchmarks run them: under other names, and as far as a measurement needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.rounds import Round, labeling_rounds
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.tables.table import Table

AUGMENTED = "augmented"


def plain_rounds(recipe: Recipe) -> tuple[Round, ...]:
    """The rounds of a recipe without the augmentation of the last one."""
    return tuple(replace(each, thresholds=()) for each in labeling_rounds(recipe))


def augmented_round(recipe: Recipe) -> Round:
    """The last round of a recipe with its augmentation, under a name of its own."""
    return replace(labeling_rounds(recipe)[-1], name=AUGMENTED)


def rename_rounds(rounds: Sequence[Round], rename: Callable[[str], str]) -> tuple[Round, ...]:
    """The same rounds under other names; names that are no round's stay as they are."""
    names = {each.name: rename(each.name) for each in rounds}
    return tuple(
        replace(
            each,
            name=names[each.name],
            masks=names.get(each.masks, each.masks),
            starts_after=names.get(each.starts_after or "", each.starts_after),
        )
        for each in rounds
    )


def train_rounds(
    run: Run, images: Table, first: Table, rounds: Sequence[Round]
) -> dict[str, Table]:
    """Trains segmenters round after round, and labels images for the rounds that follow.

    Masks that train no other round are not made.

    Args:
        run: The run.
        images: The images.
        first: The masks that train the first round.
        rounds: The rounds in their order.

    Returns:
        The masks by the names of their rounds, ``first`` among them.
    """
    masks = {rounds[0].masks: first}
    needed = {each.masks for each in rounds}
    for each in rounds:
        run.train_segmenter(each, images, masks[each.masks])
        if each.name in needed:
            masks[each.name] = run.relabel(each, images)
    return masks
