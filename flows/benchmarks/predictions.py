"""How the methods of the survey's Table 1 are trained, and what they predict."""

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
from tag2mask.pipeline.labeling.selection import sound
from tag2mask.pipeline.stages.crf_refinement import NO_CRF
from tag2mask.pipeline.stages.relabel import Relabel
from tag2mask.pipeline.stages.segment import Segment
from tag2mask.pipeline.tables.table import Table


class Predictions(NamedTuple):
    """What a method says of the held-out images, and how long it took to say it.

    Attributes:
        table: The predicted masks.
        seconds: Wall time of the prediction alone; next to nothing if it was found done.
        model: URI of the method's own model, or of the tagger where it has no other.
    """

    table: Table
    seconds: float
    model: str


def timed(model: str, predict: Callable[[], Table]) -> Predictions:
    """A model's predictions and their time."""
    started = time.monotonic()
    table = predict()
    return Predictions(table, time.monotonic() - started, model)


def with_recipe(bench: Bench, recipe: Recipe) -> Bench:
    """The same folders with other settings; what does not follow from them is kept."""

    def other(run: Run) -> Run:
        changed = recipe.model_copy(update={"split": run.recipe.split})
        return Run(run.uri, changed, run.engine, run.reporter)

    return replace(bench, run=other(bench.run), dev=other(bench.dev))


def predicted(
    bench: Bench,
    model: str,
    name: str = "",
    segment: type[Segment] = Segment,
    relabel: type[Relabel] = Relabel,
) -> Predictions:
    """What a model of the run says of the held-out images, without their tags."""
    uri = bench.run.model_uri(model)
    name = name or model
    return timed(
        uri,
        lambda: control_rounds.predict(bench.dev, bench.dev_images, name, uri, segment, relabel),
    )


Make = Callable[[Bench, str], Predictions]
"""From the bench and the method's name to its predictions; trains what is needed first."""


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
    """A segmenter trained on ground truth, on a backbone of its paper's stride or the recipe's."""

    def make(bench: Bench, name: str) -> Predictions:
        bench = with_recipe(bench, with_segmenter(bench.run.recipe, head, output_stride))
        ground_truth = control_rounds.ground_truth(bench.run, bench.images, bench.data)
        train(bench.run, name, bench.images, ground_truth)
        return predicted(bench, name)

    return make


def staged(first: str, head: str, output_stride: int | None = None) -> Make:
    """The same, starting as a segmenter that has been trained by itself, as its paper has it."""

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
        return predicted(bench, model, name, relabel=RelabelOnTree)

    return make


def regions(descriptor: str) -> Make:
    """A classifier of region proposals, trained on ground truth masks."""

    def make(bench: Bench, name: str) -> Predictions:
        ground_truth = control_rounds.ground_truth(bench.run, bench.images, bench.data)
        region_training.train_regions(bench.run, name, bench.images, ground_truth, descriptor)
        uri = bench.run.model_uri(name)
        return timed(
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
        return predicted(bench, model or name, name, segment, relabel)

    return make


def direct(refine: Callable[[Bench], list[StageSpec]]) -> Make:
    """DCSM on the held-out images themselves, of the classes that the tagger sees."""

    def make(bench: Bench, name: str) -> Predictions:
        last = refine(bench)
        seeds = bench.run.recipe.seeds
        size = bench.run.recipe.tagger.training.crop
        tagger = bench.run.model_uri("tagger")
        return timed(
            last[0].settings.get("affinity", tagger),
            lambda: bench.dev.make_round(
                name,
                sound(bench.dev_images, columns=["image", "tags"]),
                [
                    StageSpec(PredictTags, {"tagger": tagger, "size": size}, gpus=0.5),
                    replace(score_stage(seeds, tagger), gpus=0.5),
                    *last,
                ],
                {
                    "tagger": bench.run.weights_of("tagger"),
                    "seeds": seeds.model_dump(mode="json"),
                    "crf": last[-1].settings["crf"],
                    **walk_key_inputs(last),
                },
            ),
        )

    return make


def no_crf(bench: Bench) -> list[StageSpec]:
    """The scores as they are."""
    return [refine_stage(bench.run.recipe.seeds, NO_CRF)]


def crf(bench: Bench) -> list[StageSpec]:
    """The recipe's CRF."""
    seeds = bench.run.recipe.seeds
    return [refine_stage(seeds, seeds.crf)]


def walk(bench: Bench) -> list[StageSpec]:
    """A walk along affinities that the seeds of the run have taught, then the CRF."""
    spread(bench)
    return affinity.seed_walk_stages(bench.run)


def spread(bench: Bench) -> Table:
    """The run's seeds after such a walk."""
    return affinity.walk_seeds(bench.run, bench.images, bench.run.make_seed(bench.images))


def stc(bench: Bench, name: str) -> Predictions:
    """The original loop: seeds of low-level saliency, three rounds, no augmentation."""
    bench = walking(bench, None)
    settings = SeedSettings(scorer="background_detection", settings={}, score_power=1.0)
    return rounds(bench, bench.run.make_seed(bench.images, f"{name} seed", settings), f"{name} ")


def ours(*, walked: bool, augmented: bool) -> Make:
    """The loop on the recipe's seeds, with or without a walk and the last augmentation."""

    def make(bench: Bench, name: str) -> Predictions:
        del name
        # The one of the two that the recipe describes is the ladder's loop and shares its models.
        described = walked == (bench.run.recipe.affinity is not None)
        prefix = "" if described else "walked " if walked else "direct "
        bench = walking(bench, affinity.affinity_settings(bench.run.recipe) if walked else None)
        seed = spread(bench) if walked else bench.run.make_seed(bench.images)
        return rounds(bench, seed, prefix, augmented)

    return make


def walking(bench: Bench, settings: AffinitySettings | None) -> Bench:
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
    return predicted(bench, named[-1].name)
