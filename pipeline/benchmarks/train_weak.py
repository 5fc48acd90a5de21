"""Training of segmenters with a weak loss, on tags and, for some methods, seeds."""

from __future__ import annotations

from functools import partial

from tag2mask.models.segmentation import Segmenter
from tag2mask.models.segmentation.pointwise import Pointwise
from tag2mask.models.weak import WEAK_LOSSES
from tag2mask.pipeline.benchmarks.stages.cues import Cues
from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.labeling.recipe import SeedSettings
from tag2mask.pipeline.labeling.recipe_workspace import ModelSpec, Start
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.selection import scan_tagged, with_negatives
from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.augmentation import whole_view
from tag2mask.pipeline.training.losses import WeakObjective
from tag2mask.pipeline.training.model_store import ModelCard, load_model
from tag2mask.pipeline.training.targets import WeakTarget
from tag2mask.pipeline.training.training_set import TrainingSet


def cues(run: Run, images: Table) -> Table:
    """Make SEC's seeds of all images as the round ``cues``, see :class:`Cues`."""
    size = run.recipe.tagger.training.crop
    tagger = run.model_uri("tagger")
    return run.make_round(
        "cues",
        scan_tagged(images, columns=["image", "tags"]),
        [StageSpec(Cues, {"tagger": tagger, "size": size}, gpus=1.0)],
        {"tagger": run.weights_of("tagger"), "size": size},
    )


def foreground(run: Run, images: Table) -> Table:
    """Make masks from the tagger's objectness for all images, as the round ``foreground``."""
    settings = SeedSettings(scorer="activation", settings={}, crf="default", score_power=1.0)
    ids = set(scan_tagged(images, columns=["tags"]).wanted_ids())
    return run.make_seed(images, "foreground", settings, ids)


def train_weakly(
    run: Run,
    name: str,
    images: Table,
    loss: str,
    seeds: Table | None = None,
    negatives: bool = False,
) -> ModelCard:
    """Train a segmenter from tags only.

    With seeds, it is the recipe's segmenter. Without seeds, it is the run's tagger with a
    background class. A loss over tags accepts a class at any place, so a new head would put it at
    the image's border, which zero padding marks for every network (docs/experiments/).

    Args:
        run: A run with a trained tagger.
        name: Name of the model.
        images: The images.
        loss: One of :data:`tag2mask.models.weak.WEAK_LOSSES`.
        seeds: The round whose masks are the method's seeds; None for methods without seeds.
        negatives: Also train on images without tags, as many as the recipe allows.

    Raises:
        ValueError: If the loss is unknown.
    """
    if loss not in WEAK_LOSSES:
        raise ValueError(f"unknown weak loss {loss!r}; choose one of {', '.join(WEAK_LOSSES)}")
    classes = len(images.metadata["classes"])
    scan, target = scan_tagged(images, columns=["image", "tags"]), WeakTarget(classes)
    if seeds is not None:
        scan = Scan(images, {"round": seeds}, columns=["image", "tags", "round.mask"]).where(
            lambda row: bool(row["round"] and not row["round"].get("error")), ["round.error"]
        )
        target = WeakTarget(classes, "round")
    share = run.recipe.negatives if negatives else 0
    data = with_negatives(TrainingSet(scan, target, views=whole_view), share, target=None)
    architecture = run.recipe.segmenter_architecture(classes)
    start = run.find_start(None)
    if seeds is None:
        architecture = architecture.model_copy(update={"head": "pointwise"})
        prepare = partial(_take_classifier, uri=run.model_uri("tagger"))
        start = Start(prepare, run.weights_of("tagger"))
    spec = ModelSpec(
        name=name,
        architecture=architecture,
        loss=WeakObjective(loss),
        settings=run.recipe.segmenter.training,
        key=table_key(
            images=images.manifest.key,
            loss=loss,
            views=whole_view.__name__,
            seeds=None if seeds is None else seeds.fingerprint,
            recipe=run.recipe.digest_of("seed", "backbone", "segmenter"),
            start=start.weights,
            **data.key_inputs,
        ),
        prepare=start.prepare,
        examine=lambda model: run.recipe.digest_of("relabel", "masks"),
    )
    return run.train_model(spec, data)


def _take_classifier(segmenter: Segmenter, uri: str) -> None:
    """Give a new segmenter the backbone and the scores of the tagger."""
    if not isinstance(segmenter, Pointwise):
        raise TypeError(f"{type(segmenter).__name__} does not have a classifier's layers")
    segmenter.take(load_model(uri, "tagger")[0])
