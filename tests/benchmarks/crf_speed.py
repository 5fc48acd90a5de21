"""The DenseCRFs against pydensecrf: ``python -m tests.benchmarks.crf_speed RUN``.

RUN is a labeled run; its seed round keeps the score maps, from which the unaries are made as
the stage makes them. One thread; seconds of processor time; agreement of the labels over all
pixels of an image, the mean over images and the least.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from tag2mask.models.crf import CRF_PRESETS, CRFS
from tag2mask.pipeline.records import decode_map
from tag2mask.pipeline.records.mask_rows import resize_maps, rgb
from tag2mask.pipeline.stages.refine import seed_probabilities
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table

Image = tuple[np.ndarray, np.ndarray]


def images(run: str, number: int, contrast: float) -> list[Image]:
    """Images of the seed round and the probabilities of their labels."""
    seed = Table.open(f"{run}/rounds/seed")
    scan = Scan(
        Table.open(f"{run}/images"),
        {"seed": seed},
        columns=["image", "seed.scores", "seed.source"],
        ids=set(sorted(seed.ids())[:number]),
    )
    found = []
    for row in scan.rows():
        if not row["seed"]["source"]:
            continue
        image = rgb(row)
        scores = np.stack([decode_map(score) for score in row["seed"]["scores"]])
        found.append((image, seed_probabilities(resize_maps(scores, image.shape[:2]), contrast)))
    return found


def measure(preset: str, members: list[str], given: list[Image]) -> list[str]:
    """The rows of the table for one preset."""
    built = {name: CRFS[name](CRF_PRESETS[preset]) for name in ["pydensecrf", *members]}
    seconds = dict.fromkeys(built, 0.0)
    agreement: dict[str, list[float]] = {name: [] for name in members}
    for name in members:
        built[name](*([part] for part in given[0]))  # compiles, loads
    for image, probabilities in given:
        labels = {}
        for name, crf in built.items():
            start = time.process_time()
            (marginals,) = crf([image], [probabilities])
            seconds[name] += time.process_time() - start
            labels[name] = marginals.argmax(axis=0)
        for name in members:
            agreement[name].append(float((labels[name] == labels["pydensecrf"]).mean()))
    reference = 1000 * seconds["pydensecrf"] / len(given)
    return [
        f"| {preset} | {name} | {reference:.0f} | {1000 * seconds[name] / len(given):.0f} "
        f"| {seconds['pydensecrf'] / seconds[name]:.2f} | {100 * np.mean(agreement[name]):.2f} "
        f"| {100 * min(agreement[name]):.2f} |"
        for name in members
    ]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--presets", nargs="+", default=["irn", "default", "deeplab_v2", "toco"])
    parser.add_argument("--members", nargs="+", default=["numba", "torch"])
    parser.add_argument("--contrast", type=float, default=5.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = images(given.run, given.images, given.contrast)
    print(f"{len(found)} images")
    print("| parameters | member | reference, ms | ms | times | agreement, % | least, % |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for preset in given.presets:
        print("\n".join(measure(preset, given.members, found)), flush=True)


if __name__ == "__main__":
    main()
