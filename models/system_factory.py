"""Builds a system from its description, so that weights can be loaded."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from tag2mask.models.generation import GENERATORS
from tag2mask.models.system import System
from tag2mask.models.transformation import STYLES, TRANSFORMERS

SYSTEMS: dict[str, type[System]] = {**GENERATORS, **TRANSFORMERS}

# Stored systems hold their name, and old names are readable for one version.
OLD_NAMES = {
    "colourisation": "colorization",
    **{f"confined_{name}": f"masked_{name}" for name in STYLES},
}


class SystemArchitecture(BaseModel):
    """The description of a system, from which it is built before its weights are loaded.

    Args:
        kind: ``system``.
        name: One of :data:`SYSTEMS`.
        settings: Values of the member's :attr:`tag2mask.models.system.System.settings_type`.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["system"] = "system"
    name: str
    settings: dict[str, Any]

    def build(self) -> System:
        """The system, newly initialized.

        Raises:
            KeyError: If there is no such system.
            ValueError: If the settings do not fit the system.
        """
        member = SYSTEMS[OLD_NAMES.get(self.name, self.name)]
        return member(member.settings_type.model_validate(self.settings))
