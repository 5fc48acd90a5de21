"""The loop without an orchestrator: one call makes every mask and model of a run.

The flow ``label`` runs the same steps as Prefect tasks; this form serves callers without Prefect.
"""

from __future__ import annotations

from tag2mask.pipeline.ingestion.ingest import Ingest
from tag2mask.pipeline.labeling.affinity import walk_seeds
from tag2mask.pipeline.labeling.rounds import labeling_rounds
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records.round_names import AFFINITY, SEED
from tag2mask.pipeline.tables.table import Table


def run_rounds(run: Run, ingest: Ingest) -> tuple[Table, dict[str, Table]]:
    """Makes the images, the models and the masks of a run; finds what is finished.

    Args:
        run: The run.
        ingest: The images of its source.

    Returns:
        The images, and the masks by the name of their round, in the order of the rounds.
    """
    images = run.make_images(ingest)
    run.train_tagger(images)
    masks = {SEED: run.make_seed(images)}
    if run.recipe.affinity:
        masks[AFFINITY] = walk_seeds(run, images, masks[SEED])
    for each in labeling_rounds(run.recipe):
        run.train_segmenter(each, images, masks[each.masks])
        masks[each.name] = run.relabel(each, images)
    return images, masks
