"""The steps of a labeling run: each makes one table or model, or finds it done already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    refine_stage,
    relabel_stages,
    score_stage,
    spread_stages,
    walk_key_inputs,
)
from tag2mask.pipeline.labeling.recipe import SeedSettings
from tag2mask.pipeline.labeling.selection import readable, simple_ids, sound, with_negatives
from tag2mask.pipeline.labeling.workspace import Workspace, base_key, keep_as_is
from tag2mask.pipeline.records import IGNORE, IMAGES_SCHEMA, Row
from tag2mask.pipeline.report.rejection_reasons import require_kept
from tag2mask.pipeline.stages.check_tags import CheckTags
from tag2mask.pipeline.stages.correct import around
from tag2mask.pipeline.stages.decode import Decode, Images
from tag2mask.pipeline.stages.recover_missing_tags import Seek
from tag2mask.pipeline.stages.select import Select, SelectSettings
from tag2mask.pipeline.stages.walk_scores import AFFINITY
from tag2mask.pipeline.tables.manifest import Lineage, table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.losses import hard_loss, soft_loss, tags_loss
from tag2mask.pipeline.training.model_store import ModelCard, load_model, model_exists, read_card
from tag2mask.pipeline.training.samples import (
    ConfidentMaskTarget,
    CorrectedTarget,
    MaskTarget,
    NegativeTarget,
    SoftTarget,
    TagTarget,
    Target,
)


class Run(Workspace):
    """The steps of STC with DCSM seeds, in a workspace; see :class:`Workspace`."""

    def images(self, ingest: Ingest, base: Table | None = None) -> Table:
        """The ingested images, decoded and normalized, tags as pixel values.

        Args:
            ingest: The images.
            base: The table that they are added to.
        """
        key = table_key(
            pictures=[astuple(image) for image in ingest.images],
            classes=ingest.classes.names,
            shards=self.recipe.shards,
            **base_key(base),
        )
        return self.table(
            "images",
            source=Images(ingest),
            total=len(ingest.images),
            stages=[StageSpec(Decode, {"source": ingest.source}, batch_size=16)],
            schema=IMAGES_SCHEMA,
            key=key,
            metadata={"classes": ingest.classes.names, "ignore": IGNORE},
            lineage=Lineage.of(base=None if base is None else base.manifest),
        )

    def tagger(self, images: Table) -> ModelCard:
        """The tagger, trained on tags; its average precision is that on a share held out."""
        recipe, settings = self.recipe, self.recipe.tagger
        names = list(images.metadata["classes"])

        def trained(row: Row) -> bool:
            return not is_held_out(row["id"], settings.held_out)

        def held_out(row: Row) -> bool:
            return is_held_out(row["id"], settings.held_out)

        def precision(model: Tagger) -> dict[str, Any]:
            scan = readable(images, ["image", "tags"], held_out)
            found = class_average_precisions(model, scan, names, settings.training.crop)
            return {"average_precision": found, "held_out": len(scan)}

        return self.model(
            "tagger",
            architecture=recipe.tagger_architecture(len(names)),
            scan=readable(images, ["image", "tags"], trained),
            target=TagTarget(len(names)),
            loss=tags_loss,
            settings=settings.training,
            key=table_key(
                images=images.manifest.key, recipe=recipe.digest_of("seed", "backbone", "tagger")
            ),
            examine=precision,
        )

    def seed(
        self,
        images: Table,
        name: str = "seed",
        settings: SeedSettings | None = None,
        ids: AbstractSet[str] | None = None,
    ) -> Table:
        """The first masks of simple images: scored, refined by the CRF, filtered.

        Args:
            images: The images.
            name: Of the round.
            settings: Other than the recipe's.
            ids: Other images than the simple ones.

        Raises:
            UserError: If there is no simple image.
        """
        settings = settings or self.recipe.seeds
        tagger = self.model_uri("tagger")
        wanted = simple_ids(images, settings.images_per_class) if ids is None else ids
        if not wanted:
            raise UserError(
                f"the step {name!r} has no image: the first masks are made of images with "
                "exactly one tag, so add some"
            )
        return self.round_table(
            name,
            scan=Scan(images, columns=["image", "tags"], ids=wanted),
            stages=[
                score_stage(settings, tagger),
                refine_stage(settings, settings.crf),
                self.select_stage(settings.select, images),
            ],
            images=images,
            key_inputs={
                "tagger": read_card(tagger).weights,
                "seeds": settings.model_dump(mode="json"),
                **scorer_source_hash(settings.scorer),
                "pictures": None if ids is None else sorted(ids),
            },
        )

    def corrections(self, images: Table) -> Table | None:
        """The masks that people have corrected, if there are any."""
        return human.open_corrections(self.table_uri(human.NAME), images)

    def relabel(
        self,
        images: Table,
        *,
        model: str,
        select: Callable[[Row], bool] | None = None,
        base: Table | None = None,
    ) -> Table:
        """The masks that the model ``model`` sees, as the round of the same name.

        Args:
            images: The images.
            model: A segmenter of the run.
            select: Which images, by id and tags; all that could be read by default.
            base: The round that their masks are added to.
        """
        corrections = self.corrections(images)
        scan = sound(images, columns=["image", "tags"], select=select)
        walk = self.walk()
        stages = [
            *relabel_stages(
                self.recipe.relabel,
                self.model_uri(model),
                model,
                relabel=Seek,
                between=walk,
                tag_area=self.recipe.select.tag_area,
                share=self.recipe.missing_tag_area,
            ),
            self.select_stage(self.recipe.select, images),
            *self._tag_checks(),
        ]
        return self.round_table(
            model,
            scan=human.joined(scan, corrections),
            stages=stages if corrections is None else around(stages),
            images=images,
            key_inputs={
                "model": self.weights(model),
                **self.recipe.digest_of("relabel", "select", "missing_tag_area"),
                "pictures": table_key(ids=sorted(scan.wanted_ids())),
                "tagger": self.weights("tagger") if self._has_tagger() else None,
                **walk_key_inputs(walk),
                **human.key_inputs(corrections),
                **base_key(base),
            },
            base=base,
            corrections=corrections,
        )

    def segmenter(
        self,
        name: str,
        images: Table,
        rounds: Table,
        *,
        soft: bool = False,
        thresholds: Sequence[float] = (),
        after: str | None = None,
    ) -> ModelCard:
        """A segmenter trained on the kept masks of a round, and on all that people corrected.

        Negatives are trained on as background, no more of them than the recipe says.

        Args:
            name: Of the model.
            images: The images.
            rounds: The masks.
            soft: Train on the probabilities by the soft cross-entropy, not on the masks.
            thresholds: Probabilities of the augmentation; none trains on the masks as they
                are.
            after: The segmenter of the round before, whose weights this one starts with if
                the recipe says so.

        Raises:
            UserError: If the round kept no mask.
        """
        require_kept(rounds, name)
        start, weights = self.start(after)
        classes = len(images.metadata["classes"])
        target: Target = MaskTarget("round")
        columns = ["image", "tags", "round.mask"]
        if soft:
            target, columns = SoftTarget("round", classes), ["image", "tags", "round.probabilities"]
        elif thresholds:
            target = ConfidentMaskTarget("round", tuple(thresholds))
            columns += ["round.confidence_map"]
        recipe = self.recipe
        corrections = self.corrections(images)
        scan = human.joined(Scan(images, {"round": rounds}, columns=columns), corrections)
        narrow = ["round.kept"]
        if corrections is not None:
            target = CorrectedTarget(target, classes, soft)
            narrow += [f"{human.JOINED}.source"]
        scan = scan.where(
            lambda row: bool(row["round"] and row["round"]["kept"]) or human.is_corrected(row),
            narrow,
        )
        scan, negatives = with_negatives(scan, images, recipe.negatives)
        if negatives:
            target = NegativeTarget(target, classes, soft)
        return self.model(
            name,
            architecture=recipe.segmenter_architecture(classes),
            scan=scan,
            target=target,
            loss=soft_loss if soft else hard_loss,
            settings=recipe.segmenter.training,
            key=table_key(
                round=rounds.fingerprint,
                kind=rounds.manifest.key,
                soft=soft,
                thresholds=list(thresholds),
                recipe=recipe.digest_of("seed", "backbone", "segmenter"),
                start=weights,
                **human.key_inputs(corrections),
                **negatives,
            ),
            prepare=start,
            # For those who predict with the model later, outside of the run.
            examine=lambda model: recipe.digest_of("relabel"),
        )

    def start(self, after: str | None) -> tuple[Callable[[Segmenter], None], str]:
        """How a new segmenter starts, and the hash of the weights that it starts with."""
        settings = self.recipe.segmenter
        if after is not None and settings.continued:
            return partial(_continue, uri=self.model_uri(after)), self.weights(after)
        if settings.from_tagger:
            return partial(_take_backbone, uri=self.model_uri("tagger")), self.weights("tagger")
        return keep_as_is, ""

    def walk(self) -> list[StageSpec]:
        """What a segmenter's logits go through before the CRF, if the recipe says so."""
        return spread_stages(self.recipe.affinity, self.model_uri(AFFINITY))

    def _tag_checks(self) -> list[StageSpec]:
        """The check of the tags, where the run has a tagger to ask."""
        if not self._has_tagger():
            return []
        size = self.recipe.tagger.training.crop
        return [StageSpec(CheckTags, {"tagger": self.model_uri("tagger"), "size": size})]

    def _has_tagger(self) -> bool:
        return model_exists(self.model_uri("tagger"))

    def weights(self, model: str) -> str:
        """The hash of the weights of one of the run's models."""
        return read_card(self.model_uri(model)).weights

    def select_stage(self, settings: SelectSettings, images: Table) -> StageSpec:
        """The filter of the masks."""
        names = list(images.metadata["classes"])
        return StageSpec(Select, {"settings": settings.model_dump(), "class_names": names})


def _continue(segmenter: Segmenter, uri: str) -> None:
    """Gives a new segmenter the weights of an earlier one; what that lacks stays as built."""
    earlier, _ = load_model(uri, "segmenter")
    unknown = segmenter.load_state_dict(earlier.state_dict(), strict=False).unexpected_keys
    if unknown:
        raise ValueError(f"{uri} has layers that the new segmenter lacks: {', '.join(unknown)}")


def _take_backbone(segmenter: Segmenter, uri: str) -> None:
    """Gives a new segmenter the backbone of the tagger, which knows the classes already."""
    tagger, _ = load_model(uri, "tagger")
    segmenter.backbone.load_state_dict(tagger.backbone.state_dict())
