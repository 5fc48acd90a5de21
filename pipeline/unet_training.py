"""U-Net trained as its paper trains it: bent samples, and weights that part what touches."""

from __future__ import annotations

from pipeline.augmentation import elastic_view
from pipeline.losses import weighted_loss
from pipeline.manifest import table_key
from pipeline.model_store import ModelCard
from pipeline.run import Run
from pipeline.samples import WeightedMaskTarget
from pipeline.scan import Scan
from pipeline.table import Table
from pipeline.verdicts import require_kept


def train_unet(run: Run, name: str, images: Table, rounds: Table) -> ModelCard:
    """The recipe's segmenter on the kept masks of a round, by U-Net's loss and deformations.

    Args:
        run: Whose segmenter is ``unet``; any other learns in this way too.
        name: Of the model.
        images: The pictures.
        rounds: The masks.

    Raises:
        UserError: If the round kept no mask.
    """
    require_kept(rounds, name)
    start, weights = run.start(None)
    scan = Scan(images, {"round": rounds}, columns=["image", "tags", "round.mask"]).where(
        lambda row: bool(row["round"] and row["round"]["kept"]), ["round.kept"]
    )
    return run.model(
        name,
        architecture=run.recipe.segmenter_architecture(len(images.metadata["classes"])),
        scan=scan,
        target=WeightedMaskTarget("round"),
        loss=weighted_loss,
        settings=run.recipe.segmenter.training,
        views=elastic_view,
        key=table_key(
            round=rounds.fingerprint,
            kind=rounds.manifest.key,
            trained="elastic, weighted",
            recipe=run.recipe.digest_of("seed", "trunk", "segmenter"),
            start=weights,
        ),
        prepare=start,
        examine=lambda model: run.recipe.digest_of("relabel"),
    )
