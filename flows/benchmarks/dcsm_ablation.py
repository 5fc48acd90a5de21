"""The gain of each of DCSM's three improvements, on images with several tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tag2mask.flows.benchmarks.setup import BenchRequest, open_bench
from tag2mask.flows.task import flow
from tag2mask.models.backbones import BACKBONES
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import class_table
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.evaluation.voc import evaluate_masks
from tag2mask.pipeline.labeling.recipe import Recipe, SeedSettings
from tag2mask.pipeline.labeling.selection import scan_tagged
from tag2mask.pipeline.records import BACKGROUND, Row, decode_map
from tag2mask.pipeline.records.mask_rows import resize_maps
from tag2mask.pipeline.stages.crf_refinement import NO_CRF
from tag2mask.pipeline.stages.refine import seed_probabilities
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.text_tables import markdown_row, markdown_table

IMAGES = 120
# Maps of different variants fall off differently: each is scored at its own best power.
SCORE_POWERS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0)


@flow(name="benchmark-dcsm", validate_parameters=False)
def ablation(request: BenchRequest) -> str:
    """Switches DCSM's improvements off one at a time and scores the maps without a CRF.

    Args:
        request: The request; the tagger of a ladder in its folder is used.

    Returns:
        A Markdown table.

    Raises:
        UserError: If the data has no ground truth masks, or no image has two tags.
    """
    bench = open_bench(request)
    run, images, ground_truth = bench.run, bench.images, bench.ground_truth
    run.train_tagger(images)
    ids = several_tags(images, ground_truth)
    rows: list[tuple[str, ...]] = []
    # The numbers begin at two, as in the folders of earlier measurements.
    for number, (name, settings) in enumerate(variants(run.recipe).items(), start=2):
        seeds = SeedSettings.model_validate(
            {**run.recipe.seeds.model_dump(), "scorer": "dcsm", "settings": settings, "crf": NO_CRF}
        )
        table = run.make_seed(images, f"dcsm-{number}", seeds, ids)
        score, score_power = best_score_power(images, table, ground_truth)
        rows.append((name, f"{100 * score:.1f}", str(len(ids)), f"{score_power:g}"))
        run.reporter.info(markdown_row(rows[-1]))
    return markdown_table(("variant", "mIoU", "images", "score_power"), rows, "lrrr")


def several_tags(images: Table, ground_truth: GroundTruthFolder) -> set[str]:
    """The first images by id that have two tags or more and a ground truth mask."""
    return with_ground_truth(images, ground_truth, lambda tags: tags > 1)


def with_ground_truth(
    images: Table, ground_truth: GroundTruthFolder, wanted: Callable[[int], bool]
) -> set[str]:
    """The first images by id that have a ground truth mask and a wanted number of tags.

    Raises:
        UserError: If there is none.
    """
    scan = scan_tagged(images, ["image", "tags"], lambda row: wanted(len(row["tags"])))
    found: list[str] = []
    for unit in scan.units():
        found += [
            row["id"] for row in unit.read() if ground_truth.mask(row["image"]["path"]) is not None
        ]
    if not found:
        raise UserError("no image of so many tags has a ground truth mask: nothing can be compared")
    return set(sorted(found)[:IMAGES])


def variants(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """The scorer's settings: whole, and with one improvement off at a time."""
    whole = recipe.seeds.settings
    backbone = BACKBONES[recipe.backbone.name](
        output_stride=recipe.backbone.output_stride, pretrained=False
    )
    return {
        "DCSM": whole,
        "only the last layer, not the intermediate ones": {**whole, "taps": [backbone.taps[-1]]},
        "no class differences": {**whole, "candidates": 0},
        "one scale": {**whole, "scales": [1.0]},
    }


def best_score_power(
    images: Table, table: Table, ground_truth: GroundTruthFolder
) -> tuple[float, float]:
    """The highest mean IoU over the score powers, and the power that reached it."""
    scan = Scan(
        images,
        {"seed": table},
        columns=["image", "tags", "height", "width", "seed.scores"],
        ids=set(table.ids()),
    )
    rows = list(scan.rows())
    found = []
    for score_power in SCORE_POWERS:
        masks = ({"path": r["image"]["path"], "mask": most_probable(r, score_power)} for r in rows)
        found.append(
            (evaluate_masks(masks, ground_truth, class_table(images)).mean_iou, score_power)
        )
    return max(found)


def most_probable(row: Row, score_power: float) -> np.ndarray:
    """The most probable of background and tags at each pixel of a scored row: (H, W) uint8."""
    scores = np.stack([decode_map(score) for score in row["seed"]["scores"]])
    scores = resize_maps(scores, (row["height"], row["width"]))
    labels = np.array([BACKGROUND, *row["tags"]], np.uint8)
    return labels[seed_probabilities(scores, score_power).argmax(axis=0)]
