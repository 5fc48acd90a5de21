"""Recipes in the forms that the functions of the front door accept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tag2mask.pipeline.labeling.recipe import Recipe, complete_recipe, read_recipe
from tag2mask.pipeline.systems.recipe import (
    SystemRecipe,
    complete_system_recipe,
    read_system_recipe,
)


def to_recipe(recipe: Recipe | dict[str, Any] | str | Path | None) -> Recipe:
    """A complete recipe of a labeling run.

    Args:
        recipe: A recipe, any part of one as nested values, the path of a file with any part
            of one, or None for the defaults.

    Raises:
        UserError: If the file cannot be read, or a setting is unknown or out of range.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, dict):
        return complete_recipe(recipe)
    return read_recipe(None if recipe is None else str(recipe))


def to_system_recipe(
    system: str, recipe: SystemRecipe | dict[str, Any] | str | Path | None
) -> SystemRecipe:
    """A complete recipe of a system; see :func:`to_recipe`."""
    if isinstance(recipe, SystemRecipe):
        return recipe
    if isinstance(recipe, dict):
        return complete_system_recipe(system, recipe)
    return read_system_recipe(system, None if recipe is None else str(recipe))
