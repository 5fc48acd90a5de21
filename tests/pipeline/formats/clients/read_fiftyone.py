"""Reads COCO exports with FiftyOne's importer; it needs no database for that."""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["FIFTYONE_DISABLE_SERVICES"] = "1"
os.environ["FIFTYONE_DO_NOT_TRACK"] = "true"

from fiftyone.utils.coco import COCODetectionDatasetImporter

root = Path(sys.argv[1])
found = {}
for folder in ("coco", "coco-rle"):
    for split in ("train", "val"):
        importer = COCODetectionDatasetImporter(
            data_path=str(root / folder / "images" / split),
            labels_path=str(root / folder / f"annotations/instances_{split}.json"),
            label_types=["segmentations"],
        )
        images = 0
        detections: list[Any] = []
        with importer:
            for _, _, label in importer:
                images += 1
                if isinstance(label, dict):
                    label = label["segmentations"]
                detections += label.detections if label else []
        found[f"{folder} {split}"] = {
            "images": images,
            "objects": len(detections),
            "masks": len([one for one in detections if one.mask is not None]),
            "pixels": sum(int(detection.mask.sum()) for detection in detections),
            "scored": len([one for one in detections if one.confidence is not None]),
        }
print(json.dumps(found))
