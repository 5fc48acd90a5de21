"""Semi-supervised rounds: the value of a few ground truth masks (survey, outlook)."""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet

from prefect import task
from prefect.cache_policies import NO_CACHE

from tag2mask.flows.benchmarks.setup import BenchRequest, open_bench
from tag2mask.flows.progress import build_reporter
from tag2mask.flows.task import flow
from tag2mask.pipeline.benchmarks import control_rounds
from tag2mask.pipeline.benchmarks.loop_variants import plain_rounds, rename_rounds, train_rounds
from tag2mask.pipeline.correction.corrections import SOURCE, add_corrections, open_corrections
from tag2mask.pipeline.engine.base import Engine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import assess
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.labeling.affinity import make_first_masks
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records.round_names import ENHANCED
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.text_tables import markdown_row, markdown_table

SHARES = (0.0, 0.01, 0.05, 0.20)
HEADINGS = (
    "ground truth masks",
    "images",
    "enhanced masks of the other train images",
    "dev: initial",
    "dev: enhanced",
    "dev: powerful",
)


class CorrectedRun(Run):
    """A run in which a person has drawn the masks of a share of the images.

    Images, tagger and seeds are those of the run without corrections, in the same folder.

    Args:
        uri: The run's folder.
        recipe: The run's recipe.
        engine: Runs the stages.
        share: Share of the images, 0 to 1.
    """

    def __init__(self, uri: str, recipe: Recipe, engine: Engine, share: float) -> None:
        super().__init__(uri, recipe, engine, build_reporter())
        self.share = share

    def named(self, model: str) -> str:
        """The name of this share's model or round."""
        return f"{model}-{self.share:g}" if self.share else model

    def open_corrections(self, images: Table) -> Table | None:
        """The masks of the share."""
        uri = self.table_uri(self.named("corrections"))
        return open_corrections(uri, images) if self.share else None

    def store_corrections(self, images: Table, ground_truth: Table, ids: AbstractSet[str]) -> None:
        """Store ground truth masks as a person's corrections, unless they are stored."""
        known = self.open_corrections(images)
        if not self.share or (known is not None and set(known.ids()) == ids):
            return
        uri = self.table_uri(self.named("corrections"))
        Folder(uri).remove_all()
        scan = Scan(
            images,
            {"ground_truth": ground_truth},
            ["tags", "ground_truth.mask", "ground_truth.classes"],
            ids,
        )
        rows = [
            {
                "id": row["id"],
                "mask": row["ground_truth"]["mask"],
                "classes": row["ground_truth"]["classes"],
                "tags": sorted({*row["tags"], *row["ground_truth"]["classes"]}),
                "source": SOURCE,
                "verdict": "corrected",
                "editor": "the ground truth masks",
            }
            for row in scan.rows()
        ]
        add_corrections(uri, images, rows)


@flow(name="benchmark-corrections", validate_parameters=False)
def corrections(request: BenchRequest) -> str:
    """Trains the rounds again with ground truth masks for 1 %, 5 % and 20 % of the train images.

    The ground truth masks enter as a person's corrections. Larger draws hold the smaller ones. The
    masks of the rounds are measured on the train images that are in no draw, the same for every
    line. The models are measured on the split ``dev``, without tags.

    Args:
        request: The request; images, tagger, seeds and rounds of a ladder in its folder are used.

    Returns:
        A Markdown table, mean IoU in percent.

    Raises:
        UserError: If the data has no ground truth masks.
    """
    bench = open_bench(request)
    run, dev, images, ground_truth = bench.run, bench.dev, bench.images, bench.ground_truth
    run.train_tagger(images)
    first = make_first_masks(run, images)
    ground_truth_masks = control_rounds.ground_truth(run, images, bench.data)
    others = undrawn_ids(ground_truth_masks, max(SHARES))
    rows: list[list[str]] = []
    for share in SHARES:
        semi = CorrectedRun(run.uri, run.recipe, run.engine, share)
        drawn = draw_ids(ground_truth_masks, share)
        semi.store_corrections(images, ground_truth_masks, drawn)
        figures = measure_share(semi, dev, images, bench.dev_images, first, ground_truth, others)
        cells = [f"{share:.0%}", str(len(drawn)), *(f"{100 * figure:.1f}" for figure in figures)]
        rows.append(cells)
        run.reporter.info(markdown_row(cells))
    return markdown_table(HEADINGS, rows, "rrrrrr")


@task(cache_policy=NO_CACHE, persist_result=False)
def measure_share(
    run: CorrectedRun,
    dev: Run,
    images: Table,
    dev_images: Table,
    first: Table,
    ground_truth: GroundTruthFolder,
    others: AbstractSet[str],
) -> list[float]:
    """Trains and measures the rounds of one share.

    Returns:
        Mean IoU of the masks of "enhanced" on other train images, then of the three models
        on dev.
    """
    rounds = rename_rounds(plain_rounds(run.recipe), run.named)
    masks = train_rounds(run, images, first, rounds)
    everything = masks[run.named(ENHANCED)]
    predictions = [
        control_rounds.predict(dev, dev_images, each.name, run.model_uri(each.name))
        for each in rounds
    ]
    found = [
        assess(everything, ground_truth, others),
        *(assess(table, ground_truth) for table in predictions),
    ]
    return [scores.mean_iou for scores in found]


def draw_ids(ground_truth: Table, share: float) -> set[str]:
    """The ids of a share of the ground truth masks: the first by the hash of their id.

    The ids are hashes already, but their digits decide which images the tagger holds out. Another
    hash of them does not depend on this, nor on the order of any table.
    """
    ids = sorted(
        _true_ids(ground_truth), key=lambda row_id: hashlib.sha256(row_id.encode()).digest()
    )
    return set(ids[: round(share * len(ids))])


def undrawn_ids(ground_truth: Table, share: float) -> set[str]:
    """The ids of the ground truth masks that are not in the draw of a share."""
    return set(_true_ids(ground_truth)) - draw_ids(ground_truth, share)


def _true_ids(ground_truth: Table) -> list[str]:
    ids = [row["id"] for row in ground_truth.rows(["id", "kept"]) if row["kept"]]
    if not ids:
        raise UserError("no train image has a ground truth mask: there is nothing to draw")
    return ids
