"""Check tags: the tagger's probability of each tag of an image."""

from __future__ import annotations

from tag2mask.pipeline.evaluation.tags import image_logits
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.records.mask_rows import as_tensor, rgb
from tag2mask.pipeline.training.model_store import load_model


class CheckTags:
    """Adds ``tag_probability``, the tagger's probability of each tag, in the tags' order.

    A tag without support in the pixels is noise: the label of the neighboring image, a word of
    the caption. The tagger was trained on most of these images, noise included, so its
    probabilities are not independent. But it is trained on each of them a few times only, in
    random views. Networks learn the common features of a tag before they memorize exceptions
    (Arpit et al., "A closer look at memorization in deep networks", ICML 2017). So a low bound
    still finds noise.

    It runs on the processor: the segmenter before it has the GPU.

    Args:
        tagger: URI of the tagger.
        size: Longer side to which images are scaled, in pixels.
    """

    def __init__(self, tagger: str, size: int) -> None:
        self.tagger, _ = load_model(tagger, "tagger")
        self.size = size

    def __call__(self, rows: list[Row]) -> list[Row]:
        """One image after another: a row's probabilities must not depend on its batch."""
        return [self._check(row) for row in rows]

    def _check(self, row: Row) -> Row:
        probability = image_logits(self.tagger, as_tensor(rgb(row)), self.size).sigmoid()
        return {**row, "tag_probability": [float(probability[tag - 1]) for tag in row["tags"]]}
