"""Sentences about images, made from their tags and the places of the objects in their masks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tag2mask.models.label_planes import label_planes

NOTHING, ARTICLE = "", "a"
LINKS = ("and", "left of", "right of", "above", "below")
LENGTH = 5  # words of "a dog left of a cat", where the link is one word


class Sentences:
    """Sentences of three forms: ``a dog``, ``a dog and a cat``, ``a dog left of a cat``.

    Args:
        names: Names of the classes, in the order of their pixel values from 1.

    Attributes:
        words: All words. A sentence is a row of indices into this list, and short sentences are
            padded at the beginning.

    Raises:
        ValueError: If two classes have one name.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.words = (NOTHING, ARTICLE, *LINKS, *names)
        if len(set(self.words)) < len(self.words):
            raise ValueError("the class names must differ from each other and from: a, and, ...")
        self._first = len(self.words) - len(names)

    def describe(self, tags: Tensor, mask: Tensor, rng: torch.Generator) -> Tensor:
        """A sentence about up to two objects of each image.

        Args:
            tags: (N, C) zeros and ones.
            mask: (N, H, W) int64 labels, 0 for background and 255 for ignore.
            rng: Chooses the objects and their order.

        Returns:
            (N, L) int64 words. Two objects are linked by the direction from the center of the
            second to that of the first, along the axis of their larger distance. The link is
            ``and`` if the mask lacks one of them. An image without tags has no words.
        """
        count, classes = tags.shape
        device = tags.device
        order = torch.rand(count, classes, generator=rng, device=device)
        # Tags in random order first, then all other classes.
        ranked = (tags.float() + order * 0.5).argsort(dim=1, descending=True)
        pair = ranked[:, : min(2, classes)]
        there = tags.gather(1, pair) > 0
        sentence = torch.zeros(count, LENGTH, dtype=torch.int64, device=device)
        article = self.words.index(ARTICLE)
        sentence[:, -2] = article
        sentence[:, -1] = self._first + pair[:, 0]
        if classes > 1:
            link = self._link(*_centers(mask, classes, pair))
            both = torch.stack(
                [
                    torch.full_like(link, article),
                    self._first + pair[:, 0],
                    link,
                    torch.full_like(link, article),
                    self._first + pair[:, 1],
                ],
                dim=1,
            )
            sentence = torch.where(there[:, 1:], both, sentence)
        return sentence * there[:, :1]

    def _link(self, centers: Tensor, seen: Tensor) -> Tensor:
        """Words (N,) for the centers (N, 2, 2) of pairs, as (row, column)."""
        down, right = (centers[:, 0] - centers[:, 1]).unbind(dim=1)

        def place(word: str) -> Tensor:
            return torch.tensor(self.words.index(word), device=down.device)

        across = torch.where(right < 0, place("left of"), place("right of"))
        along = torch.where(down < 0, place("above"), place("below"))
        link = torch.where(right.abs() >= down.abs(), across, along)
        return torch.where(seen.all(dim=1), link, place("and"))

    def read(self, sentences: Sequence[str]) -> Tensor:
        """Sentences in letters to words (N, L).

        Raises:
            ValueError: If a sentence cannot be read, with the readable forms and words.
        """
        return torch.stack([self._read(sentence) for sentence in sentences])

    def _read(self, sentence: str) -> Tensor:
        rest, places = " ".join(sentence.split()), []
        # Longer words come first, so that "dog" does not hide "dog house".
        known = sorted(self.words[1:], key=len, reverse=True)
        while rest:
            word = next((word for word in known if f"{rest} ".startswith(f"{word} ")), None)
            if word is None:
                break
            places.append(self.words.index(word))
            rest = rest[len(word) :].lstrip()
        article = self.words.index(ARTICLE)
        shape = [place == article or (place >= self._first) * 2 for place in places]
        if rest or shape not in ([1, 2], [1, 2, 0, 1, 2]):
            links = ", ".join(LINKS)
            names = ", ".join(self.words[self._first :])
            raise ValueError(
                f"cannot read '{sentence}': write 'a X' or 'a X LINK a Y' with a link of {links} "
                f"and objects of {names}"
            )
        return torch.tensor([0] * (LENGTH - len(places)) + places)

    def write(self, words: Tensor) -> list[str]:
        """Words (N, L) to sentences in letters."""
        return [" ".join(self.words[place] for place in row if place) for row in words.tolist()]


def _centers(mask: Tensor, classes: int, pair: Tensor) -> tuple[Tensor, Tensor]:
    """Centers (N, 2, 2) of two classes each as (row, column), and whether they exist (N, 2)."""
    planes = label_planes(mask, classes)[:, 1:]
    rows = torch.arange(mask.shape[1], device=mask.device, dtype=torch.float32)
    columns = torch.arange(mask.shape[2], device=mask.device, dtype=torch.float32)
    areas = planes.sum(dim=(2, 3))
    down = (planes.sum(dim=3) * rows).sum(dim=2) / areas.clamp(min=1)
    right = (planes.sum(dim=2) * columns).sum(dim=2) / areas.clamp(min=1)
    centers = torch.stack([down, right], dim=2)
    chosen = centers.gather(1, pair[..., None].expand(-1, -1, 2))
    return chosen, areas.gather(1, pair) > 0
