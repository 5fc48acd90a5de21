"""Formats that a dataset can be exported to: one short file for each."""

from __future__ import annotations

from pipeline.export.base import Exporter, Sample
from pipeline.export.coco_instances import CocoInstancesExporter
from pipeline.export.coco_panoptic import CocoPanopticExporter
from pipeline.export.coco_stuff import CocoStuffExporter
from pipeline.export.hugging_face import HuggingFaceExporter
from pipeline.export.voc import VocExporter
from pipeline.export.yolo import YoloExporter

EXPORTERS: dict[str, type[Exporter]] = {
    "voc": VocExporter,
    "coco": CocoInstancesExporter,
    "coco-panoptic": CocoPanopticExporter,
    "coco-stuff": CocoStuffExporter,
    "hf": HuggingFaceExporter,
    "yolo": YoloExporter,
}

__all__ = ["EXPORTERS", "Exporter", "Sample"]
