"""Faults of what describes a dataset: its card and its Croissant file."""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml

from tag2mask.pipeline.publication.card import CARD, front_matter
from tag2mask.pipeline.publication.croissant import CROISSANT
from tag2mask.pipeline.publication.verify.issue import Fault
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table


def paper_faults(folder: Folder, dataset: Table) -> Iterator[Fault]:
    """Where the card or the Croissant file do not describe the files of the manifest.

    What people may change, such as the license and the text, is left to them.

    Args:
        folder: Of the dataset.
        dataset: The dataset.
    """
    for name, check in ((CARD, _card_faults), (CROISSANT, _croissant_faults)):
        try:
            text = folder.read(name).decode()
        except FileNotFoundError:
            yield Fault(name, "is missing")
        except UnicodeDecodeError:
            yield Fault(name, "is no text")
        else:
            yield from (Fault(name, what) for what in check(text, dataset))


def _card_faults(text: str, dataset: Table) -> Iterator[str]:
    pieces = text.split("---\n", 2)
    try:
        head = yaml.safe_load(pieces[1]) if len(pieces) == 3 and not pieces[0] else None
    except yaml.YAMLError:
        head = None
    if not isinstance(head, dict):
        yield "has no YAML head"
        return
    expected = front_matter(dataset)
    for key in ("configs", "dataset_info"):
        if head.get(key) != expected[key]:
            yield f"{key} in its head does not name the files and rows of the manifest"
    if not head.get("license"):
        yield "its head has no license"


def _croissant_faults(text: str, dataset: Table) -> Iterator[str]:
    try:
        described = json.loads(text)["distribution"]
        found = {file["contentUrl"]: file["sha256"] for file in described if "sha256" in file}
    except (KeyError, TypeError, ValueError):
        yield "is no Croissant description"
        return
    if found != {part.path: part.sha256 for part in dataset.manifest.parts}:
        yield "does not name the files of the manifest with their SHA-256"
