"""Reads a YOLO export as a training of Ultralytics does."""

import json
import os
import sys

os.environ["YOLO_OFFLINE"] = "true"
os.environ["YOLO_AUTOINSTALL"] = "false"

from ultralytics.data.dataset import YOLODataset
from ultralytics.data.utils import check_det_dataset

data = check_det_dataset(f"{sys.argv[1]}/yolo/data.yaml", autodownload=False)
found = {}
for split in ("train", "val"):
    dataset = YOLODataset(img_path=data[split], data=data, task="segment", augment=False, imgsz=96)
    labels = dataset.get_labels()
    found[split] = {
        "classes": list(data["names"].values()),
        "images": len(labels),
        "objects": sum(len(label["cls"]) for label in labels),
        "segments": sum(len(label["segments"]) for label in labels),
    }
sys.stdout.write("\n" + json.dumps(found) + "\n")
