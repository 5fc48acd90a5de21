"""The survey's claims about its methods, measured on the same images as its Table 1."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean
from typing import Any, NamedTuple

import numpy as np

from tag2mask.flows.benchmarks.dcsm_ablation import best_score_power, with_ground_truth
from tag2mask.flows.benchmarks.methods import METHODS
from tag2mask.flows.benchmarks.predictions import predict_held_out, staged, supervised, with_recipe
from tag2mask.flows.benchmarks.setup import Bench, BenchRequest, open_bench
from tag2mask.flows.task import flow
from tag2mask.models.crf import CRF_PRESETS, CRFS
from tag2mask.models.weak.motion import motion_labels
from tag2mask.pipeline.benchmarks.claims import (
    Claim,
    claim_line,
    claims_markdown,
    load_claims,
    save_claims,
)
from tag2mask.pipeline.benchmarks.region_speed import REGIONS, region_seconds
from tag2mask.pipeline.benchmarks.tag_discrimination import measure_tag_discrimination
from tag2mask.pipeline.benchmarks.train_masks import train_reduced
from tag2mask.pipeline.evaluation.assess import assess
from tag2mask.pipeline.labeling.recipe import SeedSettings
from tag2mask.pipeline.stages.crf_refinement import NO_CRF
from tag2mask.pipeline.synthetic.clips import render_clip
from tag2mask.pipeline.tables.table import Table

CLIPS = 10
COARSE = 32  # output stride of a backbone without dilation
FIELDS = ("deeplab_v1", "deeplab_v2", "dilation_front")
SCORERS: dict[str, dict[str, Any] | None] = {
    "gradient": {},
    "gradient_grabcut": {},
    "dcsm": None,  # with the recipe's settings
}

Figures = dict[str, float]


def measure_scorers(bench: Bench) -> Figures:
    """Scorers on images with one tag and with several, each map at its best score power."""
    run, images, ground_truth = bench.run, bench.images, bench.ground_truth
    seeds, figures = run.recipe.seeds, {}
    for scorer, settings in SCORERS.items():
        if settings is None:
            settings = seeds.settings if seeds.scorer == scorer else {}
        changes = {"scorer": scorer, "settings": settings, "crf": NO_CRF}
        chosen = SeedSettings.model_validate({**seeds.model_dump(), **changes})
        one, several = (
            run.make_seed(
                images,
                f"{scorer}, {count}",
                chosen,
                with_ground_truth(images, ground_truth, wanted),
            )
            for count, wanted in (("one tag", _one), ("several", _several))
        )
        figures[f"{scorer}, one tag"] = 100 * best_score_power(images, one, ground_truth)[0]
        figures[f"{scorer}, several"] = 100 * best_score_power(images, several, ground_truth)[0]
        figures[f"{scorer} tells these apart (%)"] = 100 * measure_tag_discrimination(
            images, several, ground_truth
        )
    return figures


def _one(tags: int) -> bool:
    return tags == 1


def _several(tags: int) -> bool:
    return tags > 1


def measure_crf_gain(bench: Bench) -> Figures:
    """The gain of the CRF for early and late segmenters."""
    relabel = bench.run.recipe.relabel
    changes = {"relabel": relabel.model_copy(update={"crf": NO_CRF})}
    plain = with_recipe(bench, bench.run.recipe.model_copy(update=changes))
    figures = {}
    for name in ("fcn32s", "fcn8s", "pspnet"):
        refined = _miou(bench, METHODS[name].make(bench, name).table)
        before = _miou(bench, predict_held_out(plain, name, name=f"{name} without crf").table)
        figures[f"{name} without"] = before
        figures[f"{name} gains"] = refined - before
    return figures


def measure_dilation(bench: Bench) -> Figures:
    """Dilation in the backbone, in the head, in a context module, and at several rates.

    The context module is trained on a trained front end. It therefore compares with other methods
    that were trained for twice as long.
    """
    makes = {f"deeplab_v1 at stride {COARSE}": supervised("deeplab_v1", COARSE)}
    makes |= {name: METHODS[name].make for name in ("pointwise", *FIELDS, "dilation")}
    makes |= {f"{name} twice as long": staged(name, name) for name in FIELDS}
    return {name: _miou(bench, make(bench, name).table) for name, make in makes.items()}


def measure_label_strides(bench: Bench) -> Figures:
    """DeepLab on labels at the stride of its logits, and at four pixels."""
    reduced = supervised("deeplab_v1", train=train_reduced)(bench, "deeplab_v1 reduced")
    fine = METHODS["deeplab_v1"].make(bench, "deeplab_v1")
    stride = bench.run.recipe.backbone.output_stride
    figures = {f"labels at {stride} pixels": _miou(bench, reduced.table)}
    return figures | {"at 4 pixels": _miou(bench, fine.table)}


def measure_passes(bench: Bench) -> Figures:
    """The time of one pass over an image, of 2,000 passes over its regions, and of windows."""
    recipe = bench.run.recipe
    seconds = region_seconds(bench.run.model_uri("tagger"), recipe.relabel.size)
    return {
        "one pass (ms)": 1000 * seconds.one_pass,
        f"{REGIONS:,} crops (times as long)": seconds.crops / seconds.one_pass,
        f"{REGIONS:,} windows of one pass (times as long)": seconds.windows / seconds.one_pass,
    }


def measure_motion(bench: Bench) -> Figures:
    """Labels of generated clips from motion and coarse maps of where an object is."""
    crf = CRFS[bench.run.recipe.seeds.crf_method](CRF_PRESETS["irn"])
    plain, cued = [], []
    for index in range(CLIPS):
        clip = render_clip(index, bench.run.recipe.seed)
        coarse = np.stack([_blob(mask) for mask in clip.masks])
        labels = motion_labels(clip.frames, coarse, crf, np.random.default_rng(index))
        plain.append(_iou(coarse.argmax(axis=1) > 0, clip.masks))
        cued.append(_iou(labels.argmax(axis=1) > 0, clip.masks))
    return {"IoU without motion": 100 * mean(plain), "with": 100 * mean(cued)}


def _blob(mask: np.ndarray) -> np.ndarray:
    """Probabilities of background and object, (2, H, W): a blob half as wide as the object."""
    where = np.argwhere(mask)
    away = np.indices(mask.shape) - where.mean(axis=0)[:, None, None]
    probability = 0.9 * np.exp(-np.square(away).sum(axis=0) / (0.5 * len(where) / np.pi))
    return np.stack([1 - probability, probability]).astype(np.float32)


def _iou(found: np.ndarray, ground_truth: np.ndarray) -> float:
    return float((found & ground_truth).sum() / (found | ground_truth).sum())


def _miou(bench: Bench, table: Table) -> float:
    return 100 * assess(table, bench.ground_truth).mean_iou


class Measure(NamedTuple):
    """A claim of the survey, and the function that measures it."""

    sentence: str
    measure: Callable[[Bench], Figures]


CLAIMS: dict[str, Measure] = {
    "gradients": Measure(
        "gradients find one tag and mix up several, DCSM does not", measure_scorers
    ),
    "crf": Measure("the CRF adds much to FCN and little to PSPNet", measure_crf_gain),
    "dilation": Measure("dilation and ASPP help", measure_dilation),
    "labels": Measure("labels at the output stride cost under a point", measure_label_strides),
    "speed": Measure("one fully convolutional pass replaces one for each region", measure_passes),
    "motion": Measure("motion tells how far an object reaches", measure_motion),
}


@flow(name="benchmark-claims", validate_parameters=False)
def claims(request: BenchRequest) -> str:
    """Measures the survey's claims; models that Table 1 trained in the folder are used.

    Args:
        request: The request; ``chosen`` names claims. Finished models in its folder are kept.

    Returns:
        The claims and their numbers as Markdown; they are saved as ``claims.json`` too.

    Raises:
        UserError: If the data has no ground truth masks, or a claim is unknown.
    """
    names = request.choice(CLAIMS, "claim")
    bench = open_bench(request)
    bench.run.train_tagger(bench.images)
    found = {claim.name: claim for claim in load_claims(bench.run.folder)}
    for name in names:
        sentence, measure = CLAIMS[name]
        found[name] = Claim(name=name, says=sentence, figures=measure(bench))
        save_claims(bench.run.folder, [found[known] for known in CLAIMS if known in found])
        bench.run.reporter.info(claim_line(found[name]))
    return claims_markdown([found[known] for known in CLAIMS if known in found])
