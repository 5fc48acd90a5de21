"""Trainings of segmenters on masks in other ways than the loop's: U-Net's, and at output stride."""

from __future__ import annotations

from tag2mask.pipeline.labeling.recipe_workspace import ModelSpec
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.selection import with_negatives
from tag2mask.pipeline.report.rejection_reasons import require_kept
from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.augmentation import elastic_view, random_view
from tag2mask.pipeline.training.losses import Loss, reduced_loss, weighted_loss
from tag2mask.pipeline.training.model_store import ModelCard
from tag2mask.pipeline.training.targets import (
    MaskTarget,
    NegativeTarget,
    WeightedMaskTarget,
    WeightedNegativeTarget,
)
from tag2mask.pipeline.training.training_set import TrainingSet


def train_unet(run: Run, name: str, images: Table, masks: Table) -> ModelCard:
    """Train with U-Net's elastic deformations and its weights of the borders between objects."""
    target = WeightedMaskTarget("round")
    data = TrainingSet.of_round(images, masks, target, views=elastic_view)
    return _train(run, name, masks, data, WeightedNegativeTarget, weighted_loss)


def train_reduced(run: Run, name: str, images: Table, masks: Table) -> ModelCard:
    """Train on labels at the logits' stride, as DeepLab does (Chen et al., ICLR 2015, sec. 3)."""
    data = TrainingSet.of_round(images, masks, MaskTarget("round"), views=random_view)
    return _train(run, name, masks, data, NegativeTarget, reduced_loss)


def _train(
    run: Run,
    name: str,
    masks: Table,
    data: TrainingSet,
    negative: type[NegativeTarget],
    loss: Loss,
) -> ModelCard:
    """Train the recipe's segmenter on the kept masks of a round, with negatives as background.

    Args:
        run: The run, whose recipe has the segmenter and its schedule.
        name: Name of the model.
        masks: The round.
        data: The kept masks of the round.
        negative: Target of an image without tags.
        loss: Function of the output and the targets.

    Raises:
        UserError: If the round kept no mask.
    """
    require_kept(masks, name)
    start = run.find_start(None)
    data = with_negatives(data, run.recipe.negatives, negative)
    spec = ModelSpec(
        name=name,
        architecture=run.recipe.segmenter_architecture(len(data.class_names)),
        loss=loss,
        settings=run.recipe.segmenter.training,
        key=table_key(
            loss=loss.__name__,
            views=data.views.__name__,
            recipe=run.recipe.digest_of("seed", "backbone", "segmenter"),
            start=start.weights,
            **data.key_inputs,
        ),
        prepare=start.prepare,
        examine=lambda model: run.recipe.digest_of("relabel", "masks"),
    )
    return run.train_model(spec, data)
