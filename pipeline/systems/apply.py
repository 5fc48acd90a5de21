"""A stored system at work on an engine: a table of pictures, and PNG files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from pipeline.engine.base import Engine, Source, StageSpec
from pipeline.errors import UserError
from pipeline.publication.verdicts import failures
from pipeline.recipe import Recipe
from pipeline.records import PICTURE
from pipeline.systems.pictures import read_picture
from pipeline.systems.requests import files_of, numbered, successive
from pipeline.systems.stages import Generate, Transform
from pipeline.systems.store import load_generator, load_transformer, read_sentence
from pipeline.tables.manifest import MANIFEST, table_key
from pipeline.tables.scan import Scan
from pipeline.tables.storage import Folder
from pipeline.tables.table import Table
from pipeline.workspace import Watch, Workspace

PICTURES_SCHEMA = pa.schema([("id", pa.string()), ("image", PICTURE), ("error", pa.string())])
TABLE = "pictures"


@dataclass(frozen=True)
class Made:
    """What a system has made.

    Attributes:
        table: URI of the table of pictures.
        pictures: How many there are.
        failed: A sentence for each that could not be made.
    """

    table: str
    pictures: int
    failed: tuple[str, ...]


def generate_pictures(
    model: str,
    out: str,
    engine: Engine,
    watch: Watch,
    *,
    count: int = 64,
    seed: int = 0,
    tags: Sequence[str] = (),
    like: str | None = None,
    sentence: str | None = None,
) -> Made:
    """Makes new pictures.

    Args:
        model: URI of a generating system.
        out: Folder for the PNG files and, in ``pictures/``, the table of them.
        engine: What runs it; it changes nothing in the pictures.
        watch: Shows the progress.
        count: How many.
        seed: Of the noise.
        tags: Classes that all of them are to show; by default they take turns.
        like: A mask dataset, for a system that is given masks or pictures.
        sentence: What all of them are to show, for a system that reads sentences.

    Raises:
        UserError: If there is no such system or class, it needs a dataset, or it cannot read
            the sentence.
    """
    system, card = load_generator(model)
    given = [name for name in system.needs if name != "tags"]
    if sentence is not None:
        read_sentence(system, sentence)  # here, and not after the engine has started
    elif given and like is None:
        raise UserError(f"{model} needs the {' and '.join(given)} of a dataset: name one by --like")
    settings = {
        "model": Folder(model).uri,
        "tags": tuple(card.classes.index(name) for name in tags),
        "like": like,
        "sentence": sentence,
    }
    requests = numbered(count, seed)
    key = table_key(
        model=card.weights, count=count, seed=seed, tags=list(tags), like=like, sentence=sentence
    )
    stage = StageSpec(Generate, settings, gpus=1.0)
    return _made(out, requests, len(requests), stage, key, engine, watch)


def transform_pictures(
    model: str,
    pictures: str,
    out: str,
    engine: Engine,
    watch: Watch,
    *,
    masks: str | None = None,
    style: str | None = None,
    size: int | None = None,
    tags: Sequence[str] = (),
) -> Made:
    """Transforms the pictures of a folder, or of a mask dataset.

    Args:
        model: URI of a transforming system.
        pictures: A folder of pictures (of masks, for a system that needs nothing else; of
            frames in the order of their names, for one that sees motion), or a mask dataset.
        out: Folder for the PNG files and, in ``pictures/``, the table of them.
        engine: What runs it; it changes nothing in the pictures.
        watch: Shows the progress.
        masks: A folder of palette PNGs of the same stems, for a system that needs both.
        style: A picture, for a system that needs one.
        size: Longer side to which pictures are brought, in pixels; None leaves them.
        tags: Classes that are meant, for a system that is told some; by default those of
            each picture, which a folder does not know.

    Raises:
        UserError: If there is no such system, it lacks what it needs, or there is no picture.
    """
    system, card = load_transformer(model)
    _check_needs(system.needs, model, style, has_tags=bool(tags) or _is_dataset(pictures))
    data = read_picture(style) if style and "style" in system.needs else None
    source: Source
    content: object
    moves = "next" in system.needs
    if _is_dataset(pictures):
        if moves:
            raise UserError(
                f"{model} needs frames, which follow each other by their names: name a folder of "
                f"them, {pictures} is a dataset"
            )
        table = Table.open(pictures)
        wanted = [name for name in ("image", "mask", "tags") if name in table.schema.names]
        source = scan = Scan(table, columns=wanted)
        total, content = len(scan), table.fingerprint
    else:
        both = {"image", "mask"} <= set(system.needs)
        if both and masks is None:
            raise UserError(f"{model} needs a mask of every picture: name their folder by --masks")
        requests = files_of(pictures, masks if both else None)
        source = requests = successive(requests) if moves else requests
        # Sizes in bytes stand for what is in the files, which are not read here.
        total = len(requests)
        content = [Folder(place).sizes() for place in (pictures, masks) if place is not None]
    chosen = tuple(card.classes.index(name) for name in tags)
    key = table_key(
        model=card.weights,
        pictures=content,
        size=size,
        tags=chosen,
        style=None if data is None else hashlib.sha256(data).hexdigest(),
    )
    settings = {"model": Folder(model).uri, "style": data, "size": size, "tags": chosen}
    stage = StageSpec(Transform, settings, gpus=1.0)
    return _made(out, source, total, stage, key, engine, watch)


def _is_dataset(pictures: str) -> bool:
    return MANIFEST in Folder(pictures).sizes()


def _check_needs(needs: Sequence[str], model: str, style: str | None, has_tags: bool) -> None:
    if "style" in needs and style is None:
        raise UserError(f"{model} needs a picture whose style it takes: name one by --style")
    if "tags" in needs and not has_tags:
        raise UserError(f"{model} needs to know which classes are meant: name them by --tags")


def _made(
    out: str,
    source: Source,
    total: int,
    stage: StageSpec,
    key: str,
    engine: Engine,
    watch: Watch,
) -> Made:
    space = Workspace(out, Recipe(), engine, watch)
    with space.lease():
        table = space.table(
            TABLE,
            source=source,
            total=total,
            stages=[stage],
            schema=PICTURES_SCHEMA,
            key=key,
            metadata={},
        )
        written = _write_files(space.folder, table)
    return Made(table.uri, written, tuple(failures(table)))


def _write_files(folder: Folder, table: Table) -> int:
    """The table's pictures as files beside it."""
    written = 0
    for row in table.rows(["image", "error"]):
        image: dict[str, Any] | None = row["image"]
        if row["error"] or image is None:
            continue
        # What leads out of the folder, or into another, is not taken from a path.
        stem = PurePosixPath(image["path"] or row["id"]).stem
        folder.write(f"{stem}.png", image["bytes"])
        written += 1
    return written
