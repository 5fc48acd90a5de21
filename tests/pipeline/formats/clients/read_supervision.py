"""Reads COCO, VOC and YOLO exports with supervision."""

import json
import sys
from pathlib import Path

import supervision

root = Path(sys.argv[1])
found = {}
for split in ("train", "val"):
    loaded = {
        "coco": supervision.DetectionDataset.from_coco(
            images_directory_path=str(root / f"coco/images/{split}"),
            annotations_path=str(root / f"coco/annotations/instances_{split}.json"),
            force_masks=True,
        ),
        "yolo": supervision.DetectionDataset.from_yolo(
            images_directory_path=str(root / f"yolo/images/{split}"),
            annotations_directory_path=str(root / f"yolo/labels/{split}"),
            data_yaml_path=str(root / "yolo/data.yaml"),
            force_masks=True,
        ),
    }
    for kind, dataset in loaded.items():
        found[f"{kind} {split}"] = {
            "classes": sorted(dataset.classes),
            "images": len(dataset),
            "objects": sum(len(item) for item in dataset.annotations.values()),
            "pixels": sum(
                int(item.mask.sum())
                for item in dataset.annotations.values()
                if item.mask is not None
            ),
        }
boxes = supervision.DetectionDataset.from_pascal_voc(
    images_directory_path=str(root / "voc/JPEGImages"),
    annotations_directory_path=str(root / "voc/Annotations"),
)
found["voc"] = {
    "classes": sorted(boxes.classes),
    "images": len(boxes),
    "objects": sum(len(item) for item in boxes.annotations.values()),
}
print(json.dumps(found))
