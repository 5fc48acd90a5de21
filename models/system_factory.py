"""Builds a system from its description, so that weights can be loaded."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from tag2mask.models.generation import GENERATORS
from tag2mask.models.system import System
from tag2mask.models.transformation import TRANSFORMERS

SYSTEMS: dict[str, type[System]] = {**GENERATORS, **TRANSFORMERS}


class SystemArchitecture(BaseModel):
    """What must be known to build a system before its weights are loaded.

    Args:
        kind: ``system``.
        name: One of :data:`SYSTEMS`.
        settings: Of the member's :attr:`tag2mask.models.system.System.settings_type`.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["system"] = "system"
    name: str
    settings: dict[str, Any]

    def build(self) -> System:
        """The system, freshly initialised.

        Raises:
            KeyError: If there is no such system.
            ValueError: If the settings are not its own.
        """
        member = SYSTEMS[self.name]
        return member(member.settings_type.model_validate(self.settings))
