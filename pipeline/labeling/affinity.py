"""The random walk of the seeds, along affinities of pixels that a network learns from them.

PSA (Ahn & Kwak, CVPR 2018): where the seeds are confident, pairs of pixels show which places
belong together. A network learns this, and a random walk carries the scores to the other places.
"""

from __future__ import annotations

from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.labeling.chains import score_walk_stages, walk_key_inputs
from tag2mask.pipeline.labeling.recipe import AffinitySettings, Recipe
from tag2mask.pipeline.labeling.recipe_workspace import ModelSpec
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records.round_names import AFFINITY
from tag2mask.pipeline.report.rejection_reasons import require_kept
from tag2mask.pipeline.stages.reuse_scores import ReuseScores
from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.losses import pairs_loss
from tag2mask.pipeline.training.model_store import ModelCard
from tag2mask.pipeline.training.targets import ConfidentMaskTarget
from tag2mask.pipeline.training.training_set import TrainingSet


def make_first_masks(run: Run, images: Table) -> Table:
    """The masks that train the first segmenter: seeds, after the recipe's random walk, if any."""
    seed = run.make_seed(images)
    return walk_seeds(run, images, seed) if run.recipe.affinity else seed


def walk_seeds(run: Run, images: Table, seed: Table) -> Table:
    """The seeds after a random walk along the affinities that a network learns from them."""
    train_affinity(run, images, seed)
    return walk_along_affinities(run, images, seed)


def train_affinity(run: Run, images: Table, seed: Table) -> ModelCard:
    """The affinity network, trained on the confident pixels of the kept seeds.

    Args:
        run: The run; if its recipe has no ``affinity``, the defaults hold.
        images: The images.
        seed: The seeds.

    Raises:
        UserError: If no seed was kept.
    """
    require_kept(seed, AFFINITY)
    settings, recipe, start = affinity_settings(run.recipe), run.recipe, run.find_start(None)
    target = ConfidentMaskTarget("round", (settings.confident,))
    data = TrainingSet.of_round(images, seed, target, ["mask", "confidence_map"])
    spec = ModelSpec(
        name=AFFINITY,
        architecture=recipe.affinity_architecture(len(data.class_names)),
        loss=pairs_loss,
        settings=settings.training,
        key=table_key(
            seeds=seed.fingerprint,
            kind=seed.manifest.key,
            confident=settings.confident,
            training=settings.training.model_dump(mode="json"),
            start=start.weights,
            **recipe.digest_of("seed", "backbone"),
        ),
        prepare=start.prepare,
    )
    return run.train_model(spec, data)


def walk_along_affinities(run: Run, images: Table, seed: Table) -> Table:
    """The seeds after a random walk along the run's affinities and the CRF.

    The masks are the round ``affinity``.
    """
    columns = ["image", "tags", "seed.scores", "seed.source", "seed.model"]
    scan = Scan(images, {"seed": seed}, columns=columns).where(
        lambda row: bool(row["seed"] and not row["seed"]["error"]), ["seed.error"]
    )
    walk = seed_walk_stages(run)
    walk_inputs = walk_key_inputs(walk)
    return run.make_round(
        AFFINITY,
        scan,
        [
            StageSpec(ReuseScores, {"name": "seed"}),
            *walk,
            run.select_stage(run.recipe.seeds.select, images),
        ],
        {
            "seeds": seed.fingerprint,
            "kind": seed.manifest.key,
            "model": walk_inputs[AFFINITY],
            "walk": walk_inputs["walk"],
            "select": run.recipe.seeds.select.model_dump(mode="json"),
        },
    )


def seed_walk_stages(run: Run) -> list[StageSpec]:
    """The random walk with the run's affinity network, and the CRF of its seeds."""
    settings = affinity_settings(run.recipe)
    return score_walk_stages(settings, run.recipe.seeds, run.model_uri(AFFINITY), run.recipe.masks)


def affinity_settings(recipe: Recipe) -> AffinitySettings:
    """The recipe's settings of the random walk, or the defaults."""
    return recipe.affinity or AffinitySettings()
