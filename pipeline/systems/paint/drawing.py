"""Drawings, and the photos that a system makes of them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import torch

from tag2mask.models.generation import GeneratingSystem
from tag2mask.models.system import Batch
from tag2mask.models.transformation import TransformingSystem
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import IGNORE, ClassTable
from tag2mask.pipeline.systems.loading import choose_device, load_system
from tag2mask.pipeline.systems.training_log import encode_png

NEEDS = ({"mask"}, {"image", "mask"})
SMALLEST, LARGEST = 16, 1024  # sides of a drawing, in pixels


@dataclass(frozen=True)
class PaintModel:
    """A system that makes photos of masks, or fills the holes of photos.

    Attributes:
        name: Name of the system, for people.
        system: The system in evaluation mode.
        classes: The classes of the masks.
        device: The device of the system.
    """

    name: str
    system: GeneratingSystem | TransformingSystem
    classes: ClassTable
    device: torch.device
    _turn: threading.Lock = field(default_factory=threading.Lock, compare=False)

    @classmethod
    def load(cls, uri: str, device: str | None = None) -> PaintModel:
        """A stored system, ready to paint.

        Args:
            uri: Folder of the system.
            device: Name of the device; by default a GPU if there is one.

        Raises:
            UserError: If there is no system, or it does not make images from masks.
        """
        system, card = load_system(uri)
        if (
            not isinstance(system, GeneratingSystem | TransformingSystem)
            or set(system.needs) not in NEEDS
        ):
            raise UserError(
                f"the system at {uri} makes no photos of masks: paint needs one that does, such "
                "as mask_to_photo, or that fills holes, such as inpainting"
            )
        place = choose_device(device)
        name = getattr(card.architecture, "name", type(system).__name__)
        return cls(name, system.to(place), card.classes, place)

    @property
    def size(self) -> int:
        """Side of the images that the system was trained on, in pixels."""
        return self.system.settings.size

    @property
    def fills(self) -> bool:
        """Whether the system changes an image inside of a mask."""
        return "image" in self.system.needs

    def body_size(self, height: int, width: int) -> int:
        """The bytes of a drawing: a label a pixel and, if the system fills holes, RGB."""
        return height * width * (4 if self.fills else 1)

    def image(self, drawing: bytes, height: int, width: int, seed: int = 0) -> bytes:
        """The photo of a drawing; of several threads, one is served at a time.

        Args:
            drawing: Labels (height, width) uint8 and then, if the system fills holes, RGB
                (height, width, 3) uint8.
            height: Height of the drawing, in pixels.
            width: Width of the drawing, in pixels.
            seed: Random seed of the system's noise; the same drawing gives the same photo.

        Returns:
            The photo as a PNG file.

        Raises:
            ValueError: If the drawing does not have that size or a label is unknown, with one
                sentence for a person.
        """
        batch = self._batch(drawing, height, width)
        rng = torch.Generator(self.device).manual_seed(seed)
        with self._turn, torch.no_grad():
            if isinstance(self.system, GeneratingSystem):
                made = self.system.sample(1, batch, rng)
            else:
                made = self.system.transform(batch, rng)
        return encode_png(made[0])

    def _batch(self, drawing: bytes, height: int, width: int) -> Batch:
        if min(height, width) < SMALLEST or max(height, width) > LARGEST:
            raise ValueError(
                f"a drawing of {width} x {height} pixels: its sides must be {SMALLEST} to {LARGEST}"
            )
        if len(drawing) != self.body_size(height, width):
            raise ValueError(
                f"a drawing of {width} x {height} pixels has {self.body_size(height, width)} "
                f"bytes, not {len(drawing)}"
            )
        values = np.frombuffer(drawing, np.uint8)
        labels = values[: height * width].reshape(1, height, width)
        painted = labels[labels != IGNORE]
        if painted.size and painted.max() > len(self.classes):
            raise ValueError(
                f"unknown label {painted.max()}; the labels of the model are 0 to "
                f"{len(self.classes)}"
            )
        batch = {"mask": torch.from_numpy(labels.astype(np.int64)).to(self.device)}
        if self.fills:
            colors = values[height * width :].reshape(1, height, width, 3)
            image = torch.from_numpy(colors.astype(np.float32)).permute(0, 3, 1, 2)
            batch["image"] = (image / 127.5 - 1).to(self.device)
        return batch
