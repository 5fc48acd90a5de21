"""Saliency scorers by name; each is a :class:`~tag2mask.models.saliency.base.Scorer`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tag2mask.models.saliency.activation import Activation
from tag2mask.models.saliency.agnostic import ClassAgnostic
from tag2mask.models.saliency.background_detection import LogitGradient
from tag2mask.models.saliency.base import Scorer
from tag2mask.models.saliency.cam import Cam
from tag2mask.models.saliency.dcsm import Dcsm, DcsmCaffe
from tag2mask.models.saliency.dcsm_saliency import DcsmSaliency
from tag2mask.models.saliency.global_max_pooling import ClassProbabilities
from tag2mask.models.saliency.grabcut import GradientGrabCut
from tag2mask.models.saliency.gradients import Deconvnet, Gradient, GuidedBackprop
from tag2mask.models.saliency.occlusion import Occlusion
from tag2mask.models.saliency.relevance import (
    ContrastiveExcitation,
    Excitation,
    Relevance,
    alpha_beta_rule,
    epsilon_rule,
)

__all__ = ["OLD_NAMES", "SCORERS", "Scorer"]

# Builds a scorer from a tagger (None for scorers that need none) and its settings.
SCORERS: dict[str, Callable[..., Any]] = {
    "activation": Activation,
    "background_detection": ClassAgnostic,
    "cam": Cam,
    "dcsm": Dcsm,
    "dcsm_caffe": DcsmCaffe,
    "dcsm_saliency": DcsmSaliency,
    "deconvnet": Deconvnet,
    "excitation": Excitation,
    "excitation_contrastive": ContrastiveExcitation,
    "global_max_pooling": ClassProbabilities,
    "gradient": Gradient,
    "gradient_grabcut": GradientGrabCut,
    "guided": GuidedBackprop,
    "logit_gradient": LogitGradient,
    "lrp_alpha_beta": partial(Relevance, rule=alpha_beta_rule),
    "lrp_epsilon": partial(Relevance, rule=epsilon_rule),
    "occlusion": Occlusion,
}

# Recipes are stored with datasets, and old names are readable for one version.
OLD_NAMES = {"oquab": "global_max_pooling", "saliency": "background_detection"}
