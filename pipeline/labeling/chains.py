"""The chains of stages that make masks: a network on a GPU, then a CRF on processors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.labeling.recipe import AffinitySettings, RelabelSettings, SeedSettings
from tag2mask.pipeline.records.round_names import AFFINITY
from tag2mask.pipeline.stages.mask_settings import MaskSettings
from tag2mask.pipeline.stages.refine import Refine
from tag2mask.pipeline.stages.relabel import Relabel
from tag2mask.pipeline.stages.score import Score
from tag2mask.pipeline.stages.segment import Segment
from tag2mask.pipeline.stages.walk_logits import WalkLogits
from tag2mask.pipeline.stages.walk_scores import RefineWalkedScores, WalkScores
from tag2mask.pipeline.training.model_store import read_card


def score_stage(settings: SeedSettings, tagger: str) -> StageSpec:
    """From images with tags to scores.

    Args:
        settings: The scorer and its settings.
        tagger: URI of the tagger.
    """
    scorer = {"scorer": settings.scorer, "tagger": tagger, "settings": settings.settings}
    return StageSpec(Score, scorer, gpus=1.0)


def refine_stage(settings: SeedSettings, crf: str, masks: MaskSettings) -> StageSpec:
    """From scores to masks, by a CRF or without."""
    method = {
        "crf": crf,
        "crf_method": settings.crf_method,
        "score_power": settings.score_power,
        "masks": masks.model_dump(mode="json"),
    }
    return StageSpec(Refine, method, gpus=_gpus(settings.crf_method))


def score_walk_stages(
    settings: AffinitySettings, seeds: SeedSettings, network: str, masks: MaskSettings
) -> list[StageSpec]:
    """From scores to masks, by a random walk along affinities and the CRF of the seeds.

    Args:
        settings: Settings of the walk.
        seeds: Settings of the scores.
        network: URI of the affinity network.
        masks: How masks are made of probabilities.
    """
    walk = {
        "affinity": network,
        "size": settings.size,
        "score_power": seeds.score_power,
        "walk_log2_steps": settings.walk_log2_steps,
    }
    crf = {"crf": seeds.crf, "crf_method": seeds.crf_method, "masks": masks.model_dump(mode="json")}
    return [
        StageSpec(WalkScores, walk, gpus=1.0),
        StageSpec(RefineWalkedScores, crf, gpus=_gpus(seeds.crf_method)),
    ]


def logit_walk_stages(settings: AffinitySettings | None, network: str) -> list[StageSpec]:
    """From logits to logits, by a random walk along affinities; no stage without a walk.

    Args:
        settings: Settings of the walk; None for no walk.
        network: URI of the affinity network.
    """
    if settings is None or not settings.round_walk_log2_steps:
        return []
    walk = {
        "affinity": network,
        "size": settings.size,
        "walk_log2_steps": settings.round_walk_log2_steps,
    }
    return [StageSpec(WalkLogits, walk, gpus=1.0)]


def walk_key_inputs(stages: Sequence[StageSpec]) -> dict[str, Any]:
    """The key inputs of a random walk: its network and its settings; none without a walk."""
    settings = {name: value for spec in stages for name, value in spec.settings.items()}
    network = settings.pop("affinity", None)
    if network is None:
        return {}
    return {AFFINITY: read_card(network).weights, "walk": settings}


def relabel_stages(
    settings: RelabelSettings,
    segmenter: str,
    source: str,
    masks: MaskSettings,
    segment: type[Segment] = Segment,
    relabel: type[Relabel] = Relabel,
    between: Sequence[StageSpec] = (),
    **more: Any,  # noqa: ANN401 - the stage knows their types
) -> list[StageSpec]:
    """From images with tags to the masks that a segmenter predicts.

    Args:
        settings: Settings of both stages.
        segmenter: URI of the model.
        source: The round's name, written into the rows.
        masks: How masks are made of probabilities.
        segment: The stage from images to logits.
        relabel: The stage from logits to masks.
        between: Stages from logits to logits, before ``relabel``.
        more: Further settings of ``relabel``.
    """
    logits = {
        "segmenter": segmenter,
        "source": source,
        "size": settings.size,
        "scales": settings.scales,
    }
    refinement = {
        "crf": settings.crf,
        "crf_method": settings.crf_method,
        "ignore_below": settings.ignore_below,
        "masks": masks.model_dump(mode="json"),
        **more,
    }
    return [
        StageSpec(segment, logits, gpus=1.0),
        *between,
        StageSpec(relabel, refinement, gpus=_gpus(settings.crf_method)),
    ]


def _gpus(crf_method: str) -> float:
    """The one CRF that uses a GPU shares it with the network before it."""
    return 0.5 if crf_method == "torch" else 0.0
