"""Segmenters by name; each is a :class:`~tag2mask.models.segmentation.base.Segmenter`."""

from __future__ import annotations

from tag2mask.models.segmentation.base import DROPOUT, DeepSupervision, Segmenter
from tag2mask.models.segmentation.crf_rnn import CrfRnn
from tag2mask.models.segmentation.deconvnet import DeconvNet
from tag2mask.models.segmentation.deeplab_v1 import DeepLabLargeFov
from tag2mask.models.segmentation.deeplab_v2 import DeepLabV2
from tag2mask.models.segmentation.dilation import Dilation, FrontEnd
from tag2mask.models.segmentation.fcn import Fcn8s, Fcn16s, Fcn32s
from tag2mask.models.segmentation.pointwise import Pointwise
from tag2mask.models.segmentation.pspnet import PspNet
from tag2mask.models.segmentation.segnet import SegNet
from tag2mask.models.segmentation.unet import UNet

__all__ = ["DROPOUT", "SEGMENTERS", "DeepLabLargeFov", "DeepSupervision", "Segmenter"]

SEGMENTERS: dict[str, type[Segmenter]] = {
    "crf_rnn": CrfRnn,
    "deconvnet": DeconvNet,
    "deeplab_v1": DeepLabLargeFov,
    "deeplab_v2": DeepLabV2,
    "dilation": Dilation,
    "dilation_front": FrontEnd,
    "fcn32s": Fcn32s,
    "fcn16s": Fcn16s,
    "fcn8s": Fcn8s,
    "pointwise": Pointwise,
    "pspnet": PspNet,
    "segnet": SegNet,
    "unet": UNet,
}
