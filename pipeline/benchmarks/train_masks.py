"""Segmenters trained on masks in other ways than the loop's: U-Net's, and at output stride."""

from __future__ import annotations

from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.selection import with_negatives
from tag2mask.pipeline.report.rejection_reasons import require_kept
from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.augmentation import elastic_view, random_view
from tag2mask.pipeline.training.losses import Loss, reduced_loss, weighted_loss
from tag2mask.pipeline.training.model_store import ModelCard
from tag2mask.pipeline.training.samples import (
    MaskTarget,
    NegativeTarget,
    Target,
    Views,
    WeightedMaskTarget,
    WeightedNegativeTarget,
)


def train_unet(run: Run, name: str, images: Table, rounds: Table) -> ModelCard:
    """By U-Net's deformed samples, and weights that part what touches."""
    target = WeightedMaskTarget("round")
    return _train(
        run, name, images, rounds, target, WeightedNegativeTarget, weighted_loss, elastic_view
    )


def train_reduced(run: Run, name: str, images: Table, rounds: Table) -> ModelCard:
    """On labels at the stride of the logits, as DeepLab is (Chen et al., ICLR 2015, sec. 3)."""
    target = MaskTarget("round")
    return _train(run, name, images, rounds, target, NegativeTarget, reduced_loss, random_view)


def _train(
    run: Run,
    name: str,
    images: Table,
    rounds: Table,
    target: Target,
    negative: type[NegativeTarget],
    loss: Loss,
    views: Views,
) -> ModelCard:
    """The recipe's segmenter on the kept masks of a round, and on negatives as background.

    Args:
        run: Whose segmenter and schedule it is.
        name: Of the model.
        images: The images.
        rounds: The masks, joined as ``round``.
        target: What a view's target is.
        negative: What it is on an image without tags.
        loss: From the output and the targets to a mean.
        views: Draws the view of a sample.

    Raises:
        UserError: If the round kept no mask.
    """
    require_kept(rounds, name)
    start, weights = run.start(None)
    scan = Scan(images, {"round": rounds}, columns=["image", "tags", "round.mask"]).where(
        lambda row: bool(row["round"] and row["round"]["kept"]), ["round.kept"]
    )
    scan, negatives = with_negatives(scan, images, run.recipe.negatives)
    classes = len(images.metadata["classes"])
    return run.model(
        name,
        architecture=run.recipe.segmenter_architecture(classes),
        scan=scan,
        target=negative(target, classes, soft=False) if negatives else target,
        loss=loss,
        settings=run.recipe.segmenter.training,
        views=views,
        key=table_key(
            round=rounds.fingerprint,
            kind=rounds.manifest.key,
            loss=loss.__name__,
            views=views.__name__,
            recipe=run.recipe.digest_of("seed", "backbone", "segmenter"),
            start=weights,
            **negatives,
        ),
        prepare=start,
        examine=lambda model: run.recipe.digest_of("relabel"),
    )
