"""The tables of a run's last version, if later images can be added to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from tag2mask.pipeline.correction.corrections import NAME as CORRECTIONS
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.preconditions import Precondition, first_violation
from tag2mask.pipeline.records.round_names import POWERFUL
from tag2mask.pipeline.tables.manifest import MANIFEST, Manifest, read_manifest
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table, damaged_parts
from tag2mask.pipeline.training.model_files import CARD
from tag2mask.pipeline.training.model_store import read_card


@dataclass(frozen=True)
class Finished:
    """The tables of a finished version.

    Attributes:
        images: The images.
        masks: The masks of the last segmenter.
        dataset: The published dataset.
        corrected: Whether people have corrected masks since the segmenter was trained.
    """

    images: Table
    masks: Table
    dataset: Table
    corrected: bool = False

    @property
    def complete(self) -> bool:
        """Whether the dataset holds all ingested images with a kept mask."""
        unpublished = self.masks.without(self.dataset.manifest.inputs)
        return self.images.without(self.masks.manifest.inputs) is None and not has_kept(unpublished)


def has_kept(masks: Table | None) -> bool:
    """Whether a round has a mask that is good enough to be published."""
    return masks is not None and any(row["kept"] for row in masks.rows(["kept"]))


class _Version:
    """A run's folder, looked at as a version that later images may be added to.

    Args:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.uris = [run.table_uri(name) for name in ("images", f"rounds/{POWERFUL}", "dataset")]
        self.model = run.model_uri(POWERFUL)

    def is_finished(self) -> bool:
        """Whether all tables and the model are there."""
        needed = [(self.model, CARD), *((uri, MANIFEST) for uri in self.uris)]
        return all(name in Folder(uri).sizes() for uri, name in needed)

    @cached_property
    def manifests(self) -> list[Manifest]:
        """The manifests of images, masks and dataset."""
        return [read_manifest(Folder(uri)) for uri in self.uris]

    @cached_property
    def corrections(self) -> set[str]:
        """The names of the parts of the run's corrections."""
        place = Folder(self.run.table_uri(CORRECTIONS))
        return {*read_manifest(place).names()} if MANIFEST in place.sizes() else set()

    @cached_property
    def damaged(self) -> list[str]:
        """A sentence for every part that is missing or damaged."""
        return [
            f"{path} of the table {uri} {state}"
            for uri, manifest in zip(self.uris, self.manifests, strict=True)
            for path, state in damaged_parts(Folder(uri), manifest.parts).items()
        ]

    def lists_inputs(self) -> bool:
        """Whether the masks name the parts that they were made from."""
        return bool(self.manifests[1].inputs)

    def has_recipe(self) -> bool:
        """Whether the masks were made by the run's recipe."""
        return _is_recipe(self.manifests[1].metadata["recipe"], self.run.recipe)

    def has_inputs(self) -> bool:
        """Whether the parts that masks and dataset were made from are still there."""
        images, masks, dataset = self.manifests
        names = {*images.names(), *masks.names(), *self.corrections}
        return names >= {*masks.inputs, *dataset.inputs}

    def is_undamaged_or_grown(self) -> bool:
        """Whether training again would not repair the damage, if there is any."""
        return not self.damaged or self.manifests[0].revision != 1

    def tables(self) -> Finished:
        """The tables of the version."""
        images, masks, dataset = (Table.open(uri) for uri in self.uris)
        corrected = not self.corrections <= {*self.manifests[1].inputs}
        return Finished(images=images, masks=masks, dataset=dataset, corrected=corrected)


_CAN_GROW: tuple[Precondition[_Version], ...] = (
    Precondition("a version is finished", _Version.is_finished, "no version is finished"),
    Precondition("the masks name their inputs", _Version.lists_inputs, "an old version"),
    Precondition("the recipe is the same", _Version.has_recipe, "the recipe is another one"),
    Precondition("the inputs are there", _Version.has_inputs, "a new training has begun"),
    Precondition(
        "no part is damaged that training makes again",
        _Version.is_undamaged_or_grown,
        "a part is damaged",
    ),
)


def find_finished(run: Run) -> Finished | None:
    """The last version of a run, if rows can be added to it.

    Returns:
        None if no version is finished, the recipe is another one, a new training has begun
        to replace its tables, or a part is damaged that the same training makes again.

    Raises:
        UserError: If a part is damaged that came with a later version.
    """
    version = _Version(run)
    if first_violation(_CAN_GROW, version) is not None:
        return None
    if version.damaged:
        raise UserError(
            f"{version.damaged[0]}, and it has grown since the training: restore the file, or "
            "label everything again with --retrain"
        )
    tables = version.tables()
    made_by = next((row["model"] for row in tables.masks.rows(["model"]) if row["model"]), None)
    return tables if made_by == read_card(version.model).weights else None


def _is_recipe(stored: dict[str, Any], recipe: Recipe) -> bool:
    """Whether stored settings, perhaps under names of the version before, make the same masks."""
    try:
        return Recipe.model_validate(stored).makes_masks_of(recipe)
    except ValidationError:
        return False
