"""Training and predictions of the methods of the survey's Table 1."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch

from tag2mask.flows.benchmarks.setup import Bench
from tag2mask.models.backbones import BACKBONES
from tag2mask.pipeline.benchmarks import control_rounds
from tag2mask.pipeline.benchmarks import train_regions as region_training
from tag2mask.pipeline.benchmarks import train_weak as weak_training
from tag2mask.pipeline.benchmarks.loop_variants import (
    augmented_round,
    plain_rounds,
    rename_rounds,
    train_rounds,
)
from tag2mask.pipeline.benchmarks.stages.predict_tags import PredictTags
from tag2mask.pipeline.benchmarks.stages.segment_smoothing import RelabelOnTree
from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.labeling import affinity
from tag2mask.pipeline.labeling.chains import refine_stage, score_stage, walk_key_inputs
from tag2mask.pipeline.labeling.recipe import AffinitySettings, Recipe, SeedSettings
from tag2mask.pipeline.labeling.rounds import Round
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.selection import scan_tagged
from tag2mask.pipeline.stages.crf_refinement import NO_CRF
from tag2mask.pipeline.stages.relabel import Relabel
from tag2mask.pipeline.stages.segment import Segment
from tag2mask.pipeline.tables.table import Table


class Predictions(NamedTuple):
    """A method's masks of the held-out images, and the time of the prediction.

    Attributes:
        table: The predicted masks.
        seconds: Wall time of the prediction alone; near zero if it was finished before.
        model: URI of the method's own model, or of the tagger if it has no other.
    """

    table: Table
    seconds: float
    model: str


def time_prediction(model: str, predict: Callable[[], Table]) -> Predictions:
    """Measures the time of a model's predictions."""
    started = time.monotonic()
    table = predict()
    return Predictions(table, time.monotonic() - started, model)


def with_recipe(bench: Bench, recipe: Recipe) -> Bench:
    """The same folders with another recipe; tables that do not depend on it are kept."""

    def other(run: Run) -> Run:
        changed = recipe.model_copy(update={"split": run.recipe.split})
        return Run(run.uri, changed, run.engine, run.reporter)

    return replace(bench, run=other(bench.run), dev=other(bench.dev))


def predict_held_out(
    bench: Bench,
    model: str,
    name: str = "",
    segment: type[Segment] = Segment,
    relabel: type[Relabel] = Relabel,
) -> Predictions:
    """A model's masks of the held-out images, predicted without their tags."""
    uri = bench.run.model_uri(model)
    name = name or model
    return time_prediction(
        uri,
        lambda: control_rounds.predict(bench.dev, bench.dev_images, name, uri, segment, relabel),
    )


Make = Callable[[Bench, str], Predictions]
"""Maps the bench and the method's name to its predictions; trains the method's models first."""


Train = Callable[[Run, str, Table, Table], object]
"""Trains the run's segmenter under a name, on images and the masks of a round."""


def train_on_masks(
    run: Run, name: str, images: Table, masks: Table, after: str | None = None
) -> None:
    """Trains the run's segmenter as a round does.

    Args:
        run: The run.
        name: Name of the segmenter.
        images: The images.
        masks: The masks.
        after: The segmenter whose weights it starts with, if the recipe continues trainings.
    """
    run.train_segmenter(Round(name, starts_after=after), images, masks)


def supervised(head: str, output_stride: int | None = None, train: Train = train_on_masks) -> Make:
    """A segmenter trained on ground truth; the output stride is its paper's or the recipe's."""

    def make(bench: Bench, name: str) -> Predictions:
        bench = with_recipe(bench, with_segmenter(bench.run.recipe, head, output_stride))
        ground_truth = control_rounds.ground_truth(bench.run, bench.images, bench.data)
        train(bench.run, name, bench.images, ground_truth)
        return predict_held_out(bench, name)

    return make


def staged(first: str, head: str, output_stride: int | None = None) -> Make:
    """A supervised segmenter that starts with the weights of another one, as in its paper."""

    def make(bench: Bench, name: str) -> Predictions:
        supervised(first, output_stride)(bench, first)
        train = partial(train_on_masks, after=first)
        return supervised(head, output_stride, train)(bench, name)

    return make


def with_segmenter(recipe: Recipe, head: str, output_stride: int | None = None) -> Recipe:
    """The recipe with another segmenter, on a backbone of another stride if it has that one."""
    wanted = recipe.backbone.model_copy(
        update={"output_stride": output_stride or recipe.backbone.output_stride}
    )
    try:
        with torch.device("meta"):
            BACKBONES[wanted.name](output_stride=wanted.output_stride, pretrained=False)
    except ValueError:  # the tiny backbone has one stride alone
        wanted = recipe.backbone
    changes = {
        "backbone": wanted,
        "segmenter": recipe.segmenter.model_copy(update={"head": head}),
    }
    return recipe.model_copy(update=changes)


def on_tree(model: str, head: str) -> Make:
    """A supervised segmenter's scores, combined with a segmentation tree."""

    def make(bench: Bench, name: str) -> Predictions:
        supervised(head)(bench, model)
        return predict_held_out(bench, model, name, relabel=RelabelOnTree)

    return make


def regions(descriptor: str) -> Make:
    """A classifier of region proposals, trained on ground truth masks."""

    def make(bench: Bench, name: str) -> Predictions:
        ground_truth = control_rounds.ground_truth(bench.run, bench.images, bench.data)
        region_training.train_regions(bench.run, name, bench.images, ground_truth, descriptor)
        uri = bench.run.model_uri(name)
        return time_prediction(
            uri, lambda: region_training.predict_regions(bench.dev, bench.dev_images, name, uri)
        )

    return make


def weak(
    loss: str,
    seeds: Callable[[Run, Table], Table] | None = None,
    model: str | None = None,
    segment: type[Segment] = Segment,
    relabel: type[Relabel] = Relabel,
    negatives: bool = False,
) -> Make:
    """A segmenter trained by a weak loss, under its own name or another's."""

    def make(bench: Bench, name: str) -> Predictions:
        found = None if seeds is None else seeds(bench.run, bench.images)
        weak_training.train_weakly(bench.run, model or name, bench.images, loss, found, negatives)
        return predict_held_out(bench, model or name, name, segment, relabel)

    return make


def direct(refine: Callable[[Bench], list[StageSpec]]) -> Make:
    """DCSM on the held-out images themselves, for the classes that the tagger predicts."""

    def make(bench: Bench, name: str) -> Predictions:
        last = refine(bench)
        seeds = bench.run.recipe.seeds
        size = bench.run.recipe.tagger.training.crop
        tagger = bench.run.model_uri("tagger")
        return time_prediction(
            last[0].settings.get("affinity", tagger),
            lambda: bench.dev.make_round(
                name,
                scan_tagged(bench.dev_images, columns=["image", "tags"]),
                [
                    StageSpec(PredictTags, {"tagger": tagger, "size": size}, gpus=0.5),
                    replace(score_stage(seeds, tagger), gpus=0.5),
                    *last,
                ],
                {
                    "tagger": bench.run.weights_of("tagger"),
                    "seeds": seeds.model_dump(mode="json"),
                    "crf": last[-1].settings["crf"],
                    **bench.run.recipe.digest_of("masks"),
                    **walk_key_inputs(last),
                },
            ),
        )

    return make


def no_crf(bench: Bench) -> list[StageSpec]:
    """The scores as they are."""
    return [refine_stage(bench.run.recipe.seeds, NO_CRF, bench.run.recipe.masks)]


def crf(bench: Bench) -> list[StageSpec]:
    """The recipe's CRF."""
    seeds = bench.run.recipe.seeds
    return [refine_stage(seeds, seeds.crf, bench.run.recipe.masks)]


def walk(bench: Bench) -> list[StageSpec]:
    """A random walk along affinities learned from the run's seeds, then the CRF."""
    walk_run_seeds(bench)
    return affinity.seed_walk_stages(bench.run)


def walk_run_seeds(bench: Bench) -> Table:
    """The run's seeds after a random walk."""
    return affinity.walk_seeds(bench.run, bench.images, bench.run.make_seed(bench.images))


def stc(bench: Bench, name: str) -> Predictions:
    """The original loop: seeds of low-level saliency, three rounds, no augmentation."""
    bench = with_walks(bench, None)
    settings = SeedSettings(scorer="background_detection", settings={}, score_power=1.0)
    return rounds(bench, bench.run.make_seed(bench.images, f"{name} seed", settings), f"{name} ")


def ours(*, walked: bool, augmented: bool) -> Make:
    """The loop on the recipe's seeds, with or without random walk and last augmentation."""

    def make(bench: Bench, name: str) -> Predictions:
        del name
        # The variant that the recipe describes is the ladder's loop, and shares its models.
        described = walked == (bench.run.recipe.affinity is not None)
        prefix = "" if described else "walked " if walked else "direct "
        bench = with_walks(bench, affinity.affinity_settings(bench.run.recipe) if walked else None)
        seed = walk_run_seeds(bench) if walked else bench.run.make_seed(bench.images)
        return rounds(bench, seed, prefix, augmented)

    return make


def with_walks(bench: Bench, settings: AffinitySettings | None) -> Bench:
    """The bench with these random walks of seeds and rounds; None for none."""
    return with_recipe(bench, bench.run.recipe.model_copy(update={"affinity": settings}))


def rounds(bench: Bench, first: Table, prefix: str, augmented: bool = False) -> Predictions:
    """The loop's rounds; their models are named as the ladder's, after a prefix.

    Args:
        bench: The bench.
        first: The masks that train the first round.
        prefix: Beginning of the models' names.
        augmented: Whether the last round is augmented.
    """
    recipe = bench.run.recipe
    *others, last = plain_rounds(recipe)
    sequence = [*others, augmented_round(recipe) if augmented else last]
    named = rename_rounds(sequence, lambda name: f"{prefix}{name}")
    train_rounds(bench.run, bench.images, first, named)
    return predict_held_out(bench, named[-1].name)
