"""Losses and constraints that train a segmenter from weak labels, by name."""

from __future__ import annotations

from collections.abc import Callable

from models.crf import CRF_PRESETS, CRFS
from models.weak.base import WeakLabels, WeakLoss
from models.weak.ccnn import Ccnn
from models.weak.em_adapt import EmAdapt
from models.weak.foreground_prior import ForegroundPrior
from models.weak.mil import MilFcn, MilIlp
from models.weak.sec import Sec

__all__ = ["WEAK_LOSSES", "WeakLabels", "WeakLoss"]


def _sec() -> WeakLoss:
    return Sec(CRFS["reference"](CRF_PRESETS["sec_constrain"]))


WEAK_LOSSES: dict[str, Callable[[], WeakLoss]] = {
    "ccnn": Ccnn,
    "em_adapt": EmAdapt,
    "foreground_prior": ForegroundPrior,
    "mil_fcn": MilFcn,
    "mil_ilp": MilIlp,
    "sec": _sec,
}
