"""Prediction: a trained segmenter, and what it predicts for images without tags."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias, overload

import fsspec
import numpy as np
import torch
from PIL import Image

from tag2mask.models.segmentation import Segmenter as Network
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.decoding import DecodeError, decode_rgb, to_rgb
from tag2mask.pipeline.labeling.recipe import RelabelSettings
from tag2mask.pipeline.prediction.network import full_size_logits
from tag2mask.pipeline.training.model_store import load_model

AnyImage: TypeAlias = str | Path | Image.Image | np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """The segmentation of one image.

    Attributes:
        mask: (H, W) uint8; 0 is background, i is ``class_names[i]``.
        probabilities: (1 + C, H, W) float32 in [0, 1], background first; they sum to 1.
        confidence: (H, W) float32 in [0, 1], the probability of the mask's class.
        class_names: The names of the 1 + C channels, ``background`` first.
    """

    mask: np.ndarray
    probabilities: np.ndarray
    confidence: np.ndarray
    class_names: tuple[str, ...]


class Segmenter:
    """A trained segmenter, loaded by :func:`load_segmenter`.

    Args:
        network: In evaluation mode, on its device.
        class_names: ``background`` and the classes.
        settings: Size and scales of the run that trained it.
    """

    def __init__(
        self, network: Network, class_names: tuple[str, ...], settings: RelabelSettings
    ) -> None:
        self.network = network
        self.class_names = class_names
        self.settings = settings

    # A string is a sequence of strings as well; the first signature holds for it.
    @overload
    def predict(self, image: AnyImage) -> Prediction: ...  # type: ignore[overload-overlap]

    @overload
    def predict(self, image: Sequence[AnyImage]) -> list[Prediction]: ...

    def predict(self, image: AnyImage | Sequence[AnyImage]) -> Prediction | list[Prediction]:
        """Segments an image, or each image of a batch.

        Args:
            image: A path or fsspec URI, a PIL image, or (H, W, 3) uint8 RGB; or a sequence of
                these. Images of files and PIL images are turned upright by their EXIF data.

        Returns:
            A prediction of the image's size; for a batch a list. On the CPU, the masks are
            those of the command ``predict``.

        Raises:
            UserError: If an image cannot be read, or an array has another shape or type.
        """
        if isinstance(image, str | Path | Image.Image | np.ndarray):
            return self._predict_one(image)
        return [self._predict_one(one) for one in image]

    def _predict_one(self, image: AnyImage) -> Prediction:
        logits = full_size_logits(self.network, read_rgb(image), self.settings)
        mask = logits.argmax(dim=0)
        probabilities = torch.softmax(logits, dim=0)
        return Prediction(
            mask=mask.byte().cpu().numpy(),
            probabilities=probabilities.cpu().numpy(),
            confidence=probabilities.gather(0, mask[None])[0].cpu().numpy(),
            class_names=self.class_names,
        )


def read_rgb(image: AnyImage) -> np.ndarray:
    """An image as (H, W, 3) uint8 RGB.

    Raises:
        UserError: If it cannot be read, or an array has another shape or type.
    """
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise UserError(
                f"an image array is (H, W, 3) uint8 RGB, not {image.shape} {image.dtype}; "
                "pass several images as a list"
            )
        return np.ascontiguousarray(image)
    try:
        if isinstance(image, Image.Image):
            return np.array(to_rgb(image))
        files, path = fsspec.core.url_to_fs(str(image))
        return np.array(decode_rgb(files.cat_file(path)))
    except (DecodeError, OSError) as error:
        name = "the image" if isinstance(image, Image.Image) else f"the image {image}"
        raise UserError(f"cannot read {name}: {error}") from error


def load_segmenter(uri: str | Path, *, device: str = "cpu") -> Segmenter:
    """Loads a trained segmenter.

    Args:
        uri: Folder of the model, such as ``RUN/models/powerful``, a local path or fsspec URI.
        device: Where it runs, as torch names it.

    Raises:
        UserError: If there is no segmenter at the URI, or it is damaged.

    Example:
        >>> segmenter = tag2mask.load_segmenter("run/models/powerful")
        >>> prediction = segmenter.predict("photos/JPEGImages/000000.jpg")
        >>> prediction.class_names
        ('background', 'ball', 'dice', 'ring', 'star', 'tent')
        >>> prediction.mask.shape == prediction.confidence.shape
        True
        >>> len(segmenter.predict(["photos/JPEGImages/000000.jpg"] * 2))
        2
    """
    network, card = load_model(str(uri), "segmenter")
    settings = RelabelSettings.model_validate(card.training.get("relabel", {}))
    names = ("background", *card.classes.names)
    return Segmenter(network.to(device), names, settings)
