"""Control rounds of benchmarks: other CRFs, predictions without tags, ground truth."""

from __future__ import annotations

from tag2mask.pipeline.benchmarks.stages.ground_truth_mask import GroundTruthMask
from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.labeling.chains import refine_stage, relabel_stages
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.selection import scan_tagged
from tag2mask.pipeline.stages.allow_all_classes import AllowAllClasses
from tag2mask.pipeline.stages.relabel import Relabel
from tag2mask.pipeline.stages.reuse_scores import ReuseScores
from tag2mask.pipeline.stages.segment import Segment
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.model_store import read_card


def reseed(run: Run, images: Table, name: str, crf: str) -> Table:
    """Make masks from the scores of the round ``seed`` with another CRF, or without.

    Args:
        run: The run.
        images: The images.
        name: Name of the new round.
        crf: Name of the CRF's preset.
    """
    settings = run.recipe.seeds
    seed = Table.open(run.table_uri("rounds/seed"))
    scan = Scan(
        images,
        {"seed": seed},
        columns=["image", "tags", "seed.scores", "seed.source", "seed.model"],
    ).where(lambda row: bool(row["seed"] and row["seed"]["source"]), ["seed.source"])
    return run.make_round(
        name,
        scan,
        [
            StageSpec(ReuseScores, {"name": "seed"}),
            refine_stage(settings, crf, run.recipe.masks),
            run.select_stage(settings.select, images),
        ],
        {"seed": seed.manifest.key, "crf": crf, **run.recipe.digest_of("masks")},
    )


def predict(
    run: Run,
    images: Table,
    name: str,
    model: str,
    segment: type[Segment] = Segment,
    relabel: type[Relabel] = Relabel,
) -> Table:
    """Predict masks of images with a segmenter, without the images' tags.

    In contrast to a round, there is no random walk of the logits before the CRF, as in the command
    ``predict``, which has no affinity network. Without tags, a random walk helps only the first
    segmenters (docs/experiments/).

    Args:
        run: A run on these images.
        images: The images.
        name: Name of the table of predictions.
        model: URI of the segmenter.
        segment: Stage that makes logits.
        relabel: Stage that makes masks from the logits.
    """
    others = [stage.__name__ for stage in (segment, relabel) if stage not in (Segment, Relabel)]
    return run.make_round(
        name,
        scan_tagged(images, columns=["image", "tags"]),
        [
            StageSpec(AllowAllClasses, {"classes": len(images.metadata["classes"])}),
            *relabel_stages(run.recipe.relabel, model, name, run.recipe.masks, segment, relabel),
        ],
        {
            "model": read_card(model).weights,
            **run.recipe.digest_of("relabel", "masks"),
            **({"stages": others} if others else {}),
        },
    )


def ground_truth(run: Run, images: Table, directory: str) -> Table:
    """Make a round of a source's ground truth masks, for the fully supervised reference.

    Args:
        run: A run on these images.
        images: The images; those without a ground truth mask are not kept.
        directory: Folder of the masks, as
            :class:`tag2mask.pipeline.evaluation.ground_truth.GroundTruthFolder` reads it.
    """
    classes = list(images.metadata["classes"])
    return run.make_round(
        "truth",
        scan_tagged(images, columns=["image", "tags"]),
        [StageSpec(GroundTruthMask, {"directory": directory, "classes": classes})],
        {"directory": directory},
    )
