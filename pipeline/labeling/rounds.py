"""The sequence of rounds: which masks train a segmenter, and which images it labels.

STC (Simple To Complex, Wei et al., PAMI 2017) trains three segmenters one after another. The first
learns from the first masks of simple images, the second from its own masks of them, and the third
from masks of all images. The labeling flow and the benchmarks iterate the same list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.selection import is_simple
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.records.round_names import AFFINITY, ENHANCED, INITIAL, POWERFUL, SEED

TAGGER = "tagger"


@dataclass(frozen=True)
class Round:
    """One segmenter: its training, and the images that it labels.

    Attributes:
        name: Name of the segmenter and of its masks.
        masks: Name of the masks that train it; of a segmenter outside of the loop, empty.
        starts_after: Name of the segmenter whose weights it starts with, where the recipe
            continues trainings; None for none.
        soft: Whether it learns the masks' probabilities and not their most probable classes.
        thresholds: Probabilities at which its masks are cut, to augment them; () for none.
        select: Decides by an image's id and tags whether it is labeled; None labels all.
    """

    name: str
    masks: str = ""
    starts_after: str | None = None
    soft: bool = False
    thresholds: tuple[float, ...] = ()
    select: Callable[[Row], bool] | None = None


def labeling_rounds(recipe: Recipe) -> tuple[Round, ...]:
    """The rounds of a labeling run in their order."""
    return (
        Round(INITIAL, masks=first_masks(recipe)[-1], soft=True, select=is_simple),
        Round(ENHANCED, masks=INITIAL, starts_after=INITIAL),
        Round(POWERFUL, masks=ENHANCED, starts_after=ENHANCED, thresholds=recipe.augmentation),
    )


def first_masks(recipe: Recipe) -> tuple[str, ...]:
    """The names of the masks that need no segmenter; the last of them train the first one."""
    return (SEED, AFFINITY) if recipe.affinity else (SEED,)


def mask_names(recipe: Recipe) -> tuple[str, ...]:
    """The names of all masks that a run makes, in their order."""
    return (*first_masks(recipe), *(each.name for each in labeling_rounds(recipe)))


def model_names(recipe: Recipe) -> tuple[str, ...]:
    """The names of the models that a run trains, in their order: seeds have none of their own."""
    return (TAGGER, *(name for name in mask_names(recipe) if name != SEED))
