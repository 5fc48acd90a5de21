"""The comparison tables: what each step of the loop is worth, against ground truth masks."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from tag2mask.flows.benchmarks.claims import claims
from tag2mask.flows.benchmarks.dcsm_ablation import ablation
from tag2mask.flows.benchmarks.mask_quality import masks
from tag2mask.flows.benchmarks.read_speed import reading
from tag2mask.flows.benchmarks.semi_supervised import corrections
from tag2mask.flows.benchmarks.setup import BenchRequest, open_bench
from tag2mask.flows.benchmarks.table1 import table1
from tag2mask.flows.benchmarks.throughput import throughput
from tag2mask.pipeline.benchmarks import control_rounds
from tag2mask.pipeline.evaluation.assess import assess
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.labeling import affinity as affinity_step
from tag2mask.pipeline.labeling.recipe import SeedSettings
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.selection import is_simple, sound
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.report.ladder import (
    LadderRow,
    ladder_markdown,
    ladder_text,
    load_ladder,
    save_ladder,
)
from tag2mask.pipeline.stages.crf_refinement import NO_CRF
from tag2mask.pipeline.tables.table import Table

# CAM at three scales; its maps fall off quickly, so a class claims their fourth root.
CAM = {
    "scorer": "cam",
    "score_power": 0.25,
    "crf": NO_CRF,
    "settings": {"size": 352, "scales": [0.75, 1.0, 1.5]},
}
SALIENCY = {"scorer": "background_detection", "score_power": 1.0, "crf": NO_CRF, "settings": {}}


class Ladder:
    """Runs the rungs one by one and saves the table after each.

    Args:
        run: On the training images.
        dev: On the held-out images, with a recipe of that split.
        images: The training images.
        dev_images: The held-out images.
        ground_truth: The ground truth masks of both.
    """

    def __init__(
        self, run: Run, dev: Run, images: Table, dev_images: Table, ground_truth: GroundTruthFolder
    ) -> None:
        self.run, self.dev = run, dev
        self.images, self.dev_images = images, dev_images
        self.ground_truth = ground_truth
        self.rows = {row.name: row for row in load_ladder(run.folder, "ladder.json")}
        self.order: list[str] = []
        self.seeded: set[str] = set()
        self.readable = len(sound(images, ["image", "tags"]))

    def seeds(self, name: str, make: Callable[[], Table], note: str = "") -> Table:
        """A rung without a segmenter."""
        started = time.monotonic()
        table = make()
        self.seeded = self.seeded or set(table.ids())
        self._keep(
            LadderRow(
                name=name,
                pseudo_label_miou_seeded=assess(table, self.ground_truth, self.seeded).mean_iou,
                seconds=time.monotonic() - started,
                note=note,
            )
        )
        return table

    def segmenter(
        self, name: str, train: Callable[[], object], relabel: Callable[[], Table] | None, note: str
    ) -> Table | None:
        """A rung with a segmenter: its training, its masks, its predictions on dev."""
        started = time.monotonic()
        train()
        table = relabel() if relabel else None
        seconds = time.monotonic() - started
        prediction = control_rounds.predict(
            self.dev, self.dev_images, name, self.run.model_uri(name)
        )
        whole = table is not None and len(table) == self.readable
        self._keep(
            LadderRow(
                name=name,
                pseudo_label_miou_seeded=assess(table, self.ground_truth, self.seeded).mean_iou
                if table
                else None,
                pseudo_label_miou_train=assess(table, self.ground_truth).mean_iou
                if table and whole
                else None,
                miou_dev=assess(prediction, self.ground_truth).mean_iou,
                seconds=seconds,
                note=note,
            )
        )
        return table

    def _keep(self, row: LadderRow) -> None:
        known = self.rows.get(row.name)
        # A step that was found finished takes no time: the first measurement stands.
        if known and known.seconds and row.seconds and row.seconds < known.seconds:
            row = row.model_copy(update={"seconds": known.seconds})
        self.rows[row.name] = row
        self.order.append(row.name)
        save_ladder(self.run.folder, "ladder.json", self.table())
        self.run.reporter.info(ladder_text([row]))

    def table(self) -> list[LadderRow]:
        """The rungs so far, in order."""
        return [self.rows[name] for name in self.order]


@flow(name="benchmark-ladder", validate_parameters=False)
def ladder(request: BenchRequest) -> str:
    """Climbs the ladder on a source with ground truth masks and splits ``train`` and ``dev``.

    Args:
        request: Every segmenter has the backbone and schedule of its recipe.

    Returns:
        The table as text and as Markdown.

    Raises:
        UserError: If the data has no ground truth masks.
    """
    bench = open_bench(request)
    climb(
        Ladder(bench.run, bench.dev, bench.images, bench.dev_images, bench.ground_truth),
        request.data,
    )
    rows = load_ladder(bench.run.folder, "ladder.json")
    return f"{ladder_text(rows)}\n\n{ladder_markdown(rows)}"


@task(cache_policy=NO_CACHE, persist_result=False)
def climb(rungs: Ladder, data: str) -> None:
    """The rungs in their order."""
    run, images, recipe = rungs.run, rungs.images, rungs.run.recipe
    run.tagger(images)

    def seeds(changes: dict[str, object]) -> SeedSettings:
        return SeedSettings.model_validate({**recipe.seeds.model_dump(), **changes})

    scorer = recipe.seeds.scorer
    seed = rungs.seeds(f"{scorer} + crf", lambda: run.seed(images))
    rungs.order.clear()
    rungs.seeds("cam, three scales", lambda: run.seed(images, "cam", seeds(CAM)))
    rungs.seeds("low-level saliency", lambda: run.seed(images, "saliency", seeds(SALIENCY)))
    rungs.seeds(scorer, lambda: control_rounds.reseed(run, images, "scores", NO_CRF))
    rungs.seeds(f"{scorer} + crf", lambda: run.seed(images))
    if recipe.affinity:
        walk = partial(affinity_step.spread, run, images, seed)
        seed = rungs.seeds("affinity", walk, "a walk between scores and CRF")

    def seeded(row: Row) -> bool:
        # The last masks train nothing: on these images they compare with the seeds.
        return row["id"] in rungs.seeded

    simple = rungs.segmenter(
        "initial",
        lambda: run.segmenter("initial", images, seed, soft=True),
        lambda: run.relabel(images, model="initial", select=is_simple),
        "soft labels of the seeds, simple images",
    )
    everything = rungs.segmenter(
        "enhanced",
        lambda: run.segmenter("enhanced", images, _made(simple), after="initial"),
        lambda: run.relabel(images, model="enhanced"),
        "masks of initial, simple images",
    )
    rungs.segmenter(
        "powerful",
        lambda: run.segmenter("powerful", images, _made(everything), after="enhanced"),
        lambda: run.relabel(images, model="powerful", select=seeded),
        "masks of enhanced, all images",
    )
    rungs.segmenter(
        "augmented",
        lambda: run.segmenter(
            "augmented",
            images,
            _made(everything),
            thresholds=recipe.augmentation,
            after="enhanced",
        ),
        lambda: run.relabel(images, model="augmented", select=seeded),
        "powerful + probability-driven augmentation",
    )
    rungs.segmenter(
        "fully supervised",
        lambda: supervise(run, images, data),
        None,
        "ground truth masks, same images, backbone and schedule",
    )


def supervise(run: Run, images: Table, data: str) -> None:
    """The reference: ground truth masks, and as many rounds of as many steps as the loop has."""
    ground_truth = control_rounds.ground_truth(run, images, data)
    rounds = ["supervised 1", "supervised 2"] if run.recipe.segmenter.continued else []
    before = None
    for name in [*rounds, "fully supervised"]:
        run.segmenter(name, images, ground_truth, after=before)
        before = name


def _made(table: Table | None) -> Table:
    if table is None:
        raise ValueError("the rung before made no masks")
    return table


def _reading(request: BenchRequest) -> str:
    """Nothing is labeled, so no recipe is asked for."""
    return reading(request.data, request.out, request.workers)


BENCHMARKS: dict[str, Callable[[BenchRequest], str]] = {
    "ladder": ladder,
    "claims": claims,
    "dcsm-ablation": ablation,
    "semi-supervised": corrections,
    "read-speed": _reading,
    "mask-quality": masks,
    "table1": table1,
    "throughput": throughput,
}

# Names of the version before, understood for one version more.
OLD_NAMES = {
    "dcsm": "dcsm-ablation",
    "corrections": "semi-supervised",
    "reading": "read-speed",
    "masks": "mask-quality",
}
