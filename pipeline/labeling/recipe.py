"""The recipe: all settings that decide a run's masks, documented, with their defaults."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from typing import Annotated, Any, ClassVar

import torch
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PositiveFloat,
    ValidationError,
    model_validator,
)

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.crf import CRF_PRESETS, CRFS, DEFAULT_CRF, RENAMED_CRFS
from tag2mask.models.factory import Architecture
from tag2mask.models.saliency import OLD_NAMES as OLD_SCORERS
from tag2mask.models.saliency import SCORERS
from tag2mask.models.saliency.loading import check_scorer, is_own, own_factory
from tag2mask.models.segmentation import SEGMENTERS
from tag2mask.models.settings import Settings
from tag2mask.models.tagging import POOLINGS
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.near_duplicates import NearDuplicateSettings
from tag2mask.pipeline.publication.publish import PublishSettings
from tag2mask.pipeline.report.fonts import check_font
from tag2mask.pipeline.settings import (
    format_validation_error,
    merge_settings,
    read_values,
    with_new_names,
)
from tag2mask.pipeline.sources import DownloadSettings
from tag2mask.pipeline.stages.crf_refinement import NO_CRF, build_crf
from tag2mask.pipeline.stages.mask_settings import MaskSettings
from tag2mask.pipeline.stages.select import SelectSettings
from tag2mask.pipeline.training.supervised import TrainingSettings


def _one_of(members: Collection[str]) -> AfterValidator:
    """Accepts the names of a plug-in family, and lists them in the error for another name."""

    def check(name: str) -> str:
        if name not in members:
            raise ValueError(f"unknown name {name!r}; choose one of {', '.join(members)}")
        return name

    return AfterValidator(check)


def _scorer(name: str) -> str:
    """Accepts the names of scorers, and import paths of a user's own scorer."""
    name = OLD_SCORERS.get(name, name)
    if is_own(name):
        own_factory(name)
    elif name not in SCORERS:
        raise ValueError(
            f"unknown scorer {name!r}; choose one of {', '.join(SCORERS)}, or package.module:Name "
            "of your own"
        )
    return name


def _renamed_crf(name: object) -> object:
    """Accepts the names of version 0.1, which stored recipes hold, for one more version."""
    if not isinstance(name, str) or name not in RENAMED_CRFS:
        return name
    new = RENAMED_CRFS[name]
    # The level of pydantic, which calls this: a warning that users see wherever a recipe is read.
    warnings.warn(
        f"the crf_method {name!r} is now named {new!r}; the old name will be refused in the next "
        "version",
        FutureWarning,
        stacklevel=2,
    )
    return new


BackboneName = Annotated[str, _one_of(BACKBONES)]
PoolingName = Annotated[str, _one_of(POOLINGS)]
ScorerName = Annotated[str, AfterValidator(_scorer)]
SegmenterName = Annotated[str, _one_of(SEGMENTERS)]
CrfName = Annotated[str, _one_of((NO_CRF, *CRF_PRESETS))]
CrfMethod = Annotated[str, BeforeValidator(_renamed_crf), _one_of(CRFS)]


class BackboneSettings(Settings):
    """The feature extractor that tagger and segmenters are built on."""

    name: BackboneName = Field(
        "efficientnet_lite0", description="One of tag2mask.models.backbones.BACKBONES."
    )
    output_stride: int = Field(16, description="Output stride of the last stage, in pixels.")
    pretrained: bool = Field(True, description="Start from ImageNet weights.")
    frozen: bool = Field(
        True, description="Keep pretrained layers under the lowest tap as they are."
    )


class TaggerSettings(Settings):
    """The multi-label classifier, whose gradients give the seeds."""

    pooling: PoolingName = Field("log_sum_exp", description="Pooling from class maps to scores.")
    held_out: float = Field(
        0.05, ge=0, lt=1, description="Share of the images that measure its precision alone."
    )
    training: TrainingSettings = TrainingSettings(steps=360, scale=(0.75, 1.35))


class SeedSettings(Settings):
    """The first masks, made on simple images without a segmenter."""

    old_names: ClassVar[dict[str, str]] = {
        "contrast": "score_power",
        "pictures_per_class": "images_per_class",
    }

    scorer: ScorerName = Field(
        "dcsm", description="One of tag2mask.models.saliency.SCORERS, or your own."
    )
    settings: dict[str, Any] = Field({"canvas": 288}, description="Settings of the scorer.")
    crf: CrfName = Field("irn", description="Parameters of the DenseCRF, or none.")
    crf_method: CrfMethod = Field(
        DEFAULT_CRF,
        description="Implementation of the DenseCRF: numba (one processor core), torch (a GPU) or "
        "pydensecrf (the authors' code, an extra).",
    )
    score_power: float = Field(
        5.0, gt=0, description="A class takes M ^ score_power of its map M, background the rest."
    )
    images_per_class: int = Field(
        120, ge=1, description="Most images with one tag that are scored, for each class."
    )
    select: SelectSettings = SelectSettings()


class SegmenterSettings(Settings):
    """The segmentation network that is trained round after round."""

    head: SegmenterName = Field(
        "deeplab_v1", description="One of tag2mask.models.segmentation.SEGMENTERS."
    )
    width: int = Field(256, ge=1, description="Channels of its head.")
    dropout: float = Field(
        0.5, ge=0, lt=1, description="Share of the head's values dropped in training."
    )
    from_tagger: bool = Field(
        False, description="Start with the tagger's backbone, which is trained on the classes."
    )
    continued: bool = Field(
        True, description="Start each round with the weights of the round before."
    )
    # Small batches, since the same crops help more in more steps. Three epochs, since after more
    # the network memorizes the masks' errors and repeats them in the next round
    # (docs/experiments/).
    training: TrainingSettings = TrainingSettings(
        steps=640, batch=8, max_epochs=3, learning_rate=1e-4, warmup=40
    )

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, values: object) -> object:
        """``segmenter=pspnet`` chooses the head and keeps all other settings."""
        return {"head": values} if isinstance(values, str) else values


class RelabelSettings(Settings):
    """How a segmenter labels the images of a round: sizes, CRF, ignored pixels."""

    size: int = Field(320, ge=32, description="Longer side to which images are scaled, in pixels.")
    scales: tuple[PositiveFloat, ...] = Field(
        (1.0,), min_length=1, description="Sizes relative to it whose logits are averaged."
    )
    crf: CrfName = Field("irn", description="Parameters of the DenseCRF, or none.")
    crf_method: CrfMethod = Field(
        DEFAULT_CRF,
        description="Implementation of the DenseCRF: numba (one processor core), torch (a GPU) or "
        "pydensecrf (the authors' code, an extra).",
    )
    ignore_below: float = Field(
        0.0, ge=0, lt=1, description="Pixels of a lower confidence become 255."
    )


class AffinitySettings(Settings):
    """Random walks of the first masks and of every round's probabilities (PSA, CVPR 2018)."""

    old_names: ClassVar[dict[str, str]] = {
        "doublings": "walk_log2_steps",
        "round_doublings": "round_walk_log2_steps",
    }

    confident: float = Field(
        0.7,
        ge=0,
        lt=1,
        description="Least probability of the seeds' pixels that the network learns from.",
    )
    size: int = Field(320, ge=32, description="Longer side to which images are scaled, in pixels.")
    walk_log2_steps: int = Field(
        8, ge=0, le=16, description="Binary logarithm of the steps of the seeds' random walk."
    )
    round_walk_log2_steps: int = Field(
        4,
        ge=0,
        le=16,
        description="Binary logarithm of the steps of every round's random walk; 0 for no walk.",
    )
    training: TrainingSettings = TrainingSettings(steps=240, batch=8, crop=224)


class ReportSettings(Settings):
    """The reports of a run; no mask follows from these."""

    font: str | None = Field(
        None,
        description="Font file for the names on the contact sheet; null finds fonts that have "
        "their characters.",
    )


class Recipe(Settings):
    """The settings of a labeling run; one recipe on one input gives the same masks again."""

    old_names: ClassVar[dict[str, str]] = {
        "trunk": "backbone",
        "adaptive_share": "missing_tag_area",
    }

    seed: int = Field(0, ge=0, description="Random seed.")
    shards: int = Field(8, ge=1, description="Files of a table; a shard must fit into memory.")
    split: str | None = Field("train", description="Split to label, where a source has splits.")
    download: DownloadSettings = DownloadSettings()
    near_duplicates: NearDuplicateSettings = NearDuplicateSettings()
    negatives: float = Field(
        0.5,
        ge=0,
        description="Most images without any wanted tag that tagger and segmenters learn as "
        "background, for each image that is labeled; 0 for none.",
    )
    backbone: BackboneSettings = BackboneSettings()
    tagger: TaggerSettings = TaggerSettings()
    seeds: SeedSettings = SeedSettings()
    affinity: AffinitySettings | None = Field(
        AffinitySettings(),
        description="Random walks of seeds and rounds along learned affinities; null for none.",
    )
    segmenter: SegmenterSettings = SegmenterSettings()
    relabel: RelabelSettings = RelabelSettings()
    masks: MaskSettings = MaskSettings()
    select: SelectSettings = SelectSettings(simple_area=(0.02, 0.95))
    missing_tag_area: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of an image that a missing tag is raised to; 0 for none.",
    )
    augmentation: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(
        (0.0, 0.6, 0.8),
        description="Probabilities at which the masks of the last training are cut; () for none.",
    )
    publish: PublishSettings = PublishSettings()
    report: ReportSettings = ReportSettings()

    def makes_masks_of(self, other: Recipe) -> bool:
        """Whether two recipes differ in nothing but the reports."""
        return self.model_copy(update={"report": other.report}) == other

    def tagger_architecture(self, classes: int) -> Architecture:
        """The tagger for so many foreground classes."""
        return Architecture(
            kind="tagger",
            backbone=self.backbone.name,
            output_stride=self.backbone.output_stride,
            head=self.tagger.pooling,
            classes=classes,
        )

    def affinity_architecture(self, classes: int) -> Architecture:
        """The network of affinities between places of an image."""
        return Architecture(
            kind="affinity",
            backbone=self.backbone.name,
            output_stride=self.backbone.output_stride,
            classes=classes,
        )

    def segmenter_architecture(self, classes: int) -> Architecture:
        """The segmenter of every round for so many foreground classes."""
        return Architecture(
            kind="segmenter",
            backbone=self.backbone.name,
            output_stride=self.backbone.output_stride,
            head=self.segmenter.head,
            width=self.segmenter.width,
            dropout=self.segmenter.dropout,
            classes=classes,
        )

    def digest_of(self, *parts: str) -> dict[str, Any]:
        """The named parts as JSON values, for the keys of tables and models."""
        return {part: self.model_dump(mode="json")[part] for part in parts}


def training_processes(recipe: Recipe) -> int:
    """The largest number of processes that train one of a recipe's models."""
    trainings = [recipe.tagger.training, recipe.segmenter.training]
    trainings += [recipe.affinity.training] if recipe.affinity else []
    return max(training.workers for training in trainings)


def read_recipe(path: str | None, changes: Sequence[str] = ()) -> Recipe:
    """The default recipe, with changes from a file and from single settings.

    Args:
        path: A JSON, YAML or TOML file with any part of a recipe; None for none.
        changes: ``key=value`` with dots for the levels, as ``seeds.crf=toco``; the value is
            JSON, or a bare word.

    Raises:
        UserError: If the file or a change cannot be read, a setting does not exist or is
            out of range, or the models that it describes cannot be built.
    """
    return complete_recipe(read_values(path, changes))


def complete_recipe(values: dict[str, Any]) -> Recipe:
    """The default recipe, with changes from any part of a recipe.

    Args:
        values: JSON values, nested as the recipe is.

    Raises:
        UserError: If a setting does not exist or is out of range, the models that it describes
            cannot be built, or its font cannot be read.
    """
    values = with_new_names(values, Recipe)
    defaults = Recipe().model_dump()
    seeds = values.get("seeds")
    if isinstance(seeds, dict) and seeds.get("scorer", "dcsm") != defaults["seeds"]["scorer"]:
        defaults["seeds"]["settings"] = {}  # they are of the default scorer
    try:
        recipe = Recipe.model_validate(merge_settings(defaults, values))
    except ValidationError as error:
        raise UserError(format_validation_error(error, defaults)) from error
    _check_models(recipe)
    if recipe.report.font:
        check_font(recipe.report.font)
    return recipe


def _check_models(recipe: Recipe) -> None:
    """Builds the models without weights, so that a wrong combination shows at once."""
    with torch.device("meta"):
        try:
            tagger = recipe.tagger_architecture(classes=1).build()
            recipe.segmenter_architecture(classes=1).build()
        except ValueError as error:
            raise UserError(f"the setting 'backbone' is wrong: {error}") from error
        try:
            check_scorer(recipe.seeds.scorer, tagger, recipe.seeds.settings)
        except (TypeError, ValueError) as error:
            raise UserError(
                f"the setting 'seeds.settings' does not fit {recipe.seeds.scorer!r}: {error}"
            ) from error
    for settings in (recipe.seeds, recipe.relabel):
        try:
            build_crf(settings.crf, settings.crf_method)
        except ImportError as error:
            raise UserError(str(error)) from error
