"""The inputs of a system compared with its needs: nothing is missing and nothing is ignored."""

from __future__ import annotations

from dataclasses import dataclass

from tag2mask.models.generation import GeneratingSystem
from tag2mask.models.generation.base import ReadsSentences
from tag2mask.models.transformation import TransformingSystem
from tag2mask.pipeline.preconditions import Precondition, require
from tag2mask.pipeline.systems.loading import read_sentence


@dataclass(frozen=True)
class GenerationInputs:
    """A generating system and the inputs of new images.

    Attributes:
        system: The system.
        model: Its URI.
        tags: Names of the classes that all images show.
        like: URI of a mask dataset, for a system that reads masks or images.
        sentence: A description of all images.
    """

    system: GeneratingSystem
    model: str
    tags: tuple[str, ...] = ()
    like: str | None = None
    sentence: str | None = None

    @property
    def columns(self) -> str:
        """The columns of a dataset that the system needs, as in ``mask and image``."""
        return " and ".join(name for name in self.system.needs if name != "tags")


GENERATION: tuple[Precondition[GenerationInputs], ...] = (
    Precondition(
        "the system reads the tags, if any",
        lambda given: not given.tags or "tags" in given.system.needs,
        "{0.model} takes no classes: leave --tags out",
    ),
    Precondition(
        "the system reads the dataset, if any",
        lambda given: given.like is None or bool(given.system.needs),
        "{0.model} makes images of noise alone: leave --like out",
    ),
    Precondition(
        "the system reads the sentence, if any",
        lambda given: given.sentence is None or isinstance(given.system, ReadsSentences),
        "{0.model} reads no sentences: leave --sentence out",
    ),
    Precondition(
        "a sentence stands alone",
        lambda given: given.sentence is None or (not given.tags and given.like is None),
        "the sentence describes the images: leave --tags and --like out",
    ),
    Precondition(
        "a needed dataset is given",
        lambda given: given.sentence is not None or given.like is not None or not given.columns,
        "{0.model} needs the {0.columns} of a dataset: name one by --like",
    ),
)


@dataclass(frozen=True)
class TransformationInputs:
    """A transforming system and the inputs beside the images.

    Attributes:
        system: The system.
        model: Its URI.
        is_dataset: Whether the images come from a mask dataset, with masks and tags.
        masks: URI of a folder of masks.
        style: URI of an image file.
        tags: Names of classes.
    """

    system: TransformingSystem
    model: str
    is_dataset: bool = False
    masks: str | None = None
    style: str | None = None
    tags: tuple[str, ...] = ()

    def needs(self, *names: str) -> bool:
        """Whether the system needs all of these inputs."""
        return set(names) <= set(self.system.needs)


TRANSFORMATION: tuple[Precondition[TransformationInputs], ...] = (
    Precondition(
        "frames come from a folder",
        lambda given: not (given.is_dataset and given.needs("next")),
        "{0.model} needs frames, which follow each other by their names: name a folder of them, "
        "not a dataset",
    ),
    Precondition(
        "a needed style is given",
        lambda given: given.style is not None or not given.needs("style"),
        "{0.model} needs an image whose style it takes: name one by --style",
    ),
    Precondition(
        "the system takes the style, if any",
        lambda given: given.style is None or given.needs("style"),
        "{0.model} takes the style of no other image: leave --style out",
    ),
    Precondition(
        "needed tags are given",
        lambda given: bool(given.tags) or given.is_dataset or not given.needs("tags"),
        "{0.model} changes some classes alone: name them by --tags",
    ),
    Precondition(
        "the system reads the tags, if any",
        lambda given: not given.tags or given.needs("tags"),
        "{0.model} takes no classes: leave --tags out",
    ),
    Precondition(
        "the system reads the masks, if any",
        lambda given: given.masks is None or given.needs("mask"),
        "{0.model} reads no masks: leave --masks out",
    ),
    Precondition(
        "a dataset comes without other masks",
        lambda given: given.masks is None or not given.is_dataset,
        "a dataset has masks of its own: leave --masks out",
    ),
    Precondition(
        "masks come with images",
        lambda given: given.masks is None or given.needs("image"),
        "{0.model} makes images of masks alone: name their folder as the images, and leave "
        "--masks out",
    ),
    Precondition(
        "needed masks are given",
        lambda given: (
            given.masks is not None or given.is_dataset or not given.needs("image", "mask")
        ),
        "{0.model} needs a mask of every image: name their folder by --masks",
    ),
)


def check_generation(given: GenerationInputs) -> None:
    """Checks the inputs of :func:`tag2mask.pipeline.systems.apply.generate_images`.

    Raises:
        UserError: If the system lacks an input, does not read one, or cannot read the sentence.
    """
    require(GENERATION, given)
    if given.sentence is not None:
        read_sentence(given.system, given.sentence)  # before the engine starts


def check_transformation(given: TransformationInputs) -> None:
    """Checks the inputs of :func:`tag2mask.pipeline.systems.apply.transform_images`.

    Raises:
        UserError: If the system lacks an input or does not read one.
    """
    require(TRANSFORMATION, given)
