"""Losses and constraints that train a segmenter from weak labels, by name."""

from __future__ import annotations

from collections.abc import Callable

from tag2mask.models.crf import CRF_PRESETS, CRFS, DEFAULT_CRF
from tag2mask.models.weak.base import WeakLabels, WeakLoss
from tag2mask.models.weak.ccnn import Ccnn
from tag2mask.models.weak.em_adapt import EmAdapt
from tag2mask.models.weak.foreground_prior import ForegroundPrior
from tag2mask.models.weak.mil import MilFcn, MilIlp
from tag2mask.models.weak.sec import Sec

__all__ = ["WEAK_LOSSES", "WeakLabels", "WeakLoss"]


def _sec() -> WeakLoss:
    return Sec(CRFS[DEFAULT_CRF](CRF_PRESETS["sec_constrain"]))


WEAK_LOSSES: dict[str, Callable[[], WeakLoss]] = {
    "ccnn": Ccnn,
    "em_adapt": EmAdapt,
    "foreground_prior": ForegroundPrior,
    "mil_fcn": MilFcn,
    "mil_ilp": MilIlp,
    "sec": _sec,
}
