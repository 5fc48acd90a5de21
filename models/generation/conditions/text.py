"""Sentences as a condition (Reed et al., ICML 2016): GAN-CLS and GAN-INT."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tag2mask.models.adversarial import SLOPE
from tag2mask.models.generation.conditions.base import (
    Condition,
    ConditionInputs,
    Mismatched,
    Reader,
    swap_vectors,
    vector_inputs,
)
from tag2mask.models.generation.sentences import Sentences
from tag2mask.models.system import Batch

EMBEDDING = 32  # numbers of a word


class SentenceReader(Reader):
    """The mean of the recurrent states at the end of two sentences, compressed.

    The paper takes a text encoder that was trained before. Tags give so few words that each
    network learns its own encoder.

    Args:
        words: Number of different words.
        states: Number of states of the recurrence.
        vector: Length of the vector for a network.
    """

    def __init__(self, words: int, states: int, vector: int) -> None:
        super().__init__(vector)
        self.embed = nn.Embedding(words, EMBEDDING)
        self.recur = nn.GRU(EMBEDDING, states, batch_first=True)
        self.compress = nn.Sequential(nn.Linear(states, vector), nn.LeakyReLU(SLOPE))

    def forward(self, inputs: ConditionInputs) -> ConditionInputs:
        """Two sentences (N, 2, L) for each image to (N, V)."""
        _, ends = self.recur(self.embed(inputs.vector.flatten(0, 1)))
        means = ends[0].unflatten(0, (-1, 2)).mean(dim=1)
        return vector_inputs(self.compress(means))


class Text(Condition):
    """A sentence about the image as a condition of both networks.

    The inputs are two sentences for each image, of which networks take the mean. They are equal,
    or for GAN-INT (section 4.3, with a share of 0.5) different, so that no image shows them. For
    GAN-CLS (section 4.2) the discriminator also gets real images with the sentences of others.

    Args:
        sentences: Makes the sentences from tags and masks.
        states: Number of states of the recurrence.
        vector: Length of the vector that each network makes of a sentence; 128 in the paper.
    """

    needs = ("tags", "mask")

    def __init__(self, sentences: Sentences, *, states: int, vector: int) -> None:
        super().__init__()
        self.sentences, self.states, self.vector = sentences, states, vector

    def make_inputs(self, count: int, batch: Batch, rng: torch.Generator) -> ConditionInputs:
        """A sentence about each image, or the given ``words`` (N, L), twice: (N, 2, L)."""
        if "words" in batch:
            return self.plain(batch["words"])
        return self.plain(self.sentences.describe(batch["tags"], batch["mask"], rng))

    def plain(self, words: Tensor) -> ConditionInputs:
        """Sentences (N, L) as inputs."""
        return vector_inputs(words[:, None].expand(-1, 2, -1))

    def between(self, inputs: ConditionInputs, rng: torch.Generator) -> ConditionInputs:
        """Every second image gets its own sentence and another one."""
        others = swap_vectors(inputs, rng).inputs.vector
        mixed = torch.stack([inputs.vector[:, 0], others[:, 0]], dim=1)
        every_second = torch.arange(len(mixed), device=mixed.device) % 2 == 0
        return vector_inputs(torch.where(every_second[:, None, None], inputs.vector, mixed))

    def draw_mismatched(self, inputs: ConditionInputs, rng: torch.Generator) -> Mismatched:
        """The sentence of another image."""
        return swap_vectors(inputs, rng)

    def for_generator(self) -> Reader:
        """A reader with a recurrence of its own."""
        return SentenceReader(len(self.sentences.words), self.states, self.vector)

    def for_discriminator(self) -> Reader:
        """A reader with a recurrence of its own."""
        return SentenceReader(len(self.sentences.words), self.states, self.vector)
