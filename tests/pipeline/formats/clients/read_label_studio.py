"""Converts a COCO export with label-studio-converter, and decodes our own tasks with it."""

import json
import sys
from pathlib import Path

from label_studio_converter.brush import decode_rle
from label_studio_converter.imports.coco import convert_coco_to_ls

root, out = Path(sys.argv[1]), Path(sys.argv[2])
found = {}
for split in ("train", "val"):
    target = out / f"{split}.json"
    convert_coco_to_ls(str(root / f"coco/annotations/instances_{split}.json"), str(target))
    tasks = json.loads(target.read_text())
    results = [item for task in tasks for item in task["annotations"][0]["result"]]
    found[f"coco {split}"] = {
        "images": len(tasks),
        "objects": sum(item["type"] == "polygonlabels" for item in results),
    }
    tasks = json.loads((root / f"label-studio/tasks_{split}.json").read_text())
    results = [item for task in tasks for item in task["predictions"][0]["result"]]
    pixels = 0
    for item in results:
        channels = decode_rle(item["value"]["rle"]).reshape(
            item["original_height"], item["original_width"], 4
        )
        pixels += int((channels[..., 3] == 255).sum())
    found[f"label-studio {split}"] = {
        "images": len(tasks),
        "objects": len(results),
        "pixels": pixels,
    }
sys.stdout.write("\n" + json.dumps(found) + "\n")
