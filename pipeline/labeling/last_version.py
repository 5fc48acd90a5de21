"""The tables of a run's last version, if later images can be added to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tag2mask.pipeline.correction.corrections import NAME as CORRECTIONS
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.tables.manifest import MANIFEST, Manifest, read_manifest
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table, damaged_parts
from tag2mask.pipeline.training.model_store import CARD, read_card

LAST = "powerful"


@dataclass(frozen=True)
class Finished:
    """The tables of a finished version.

    Attributes:
        images: The images.
        masks: What the last segmenter made of them.
        dataset: What is published.
        corrected: Whether people have corrected masks since the segmenter was trained.
    """

    images: Table
    masks: Table
    dataset: Table
    corrected: bool = False

    @property
    def complete(self) -> bool:
        """Whether the dataset holds all that was ingested and kept."""
        unpublished = self.masks.without(self.dataset.manifest.inputs)
        return self.images.without(self.masks.manifest.inputs) is None and not has_kept(unpublished)


def has_kept(masks: Table | None) -> bool:
    """Whether a round has a mask that is good enough to be published."""
    return masks is not None and any(row["kept"] for row in masks.rows(["kept"]))


def find_finished(run: Run) -> Finished | None:
    """The last version of a run, if rows can be added to it.

    Returns:
        None if no version is finished, the recipe is another one, a new training has begun
        to replace its tables, or a part is damaged that the same training makes again.

    Raises:
        UserError: If a part is damaged that came with a later version.
    """
    uris = [run.table_uri(name) for name in ("images", f"rounds/{LAST}", "dataset")]
    model = run.model_uri(LAST)
    needed = [(model, CARD), *((uri, MANIFEST) for uri in uris)]
    if any(name not in Folder(uri).sizes() for uri, name in needed):
        return None
    manifests = [read_manifest(Folder(uri)) for uri in uris]
    images, masks, dataset = manifests
    hand = _corrections(run)
    names = {*images.names(), *masks.names(), *hand}
    if (
        not masks.inputs
        or not _is_recipe(masks.metadata["recipe"], run.recipe)
        or not names >= {*masks.inputs, *dataset.inputs}
    ):
        return None
    damaged = [text for pair in zip(uris, manifests, strict=True) for text in _damaged(*pair)]
    if damaged and images.revision == 1:
        return None
    if damaged:
        raise UserError(
            f"{damaged[0]}, and it has grown since the training: restore the file, or label "
            "everything again with --retrain"
        )
    tables = Finished(
        images=Table.open(uris[0]),
        masks=Table.open(uris[1]),
        dataset=Table.open(uris[2]),
        corrected=not hand <= {*masks.inputs},
    )
    made_by = next((row["model"] for row in tables.masks.rows(["model"]) if row["model"]), None)
    return tables if made_by == read_card(model).weights else None


def _is_recipe(stored: dict[str, Any], recipe: Recipe) -> bool:
    """Whether stored settings, perhaps under names of the version before, are a recipe's."""
    try:
        return Recipe.model_validate(stored) == recipe
    except ValidationError:
        return False


def _corrections(run: Run) -> set[str]:
    """The names of the parts of the run's corrections."""
    place = Folder(run.table_uri(CORRECTIONS))
    return {*read_manifest(place).names()} if MANIFEST in place.sizes() else set()


def _damaged(uri: str, manifest: Manifest) -> list[str]:
    found = damaged_parts(Folder(uri), manifest.parts)
    return [f"{path} of the table {uri} {state}" for path, state in found.items()]
