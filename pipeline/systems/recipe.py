"""The recipe of a system: every setting that its weights follow from, with its default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tag2mask.models.system import System, SystemSettings
from tag2mask.models.system_factory import OLD_NAMES, SYSTEMS, SystemArchitecture
from tag2mask.pipeline.dataset.row_filter import RowFilter
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.settings import (
    format_validation_error,
    merge_settings,
    read_values,
    with_new_names,
)
from tag2mask.pipeline.systems.training import SystemTrainingSettings


class SystemRecipe(BaseModel):
    """The settings of a system, the filter of a dataset's rows, and the training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str = Field(description="Name of the system.")
    system: SystemSettings = Field(description="Settings of the system.")
    where: RowFilter = Field(RowFilter(), description="Filter of the dataset's rows.")
    training: SystemTrainingSettings = Field(
        SystemTrainingSettings(), description="Schedule of the training."
    )

    def architecture(self, classes: ClassTable) -> SystemArchitecture:
        """The architecture of the system for some classes, with their names if it needs them."""
        settings = {**self.system.model_dump(mode="json"), "classes": len(classes)}
        if "names" in settings:
            settings["names"] = settings["names"] or list(classes.names)
        return SystemArchitecture(name=self.task, settings=settings)

    def build(self, classes: ClassTable) -> System:
        """The system, newly initialized by the seed.

        Raises:
            UserError: If its settings do not fit together.
        """
        torch.manual_seed(self.training.seed)
        try:
            return self.architecture(classes).build()
        except ValueError as error:
            raise UserError(
                f"the settings of {self.task!r} do not fit together: {error}"
            ) from error


def read_system_recipe(
    task: str, path: str | None = None, changes: Sequence[str] = ()
) -> SystemRecipe:
    """The default recipe of a system, with changes from a file and from single settings.

    Args:
        task: One of :data:`tag2mask.models.system_factory.SYSTEMS`.
        path: A JSON, YAML or TOML file with any part of a recipe; None for none.
        changes: Single changes, such as ``training.steps=5000`` or ``system.size=128``.

    Raises:
        UserError: If there is no such system, or a setting is unknown or out of range.
    """
    return complete_system_recipe(task, read_values(path, changes))


def complete_system_recipe(task: str, given: dict[str, Any]) -> SystemRecipe:
    """The default recipe of a system, with changes from any part of one as JSON values.

    Raises:
        UserError: See :func:`read_system_recipe`.
    """
    task = OLD_NAMES.get(task, task)
    if task not in SYSTEMS:
        raise UserError(f"unknown system {task!r}; choose one of {', '.join(sorted(SYSTEMS))}")
    kind = SYSTEMS[task].settings_type
    defaults = {
        "system": kind().model_dump(),
        "where": RowFilter().model_dump(),
        "training": SystemTrainingSettings().model_dump(),
    }
    parts: dict[str, type[BaseModel]] = {
        "system": kind,
        "where": RowFilter,
        "training": SystemTrainingSettings,
    }
    given = {
        name: with_new_names(value, parts[name], name)
        if name in parts and isinstance(value, dict)
        else value
        for name, value in given.items()
    }
    values = merge_settings(defaults, given)
    if unknown := values.keys() - defaults.keys():
        raise UserError(f"unknown setting {min(unknown)!r}; choose one of {', '.join(defaults)}")
    return SystemRecipe(
        task=task,
        system=_validated(kind, "system", values, defaults),
        where=_validated(RowFilter, "where", values, defaults),
        training=_validated(SystemTrainingSettings, "training", values, defaults),
    )


def _validated(
    kind: type[BaseModel], part: str, values: dict[str, Any], defaults: dict[str, Any]
) -> Any:  # noqa: ANN401 - an instance of kind
    try:
        return kind.model_validate(values[part])
    except ValidationError as error:
        raise UserError(format_validation_error(error, defaults[part], part)) from error
