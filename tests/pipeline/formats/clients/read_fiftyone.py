"""Reads COCO exports with FiftyOne's importer; it needs no database for that."""

import json
import os
import sys
from pathlib import Path

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
        images, detections = 0, []
        with importer:
            for _, _, label in importer:
                images += 1
                if isinstance(label, dict):
                    label = label["segmentations"]
                detections += label.detections if label else []
        found[f"{folder} {split}"] = {
            "images": images,
            "objects": len(detections),
            "masks": sum(detection.mask is not None for detection in detections),
            "pixels": sum(int(detection.mask.sum()) for detection in detections),
            "scored": sum(detection.confidence is not None for detection in detections),
        }
print(json.dumps(found))
