"""The rows of the survey's Table 1, by name."""

from __future__ import annotations

from dataclasses import dataclass

from tag2mask.flows.benchmarks.predictions import (
    Make,
    crf,
    direct,
    no_crf,
    on_tree,
    ours,
    regions,
    staged,
    stc,
    supervised,
    walk,
    weak,
)
from tag2mask.pipeline.benchmarks import train_masks as mask_training
from tag2mask.pipeline.benchmarks import train_weak as weak_training
from tag2mask.pipeline.benchmarks.stages.segment_smoothing import (
    RelabelSuperpixels,
    SegmentWithPrior,
)


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        supervision: ``masks`` or ``tags``.
        make: Its predictions.
        published: Mean IoU on VOC 2012 test in percent, from the survey's Table 1.
        mark: † is on VOC 2011, ‡ uses MS COCO too.
    """

    supervision: str
    make: Make
    published: float | None = None
    mark: str = ""


METHODS: dict[str, Method] = {
    "o2p": Method("masks", regions("o2p"), 47.6),
    "rcnn": Method("masks", regions("rcnn"), 47.9, "†"),
    "sds": Method("masks", regions("sds"), 51.6),
    "spp": Method("masks", regions("spp")),
    "pointwise": Method("masks", supervised("pointwise")),
    "fcn32s": Method("masks", supervised("fcn32s", 32)),
    "fcn16s": Method("masks", supervised("fcn16s", 32)),
    "fcn8s": Method("masks", supervised("fcn8s", 32), 62.2),
    "segnet": Method("masks", supervised("segnet")),
    "deconvnet": Method("masks", supervised("deconvnet")),
    "unet": Method("masks", supervised("unet", train=mask_training.train_unet)),
    "dilation_front": Method("masks", supervised("dilation_front")),
    "dilation": Method("masks", staged("dilation_front", "dilation")),
    "deeplab_v1": Method("masks", supervised("deeplab_v1"), 71.6),
    "deeplab_v1 + tree": Method("masks", on_tree("deeplab_v1", "deeplab_v1")),
    "crf_rnn": Method("masks", staged("fcn8s", "crf_rnn", 32), 72.0),
    "deeplab_v2": Method("masks", supervised("deeplab_v2"), 79.7, "‡"),
    "pspnet": Method("masks", supervised("pspnet"), 82.6),
    "mil_fcn": Method("tags", weak("mil_fcn"), 24.9),
    "ccnn": Method("tags", weak("ccnn"), 35.5),
    "em_adapt": Method("tags", weak("em_adapt"), 39.6),
    "mil_ilp": Method("tags", weak("mil_ilp", negatives=True)),
    "mil_ilp_seg": Method(
        "tags",
        weak(
            "mil_ilp",
            model="mil_ilp",
            segment=SegmentWithPrior,
            relabel=RelabelSuperpixels,
            negatives=True,
        ),
        40.6,
    ),
    "dcsm": Method("tags", direct(no_crf), 41.0),
    "dcsm + crf": Method("tags", direct(crf), 45.1),
    "dcsm + affinity": Method("tags", direct(walk)),
    "foreground_prior": Method("tags", weak("foreground_prior", weak_training.foreground), 48.0),
    "stc": Method("tags", stc, 51.2),
    "sec": Method("tags", weak("sec", weak_training.cues), 51.7),
    "ours": Method("tags", ours(walked=False, augmented=False), 51.2),
    "ours + augmentation": Method("tags", ours(walked=False, augmented=True), 52.8),
    "ours + affinity": Method("tags", ours(walked=True, augmented=True)),
}
