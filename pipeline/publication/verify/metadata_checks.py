"""Checks of the two files that describe a dataset: its card and its Croissant file."""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml

from tag2mask.pipeline.publication.card import CARD, make_front_matter
from tag2mask.pipeline.publication.croissant import CROISSANT
from tag2mask.pipeline.publication.verify.issue import Issue
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table


def metadata_issues(folder: Folder, dataset: Table) -> Iterator[Issue]:
    """Find where the card or the Croissant file disagree with the files of the manifest.

    Parts that people may change, such as the license and the text, are not compared.

    Args:
        folder: Folder of the dataset.
        dataset: The dataset.
    """
    for name, check in ((CARD, _card_issues), (CROISSANT, _croissant_issues)):
        try:
            text = folder.read(name).decode()
        except FileNotFoundError:
            yield Issue(name, "is missing")
        except UnicodeDecodeError:
            yield Issue(name, "is not UTF-8 text")
        else:
            yield from (Issue(name, message) for message in check(text, dataset))


def _card_issues(text: str, dataset: Table) -> Iterator[str]:
    pieces = text.split("---\n", 2)
    try:
        head = yaml.safe_load(pieces[1]) if len(pieces) == 3 and not pieces[0] else None
    except yaml.YAMLError:
        head = None
    if not isinstance(head, dict):
        yield "has no YAML head"
        return
    expected = make_front_matter(dataset)
    for key in ("configs", "dataset_info"):
        if head.get(key) != expected[key]:
            yield f"{key} in its head does not name the files and rows of the manifest"
    if not head.get("license"):
        yield "its head has no license"


def _croissant_issues(text: str, dataset: Table) -> Iterator[str]:
    try:
        described = json.loads(text)["distribution"]
        found = {file["contentUrl"]: file["sha256"] for file in described if "sha256" in file}
    except (KeyError, TypeError, ValueError):
        yield "is not a Croissant description"
        return
    if found != {part.path: part.sha256 for part in dataset.manifest.parts}:
        yield "does not name the files of the manifest with their SHA-256"
