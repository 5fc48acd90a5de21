"""The steps of a labelling run: each makes one table or model, or finds it done already."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

import pyarrow as pa
import torch

from models.factory import Architecture
from models.tagging import Tagger, tagging_loss
from models.weak.cross_entropy import pixel_cross_entropy, soft_cross_entropy
from pipeline.checkpoint import Checkpoints
from pipeline.engine.base import Engine, Source, StageSpec, build_table
from pipeline.errors import UserError
from pipeline.ingest import Ingest
from pipeline.manifest import table_key
from pipeline.model_store import ModelCard, model_exists, read_card, save_model
from pipeline.publish import Publish, dataset_schema
from pipeline.recipe import Recipe, SeedSettings
from pipeline.records import IGNORE, IMAGES_SCHEMA, ROUND_SCHEMA, ClassTable, Row
from pipeline.samples import (
    ConfidentMaskTarget,
    MaskTarget,
    Samples,
    SoftTarget,
    TagTarget,
    Target,
)
from pipeline.scan import Scan
from pipeline.stages.decode import Decode, Pictures
from pipeline.stages.refine import Refine
from pipeline.stages.relabel import Relabel
from pipeline.stages.score import Score
from pipeline.stages.select import Select, SelectSettings
from pipeline.stages.true_mask import TrueMask
from pipeline.stages.untagged import Rescore, Untagged
from pipeline.storage import Folder
from pipeline.table import Table, TableWriter
from pipeline.tag_evaluation import class_average_precisions, is_held_out
from pipeline.training import Loss, Report, TrainingSettings, train
from pipeline.verdicts import failures, most_frequent, require_kept


class Watch(Protocol):
    """Shows how far a step is: ``rows`` for tables, ``steps`` for trainings."""

    def say(self, sentence: str) -> None:
        """Shows a line."""
        ...

    def rows(self, step: str, total: int) -> Callable[[int], None]:
        """What to call with the number of committed pictures."""
        ...

    def steps(self, step: str, total: int) -> Report:
        """What to call with the training step and the loss."""
        ...


class Run:
    """A run's folder, its recipe and what its steps need.

    Args:
        uri: The run's folder, a local path or any fsspec URI.
        recipe: What the masks follow from.
        engine: What runs the stages; it changes nothing in the masks.
        watch: Shows the progress.

    Raises:
        UserError: If nothing can be written there; it is asked before any work.
    """

    def __init__(self, uri: str, recipe: Recipe, engine: Engine, watch: Watch) -> None:
        self.folder = Folder(uri)
        self.folder.check_writable()
        self.uri = self.folder.uri
        self.recipe = recipe
        self.engine = engine
        self.watch = watch

    def table_uri(self, name: str) -> str:
        """Where a table of the run is: ``images``, ``rounds/seed`` and so on."""
        return f"{self.uri}/{name}"

    def model_uri(self, name: str) -> str:
        """Where a model of the run is: ``tagger``, ``initial`` and so on."""
        return f"{self.uri}/models/{name}"

    def images(self, ingest: Ingest) -> Table:
        """The ingested pictures, decoded and normalised, tags as pixel values."""
        key = table_key(
            pictures=[dataclasses.astuple(picture) for picture in ingest.pictures],
            classes=ingest.classes.names,
            shards=self.recipe.shards,
        )
        return self._table(
            "images",
            source=Pictures(ingest),
            total=len(ingest.pictures),
            stages=[StageSpec(Decode, {"source": ingest.source}, batch_size=16)],
            schema=IMAGES_SCHEMA,
            key=key,
            metadata={"classes": ingest.classes.names, "ignore": IGNORE},
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
            scan = sound(images, ["image", "tags"], held_out)
            found = class_average_precisions(model, scan, names, settings.training.crop)
            return {"average_precision": found, "held_out": len(scan)}

        return self._model(
            "tagger",
            architecture=recipe.tagger_architecture(len(names)),
            scan=sound(images, ["image", "tags"], trained),
            target=TagTarget(len(names)),
            loss=lambda output, targets: tagging_loss(output.logits.float(), targets),
            settings=settings.training,
            key=table_key(
                images=images.fingerprint, recipe=recipe.digest_of("seed", "trunk", "tagger")
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
        """The first masks of simple pictures: scored, refined by the CRF, filtered.

        Args:
            images: The pictures.
            name: Of the round.
            settings: Other than the recipe's.
            ids: Other pictures than the simple ones.

        Raises:
            UserError: If there is no simple picture.
        """
        settings = settings or self.recipe.seeds
        tagger = self.model_uri("tagger")
        wanted = simple_ids(images, settings.pictures_per_class) if ids is None else ids
        if not wanted:
            raise UserError(
                f"the step {name!r} has no picture: the first masks are made of pictures with "
                "exactly one tag, so add some"
            )
        return self._round(
            name,
            scan=Scan(images, columns=["image", "tags"], ids=wanted),
            stages=[
                StageSpec(
                    Score,
                    {"scorer": settings.scorer, "tagger": tagger, "settings": settings.settings},
                    gpus=1.0,
                ),
                StageSpec(Refine, {"crf": settings.crf, "contrast": settings.contrast}),
                self._select(settings.select, images),
            ],
            images=images,
            ingredients={
                "tagger": read_card(tagger).weights,
                "seeds": settings.model_dump(mode="json"),
                "pictures": None if ids is None else sorted(ids),
            },
        )

    def relabel(
        self, images: Table, *, model: str, select: Callable[[Row], bool] | None = None
    ) -> Table:
        """The masks that the model ``model`` sees, as the round of the same name.

        Args:
            images: The pictures.
            model: A segmenter of the run.
            select: Which pictures, by id and tags; all that could be read by default.
        """
        settings = self.recipe.relabel
        scan = sound(images, columns=["image", "tags"], select=select)
        return self._round(
            model,
            scan=scan,
            stages=[
                StageSpec(
                    Relabel,
                    {
                        "segmenter": self.model_uri(model),
                        "source": model,
                        **settings.model_dump(),
                    },
                    gpus=1.0,
                ),
                self._select(self.recipe.select, images),
            ],
            images=images,
            ingredients={
                "model": read_card(self.model_uri(model)).weights,
                **self.recipe.digest_of("relabel", "select"),
                "pictures": table_key(ids=sorted(scan.wanted_ids())),
            },
        )

    def reseed(self, images: Table, name: str, crf: str) -> Table:
        """The scores of the round ``seed`` as masks with another CRF, or without."""
        settings = self.recipe.seeds
        seed = Table.open(self.table_uri("rounds/seed"))
        scan = Scan(
            images,
            {"seed": seed},
            columns=["image", "tags", "seed.scores", "seed.source", "seed.model"],
        ).where(lambda row: bool(row["seed"] and row["seed"]["source"]), ["seed.source"])
        return self._round(
            name,
            scan=scan,
            stages=[
                StageSpec(Rescore, {"name": "seed"}),
                StageSpec(Refine, {"crf": crf, "contrast": settings.contrast}),
                self._select(settings.select, images),
            ],
            images=images,
            ingredients={"seed": seed.manifest.key, "crf": crf},
        )

    def predict(self, images: Table, name: str, model: str) -> Table:
        """What a segmenter sees in pictures whose tags it is not told.

        Args:
            images: The pictures.
            name: Of the table of predictions.
            model: URI of the segmenter.
        """
        settings = self.recipe.relabel.model_dump()
        return self._round(
            name,
            scan=sound(images, columns=["image", "tags"]),
            stages=[
                StageSpec(Untagged, {"classes": len(images.metadata["classes"])}),
                StageSpec(Relabel, {"segmenter": model, "source": name, **settings}, gpus=1.0),
            ],
            images=images,
            ingredients={
                "model": read_card(model).weights,
                **self.recipe.digest_of("relabel"),
            },
        )

    def truth(self, images: Table, directory: str) -> Table:
        """The true masks beside a source as a round, for the fully supervised reference.

        Args:
            images: The pictures; those without a true mask are not kept.
            directory: Where the masks are, as :class:`pipeline.evaluation.TruthFolder` reads.
        """
        classes = list(images.metadata["classes"])
        return self._round(
            "truth",
            scan=sound(images, columns=["image", "tags"]),
            stages=[StageSpec(TrueMask, {"directory": directory, "classes": classes})],
            images=images,
            ingredients={"directory": directory},
        )

    def publish(self, images: Table, last: Table) -> Table:
        """The dataset: the kept masks of the last round beside their pictures.

        Raises:
            UserError: If no mask is kept.
        """
        require_kept(last, "dataset")
        scan = Scan(
            images,
            {"round": last},
            columns=["image", "height", "width", "tags"]
            + [f"round.{name}" for name in ROUND_SCHEMA.names if name not in ("id", "error")],
        ).where(lambda row: bool(row["round"] and row["round"]["kept"]), ["round.kept"])
        return self._table(
            "dataset",
            source=scan,
            total=len(scan),
            stages=[StageSpec(Publish)],
            schema=dataset_schema(list(images.metadata["classes"])),
            key=table_key(images=images.fingerprint, last=last.fingerprint, key=last.manifest.key),
            metadata=last.metadata,
        )

    def segmenter(
        self,
        name: str,
        images: Table,
        rounds: Table,
        *,
        soft: bool = False,
        thresholds: Sequence[float] = (),
    ) -> ModelCard:
        """A segmenter trained on the kept masks of a round.

        Args:
            name: Of the model.
            images: The pictures.
            rounds: The masks.
            soft: Train on the probabilities by the soft cross-entropy, not on the masks.
            thresholds: Probabilities of the augmentation; none trains on the masks as they
                are.

        Raises:
            UserError: If the round kept no mask.
        """
        require_kept(rounds, name)
        classes = len(images.metadata["classes"])
        target: Target = MaskTarget("round")
        columns = ["image", "tags", "round.mask"]
        if soft:
            target, columns = SoftTarget("round", classes), ["image", "tags", "round.probabilities"]
        elif thresholds:
            target = ConfidentMaskTarget("round", tuple(thresholds))
            columns += ["round.confidence_map"]
        recipe = self.recipe
        scan = Scan(images, {"round": rounds}, columns=columns).where(
            lambda row: bool(row["round"] and row["round"]["kept"]), ["round.kept"]
        )
        return self._model(
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
                recipe=recipe.digest_of("seed", "trunk", "segmenter"),
            ),
            # For those who predict with the model later, outside of the run.
            examine=lambda model: recipe.digest_of("relabel"),
        )

    def _select(self, settings: SelectSettings, images: Table) -> StageSpec:
        names = list(images.metadata["classes"])
        return StageSpec(Select, {"settings": settings.model_dump(), "class_names": names})

    def _round(
        self,
        name: str,
        *,
        scan: Scan,
        stages: Sequence[StageSpec],
        images: Table,
        ingredients: dict[str, Any],
    ) -> Table:
        return self._table(
            f"rounds/{name}",
            source=scan,
            total=len(scan),
            stages=stages,
            schema=ROUND_SCHEMA,
            key=table_key(images=images.fingerprint, round=name, **ingredients),
            metadata={**images.metadata, "recipe": self.recipe.model_dump(mode="json")},
        )

    def _table(
        self,
        name: str,
        *,
        source: Source,
        total: int,
        stages: Sequence[StageSpec],
        schema: pa.Schema,
        key: str,
        metadata: dict[str, Any],
    ) -> Table:
        short = name.rsplit("/", 1)[-1]
        writer = TableWriter(
            self.table_uri(name),
            kind=short,
            schema=schema,
            key=key,
            shards=self.recipe.shards,
            metadata=metadata,
            staging=f"{self.uri}/.staging/{short}-{key[:12]}",
        )
        table = build_table(self.engine, source, stages, writer, self.watch.rows(short, total))
        self._report_errors(short, table)
        return table

    def _report_errors(self, name: str, table: Table) -> None:
        """Says how many rows failed; a step in which every row did is no result."""
        errors = failures(table)
        if not errors:
            return
        often = most_frequent(errors)
        if len(errors) == len(table):
            Folder(table.uri).remove_all()  # lest the next run take it for done
            raise UserError(
                f"the step {name!r} failed on all of {len(table):,} pictures, most often "
                f"because: {often}"
            )
        self.watch.say(
            f"{name}: {len(errors):,} of {len(table):,} failed, most often because: {often}"
        )

    def _model(
        self,
        name: str,
        *,
        architecture: Architecture,
        scan: Scan,
        target: Target,
        loss: Loss,
        settings: TrainingSettings,
        key: str,
        examine: Callable[[Any], dict[str, Any]] = lambda model: {},
    ) -> ModelCard:
        uri = self.model_uri(name)
        if model_exists(uri, key):
            return read_card(uri)
        samples = Samples(
            scan, target, settings.batch, settings.crop, settings.scale, self.recipe.seed
        )
        # The head is initialised by the same numbers in every run.
        torch.manual_seed(self.recipe.seed)
        try:
            model = architecture.build(pretrained=self.recipe.trunk.pretrained)
        except (ImportError, OSError) as error:
            raise UserError(
                f"the ImageNet weights of {architecture.trunk} cannot be loaded ({error}): "
                "install or download them, or start without by trunk.pretrained=false"
            ) from error
        if self.recipe.trunk.pretrained and self.recipe.trunk.frozen:
            model.trunk.freeze_below(model.trunk.taps[0])
        checkpoints = Checkpoints(f"{self.uri}/.staging/model-{name}-{key[:12]}")
        outcome = train(
            model,
            model.trunk,
            loss,
            samples,
            settings,
            checkpoints,
            self.watch.steps(name, settings.steps),
        )
        card = save_model(
            uri,
            model,
            architecture=architecture,
            classes=ClassTable(names=tuple(scan.images.metadata["classes"])),
            key=key,
            training={
                **settings.model_dump(mode="json"),
                **outcome,
                **examine(model),
                "pictures": len(scan),
            },
        )
        checkpoints.clear()
        return card


def sound(
    images: Table, columns: Sequence[str], select: Callable[[Row], bool] | None = None
) -> Scan:
    """The pictures that could be read and, where a condition is given, whose tags meet it."""
    return Scan(images, columns=list(columns)).where(
        lambda row: not row["error"] and (select is None or select(row)), ["error", "tags"]
    )


def is_simple(row: Row) -> bool:
    """Whether a picture has one tag."""
    return len(row["tags"]) == 1


def simple_ids(images: Table, per_class: int) -> set[str]:
    """At most so many simple pictures of each class, the first by id: a fair random draw."""
    taken: Counter[int] = Counter()
    chosen = set()
    rows = (row for row in images.rows(["id", "tags", "error"]) if not row["error"])
    for row in sorted(filter(is_simple, rows), key=lambda row: row["id"]):
        (tag,) = row["tags"]
        if taken[tag] < per_class:
            taken[tag] += 1
            chosen.add(row["id"])
    return chosen


def soft_loss(output: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The soft cross-entropy on the grid of the targets."""
    return soft_cross_entropy(on_grid(output, targets), targets)


def hard_loss(output: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The pixel cross-entropy on the grid of the targets."""
    return pixel_cross_entropy(on_grid(output, targets), targets)


def on_grid(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Logits (N, K, h, w) resized to the last two axes of the targets, in float32."""
    return torch.nn.functional.interpolate(logits.float(), targets.shape[-2:], mode="bilinear")
