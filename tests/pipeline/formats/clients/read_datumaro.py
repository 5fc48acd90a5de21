"""Reads COCO, VOC and CVAT exports with Datumaro."""

import json
import sys
from collections import Counter
from pathlib import Path

import datumaro

root = Path(sys.argv[1])
KINDS = {
    "coco": "coco_instances",
    "coco-rle": "coco_instances",
    "coco-panoptic": "coco_panoptic",
    "voc": "voc_segmentation",
    "voc-known": "voc_segmentation",
    "cvat": "cvat",
    "cvat-polygon": "cvat",
}
found = {}
for folder, kind in KINDS.items():
    dataset = datumaro.Dataset.import_from(str(root / folder), kind)
    labels = dataset.categories()[datumaro.AnnotationType.label]
    objects: Counter[str] = Counter()
    images: Counter[str] = Counter()
    pixels: Counter[str] = Counter()
    for item in dataset:
        images[item.subset] += 1
        height, width = item.media.data.shape[:2]
        for annotation in item.annotations:
            if annotation.type is datumaro.AnnotationType.bbox:
                continue  # the box of an object that is counted by its outline
            objects[item.subset] += 1
            if annotation.type is datumaro.AnnotationType.mask:
                assert annotation.image.shape == (height, width)
                pixels[labels[annotation.label].name] += int((annotation.image > 0).sum())
    found[folder] = {
        "classes": [label.name for label in labels.items],
        "images": images,
        "objects": objects,
        "pixels": pixels,
    }
print(json.dumps(found))
