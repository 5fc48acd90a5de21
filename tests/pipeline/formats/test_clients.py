"""Real clients load the exports: each in an environment of its own, with golden counts.

The environments are made once and kept in the user's cache. A client that cannot be installed
here is skipped by name.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from tag2mask.pipeline.formats.export_dataset import export_dataset
from tag2mask.pipeline.formats.export_settings import read_export_settings
from tag2mask.pipeline.records import IGNORE
from tests.pipeline.formats.masks import dataset, dataset_row
from tests.pipeline.toys import CLASSES

SCRIPTS = Path(__file__).parent / "clients"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tag2mask-clients"
# Of the versions that were read with; the last one runs with the torch of this environment.
PACKAGES = {
    "supervision": ["supervision==0.31.2", "pycocotools"],
    "datumaro": ["datumaro==1.13.12"],
    "fiftyone": ["fiftyone==1.22.1", "pycocotools"],
    "label_studio": ["label-studio-converter==0.0.59"],
    "ultralytics": ["--no-deps", "ultralytics==8.4.190"],
}
# Ten images with two objects and a speck each, one with nothing, one with ignored pixels.
IMAGES, VAL, OBJECTS, CROWDS, SPECKS = 12, 3, 21, 1, 10
IGNORED = 10 * 80
PIXELS = 10 * (20 * 30 + 30 * 20 - 10 * 10) + 400


def masks() -> list[np.ndarray]:
    """Masks (60, 80) uint8 of the classes cat, dog and bird."""
    made = []
    for number in range(10):
        mask = np.zeros((60, 80), np.uint8)
        mask[5:25, number : number + 30] = 1
        mask[28:58, 50:70] = 2
        mask[38:48, 55:65] = 0  # a hole
        mask[40, number] = 3
        made.append(mask)
    ignored = np.zeros((60, 80), np.uint8)
    ignored[10:30, 10:30] = 1
    ignored[40:50, :] = IGNORE
    return [*made, np.zeros((60, 80), np.uint8), ignored]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one export of each kind."""
    root = tmp_path_factory.mktemp("clients")
    rows = [dataset_row(mask, f"image {number}.png") for number, mask in enumerate(masks())]
    uri = dataset(root, rows).uri
    known = dataset(root / "known", rows[:-1]).uri
    export_dataset(known, "voc", root / "voc-known")
    kinds = {
        "coco": {},
        "coco-rle": {"shapes": "rle"},
        "coco-panoptic": {},
        "voc": {},
        "yolo": {},
        "cvat": {},
        "cvat-polygon": {"shapes": "polygon"},
        "label-studio": {},
    }
    for folder, changes in kinds.items():
        kind = folder.removesuffix("-rle").removesuffix("-polygon")
        settings = read_export_settings(val_share=0.25, **changes)
        written = export_dataset(uri, kind, root / folder, settings=settings)
        assert (written.images, written.splits["val"]) == (IMAGES, VAL)
        assert (written.objects, written.dropped) == (OBJECTS, SPECKS)
    return root


def client(name: str) -> Path:
    """The Python of a client's environment, made if it is not there."""
    packages = PACKAGES[name]
    key = hashlib.sha256(" ".join([sys.version, *packages]).encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{key}"
    python = folder / "bin/python"
    if (folder / "complete").exists():
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    command = [str(python), "-m", "pip", "install", "--quiet", *packages]
    installed = subprocess.run(command, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"{packages} cannot be installed: {installed.stderr.strip()[-300:]}")
    (folder / "complete").touch()
    return python


def read(name: str, exports: Path, *arguments: Path, path: str = "") -> dict[str, dict]:
    """The counts that a client's script prints in its last line."""
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [client(name), SCRIPTS / f"read_{name}.py", exports, *arguments],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def total(found: dict[str, dict], kind: str, key: str) -> int:
    return sum(found[f"{kind} {split}"][key] for split in ("train", "val"))


@pytest.mark.clients
def test_supervision(exports: Path) -> None:
    found = read("supervision", exports)
    assert found["voc"]["classes"] == ["cat", "dog"]  # no box is a bird's
    assert (found["voc"]["images"], found["voc"]["objects"]) == (IMAGES, OBJECTS)
    for kind, objects in (("coco", OBJECTS + CROWDS), ("yolo", OBJECTS)):
        assert found[f"{kind} val"]["images"] == VAL
        assert total(found, kind, "images") == IMAGES
        assert total(found, kind, "objects") == objects
        assert found[f"{kind} train"]["classes"] == sorted(CLASSES)
    # Its drawing fills the borders of polygons, too.
    assert total(found, "yolo", "pixels") == pytest.approx(PIXELS, rel=0.2)


@pytest.mark.clients
def test_datumaro(exports: Path) -> None:
    found = read("datumaro", exports)
    for folder in ("cvat", "cvat-polygon"):
        assert found[folder]["classes"] == list(CLASSES)
        assert found[folder]["images"] == {"train": IMAGES - VAL, "val": VAL}
        assert sum(found[folder]["objects"].values()) == OBJECTS
    assert sum(found["cvat"]["pixels"].values()) == PIXELS
    for folder in ("coco", "coco-rle"):
        assert found[folder]["classes"] == list(CLASSES)
        assert found[folder]["images"] == {"train": IMAGES - VAL, "val": VAL}
        assert sum(found[folder]["objects"].values()) == OBJECTS + CROWDS
    assert found["coco-panoptic"]["images"] == {"train": IMAGES - VAL, "val": VAL}
    # A label for ignored pixels only where there are some.
    assert found["voc"]["classes"] == ["background", *CLASSES, "ignore"]
    assert found["voc"]["images"] == {"train": IMAGES - VAL, "val": VAL}
    assert found["voc-known"]["classes"] == ["background", *CLASSES]
    assert found["voc-known"]["images"] == {"train": IMAGES - 1}
    pixels = found["voc"]["pixels"]
    assert pixels["cat"] + pixels["dog"] == PIXELS
    assert (pixels["bird"], pixels["ignore"]) == (SPECKS, IGNORED)


@pytest.mark.clients
def test_fiftyone(exports: Path) -> None:
    found = read("fiftyone", exports)
    for kind in ("coco", "coco-rle"):
        assert total(found, kind, "images") == IMAGES
        assert total(found, kind, "objects") == OBJECTS + CROWDS
        assert total(found, kind, "masks") == OBJECTS + CROWDS
        assert total(found, kind, "scored") == OBJECTS
    assert total(found, "coco", "pixels") == PIXELS + IGNORED


@pytest.mark.clients
def test_label_studio(exports: Path, tmp_path: Path) -> None:
    found = read("label_studio", exports, tmp_path)
    assert total(found, "coco", "images") == total(found, "label-studio", "images") == IMAGES
    assert total(found, "coco", "objects") == OBJECTS + CROWDS
    assert total(found, "label-studio", "objects") == OBJECTS
    assert total(found, "label-studio", "pixels") == PIXELS


@pytest.mark.clients
def test_ultralytics(exports: Path) -> None:
    found = read("ultralytics", exports, path=sysconfig.get_path("purelib"))
    assert found["train"]["classes"] == list(CLASSES)
    assert (found["train"]["images"], found["val"]["images"]) == (IMAGES - VAL, VAL)
    assert found["train"]["objects"] + found["val"]["objects"] == OBJECTS
    assert found["train"]["segments"] + found["val"]["segments"] == OBJECTS
