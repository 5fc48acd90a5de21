"""Better masks make better images: one generator, trained on masks of different quality."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from prefect import task
from prefect.cache_policies import NO_CACHE
from torch import Tensor
from torchvision.utils import make_grid

from tag2mask.flows.benchmarks.setup import Bench, BenchRequest, open_bench
from tag2mask.flows.task import flow
from tag2mask.models.transformation import TransformingSystem
from tag2mask.models.transformation.segmentation_system import SegmentationSystem
from tag2mask.pipeline.benchmarks import control_rounds
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import assess, class_table
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.selection import scan_tagged
from tag2mask.pipeline.records.round_names import ENHANCED, INITIAL, POWERFUL, SEED
from tag2mask.pipeline.systems.batches import Batches, to_batch
from tag2mask.pipeline.systems.loading import load_system, load_transformer
from tag2mask.pipeline.systems.photo_scores import Photos, blur_photos, keep_photos, score_photos
from tag2mask.pipeline.systems.recipe import SystemRecipe, complete_system_recipe
from tag2mask.pipeline.systems.round_pairs import RoundPairs, read_round_pairs
from tag2mask.pipeline.systems.train import SystemData, train_on_pairs
from tag2mask.pipeline.systems.training_log import encode_png
from tag2mask.pipeline.systems.views import VIEWS
from tag2mask.pipeline.tables.manifest import MANIFEST, table_key
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.text_tables import markdown_row, markdown_table

SIZE = 64
TEST = 400
SHOWN = 8
# Seeds of the generators: with one alone, close rows may change places.
SEEDS = (0, 1)
# Rounds of the loop, the last first.
ROUNDS = (POWERFUL, ENHANCED, INITIAL)
GENERATOR = {"size": SIZE, "width": 16, "patch_layers": 2}
# Animals differ in faces and fur alone, which no network learns from some hundred of them: both
# know photographs. The game alone, on so few, gives patterns that a judge takes for any animal.
PERCEIVING = {"l1": 100.0, "perceptual": 300.0, "upsampling": "resized", "learning_rate": 1e-3}
KNOWING = {
    "backbone": "efficientnet_lite0",
    "pretrained": True,
    "output_stride": 16,
    "head": "fcn8s",
    "enlarged": 3,
    "learning_rate": 3e-4,
}
PHOTOGRAPHS: dict[str, dict[str, Any]] = {
    "generator": {
        "system": GENERATOR | PERCEIVING,
        "training": {"steps": 1000, "batch": 16},
    },
    "judge": {
        "system": {"size": SIZE, **KNOWING},
        "training": {"steps": 480, "batch": 16, "seed": 1},
    },
}
BUDGETS: dict[str, dict[str, dict[str, Any]]] = {
    "image": {
        "generator": {
            "system": GENERATOR | {"l1": 10.0},
            # After 500, seeds move a generator as far as masks of 100 and of 77 mIoU do.
            "training": {"steps": 1000, "batch": 16},
        },
        "judge": {"system": {"size": SIZE}, "training": {"steps": 500, "batch": 16, "seed": 1}},
    },
    "cutout": PHOTOGRAPHS,
    "object": PHOTOGRAPHS,
}
HEADINGS = ("generator trained on", "mIoU of the masks", "fcn_score", "pixels", "kid@segmenter")


class ComparedRounds(NamedTuple):
    """The two rounds of a run whose masks are compared.

    Attributes:
        seed: The first round.
        loop: The last finished round.
        name: Name of the last finished round.
    """

    seed: Table
    loop: Table
    name: str


@flow(name="benchmark-masks", validate_parameters=False)
def masks(request: BenchRequest) -> str:
    """Trains mask → photo on ground truth masks, the loop's, the seeds' and shuffled ones.

    The same images, generator and steps each time, at 64 pixels, with two seeds. The judge is a
    segmenter trained on the ground truth masks of other images; the test images are those of the
    split ``dev``, made from their ground truth masks.

    Args:
        request: The request; ``chosen`` names views: ``image`` (the default), ``object``, a square
            around one, or ``cutout``, one on white. Its folder holds a ladder, finished or not,
            whose seeds and last round are compared. Recipe and classes are the ladder's.

    Returns:
        A Markdown table for each view; the same photos of the first generator of each row are
        in ``masks_VIEW.png``.

    Raises:
        UserError: If a view is unknown, the data has no ground truth masks, or the folder holds no
            ladder with a round of the loop, or one of other classes than those of the request.
    """
    views = request.choice(VIEWS, "view") if request.chosen else ["image"]
    rounds = _find_rounds(request.out)
    bench = open_bench(_with_recipe_of(request, rounds))
    return "\n\n".join(compare(bench, rounds, view) for view in views)


@task(cache_policy=NO_CACHE, persist_result=False)
def compare(bench: Bench, rounds: ComparedRounds, view: str) -> str:
    """Trains on the masks of each round and returns the table of a view."""
    run, names = bench.run, tuple(bench.images.metadata["classes"])
    ground_truth = control_rounds.ground_truth(run, bench.images, bench.data)
    shared = _masked(ground_truth) & _masked(rounds.loop) & _masked(rounds.seed)
    loop = f"masks of the loop, {rounds.name}"
    others = set(scan_tagged(bench.images, ["tags"]).wanted_ids()) - shared
    seen = {
        "ground truth masks": read_round_pairs(bench.images, ground_truth, shared),
        loop: read_round_pairs(bench.images, rounds.loop, shared),
        "seeds": read_round_pairs(bench.images, rounds.seed, shared),
    }
    seen["shuffled masks"] = seen["ground truth masks"].with_mismatched_masks(seed=0)
    quality = {"ground truth masks": 1.0} | {
        label: assess(masks, bench.ground_truth, shared).mean_iou
        for label, masks in ((loop, rounds.loop), ("seeds", rounds.seed))
    }
    judge = _judge(bench, read_round_pairs(bench.images, ground_truth, others), view)
    batches = _test_batches(bench, view)
    photos: dict[str, list[Photos]] = {
        "(real photos)": [keep_photos],
        "(blurred photos)": [blur_photos],
    }
    for label, pairs in seen.items():
        systems = [_generator(bench, label, pairs, view, seed) for seed in SEEDS]
        photos[label] = [partial(_made, system=system) for system in systems]
    rows: list[list[str]] = []
    for label, makers in photos.items():
        found = [score_photos(judge, make, batches, names) for make in makers]
        cells = [label, f"{100 * quality[label]:.1f}" if label in quality else "–"]
        for score, digits in (("fcn_score", 3), ("pixel_accuracy", 3), ("kid", 4)):
            cells.append(", ".join(f"{getattr(scores, score):.{digits}f}" for scores in found))
        rows.append(cells)
        run.reporter.info(markdown_row(cells))
    first = [makers[0] for makers in photos.values()]
    Folder(_place(bench)).write(f"masks_{view}.png", _sheet(first, batches[0]))
    return markdown_table(HEADINGS, rows, "lrrrr")


def _find_rounds(out: str) -> ComparedRounds:
    """The rounds of a ladder in a folder; a damaged round is an error, a missing one is not."""
    place = Folder(f"{out}/run/rounds")
    for name in ROUNDS:
        if MANIFEST in place.folder(name).sizes():
            loop, seed = (Table.open(f"{place.uri}/{each}") for each in (name, SEED))
            return ComparedRounds(seed, loop, name)
    raise UserError(
        f"{place.uri} has no round {ROUNDS[-1]!r} yet: run `tag2mask benchmark ladder` into the "
        "same folder first"
    )


def _with_recipe_of(request: BenchRequest, rounds: ComparedRounds) -> BenchRequest:
    """The request with the recipe and classes of the rounds, so that their images are found."""
    metadata = rounds.loop.metadata
    names = tuple(metadata["classes"])
    if request.classes is not None and set(request.classes) != set(names):
        raise UserError(
            f"the rounds of {request.out} hold the classes {', '.join(names)}: leave --classes "
            "out, or choose the folder of another ladder"
        )
    recipe = Recipe.model_validate(metadata["recipe"])
    return request.model_copy(update={"classes": names, "recipe": recipe})


def _masked(table: Table) -> set[str]:
    """The ids of the images that have a mask in a round."""
    return {str(row["id"]) for row in table.rows(["id", "mask"]) if row["mask"]}


def _place(bench: Bench) -> str:
    return bench.run.uri.rsplit("/", 1)[0]


def _judge(bench: Bench, pairs: RoundPairs, view: str) -> SegmentationSystem:
    uri = _trained(bench, "segmenter", f"judge-{view}", pairs, view, BUDGETS[view]["judge"])
    system, _ = load_system(uri)
    if not isinstance(system, SegmentationSystem):
        raise TypeError(f"{uri} holds no segmenter")
    return system


def _generator(
    bench: Bench, label: str, pairs: RoundPairs, view: str, seed: int
) -> TransformingSystem:
    name = f"{label.replace(',', '').replace(' ', '-')}-{view}-{seed}"
    budget = BUDGETS[view]["generator"]
    given = {**budget, "training": {**budget["training"], "seed": seed}}
    return load_transformer(_trained(bench, "mask_to_photo", name, pairs, view, given))[0]


def _trained(
    bench: Bench, task: str, name: str, pairs: RoundPairs, view: str, given: dict[str, Any]
) -> str:
    recipe: SystemRecipe = complete_system_recipe(task, given)
    uri = f"{_place(bench)}/systems/{name}"
    key = table_key(pairs=pairs.digest(), recipe=recipe.model_dump(mode="json"), view=view)
    names, run = class_table(bench.images), bench.run
    data = SystemData(pairs, names, key, view)
    train_on_pairs(data, recipe, uri, run.engine, run.reporter)
    return uri


def _test_batches(bench: Bench, view: str) -> list[dict[str, Tensor]]:
    ground_truth = control_rounds.ground_truth(bench.dev, bench.dev_images, bench.data)
    pairs = read_round_pairs(bench.dev_images, ground_truth, ground_truth.ids())
    stream = Batches(pairs, view, SIZE, batch=40, seed=2).stream()
    return [to_batch(parts, "cpu") for _, parts in zip(range(TEST // 40), stream, strict=False)]


def _made(batch: dict[str, Tensor], system: TransformingSystem) -> Tensor:
    return system.transform(batch, torch.Generator().manual_seed(0)).detach()


def _sheet(photos: Sequence[Photos], batch: dict[str, Tensor]) -> bytes:
    """One row of photos for each generator."""
    few = {name: value[:SHOWN] for name, value in batch.items()}
    rows = torch.cat([make(few) for make in photos])
    return encode_png(make_grid(rows, nrow=SHOWN, padding=2, pad_value=1.0))
