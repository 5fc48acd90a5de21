"""Text to image (Reed et al., "Generative adversarial text to image synthesis", ICML 2016)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field, model_validator
from torch import Tensor

from tag2mask.models.generation.conditions.text import Text
from tag2mask.models.generation.dcgan import ImageGan, ProjectedGanSettings
from tag2mask.models.generation.networks import eval_mode
from tag2mask.models.generation.sentences import Sentences


class TextSettings(ProjectedGanSettings):
    """Settings of the text-conditioned GAN."""

    names: tuple[str, ...] = Field(
        (), description="Class names in sentences; by default the dataset's."
    )
    states: int = Field(
        128, ge=1, description="States of the recurrent network that encodes a sentence."
    )
    sentence: int = Field(
        128, ge=1, description="Length of the vector that each network makes of a sentence."
    )

    @model_validator(mode="after")
    def _one_name_a_class(self) -> TextSettings:
        if self.names and len(self.names) != self.classes:
            raise ValueError(f"{len(self.names)} names were given for {self.classes} classes")
        return self


class TextGan(ImageGan):
    """Makes images of sentences such as "a dog left of a cat".

    It is trained on sentences from tags and masks, with mismatched pairs (GAN-CLS) and sentences
    between two (GAN-INT). The discriminator gets the sentence at its last level (figure 2).
    """

    settings_type = TextSettings
    needs = Text.needs
    view = "image"
    condition: Text

    def __init__(self, settings: TextSettings) -> None:
        names = settings.names or tuple(f"class{k + 1}" for k in range(settings.classes))
        condition = Text(Sentences(names), states=settings.states, vector=settings.sentence)
        super().__init__(settings, condition, joins=-1, backbone=settings.backbone)

    @torch.no_grad()
    def illustrate(self, sentences: Sequence[str], rng: torch.Generator) -> Tensor:
        """An image (N, 3, S, S) of each sentence.

        Raises:
            ValueError: If a sentence cannot be read, with the readable forms and words.
        """
        return self.sample(len(sentences), {"words": self.read(sentences).to(rng.device)}, rng)

    def read(self, sentences: Sequence[str]) -> Tensor:
        """See :class:`tag2mask.models.generation.base.ReadsSentences`."""
        return self.condition.sentences.read(sentences)

    @torch.no_grad()
    def match(self, images: Tensor, words: Tensor) -> Tensor:
        """The match of sentences (N, L) with images (N, 3, S, S), as logits (N,)."""
        with eval_mode(self.discriminator):
            return self.discriminator(images, self.condition.plain(words)).logits.mean(dim=1)
