"""A segmenter with all that decides its masks: device, classes, CRF."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tag2mask.models.mask_cleaning import clean_labels
from tag2mask.models.segmentation import Segmenter
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import RelabelSettings
from tag2mask.pipeline.prediction.network import batch_logits, enlarge
from tag2mask.pipeline.prediction.settings import PredictSettings
from tag2mask.pipeline.records import BACKGROUND, ClassTable
from tag2mask.pipeline.records.mask_rows import label_pixels
from tag2mask.pipeline.stages.crf_refinement import bounded_image
from tag2mask.pipeline.stages.relabel import Relabel
from tag2mask.pipeline.stages.segment import LOGITS
from tag2mask.pipeline.training.model_store import load_model

GPU_BATCH = 8


@dataclass(frozen=True, eq=False)
class PixelLabels:
    """The mask of an image and its confidence.

    Attributes:
        mask: (H, W) uint8; 0 is background, i is the model's i-th class, 255 is ignored.
        confidence: (H, W) float32 in [0, 1], the probability of the mask's class before the CRF.
    """

    mask: np.ndarray
    confidence: np.ndarray


class Predictor:
    """Predicts masks of images.

    Args:
        segmenter: In evaluation mode, on its device.
        class_names: The model's classes, without the background.
        weights: SHA-256 of the weights.
        settings: Size, scales and CRF.
        masks: Values of :class:`tag2mask.pipeline.stages.mask_settings.MaskSettings`, for the CRF.
        options: Classes, batches and device.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        class_names: tuple[str, ...],
        weights: str,
        settings: RelabelSettings,
        masks: dict[str, Any],
        options: PredictSettings,
    ) -> None:
        self.segmenter = segmenter
        self.class_names = class_names
        self.batch = options.batch or _default_batch(segmenter)
        self._weights = weights
        self._settings = settings
        chosen = _indices(class_names, options.classes)
        self._labels = np.array([BACKGROUND, *chosen], np.uint8)
        self._relabel = (
            Relabel(
                crf=settings.crf,
                crf_method=settings.crf_method,
                ignore_below=settings.ignore_below,
                masks=masks,
            )
            if options.crf
            else None
        )

    @classmethod
    def load(
        cls, model: str, settings: RelabelSettings | None, options: PredictSettings
    ) -> Predictor:
        """Load a stored segmenter.

        Args:
            model: URI of the segmenter.
            settings: By default those of the run that trained the model.
            options: Classes, CRF, batches and device.

        Raises:
            UserError: If there is no segmenter, no such class or no such device.
        """
        segmenter, card = load_model(model, "segmenter")
        names: ClassTable = card.classes
        device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            segmenter = segmenter.to(device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"cannot use the device {device!r} ({reason}): choose cpu, or cuda where torch "
                "finds a GPU"
            ) from error
        relabel = settings or RelabelSettings.model_validate(card.training.get("relabel", {}))
        masks = card.training.get("masks", {})
        return cls(segmenter, tuple(names.names), card.weights, relabel, masks, options)

    def digest(self) -> str:
        """A hash of everything that a mask follows from, beside its image."""
        crf = self._relabel
        content = {
            "weights": self._weights,
            "settings": self._settings.model_dump(mode="json", include={"size", "scales"}),
            "labels": self._labels.tolist(),
            "crf": None
            if crf is None
            else [self._settings.model_dump(mode="json"), crf.masks.model_dump(mode="json")],
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def predict(self, images: Sequence[np.ndarray]) -> list[PixelLabels]:
        """Predict the masks of images of one size.

        On a processor, an image's mask does not depend on the others.

        Args:
            images: (H, W, 3) uint8 RGB each.
        """
        logits = batch_logits(self.segmenter, images, self._settings)
        allowed = torch.from_numpy(self._labels.astype(np.int64))
        if len(allowed) < 1 + len(self.class_names):
            logits = [each[allowed.to(each.device)] for each in logits]
        if self._relabel is None:
            return [self._unrefined(*each) for each in zip(images, logits, strict=True)]
        return [
            self._refined(image, each, self._relabel)
            for image, each in zip(images, logits, strict=True)
        ]

    @torch.no_grad()
    def _unrefined(self, image: np.ndarray, logits: Tensor) -> PixelLabels:
        full = enlarge(logits, image.shape[:2])
        chosen = full.argmax(dim=0)
        confidence = full.softmax(dim=0).gather(0, chosen[None])[0]
        return PixelLabels(self._labels[chosen.cpu().numpy()], confidence.cpu().numpy())

    def _refined(self, image: np.ndarray, logits: Tensor, relabel: Relabel) -> PixelLabels:
        """As in the rounds, where the classes that are found stand for the tags."""
        found = np.unique(logits.argmax(dim=0).cpu().numpy())
        channels = np.array([0, *found[found > 0]])
        if len(channels) == 1:
            return self._unrefined(image, logits)
        small = bounded_image(image, relabel.masks.max_side)
        before = relabel.probabilities(small, {LOGITS: logits.cpu().numpy()[channels]})
        refined = relabel.refine([small], [before])[0].argmax(axis=0)
        cleaned = clean_labels(refined, relabel.masks.min_component, relabel.masks.min_hole)
        mask, confidence = label_pixels(
            self._labels[channels],
            (image.shape[0], image.shape[1]),
            cleaned,
            before,
            ignore_below=relabel.ignore_below,
        )
        return PixelLabels(mask, confidence)


def _indices(names: Sequence[str], chosen: Sequence[str] | None) -> list[int]:
    """The pixel values of chosen classes, in the model's order."""
    if chosen is not None and not chosen:
        raise UserError(f"no class is chosen: choose some of {', '.join(names)}")
    unknown = [name for name in chosen or () if name not in names]
    if unknown:
        raise UserError(
            f"the model knows no class {unknown[0]!r}: choose some of {', '.join(names)}"
        )
    return [index for index, name in enumerate(names, 1) if chosen is None or name in chosen]


def _default_batch(segmenter: Segmenter) -> int:
    """On a processor, batches gain nothing, and one image at a time gives the masks of a run."""
    return GPU_BATCH if next(segmenter.parameters()).device.type != "cpu" else 1
