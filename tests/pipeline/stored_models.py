"""Models of random weights, stored as a run stores its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tag2mask.models.factory import Architecture
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.training.model_store import save_model
from tests.models.randomized import randomize
from tests.pipeline.toys import CLASSES


def stored_model(
    folder: Path, kind: str, head: str = "", width: int = 0, training: dict[str, Any] | None = None
) -> str:
    """The URI of a model for the toy classes, with the tiny backbone at stride 8.

    Args:
        folder: Where it is stored.
        kind: See :class:`tag2mask.models.factory.Architecture`.
        head: The same.
        width: The same.
        training: What its card says of its training.
    """
    architecture = Architecture.model_validate(
        {
            "kind": kind,
            "backbone": "tiny",
            "output_stride": 8,
            "head": head,
            "width": width,
            "classes": len(CLASSES),
        }
    )
    uri = str(folder / kind)
    save_model(
        uri,
        randomize(architecture.build()),
        architecture=architecture,
        classes=ClassTable(names=CLASSES),
        key="",
        training=training or {},
    )
    return uri
