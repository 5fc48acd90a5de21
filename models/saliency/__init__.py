"""Saliency scorers by name; each is a :class:`~models.saliency.base.Scorer`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from models.saliency.activation import Activation
from models.saliency.agnostic import ClassAgnostic
from models.saliency.background import LogitGradient
from models.saliency.base import Scorer
from models.saliency.cam import Cam
from models.saliency.dcsm import Dcsm, DcsmCaffe
from models.saliency.dcsm_saliency import DcsmSaliency
from models.saliency.grabcut import GradientGrabCut
from models.saliency.gradients import Deconvnet, Gradient, GuidedBackprop
from models.saliency.occlusion import Occlusion
from models.saliency.oquab import ClassProbabilities
from models.saliency.relevance import (
    ContrastiveExcitation,
    Excitation,
    Relevance,
    alpha_beta_rule,
    epsilon_rule,
)

__all__ = ["SCORERS", "Scorer"]

# Builds a scorer from a tagger (None for scorers that need none) and its settings.
SCORERS: dict[str, Callable[..., Any]] = {
    "activation": Activation,
    "cam": Cam,
    "dcsm": Dcsm,
    "dcsm_caffe": DcsmCaffe,
    "dcsm_saliency": DcsmSaliency,
    "deconvnet": Deconvnet,
    "excitation": Excitation,
    "excitation_contrastive": ContrastiveExcitation,
    "gradient": Gradient,
    "gradient_grabcut": GradientGrabCut,
    "guided": GuidedBackprop,
    "logit_gradient": LogitGradient,
    "lrp_alpha_beta": partial(Relevance, rule=alpha_beta_rule),
    "lrp_epsilon": partial(Relevance, rule=epsilon_rule),
    "occlusion": Occlusion,
    "oquab": ClassProbabilities,
    "saliency": ClassAgnostic,
}
