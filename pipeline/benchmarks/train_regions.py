"""Training of region classifiers on ground truth masks: R-CNN, SDS, SPP-net and O2P."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import label

from tag2mask.models.factory import Architecture
from tag2mask.models.regions.classifier import RegionClassifier
from tag2mask.pipeline.benchmarks.stages.regions import LabelRegions, propose_regions
from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.selection import scan_tagged
from tag2mask.pipeline.records import BACKGROUND, IGNORE, ClassTable, Row, decode_mask
from tag2mask.pipeline.records.mask_rows import rgb
from tag2mask.pipeline.report.rejection_reasons import require_kept
from tag2mask.pipeline.stages.allow_all_classes import AllowAllClasses
from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.model_store import (
    ModelCard,
    load_model,
    model_exists,
    read_card,
    save_model,
)

POSITIVE = 0.3  # least overlap of a proposal with an object that it shows
IMAGES = 600  # largest number of training images; all their descriptors are in memory
OBJECTS, OTHERS = 12, 8  # training proposals of an image: with an object, and without


def train_regions(
    run: Run, name: str, images: Table, ground_truth: Table, descriptor: str
) -> ModelCard:
    """Fit a linear classifier on the images' proposals; a finished one is not fitted again.

    The backbone is the tagger's and does not change. The image's objects themselves are training
    regions, too, as in the papers.

    Args:
        run: A run with a tagger.
        name: Name of the model.
        images: The images.
        ground_truth: The round of the images' ground truth masks.
        descriptor: One of :data:`tag2mask.models.regions.descriptors.DESCRIPTORS`.

    Raises:
        UserError: If there is no ground truth mask.
    """
    require_kept(ground_truth, name)
    uri, recipe = run.model_uri(name), run.recipe
    key = table_key(
        round=ground_truth.fingerprint,
        descriptor=descriptor,
        size=recipe.relabel.size,
        pictures=IMAGES,
        tagger=run.weights_of("tagger"),
        **recipe.digest_of("seed", "backbone"),
    )
    if model_exists(uri, key):
        return read_card(uri)
    names = tuple(images.metadata["classes"])
    architecture = Architecture(
        kind="regions",
        backbone=recipe.backbone.name,
        output_stride=recipe.backbone.output_stride,
        head=descriptor,
        classes=len(names),
    )
    tagger, _ = load_model(run.model_uri("tagger"), "tagger")
    model = RegionClassifier(tagger.backbone, len(names) + 1, descriptor).eval()
    scan = Scan(
        images, {"ground_truth": ground_truth}, columns=["image", "tags", "ground_truth.mask"]
    ).where(
        lambda row: bool(row["ground_truth"] and row["ground_truth"]["kept"]), ["ground_truth.kept"]
    )
    scan = replace(scan, ids=set(sorted(scan.wanted_ids())[:IMAGES]))  # a fair draw
    report = run.reporter.rows(name, len(scan))
    descriptors, overlaps = [], []
    for row in scan.rows():
        rng = np.random.default_rng([recipe.seed, int(row["id"][:8], 16)])
        image, masks, shares = make_examples(row, recipe.relabel.size, len(names) + 1, rng)
        descriptors.append(model.descriptors(image, torch.from_numpy(masks)))
        overlaps.append(torch.from_numpy(shares))
        report(len(descriptors))
    loss = model.fit(torch.cat(descriptors), torch.cat(overlaps))
    return save_model(
        uri,
        model,
        architecture=architecture,
        classes=ClassTable(names=names),
        key=key,
        training={"images": len(scan), "regions": sum(map(len, overlaps)), "loss": loss},
    )


def make_examples(
    row: Row, size: int, labels: int, rng: np.random.Generator
) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """Make the training examples of an image: regions with their shares of the classes.

    Args:
        row: A row with the image and, under ``ground_truth``, its mask.
        size: Longer side to which the image is resized, in pixels.
        labels: Number of pixel values K.
        rng: Random generator that chooses among the proposals.

    Returns:
        The image (3, h, w), the regions (R, h, w) bool and their overlaps (R, K) float32.
    """
    image, masks = propose_regions(rgb(row), size)
    height, width = image.shape[1:]
    mask = decode_mask(row["ground_truth"]["mask"]["bytes"])
    rows = (np.arange(height) + 0.5) * mask.shape[0] / height
    columns = (np.arange(width) + 0.5) * mask.shape[1] / width
    mask = mask[rows.astype(int)[:, None], columns.astype(int)]
    objects = _objects(mask)
    regions = np.concatenate([masks, *(found[None] for _, found in objects)])
    shares = np.zeros((len(regions), labels), np.float32)
    for value, found in objects:
        both = (regions & found).sum(axis=(1, 2))
        either = (regions & (mask != IGNORE) | found).sum(axis=(1, 2))
        shares[:, value] = np.maximum(shares[:, value], both / np.maximum(either, 1))
    total = shares.sum(axis=1, keepdims=True)
    shares /= np.maximum(total, 1)  # overlapping classes have a sum above one
    shares[:, BACKGROUND] = 1 - shares.sum(axis=1)
    high = shares[:, 1:].max(axis=1) >= POSITIVE
    chosen = np.concatenate(
        [
            rng.permutation(np.flatnonzero(kind))[:most]
            for kind, most in ((high, OBJECTS), (~high, OTHERS))
        ]
    )
    return image, regions[chosen], shares[chosen]


def _objects(mask: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """The classes' connected parts, and the union of the parts for a class with several."""
    found = []
    for value in sorted({*np.unique(mask).tolist()} - {BACKGROUND, IGNORE}):
        parts, count = label(mask == value)
        found += [(value, parts == part) for part in range(1, count + 1)]
        if count > 1:
            found.append((value, mask == value))
    return found


def predict_regions(run: Run, images: Table, name: str, model: str) -> Table:
    """Predict masks of images with a region classifier, without the images' tags.

    Args:
        run: A run on these images.
        images: The images.
        name: Name of the table of predictions.
        model: URI of the classifier.
    """
    size = run.recipe.relabel.size
    return run.make_round(
        name,
        scan_tagged(images, columns=["image", "tags"]),
        [
            StageSpec(AllowAllClasses, {"classes": len(images.metadata["classes"])}),
            StageSpec(LabelRegions, {"classifier": model, "source": name, "size": size}, gpus=1.0),
        ],
        {"model": read_card(model).weights, "size": size},
    )
