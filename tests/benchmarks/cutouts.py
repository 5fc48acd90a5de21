"""GANs on photographs, judged: ``python -m tests.benchmarks.cutouts LADDER MODEL …``.

``LADDER`` is the folder of ``tag2mask benchmark masks … --only cutout``: its judge, a segmenter
of cut-outs, looks at what a GAN makes of the tags and masks of 400 true cut-outs of ``dev``.
``shown`` is the share of which it sees most of the class that was told; ``fcn_score`` counts the
pixels too, and says something only of systems that are told a mask.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

from tag2mask.models.generation import GeneratingSystem
from tag2mask.models.transformation.segmentation_system import SegmentationSystem
from tag2mask.pipeline.systems.batches import Batches, to_batch
from tag2mask.pipeline.systems.loading import load_generator, load_system
from tag2mask.pipeline.systems.photo_scores import Photos, blur_photos, keep_photos, score_photos
from tag2mask.pipeline.systems.round_pairs import read_round_pairs
from tag2mask.pipeline.tables.table import Table

BATCHES, BATCH = 10, 40


def shown(judge: SegmentationSystem, photos: Photos, batches: list[dict[str, Tensor]]) -> float:
    """The share of photos of which the judge sees most of the class of their mask."""
    right = []
    for batch in batches:
        seen = judge.labels(photos(batch)).flatten(1)
        for labels, mask in zip(seen, batch["mask"].flatten(1), strict=True):
            counts = torch.bincount(labels, minlength=batch["tags"].shape[1] + 1)[1:]
            right.append(counts.sum() > 0 and counts.argmax() + 1 == mask.max())
    return torch.tensor(right).float().mean().item()


def generated(system: GeneratingSystem) -> Photos:
    """The output of a system for the inputs of a batch."""
    return lambda batch: system.sample(len(batch["image"]), batch, torch.Generator().manual_seed(0))


def main() -> None:
    """Prints a line for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ladder")
    parser.add_argument("models", nargs="*")
    given = parser.parse_args()
    judge, _ = load_system(f"{given.ladder}/systems/judge-cutout")
    assert isinstance(judge, SegmentationSystem)
    images = Table.open(f"{given.ladder}/dev/images")
    ground_truth = Table.open(f"{given.ladder}/dev/rounds/truth")
    pairs = read_round_pairs(images, ground_truth, ground_truth.ids())
    stream = Batches(pairs, "cutout", judge.settings.size, BATCH, seed=2).stream()
    batches = [to_batch(parts, "cpu") for _, parts in zip(range(BATCHES), stream, strict=False)]
    makers: dict[str, Photos] = {"(real)": keep_photos, "(blurred)": blur_photos}
    makers |= {uri: generated(load_generator(uri)[0]) for uri in given.models}
    names = tuple(images.metadata["classes"])
    for name, photos in makers.items():
        found = score_photos(judge, photos, batches, names)
        right = shown(judge, photos, batches)
        print(
            f"{name:40} fcn_score {found.fcn_score:.3f}  shown {right:.3f}  kid {found.kid:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
