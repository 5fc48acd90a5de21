"""The step between seeds and segmenter: affinities learnt from the seeds, and walks along them.

PSA (Ahn & Kwak, CVPR 2018): where the seeds are sure, pairs of pixels say what belongs
together; a network learns it, and a random walk carries the scores to where they were not.
"""

from __future__ import annotations

from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.labeling.chains import walk_key_inputs, walk_stages
from tag2mask.pipeline.labeling.recipe import AffinitySettings, Recipe
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.report.rejection_reasons import require_kept
from tag2mask.pipeline.report.rejections import ROUNDS
from tag2mask.pipeline.stages.allow_all_classes import Rescore
from tag2mask.pipeline.stages.walk_scores import AFFINITY
from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.losses import pairs_loss
from tag2mask.pipeline.training.model_store import ModelCard
from tag2mask.pipeline.training.samples import ConfidentMaskTarget


def train_affinity(run: Run, images: Table, seed: Table) -> ModelCard:
    """The affinity network, trained on the confident pixels of the kept seeds.

    Args:
        run: Whose recipe may leave ``affinity`` out: then its defaults hold.
        images: The images.
        seed: The round.

    Raises:
        UserError: If the round kept no mask.
    """
    require_kept(seed, AFFINITY)
    settings, recipe = settings_of(run.recipe), run.recipe
    start, weights = run.start(None)
    columns = ["image", "tags", "seed.mask", "seed.confidence_map"]
    scan = Scan(images, {"seed": seed}, columns=columns).where(
        lambda row: bool(row["seed"] and row["seed"]["kept"]), ["seed.kept"]
    )
    return run.model(
        AFFINITY,
        architecture=recipe.affinity_architecture(len(images.metadata["classes"])),
        scan=scan,
        target=ConfidentMaskTarget("seed", (settings.confident,)),
        loss=pairs_loss,
        settings=settings.training,
        key=table_key(
            seeds=seed.fingerprint,
            kind=seed.manifest.key,
            confident=settings.confident,
            training=settings.training.model_dump(mode="json"),
            start=weights,
            **recipe.digest_of("seed", "backbone"),
        ),
        prepare=start,
    )


def spread(run: Run, images: Table, seed: Table) -> Table:
    """The seeds after a walk along the affinities that they teach."""
    train_affinity(run, images, seed)
    return propagate(run, images, seed)


def propagate(run: Run, images: Table, seed: Table) -> Table:
    """The seeds after a walk and the CRF, as the round ``affinity``."""
    columns = ["image", "tags", "seed.scores", "seed.source", "seed.model"]
    scan = Scan(images, {"seed": seed}, columns=columns).where(
        lambda row: bool(row["seed"] and not row["seed"]["error"]), ["seed.error"]
    )
    walk = stages_of(run)
    walked = walk_key_inputs(walk)
    return run.round_table(
        AFFINITY,
        scan=scan,
        stages=[
            StageSpec(Rescore, {"name": "seed"}),
            *walk,
            run.select_stage(run.recipe.seeds.select, images),
        ],
        images=images,
        key_inputs={
            "seeds": seed.fingerprint,
            "kind": seed.manifest.key,
            "model": walked[AFFINITY],
            "walk": walked["walk"],
            "select": run.recipe.seeds.select.model_dump(mode="json"),
        },
    )


def stages_of(run: Run) -> list[StageSpec]:
    """The walk with the run's affinity network, and the CRF of its seeds."""
    return walk_stages(settings_of(run.recipe), run.recipe.seeds, run.model_uri(AFFINITY))


def settings_of(recipe: Recipe) -> AffinitySettings:
    """The recipe's settings of the walk, or the defaults."""
    return recipe.affinity or AffinitySettings()


def rounds_of(recipe: Recipe) -> tuple[str, ...]:
    """The rounds that a recipe makes, in their order."""
    return tuple(name for name in ROUNDS if name != AFFINITY or recipe.affinity)
