"""The same images from every kind of source end in the same dataset, mask for mask."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest
from PIL import Image

from tag2mask.flows.label import label
from tag2mask.pipeline.synthetic.images import write_sample
from tag2mask.pipeline.tables.table import Table
from tests.object_store import BUCKET
from tests.pipeline.sources.server import Web, serving
from tests.pipeline.toys import tiny_recipe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CLASSES = ["ball", "star"]
IMAGES = 24
# Names to bytes and tags.
Images = dict[str, tuple[bytes, list[str]]]
# Lays a source out in a folder and returns what `label` is given.
Layout = Callable[[Path, Images], str]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Generated images of two classes."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, IMAGES, seed=5)
    found = {}
    with (folder / "tags.csv").open() as table:
        for row in csv.DictReader(table):
            tags = [tag for tag in row["tags"].split("|") if tag in CLASSES]
            if tags:
                found[row["file"]] = ((folder / "JPEGImages" / row["file"]).read_bytes(), tags)
    return found


def as_tags_csv(folder: Path, images: Images) -> str:
    lines = ["file,tags"] + [f"{name},{'|'.join(tags)}" for name, (_, tags) in images.items()]
    (folder / "JPEGImages").mkdir(parents=True)
    (folder / "tags.csv").write_text("\n".join(lines) + "\n")
    for name, (data, _) in images.items():
        (folder / "JPEGImages" / name).write_bytes(data)
    return str(folder)


def as_folders(folder: Path, images: Images) -> str:
    """An image with several tags lies in several folders."""
    for name, (data, tags) in images.items():
        for tag in tags:
            (folder / tag).mkdir(parents=True, exist_ok=True)
            (folder / tag / name).write_bytes(data)
    return str(folder)


def as_coco(folder: Path, originals: Images) -> str:
    (folder / "annotations").mkdir(parents=True)
    (folder / "images").mkdir()
    images: list[dict[str, object]] = []
    annotations: list[dict[str, int]] = []
    for number, (name, (data, tags)) in enumerate(originals.items(), 1):
        (folder / "images" / name).write_bytes(data)
        width, height = Image.open(io.BytesIO(data)).size
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        annotations += [
            {
                "id": len(annotations) + place,
                "image_id": number,
                "category_id": 1 + CLASSES.index(t),
            }
            for place, t in enumerate(tags, 1)
        ]
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    for number, annotation in enumerate(annotations, 1):
        annotation["id"] = number
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(content))
    return str(folder)


def as_webdataset(folder: Path, images: Images) -> str:
    folder.mkdir(parents=True)
    with tarfile.open(folder / "train-000000.tar", "w") as shard:
        for name, (data, tags) in images.items():
            stem = Path(name).stem
            for ending, content in (("jpg", data), ("json", json.dumps({"tags": tags}).encode())):
                member = tarfile.TarInfo(f"{stem}.{ending}")
                member.size = len(content)
                shard.addfile(member, io.BytesIO(content))
    return str(folder)


def as_parquet(folder: Path, images: Images) -> str:
    pandas = pytest.importorskip("pandas")
    folder.mkdir(parents=True)
    frame = pandas.DataFrame(
        {
            "image": [data for data, _ in images.values()],
            "tags": [t for _, t in images.values()],
        }
    )
    frame.to_parquet(folder / "train.parquet")
    return str(folder)


def as_hugging_face(folder: Path, images: Images) -> str:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "tags": datasets.Sequence(datasets.ClassLabel(names=CLASSES))}
    )
    rows = {
        "image": [{"bytes": data, "path": name} for name, (data, _) in images.items()],
        "tags": [tags for _, tags in images.values()],
    }
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(folder))
    return str(folder)


LAYOUTS: dict[str, Layout] = {
    "folders": as_folders,
    "coco": as_coco,
    "webdataset": as_webdataset,
    "parquet": as_parquet,
    "hugging face": as_hugging_face,
}


def fingerprint(source: str, out: Path, *changes: str) -> str:
    """The fingerprint of the dataset of a whole run."""
    recipe = tiny_recipe("relabel.size=48", *changes)
    label(source, str(out), recipe, CLASSES, "local", 1)
    return Table.open(str(out / "dataset")).fingerprint


@pytest.fixture(scope="module")
def expected(images: Images, prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("expected")
    return fingerprint(as_tags_csv(folder / "source", images), folder / "run")


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_kind(kind: str, images: Images, expected: str, tmp_path: Path) -> None:
    source = LAYOUTS[kind](tmp_path / "source", images)
    assert fingerprint(source, tmp_path / "run") == expected


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


def test_a_table_of_urls(web: Web, images: Images, expected: str, tmp_path: Path) -> None:
    web.pages |= {f"/{name}": data for name, (data, _) in images.items()}
    lines = ["url,tags"] + [f"{web.url}/{n},{'|'.join(t)}" for n, (_, t) in images.items()]
    (tmp_path / "urls.csv").write_text("\n".join(lines) + "\n")
    changes = ['download={"hosts": ["127.0.0.1"]}']
    assert fingerprint(str(tmp_path / "urls.csv"), tmp_path / "run", *changes) == expected


@pytest.mark.usefixtures("s3")
def test_an_object_store(images: Images, expected: str, tmp_path: Path) -> None:
    as_tags_csv(tmp_path / "source", images)
    place = f"{BUCKET}/every-source"
    fsspec.filesystem("s3").put(str(tmp_path / "source"), place, recursive=True)
    assert fingerprint(f"s3://{place}", tmp_path / "run") == expected
