"""A stored system at work on an engine: a table of images, and PNG files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa

from tag2mask.pipeline.engine.base import Engine, StageSpec
from tag2mask.pipeline.labeling.workspace import CountedSource, TableSpec, Workspace
from tag2mask.pipeline.progress import Reporter
from tag2mask.pipeline.records import IMAGE, Row
from tag2mask.pipeline.report.rejection_reasons import failures
from tag2mask.pipeline.systems.image_files import read_image
from tag2mask.pipeline.systems.loading import load_generator, load_transformer
from tag2mask.pipeline.systems.requests import list_files, number_requests, pair_frames
from tag2mask.pipeline.systems.stages import Generate, Transform
from tag2mask.pipeline.systems.validate_inputs import (
    GenerationInputs,
    TransformationInputs,
    check_generation,
    check_transformation,
)
from tag2mask.pipeline.tables.manifest import MANIFEST, table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table

IMAGES_SCHEMA = pa.schema([("id", pa.string()), ("image", IMAGE), ("error", pa.string())])
TABLE = "images"
SHARDS = 8


@dataclass(frozen=True)
class MadeImages:
    """What a system has made.

    Attributes:
        table: URI of the table of images.
        images: How many there are.
        failed: A sentence for each that could not be made.
    """

    table: str
    images: int
    failed: tuple[str, ...]


def generate_images(
    model: str,
    out: str,
    engine: Engine,
    reporter: Reporter,
    *,
    count: int = 64,
    seed: int = 0,
    tags: Sequence[str] = (),
    like: str | None = None,
    sentence: str | None = None,
) -> MadeImages:
    """Makes new images.

    Args:
        model: URI of a generating system.
        out: Folder for the PNG files and, in ``images/``, the table of them.
        engine: What runs it; it changes nothing in the images.
        reporter: Shows the progress.
        count: How many.
        seed: Of the noise.
        tags: Classes that all of them are to show; by default they take turns.
        like: A mask dataset, for a system that is given masks or images.
        sentence: What all of them are to show, for a system that reads sentences.

    Raises:
        UserError: If there is no such system or class, it lacks what it needs, it is given what
            it does not read, or it cannot read the sentence.
    """
    system, card = load_generator(model)
    check_generation(GenerationInputs(system, model, tuple(tags), like, sentence))
    settings = {
        "model": Folder(model).uri,
        "tags": tuple(card.classes.index(name) for name in tags),
        "like": like,
        "sentence": sentence,
    }
    requests = number_requests(count, seed)
    key = table_key(
        model=card.weights, count=count, seed=seed, tags=list(tags), like=like, sentence=sentence
    )
    stage = StageSpec(Generate, settings, gpus=1.0)
    return _made(out, requests, stage, key, engine, reporter)


def transform_images(
    model: str,
    images: str,
    out: str,
    engine: Engine,
    reporter: Reporter,
    *,
    masks: str | None = None,
    style: str | None = None,
    size: int | None = None,
    tags: Sequence[str] = (),
) -> MadeImages:
    """Transforms the images of a folder, or of a mask dataset.

    Args:
        model: URI of a transforming system.
        images: A folder of images (of masks, for a system that needs nothing else; of
            frames in the order of their names, for one that sees motion), or a mask dataset.
        out: Folder for the PNG files and, in ``images/``, the table of them.
        engine: What runs it; it changes nothing in the images.
        reporter: Shows the progress.
        masks: A folder of palette PNGs of the same stems, for a system that needs both.
        style: An image, for a system that needs one.
        size: Longer side to which images are brought, in pixels; None leaves them.
        tags: Classes that are meant, for a system that is told some; by default those of
            each image, which a folder does not know.

    Raises:
        UserError: If there is no such system, it lacks what it needs, it is given what it does
            not read, or there is no image.
    """
    system, card = load_transformer(model)
    is_dataset = MANIFEST in Folder(images).sizes()
    check_transformation(TransformationInputs(system, model, is_dataset, masks, style, tuple(tags)))
    data = None if style is None else read_image(style)
    source: CountedSource
    content: object
    if is_dataset:
        table = Table.open(images)
        wanted = [name for name in ("image", "mask", "tags") if name in table.schema.names]
        source, content = Scan(table, columns=wanted), table.fingerprint
    else:
        requests = list_files(images, masks)
        source = requests = pair_frames(requests) if "next" in system.needs else requests
        # Sizes in bytes stand for what is in the files, which are not read here.
        content = [Folder(place).sizes() for place in (images, masks) if place is not None]
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
    return _made(out, source, stage, key, engine, reporter)


def _made(
    out: str,
    source: CountedSource,
    stage: StageSpec,
    key: str,
    engine: Engine,
    reporter: Reporter,
) -> MadeImages:
    space = Workspace(out, engine, reporter)
    spec = TableSpec(name=TABLE, schema=IMAGES_SCHEMA, key=key, shards=SHARDS)
    with space.lease():
        table = space.make_table(spec, source, [stage])
        written = _write_files(space.folder, table)
    return MadeImages(table.uri, written, tuple(failures(table)))


def _write_files(folder: Folder, table: Table) -> int:
    """The table's images as files beside it."""
    stems = Counter(_stem(row) for row in table.rows(["id", "image.path"]))
    written = 0
    for row in table.rows(["id", "image", "error"]):
        if row["error"] or row["image"] is None:
            continue
        name = _stem(row)
        if stems[name] > 1:  # a dataset of several folders may name two images alike
            name = f"{name}-{row['id']}"
        folder.write(f"{name}.png", row["image"]["bytes"])
        written += 1
    return written


def _stem(row: Row) -> str:
    # What leads out of the folder, or into another, is not taken from a path.
    return PurePosixPath((row["image"] or {}).get("path") or row["id"]).stem
