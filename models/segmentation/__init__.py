"""Segmenters by name; each is a :class:`~models.segmentation.base.Segmenter`."""

from __future__ import annotations

from models.segmentation.base import DROPOUT, DeepSupervision, Segmenter
from models.segmentation.crf_rnn import CrfRnn
from models.segmentation.deconvnet import DeconvNet
from models.segmentation.deeplab_v1 import DeepLabLargeFov
from models.segmentation.deeplab_v2 import DeepLabV2
from models.segmentation.dilation import Dilation, FrontEnd
from models.segmentation.fcn import Fcn8s, Fcn16s, Fcn32s
from models.segmentation.pointwise import Pointwise
from models.segmentation.pspnet import PspNet
from models.segmentation.segnet import SegNet
from models.segmentation.unet import UNet

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
