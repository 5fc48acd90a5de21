"""The comparison tables: the gain of each step of the loop, against ground truth masks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from tag2mask.flows.benchmarks.claims import claims
from tag2mask.flows.benchmarks.dcsm_ablation import ablation
from tag2mask.flows.benchmarks.mask_quality import masks
from tag2mask.flows.benchmarks.read_speed import reading
from tag2mask.flows.benchmarks.semi_supervised import corrections
from tag2mask.flows.benchmarks.setup import Bench, BenchRequest, open_bench
from tag2mask.flows.benchmarks.table1 import table1
from tag2mask.flows.benchmarks.throughput import throughput
from tag2mask.flows.task import flow
from tag2mask.pipeline.benchmarks import control_rounds
from tag2mask.pipeline.benchmarks.loop_variants import AUGMENTED, augmented_round, plain_rounds
from tag2mask.pipeline.evaluation.assess import assess
from tag2mask.pipeline.labeling.affinity import walk_seeds
from tag2mask.pipeline.labeling.recipe import SeedSettings
from tag2mask.pipeline.labeling.rounds import Round
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.selection import scan_tagged
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.records.round_names import AFFINITY, ENHANCED, INITIAL, POWERFUL
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


# The steps of the loop, by the names of its rounds.
NOTES = {
    INITIAL: "soft labels of the seeds, simple images",
    ENHANCED: "masks of initial, simple images",
    POWERFUL: "masks of enhanced, all images",
    AUGMENTED: "powerful + probability-driven augmentation",
}
SUPERVISED = "fully supervised"


class StepRecorder:
    """Measures the steps one by one and saves the table after each.

    Args:
        bench: The runs, the images and the ground truth masks.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.rows = {row.name: row for row in load_ladder(bench.run.folder, "ladder.json")}
        self.order: list[str] = []
        self.seeded: set[str] = set()
        self.readable = len(scan_tagged(bench.images, ["image", "tags"]))

    def add_seeds(self, name: str, make: Callable[[], Table], note: str = "") -> Table:
        """Measures masks that need no segmenter."""
        started = time.monotonic()
        table = make()
        self.seeded = self.seeded or set(table.ids())
        self._keep(
            LadderRow(
                name=name,
                pseudo_label_miou_seeded=self._score(table, self.seeded),
                seconds=time.monotonic() - started,
                note=note,
            )
        )
        return table

    def add_round(self, each: Round, masks: Table, note: str) -> Table:
        """Measures a round: its training, its masks, and its predictions on dev."""
        run, images = self.bench.run, self.bench.images
        started = time.monotonic()
        run.train_segmenter(each, images, masks)
        table = run.relabel(each, images)
        seconds = time.monotonic() - started
        whole = len(table) == self.readable
        self._keep(
            LadderRow(
                name=each.name,
                miou_dev=self._score(self._predict(each.name)),
                pseudo_label_miou_seeded=self._score(table, self.seeded),
                pseudo_label_miou_train=self._score(table) if whole else None,
                seconds=seconds,
                note=note,
            )
        )
        return table

    def add_model(self, name: str, train: Callable[[], object], note: str) -> None:
        """Measures a segmenter that labels nothing: its training, and its predictions on dev."""
        started = time.monotonic()
        train()
        seconds = time.monotonic() - started
        score = self._score(self._predict(name))
        self._keep(LadderRow(name=name, miou_dev=score, seconds=seconds, note=note))

    def _predict(self, name: str) -> Table:
        bench = self.bench
        return control_rounds.predict(bench.dev, bench.dev_images, name, bench.run.model_uri(name))

    def _score(self, table: Table, ids: set[str] | None = None) -> float:
        return assess(table, self.bench.ground_truth, ids).mean_iou

    def _keep(self, row: LadderRow) -> None:
        known = self.rows.get(row.name)
        # A step that was found finished takes no time: the first measurement stands.
        if known and known.seconds and row.seconds and row.seconds < known.seconds:
            row = row.model_copy(update={"seconds": known.seconds})
        self.rows[row.name] = row
        self.order.append(row.name)
        save_ladder(self.bench.run.folder, "ladder.json", self.table())
        self.bench.run.reporter.info(ladder_text([row]))

    def table(self) -> list[LadderRow]:
        """The rows of the steps so far, in order."""
        return [self.rows[name] for name in self.order]


@flow(name="benchmark-ladder", validate_parameters=False)
def ladder(request: BenchRequest) -> str:
    """Measures each step of the loop on a source with ground truth and splits train and dev.

    Args:
        request: The request; every segmenter has the backbone and schedule of its recipe.

    Returns:
        The table as text and as Markdown.

    Raises:
        UserError: If the data has no ground truth masks.
    """
    bench = open_bench(request)
    measure_steps(StepRecorder(bench))
    rows = load_ladder(bench.run.folder, "ladder.json")
    return f"{ladder_text(rows)}\n\n{ladder_markdown(rows)}"


@task(cache_policy=NO_CACHE, persist_result=False)
def measure_steps(steps: StepRecorder) -> None:
    """Measures the steps in their order."""
    bench = steps.bench
    run, images, recipe = bench.run, bench.images, bench.run.recipe
    run.train_tagger(images)
    first = measure_seeds(steps)

    def is_seeded(row: Row) -> bool:
        return row["id"] in steps.seeded

    rounds = (*plain_rounds(recipe), augmented_round(recipe))
    masks = {rounds[0].masks: first}
    needed = {each.masks for each in rounds}
    for each in rounds:
        # The last masks train nothing. On the seeded images they compare with the seeds.
        shown = each if each.name in needed else replace(each, select=is_seeded)
        masks[each.name] = steps.add_round(shown, masks[each.masks], NOTES[each.name])
    steps.add_model(
        SUPERVISED,
        lambda: train_supervised(run, images, bench.data),
        "ground truth masks, same images, backbone and schedule",
    )


def measure_seeds(steps: StepRecorder) -> Table:
    """Measures the masks that need no segmenter; returns those that train the first one."""
    run, images = steps.bench.run, steps.bench.images
    seeds, scorer = run.recipe.seeds, run.recipe.seeds.scorer

    def changed(changes: dict[str, object]) -> SeedSettings:
        return SeedSettings.model_validate({**seeds.model_dump(), **changes})

    # Measured first, for its images are those that all other seeds are compared on.
    seed = steps.add_seeds(f"{scorer} + crf", lambda: run.make_seed(images))
    steps.order.clear()
    steps.add_seeds("cam, three scales", lambda: run.make_seed(images, "cam", changed(CAM)))
    steps.add_seeds(
        "low-level saliency", lambda: run.make_seed(images, "saliency", changed(SALIENCY))
    )
    steps.add_seeds(scorer, lambda: control_rounds.reseed(run, images, "scores", NO_CRF))
    steps.add_seeds(f"{scorer} + crf", lambda: run.make_seed(images))
    if not run.recipe.affinity:
        return seed
    walk = partial(walk_seeds, run, images, seed)
    return steps.add_seeds(AFFINITY, walk, "a walk between scores and CRF")


def train_supervised(run: Run, images: Table, data: str) -> None:
    """The reference: ground truth masks, and as many rounds of as many steps as the loop has."""
    ground_truth = control_rounds.ground_truth(run, images, data)
    rounds = ["supervised 1", "supervised 2"] if run.recipe.segmenter.continued else []
    before = None
    for name in [*rounds, SUPERVISED]:
        run.train_segmenter(Round(name, starts_after=before), images, ground_truth)
        before = name


def _reading(request: BenchRequest) -> str:
    """The benchmark labels nothing, so it needs no recipe."""
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
