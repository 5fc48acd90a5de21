"""The steps of a labeling run: each makes one table or model, or finds it done already."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import astuple
from functools import partial
from typing import Any

from tag2mask.models.saliency.loading import scorer_source_hash
from tag2mask.models.segmentation import Segmenter
from tag2mask.models.tagging import Tagger
from tag2mask.pipeline.correction import corrections as human
from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.tags import class_average_precisions, is_held_out
from tag2mask.pipeline.ingestion.ingest import Ingest
from tag2mask.pipeline.labeling.chains import (
    logit_walk_stages,
    refine_stage,
    relabel_stages,
    score_stage,
    walk_key_inputs,
)
from tag2mask.pipeline.labeling.recipe import Recipe, SeedSettings
from tag2mask.pipeline.labeling.recipe_workspace import ModelSpec, RecipeWorkspace, Start
from tag2mask.pipeline.labeling.rounds import TAGGER, Round
from tag2mask.pipeline.labeling.selection import (
    scan_readable,
    scan_tagged,
    simple_ids,
    with_negatives,
)
from tag2mask.pipeline.labeling.workspace import TableSpec, base_key
from tag2mask.pipeline.records import IGNORE, IMAGES_SCHEMA, ClassTable, Row
from tag2mask.pipeline.records.confidence_thresholds import class_thresholds
from tag2mask.pipeline.records.round_names import AFFINITY, SEED
from tag2mask.pipeline.report.rejection_reasons import require_kept
from tag2mask.pipeline.stages.check_tags import CheckTags
from tag2mask.pipeline.stages.correct import around
from tag2mask.pipeline.stages.decode import Decode, Images
from tag2mask.pipeline.stages.recover_missing_tags import RecoverMissingTags
from tag2mask.pipeline.stages.select import Select, SelectSettings
from tag2mask.pipeline.tables.manifest import Lineage, table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.losses import hard_loss, soft_loss, tags_loss
from tag2mask.pipeline.training.model_store import ModelCard, load_model, model_exists, read_card
from tag2mask.pipeline.training.targets import (
    ConfidentMaskTarget,
    MaskTarget,
    SoftTarget,
    TagTarget,
)
from tag2mask.pipeline.training.training_set import TrainingSet


class Run(RecipeWorkspace):
    """The steps of STC with DCSM seeds, in a workspace; see :class:`RecipeWorkspace`."""

    def make_images(self, ingest: Ingest, base: Table | None = None) -> Table:
        """The ingested images, decoded and normalized, tags as pixel values.

        Args:
            ingest: The images.
            base: The table that they are added to.

        Raises:
            UserError: If a threshold of the recipe names none of the classes.
        """
        check_thresholds(self.recipe, ingest.classes)
        shards = self.recipe.shards
        spec = TableSpec(
            name="images",
            schema=IMAGES_SCHEMA,
            key=table_key(
                pictures=[astuple(image) for image in ingest.images],
                classes=ingest.classes.names,
                shards=shards,
                **base_key(base),
            ),
            shards=shards,
            metadata={"classes": ingest.classes.names, "ignore": IGNORE},
            lineage=Lineage.of(base=None if base is None else base.manifest),
        )
        decode = StageSpec(Decode, {"source": ingest.source}, batch_size=16)
        return self.make_table(spec, Images(ingest), [decode])

    def train_tagger(self, images: Table) -> ModelCard:
        """The tagger, trained on tags; its average precision is measured on held-out images."""
        recipe, settings = self.recipe, self.recipe.tagger
        names = list(images.metadata["classes"])

        def trained(row: Row) -> bool:
            return not is_held_out(row["id"], settings.held_out)

        def held_out(row: Row) -> bool:
            return is_held_out(row["id"], settings.held_out)

        def precision(model: Tagger) -> dict[str, Any]:
            scan = scan_readable(images, ["image", "tags"], held_out)
            found = class_average_precisions(model, scan, names, settings.training.crop)
            return {"average_precision": found, "held_out": len(scan)}

        spec = ModelSpec(
            name=TAGGER,
            architecture=recipe.tagger_architecture(len(names)),
            loss=tags_loss,
            settings=settings.training,
            key=table_key(
                images=images.manifest.key, recipe=recipe.digest_of("seed", "backbone", "tagger")
            ),
            examine=precision,
        )
        scan = scan_readable(images, ["image", "tags"], trained)
        return self.train_model(spec, TrainingSet(scan, TagTarget(len(names))))

    def make_seed(
        self,
        images: Table,
        name: str = SEED,
        settings: SeedSettings | None = None,
        ids: AbstractSet[str] | None = None,
    ) -> Table:
        """The first masks of simple images: scored, refined by the CRF, filtered.

        Args:
            images: The images.
            name: Name of the round.
            settings: Settings of the seeds; None takes the recipe's.
            ids: The images to label; None takes simple ones, as many as the settings say.

        Raises:
            UserError: If there is no simple image.
        """
        settings = settings or self.recipe.seeds
        tagger = self.model_uri(TAGGER)
        wanted = simple_ids(images, settings.images_per_class) if ids is None else ids
        if not wanted:
            raise UserError(
                f"the step {name!r} has no image: the first masks are made of images with "
                "exactly one tag, so add some"
            )
        return self.make_round(
            name,
            Scan(images, columns=["image", "tags"], ids=wanted),
            [
                score_stage(settings, tagger),
                refine_stage(settings, settings.crf, self.recipe.masks),
                self.select_stage(settings.select, images),
            ],
            {
                "tagger": read_card(tagger).weights,
                "seeds": settings.model_dump(mode="json"),
                **self.recipe.digest_of("masks"),
                **scorer_source_hash(settings.scorer),
                "pictures": None if ids is None else sorted(ids),
            },
        )

    def open_corrections(self, images: Table) -> Table | None:
        """The masks that people have corrected; None if there are none."""
        return human.open_corrections(self.table_uri(human.NAME), images)

    def relabel(self, each: Round, images: Table, base: Table | None = None) -> Table:
        """The masks that the segmenter of a round predicts, as the round of the same name.

        Args:
            each: The round.
            images: The images; those without a tag are never labeled.
            base: The masks that the new ones are added to.
        """
        corrections = self.open_corrections(images)
        scan = scan_tagged(images, columns=["image", "tags"], select=each.select)
        walk = self.walk_stages()
        stages = [
            *relabel_stages(
                self.recipe.relabel,
                self.model_uri(each.name),
                each.name,
                self.recipe.masks,
                relabel=RecoverMissingTags,
                between=walk,
                tag_area=self.recipe.select.tag_area,
                share=self.recipe.missing_tag_area,
            ),
            self.select_stage(self.recipe.select, images),
            *self._tag_checks(),
        ]
        return self.make_round(
            each.name,
            human.join_corrections(scan, corrections),
            stages if corrections is None else around(stages),
            {
                "model": self.weights_of(each.name),
                **self.recipe.digest_of("relabel", "masks", "select", "missing_tag_area"),
                "pictures": table_key(ids=sorted(scan.wanted_ids())),
                "tagger": self.weights_of(TAGGER) if self._has_tagger() else None,
                **walk_key_inputs(walk),
                **human.key_inputs(corrections),
                **base_key(base),
            },
            base=base,
            corrections=corrections,
        )

    def train_segmenter(self, each: Round, images: Table, masks: Table) -> ModelCard:
        """The segmenter of a round, trained on kept masks and on all that people corrected.

        Negatives are trained on as background, no more of them than the recipe says.

        Args:
            each: The round.
            images: The images.
            masks: The masks of an earlier round.

        Raises:
            UserError: If the earlier round kept no mask.
        """
        require_kept(masks, each.name)
        recipe, start = self.recipe, self.find_start(each.starts_after)
        data = with_negatives(
            training_set(each, images, masks).with_corrections(self.open_corrections(images)),
            recipe.negatives,
        )
        spec = ModelSpec(
            name=each.name,
            architecture=recipe.segmenter_architecture(len(data.class_names)),
            loss=soft_loss if each.soft else hard_loss,
            settings=recipe.segmenter.training,
            key=table_key(
                soft=each.soft,
                thresholds=list(each.thresholds),
                recipe=recipe.digest_of("seed", "backbone", "segmenter"),
                start=start.weights,
                **data.key_inputs,
            ),
            prepare=start.prepare,
            # For predictions with the model outside of the run.
            examine=lambda model: recipe.digest_of("relabel", "masks"),
        )
        return self.train_model(spec, data)

    def find_start(self, after: str | None) -> Start:
        """The weights that a new segmenter starts with.

        Args:
            after: The segmenter of the round before; None for none.
        """
        settings = self.recipe.segmenter
        if after is not None and settings.continued:
            return Start(partial(_continue, uri=self.model_uri(after)), self.weights_of(after))
        if settings.from_tagger:
            prepare = partial(_take_backbone, uri=self.model_uri(TAGGER))
            return Start(prepare, self.weights_of(TAGGER))
        return Start()

    def walk_stages(self) -> list[StageSpec]:
        """The random walk of a segmenter's logits before the CRF, if the recipe has one."""
        return logit_walk_stages(self.recipe.affinity, self.model_uri(AFFINITY))

    def _tag_checks(self) -> list[StageSpec]:
        """The check of the tags, if the run has a tagger."""
        if not self._has_tagger():
            return []
        size = self.recipe.tagger.training.crop
        return [StageSpec(CheckTags, {"tagger": self.model_uri(TAGGER), "size": size})]

    def _has_tagger(self) -> bool:
        return model_exists(self.model_uri(TAGGER))

    def weights_of(self, model: str) -> str:
        """The hash of the weights of one of the run's models."""
        return read_card(self.model_uri(model)).weights

    def select_stage(self, settings: SelectSettings, images: Table) -> StageSpec:
        """The filter of the masks."""
        names = list(images.metadata["classes"])
        return StageSpec(Select, {"settings": settings.model_dump(), "class_names": names})


def check_thresholds(recipe: Recipe, classes: ClassTable) -> None:
    """Check before any work that thresholds of the confidence name classes of the run.

    Raises:
        UserError: If one names another class.
    """
    for settings in (recipe.seeds.select, recipe.select, recipe.publish.quality):
        class_thresholds(settings.confidence, classes)


def training_set(each: Round, images: Table, masks: Table) -> TrainingSet:
    """The kept masks of an earlier round, as the targets that a round trains on.

    Args:
        each: The round that is trained.
        images: The images.
        masks: The masks of the earlier round.
    """
    if each.soft:
        target = SoftTarget("round", len(images.metadata["classes"]))
        return TrainingSet.of_round(images, masks, target, ["probabilities"], soft=True)
    if each.thresholds:
        cut = ConfidentMaskTarget("round", each.thresholds)
        return TrainingSet.of_round(images, masks, cut, ["mask", "confidence_map"])
    return TrainingSet.of_round(images, masks, MaskTarget("round"))


def _continue(segmenter: Segmenter, uri: str) -> None:
    """Gives a new segmenter the weights of an earlier one; other layers stay as built."""
    earlier, _ = load_model(uri, "segmenter")
    unknown = segmenter.load_state_dict(earlier.state_dict(), strict=False).unexpected_keys
    if unknown:
        raise ValueError(f"{uri} has layers that the new segmenter lacks: {', '.join(unknown)}")


def _take_backbone(segmenter: Segmenter, uri: str) -> None:
    """Gives a new segmenter the backbone of the tagger, which is trained on the classes."""
    tagger, _ = load_model(uri, "tagger")
    segmenter.backbone.load_state_dict(tagger.backbone.state_dict())
