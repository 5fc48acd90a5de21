"""The files of a stored model, for callers that do not build it and need no torch."""

from __future__ import annotations

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.storage import Folder

WEIGHTS, CARD = "model.safetensors", "model.json"


def read_card_file(uri: str) -> bytes:
    """The bytes of a model's card.

    Args:
        uri: Folder of the model.

    Raises:
        UserError: If there is no model at the URI.
    """
    try:
        return Folder(uri).read(CARD)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"no model at {uri}: there is no {CARD}; give a folder of a run's models, "
            "such as RUN/models/powerful"
        ) from error
