"""Measurement of a labeling run without training: every kind of stage on every image."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tag2mask.models.factory import Architecture
from tag2mask.pipeline.benchmarks import control_rounds
from tag2mask.pipeline.benchmarks.resource_usage import UsageMeter
from tag2mask.pipeline.benchmarks.stage_timing import PlainLoop, TimedEngine, read_times
from tag2mask.pipeline.benchmarks.throughput_tables import (
    PLAIN,
    EngineFigures,
    PartFigures,
    StepFigures,
)
from tag2mask.pipeline.engine import build_engine
from tag2mask.pipeline.ingestion.ingest import Ingest
from tag2mask.pipeline.labeling.affinity import walk_along_affinities
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.rounds import Round
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.progress import Reporter
from tag2mask.pipeline.records import (
    ClassTable,
    Row,
    decode_map,
    decode_mask,
    encode_map,
    encode_mask,
)
from tag2mask.pipeline.records.mask_rows import encode_maps, resize_maps, rgb
from tag2mask.pipeline.records.round_names import AFFINITY, POWERFUL
from tag2mask.pipeline.stages.select import SelectSettings
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.model_store import save_model

EVERYTHING = SelectSettings(simple_area=(0, 1), tag_area=0, objects_area=1)
SEGMENTER = POWERFUL
PART_ROWS = 48

# Runs a step: directly, or as a task of a flow.
Call = Callable[[Callable[[], Table]], Table]


@dataclass
class Measurement:
    """The measurement of a run's steps on one engine.

    Models are not trained, because the weights do not affect the computing time. All masks pass
    the filters, so that every step processes every image.

    Args:
        engine: ``plain``, ``local`` or ``ray``.
        workers: Processor cores for the engine; the plain loop uses one.
        out: A local folder for the run and the records; it must not exist.
        recipe: Recipe of the run.
        reporter: Reporter that shows the progress.
    """

    engine: str
    workers: int
    out: str
    recipe: Recipe
    reporter: Reporter

    def __post_init__(self) -> None:
        """Set up the run."""
        records = f"{self.out}/records"
        machine = (
            PlainLoop(records) if self.engine == PLAIN else build_engine(self.engine, self.workers)
        )
        self.timed = TimedEngine(machine, records)
        self.steps: list[StepFigures] = []
        seeds = self.recipe.seeds.model_copy(update={"select": EVERYTHING})
        recipe = self.recipe.model_copy(update={"select": EVERYTHING, "seeds": seeds})
        self.run = Run(f"{self.out}/run", recipe, self.timed, self.reporter)

    def measure(self, ingest: Ingest, call: Call) -> EngineFigures:
        """Run all steps.

        Args:
            ingest: The images.
            call: Function that runs each step.
        """
        start = time.perf_counter()
        with UsageMeter() as meter:
            run = self.run
            images = self._step(call, lambda: run.make_images(ingest))
            self._make_models(images)
            ids = set(images.ids())
            seed = self._step(call, lambda: run.make_seed(images, ids=ids))
            if run.recipe.affinity:
                self._step(call, lambda: walk_along_affinities(run, images, seed))
            self._step(
                call, lambda: control_rounds.reseed(run, images, "crf", run.recipe.seeds.crf)
            )
            last = self._step(call, lambda: run.relabel(Round(SEGMENTER), images))
            self._step(call, lambda: release(run, images, last))
        return EngineFigures(
            engine=self.engine,
            workers=1 if self.engine == PLAIN else self.workers,
            images=len(images),
            seconds=time.perf_counter() - start,
            usage=meter.usage,
            steps=self.steps,
        )

    def _step(self, call: Call, make: Callable[[], Table]) -> Table:
        start = time.perf_counter()
        table = call(make)
        kind = table.manifest.kind
        self.steps.append(
            StepFigures(
                step=kind,
                images=len(table),
                seconds=time.perf_counter() - start,
                engine_seconds=self.timed.seconds[kind],
                bytes=sum(part.bytes for part in table.manifest.parts),
                stages=read_times(f"{self.out}/records/{kind}"),
            )
        )
        return table

    def _make_models(self, images: Table) -> None:
        names = tuple(images.metadata["classes"])
        recipe = self.run.recipe
        self._make("tagger", recipe.tagger_architecture(len(names)), names)
        if recipe.affinity:
            self._make(AFFINITY, recipe.affinity_architecture(len(names)), names)
        self._make(SEGMENTER, recipe.segmenter_architecture(len(names)), names)

    def _make(self, name: str, architecture: Architecture, names: tuple[str, ...]) -> None:
        torch.manual_seed(self.recipe.seed)
        save_model(
            self.run.model_uri(name),
            architecture.build(pretrained=self.recipe.backbone.pretrained),
            architecture=architecture,
            classes=ClassTable(names=names),
            key="untrained",
            training={},
        )


def mean_sides(out: str) -> tuple[float, float]:
    """The mean height and width of a measurement's images, in pixels."""
    rows = [row for row in Table.open(f"{out}/run/images").rows(["height", "width"])]
    return tuple(np.mean([[row["height"], row["width"]] for row in rows], axis=0))


def measure_parts(out: str, figures: EngineFigures) -> list[PartFigures]:
    """Measure the auxiliary parts of the stages, such as decoding, on some rows.

    Args:
        out: Folder of the plain loop's measurement.
        figures: Figures of that measurement.
    """
    images = Table.open(f"{out}/run/images")
    seed = Table.open(f"{out}/run/rounds/seed")
    columns = ["image", "seed.mask", "seed.scores", "seed.probabilities", "seed.confidence_map"]
    wanted = set(images.ids()[:PART_ROWS])
    rows = [row for row in Scan(images, {"seed": seed}, columns, wanted).rows() if row["seed"]]
    step = next(step for step in figures.steps if step.step == "crf")
    refine = next(stage for stage in step.stages if stage.stage.endswith("refine"))
    purpose = 1000 * refine.cpu_seconds / refine.rows
    found = [
        PartFigures(part=name, milliseconds=each, stage="refine", share=each / purpose)
        for name, each in _times(rows).items()
    ]
    write = next(stage for stage in step.stages if stage.stage.endswith("write"))
    commit = (step.seconds - step.engine_seconds) / step.images
    for name, each in (("stage rows", write.cpu_seconds / write.rows), ("scan, commit", commit)):
        found.append(PartFigures(part=name, milliseconds=1000 * each, stage="", share=None))
    return found


def _times(rows: list[Row]) -> dict[str, float]:
    """The processor time of each part for one row, in milliseconds."""
    seeds = [row["seed"] for row in rows]
    masks = [decode_mask(row["mask"]["bytes"]) for row in seeds]
    maps = [np.stack([decode_map(m) for m in row["probabilities"]]) for row in seeds]
    soft = [resize_maps(m, mask.shape) for m, mask in zip(maps, masks, strict=True)]
    confidence = [decode_map(row["confidence_map"]["bytes"]) for row in seeds]
    work: dict[str, Callable[[int], object]] = {
        "decode the image": lambda i: rgb(rows[i]),
        "decode score maps": lambda i: [decode_map(m) for m in seeds[i]["scores"]],
        "encode the mask": lambda i: encode_mask(masks[i]),
        "encode the confidence map": lambda i: encode_map(confidence[i]),
        "shrink and encode soft maps": lambda i: encode_maps(soft[i]),
    }
    found = {}
    for name, part in work.items():
        start = time.process_time()
        for index in range(len(rows)):
            part(index)
        found[name] = 1000 * (time.process_time() - start) / len(rows)
    return found


def machine_name() -> str:
    """Processor, its cores and the GPU in words."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    words = f"{names[0]}, {len(names)} cores" if names else model
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{words}, {gpu}"
