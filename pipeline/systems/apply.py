"""Generation and transformation on an engine: a table of images, and PNG files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa

from tag2mask.pipeline.engine.base import Engine, StageSpec
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.workspace import CountedSource, TableSpec, Workspace
from tag2mask.pipeline.progress import Reporter
from tag2mask.pipeline.records import IMAGE, Row
from tag2mask.pipeline.report.rejection_reasons import list_failures
from tag2mask.pipeline.systems.image_files import read_image
from tag2mask.pipeline.systems.loading import load_generator, load_transformer
from tag2mask.pipeline.systems.requests import (
    Requests,
    list_files,
    number_requests,
    pair_frames,
)
from tag2mask.pipeline.systems.stages import Generate, Transform
from tag2mask.pipeline.systems.validate_inputs import (
    GenerationInputs,
    TransformationInputs,
    check_generation,
    check_transformation,
)
from tag2mask.pipeline.tables.foreign_files import STAGING, check_free
from tag2mask.pipeline.tables.manifest import MANIFEST, table_key
from tag2mask.pipeline.tables.places import check_apart
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table

IMAGES_SCHEMA = pa.schema([("id", pa.string()), ("image", IMAGE), ("error", pa.string())])
TABLE = "images"
SHARDS = 8


@dataclass(frozen=True)
class MadeImages:
    """The images that a system has made.

    Attributes:
        table: URI of the table of images.
        images: Number of images.
        failed: A sentence for each image that could not be made.
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
        out: Folder for the PNG files and, in ``images/``, their table.
        engine: Runs the system; it changes nothing in the images.
        reporter: Shows the progress.
        count: Number of images.
        seed: Random seed of the noise.
        tags: Names of the classes that every image shows; by default the classes alternate.
        like: URI of a mask dataset, for a system that reads masks or images.
        sentence: A description of every image, for a system that reads sentences.

    Raises:
        UserError: If there is no such system or class, an input is missing, the system does not
            read an input, or it cannot read the sentence.
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
        images: A folder of images, or a mask dataset. The folder holds masks for a system that
            needs nothing else, and frames in the order of their names for optical flow.
        out: Folder for the PNG files and, in ``images/``, their table.
        engine: Runs the system; it changes nothing in the images.
        reporter: Shows the progress.
        masks: A folder of palette PNGs of the same stems, for a system that needs both.
        style: URI of an image, for a system that needs a style.
        size: Longer side of the resized images, in pixels; None keeps their size.
        tags: Names of the classes to change, for a system that takes classes; by default the
            tags of each image, which a folder does not have.

    Raises:
        UserError: If there is no such system, an input is missing, the system does not read an
            input, there is no image, or the files would lie among the inputs or replace others.
    """
    for place in filter(None, (images, masks)):
        check_apart(place, out)
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
        # Sizes in bytes stand for the contents of the files, which are not read here.
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
    _check_files(space.folder, source)
    spec = TableSpec(name=TABLE, schema=IMAGES_SCHEMA, key=key, shards=SHARDS)
    with space.lease():
        table = space.make_table(spec, source, [stage])
        written = _write_files(space.folder, table)
    return MadeImages(table.uri, written, tuple(list_failures(table)))


def _check_files(folder: Folder, source: CountedSource) -> None:
    """Checks that the files of the images would replace none but those of an earlier call.

    Raises:
        UserError: If a file of somebody else would be replaced.
    """
    place = folder.folder(TABLE)
    earlier: set[str] = set()
    if MANIFEST in place.names():
        earlier = set(_file_names(Table.open(place.uri)).values())
    elif place.names() and STAGING not in folder.names():
        raise UserError(
            f"{place.uri} exists and is no table of images: choose another --out, or remove it"
        )
    if isinstance(source, Requests):
        names = {str(row["path"]) for row in source.rows}
    elif isinstance(source, Scan):
        names = set(_file_names(source.images).values())
    else:
        raise TypeError(f"no names of files follow from a {type(source).__name__}")
    check_free(folder, names, earlier)


def _file_names(table: Table) -> dict[str, str]:
    """The names of the files of a table's images, by id."""
    stems = {str(row["id"]): _stem(row) for row in table.rows(["id", "image.path"])}
    counts = Counter(stems.values())
    # A dataset of several folders may name two images alike.
    return {
        row_id: f"{stem}.png" if counts[stem] == 1 else f"{stem}-{row_id}.png"
        for row_id, stem in stems.items()
    }


def _write_files(folder: Folder, table: Table) -> int:
    """Writes the table's images as files beside it, and returns their number."""
    names = _file_names(table)
    written = 0
    for row in table.rows(["id", "image", "error"]):
        if row["error"] or row["image"] is None:
            continue
        folder.write(names[row["id"]], row["image"]["bytes"])
        written += 1
    return written


def _stem(row: Row) -> str:
    # The stem alone, because a path may lead out of the folder or into another one.
    return PurePosixPath((row["image"] or {}).get("path") or row["id"]).stem
