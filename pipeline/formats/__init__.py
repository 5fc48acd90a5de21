"""Formats that a dataset can be exported to: one short file for each."""

from __future__ import annotations

from tag2mask.pipeline.formats.base import Exporter, ExportSample
from tag2mask.pipeline.formats.coco_instances import CocoInstancesExporter
from tag2mask.pipeline.formats.coco_panoptic import CocoPanopticExporter
from tag2mask.pipeline.formats.coco_stuff import CocoStuffExporter
from tag2mask.pipeline.formats.cvat import CvatExporter
from tag2mask.pipeline.formats.hugging_face import HuggingFaceExporter
from tag2mask.pipeline.formats.label_studio import LabelStudioExporter
from tag2mask.pipeline.formats.voc import VocExporter
from tag2mask.pipeline.formats.webdataset import WebdatasetExporter
from tag2mask.pipeline.formats.yolo import YoloExporter

EXPORTERS: dict[str, type[Exporter]] = {
    "voc": VocExporter,
    "coco": CocoInstancesExporter,
    "coco-panoptic": CocoPanopticExporter,
    "coco-stuff": CocoStuffExporter,
    "hf": HuggingFaceExporter,
    "yolo": YoloExporter,
    "label-studio": LabelStudioExporter,
    "cvat": CvatExporter,
    "webdataset": WebdatasetExporter,
}

__all__ = ["EXPORTERS", "ExportSample", "Exporter"]
