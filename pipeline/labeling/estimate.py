"""A rough estimate of a run's time and disk space, at the cost of one look at a few images.

The network is run once on noise; the other costs are multiples of that pass, which were measured
with :mod:`tag2mask.pipeline.labeling.trial` on photographs. A training that has been done before
counts with the seconds of its model's card. The trial measures every step, and takes minutes.
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image as PillowImage

from tag2mask.pipeline.ingestion.ingest import Ingest
from tag2mask.pipeline.labeling.dry_run import IMAGES, STEPS, PlannedStep
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.rounds import TAGGER, model_names
from tag2mask.pipeline.labeling.trial import Costs
from tag2mask.pipeline.records.round_names import AFFINITY, SEED
from tag2mask.pipeline.sources import UnreadableError
from tag2mask.pipeline.stages.crf_refinement import NO_CRF
from tag2mask.pipeline.training.model_store import model_exists, read_card
from tag2mask.pipeline.training.supervised import TrainingSettings

LOOKED_AT = 8
SIDE = 256
# Forward passes that cost as much as a training step on one crop, a seed, a random walk.
TRAINING_PASSES, SEED_PASSES, WALK_PASSES = 3.0, 8.0, 2.0
# Seconds on one core: to decode and encode an image, and for a megapixel of the DenseCRF.
FILE_SECONDS = 0.03
CRF_SECONDS = {"numba": 3.5, "torch": 3.5, "pydensecrf": 12.0}
# Bytes of a mask with its confidence, and of a mask with its score maps.
MASK_BYTES, SCORES_BYTES = 3_500, 9_500
WEIGHT_BYTES = 4


@dataclass(frozen=True)
class Look:
    """The mean size of a few images of a source.

    Args:
        bytes: Bytes of a file.
        megapixels: Megapixels of an image.
        side: Longer side, in pixels.
    """

    bytes: float = 0.0
    megapixels: float = 0.0
    side: float = 1.0


def estimate(ingest: Ingest, recipe: Recipe, uri: str, steps: Sequence[PlannedStep]) -> Costs:
    """Costs of the steps on this machine, and the disk space of the run.

    Args:
        ingest: The images of a source.
        recipe: The settings of the run.
        uri: Folder of the run, whose models of an earlier training are looked at.
        steps: The planned steps.
    """
    look = look_at(ingest)
    seconds, weights = pass_seconds(recipe, len(ingest.classes))
    network = seconds / SIDE**2
    costs = Costs(images=LOOKED_AT)
    for step in steps:
        if step.unit == STEPS:
            costs.seconds[step.name, STEPS] = _step_seconds(step.name, recipe, uri, network)
        else:
            costs.seconds[step.name, IMAGES] = _image_seconds(step.name, recipe, network, look)
    masks = len(model_names(recipe)) - 1
    costs.bytes = 2 * look.bytes + masks * MASK_BYTES + 2 * SCORES_BYTES
    tagged = max(1, sum(bool(image.tags) for image in ingest.images))
    costs.bytes += WEIGHT_BYTES * weights * len(model_names(recipe)) / tagged
    return costs


def look_at(ingest: Ingest) -> Look:
    """The mean size of a few readable images, evenly drawn from the sorted ids."""
    readable = [image for image in ingest.images if not image.problem]
    looks = []
    for image in readable[:: max(1, len(readable) // LOOKED_AT)][:LOOKED_AT]:
        try:
            data = ingest.source.read(image.address)
            with PillowImage.open(io.BytesIO(data)) as opened:  # reads the header alone
                width, height = opened.size
        except (UnreadableError, OSError, ValueError, PillowImage.DecompressionBombError):
            continue
        looks.append((len(data), width * height / 1e6, max(width, height)))
    if not looks:
        return Look()
    return Look(*(sum(values) / len(looks) for values in zip(*looks, strict=True)))


def pass_seconds(recipe: Recipe, classes: int) -> tuple[float, int]:
    """Seconds of one pass of the segmenter on a square of noise, and its number of weights."""
    with torch.random.fork_rng():  # the run's own randomness stays as it is
        model = recipe.segmenter_architecture(classes).build().eval()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.to(device)
    noise = torch.zeros(1, 3, SIDE, SIDE, device=device)
    with torch.inference_mode():
        model(noise)  # the first pass pays for caches
        _wait(device)
        begun = time.perf_counter()
        model(noise)
        _wait(device)
    seconds = time.perf_counter() - begun
    return seconds, sum(weight.numel() for weight in model.parameters())


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _step_seconds(name: str, recipe: Recipe, uri: str, network: float) -> float:
    """Seconds of a training step; ``network`` is the seconds of a pass for each pixel."""
    place = f"{uri}/models/{name}"
    if model_exists(place):
        known = read_card(place).training
        if known.get("seconds") and known.get("steps"):
            return float(known["seconds"]) / float(known["steps"])
    settings = _training(name, recipe)
    return settings.batch * TRAINING_PASSES * network * settings.crop**2


def _training(name: str, recipe: Recipe) -> TrainingSettings:
    if name == TAGGER:
        return recipe.tagger.training
    if name == AFFINITY and recipe.affinity:
        return recipe.affinity.training
    return recipe.segmenter.training


def _image_seconds(name: str, recipe: Recipe, network: float, look: Look) -> float:
    """Seconds of one image of a table's step on one core."""
    if name in ("images", "dataset"):
        return FILE_SECONDS * max(1.0, look.megapixels)
    relabel, affinity = recipe.relabel, recipe.affinity
    scaled = relabel.size**2 * sum(scale**2 for scale in relabel.scales)
    shrunk = min(1.0, recipe.masks.max_side / look.side) ** 2
    settings = recipe.seeds if name in (SEED, AFFINITY) else recipe.relabel
    crf = 0.0 if settings.crf == NO_CRF else CRF_SECONDS.get(settings.crf_method, 0.0)
    passes = scaled
    if name == SEED:
        passes = SEED_PASSES * SIDE**2
    elif name == AFFINITY and affinity:
        passes = WALK_PASSES * affinity.size**2
    elif affinity and affinity.round_walk_log2_steps:
        passes += WALK_PASSES * affinity.size**2
    return FILE_SECONDS + passes * network + crf * look.megapixels * shrunk
