"""FiftyOne's data sets of images with labels, as its exporters write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources.base import TaggedFile, TreeSource, unique
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError

LABELS = "labels.json"
DATA = "data"


class FiftyOneSource(TreeSource):
    """Images of ``data/`` with the labels that ``labels.json`` gives to their stems.

    The formats ``FiftyOneImageClassificationDataset`` and ``FiftyOneImageDetectionDataset``:
    an object with ``classes`` (a list, or null) and ``labels``, whose values are a label, a
    list of labels, or a list of objects with a ``label``; null is no label. Labels are names,
    or numbers of classes. (A ``labels.json`` in COCO's form is a source of the kind ``coco``.)
    """

    kind: ClassVar[str] = "fiftyone"
    looked_for: ClassVar[str] = f"a FiftyOne data set ({LABELS} and {DATA}/)"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there are labels and a folder of images."""
        return LABELS in tree.files() and DATA in tree.folders()

    def images(self) -> Iterator[TaggedFile]:
        """Every image of the folder, and every label without an image as a problem.

        Raises:
            UserError: If the labels cannot be read.
        """
        try:
            document = json.loads(self.tree.read(LABELS).decode("utf-8-sig"))
            labels = dict(document["labels"])
            classes = document.get("classes") or []
        except (UnreadableError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{LABELS} of {self.uri} cannot be read ({error}): it is an object with classes "
                "and labels, or a COCO document"
            ) from error
        for name in self.tree.files(DATA):
            label = labels.pop(name.rpartition(".")[0], None)
            tags, problem = _tags(label, classes)
            yield TaggedFile(f"{DATA}/{name}", tags, problem=problem)
        for stem, label in labels.items():
            tags, _ = _tags(label, classes)
            yield TaggedFile(f"{DATA}/{stem}", tags, problem=f"no such file in {DATA}/")


def _tags(label: Any, classes: list[Any]) -> tuple[tuple[str, ...], str | None]:  # noqa: ANN401
    """The tags of a label, and why it cannot be understood."""
    values = label if isinstance(label, list) else [label]
    tags = []
    for value in values:
        name = value.get("label") if isinstance(value, dict) else value
        if isinstance(name, int):
            if not 0 <= name < len(classes):
                return (), f"its label {name} is no number of the {len(classes)} classes"
            name = str(classes[name])
        if name is not None and not isinstance(name, str):
            return (), f"its label {name!r:.40} is neither a name nor a number"
        tags.append(name or "")
    return unique(tags), None
