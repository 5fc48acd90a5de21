"""Variants of the rounds for benchmarks: with other names, or only a part of them."""

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
    """The last round of a recipe with its augmentation, under its own name."""
    return replace(labeling_rounds(recipe)[-1], name=AUGMENTED)


def rename_rounds(rounds: Sequence[Round], rename: Callable[[str], str]) -> tuple[Round, ...]:
    """Rename rounds, also where other rounds refer to them.

    Args:
        rounds: The rounds.
        rename: Function from an old name to the new one.
    """
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
    """Train segmenters round after round, and label images for the rounds that follow.

    Masks are made only for rounds that train on them.

    Args:
        run: The run.
        images: The images.
        first: The masks that train the first round.
        rounds: The rounds in their order.

    Returns:
        The masks by the names of their rounds, including ``first``.
    """
    masks = {rounds[0].masks: first}
    needed = {each.masks for each in rounds}
    for each in rounds:
        run.train_segmenter(each, images, masks[each.masks])
        if each.name in needed:
            masks[each.name] = run.relabel(each, images)
    return masks
