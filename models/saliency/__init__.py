"""Saliency scorers by name; each is a :class:`~models.saliency.base.Scorer`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.saliency.agnostic import ClassAgnostic
from models.saliency.base import Scorer
from models.saliency.cam import Cam
from models.saliency.dcsm import Dcsm, DcsmCaffe

__all__ = ["SCORERS", "Scorer"]

# Builds a scorer from a tagger (None for scorers that need none) and its settings.
SCORERS: dict[str, Callable[..., Any]] = {
    "cam": Cam,
    "dcsm": Dcsm,
    "dcsm_caffe": DcsmCaffe,
    "saliency": ClassAgnostic,
}
