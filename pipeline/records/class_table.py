"""The classes of a run, in the order of their pixel values."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator

from tag2mask.pipeline.errors import UserError

BACKGROUND = 0
IGNORE = 255
MAX_CLASSES = 254

VOC_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)


class ClassTable(BaseModel):
    """The classes of a run, in the order of their pixel values.

    Args:
        names: Foreground class names; ``names[i]`` has the pixel value ``i + 1``.
            Pixel value 0 is background, 255 is ignore.

    Raises:
        ValueError: If a name is empty or occurs twice, or there are more than 254 names.
    """

    model_config = ConfigDict(frozen=True)

    names: tuple[str, ...]

    @field_validator("names")
    @classmethod
    def _check_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or len(names) > MAX_CLASSES:
            raise ValueError(f"there are {len(names)} class names: give 1 to {MAX_CLASSES}")
        if len(set(names)) != len(names) or not all(names):
            raise ValueError("class names must be different and not empty")
        return names

    def __len__(self) -> int:
        """The number of foreground classes."""
        return len(self.names)

    def index(self, name: str) -> int:
        """The pixel value of a class name, 1 to ``len(self)``.

        Raises:
            UserError: If the name is not in the table; the message lists the names.
        """
        if name not in self.names:
            raise UserError(f"unknown class {name!r}; choose one of {', '.join(self.names)}")
        return self.names.index(name) + 1

    def name(self, index: int) -> str:
        """The class name of a pixel value; 0 is ``background``, 255 is ``ignore``."""
        if index in (BACKGROUND, IGNORE):
            return "background" if index == BACKGROUND else "ignore"
        return self.names[index - 1]
