"""A small dataset with everything that an export could get wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tag2mask.pipeline.publication.publish import dataset_schema
from tag2mask.pipeline.records import IGNORE, Row, encode_map, encode_mask, image_id
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import CLASSES, png


def awkward_masks() -> list[np.ndarray]:
    """Masks (H, W) uint8 of the classes 1 to 3, with holes, dust, touching pieces, ignore."""
    hole = np.zeros((20, 30), np.uint8)
    hole[2:18, 3:20] = 1
    hole[6:12, 6:12] = 0
    hole[8:10, 8:10] = 2  # an object inside of the hole
    touching = np.zeros((24, 17), np.uint8)
    touching[:, :8] = 2
    touching[:, 8:] = 3
    touching[10, :] = IGNORE
    dust = (np.random.default_rng(5).random((16, 16)) < 0.3).astype(np.uint8) * 3
    full = np.full((9, 13), 1, np.uint8)
    ignored = np.zeros((12, 12), np.uint8)
    ignored[0, 0] = 2
    ignored[5:, 5:] = IGNORE
    border = np.zeros((11, 19), np.uint8)
    border[:, -1] = border[-1, :] = border[0, 0] = 3
    empty = np.zeros((10, 14), np.uint8)
    return [hole, touching, dust, full, ignored, border, empty]


# Names that collide without their folder or ending, that lists cannot hold, that hide.
PATHS = ("cat/a.png", "dog/a.png", "dog/a.jpg", "two words.png", "ü|,x.png", ".hidden.png", "b.png")


def dataset_row(mask: np.ndarray, path: str, tags: tuple[int, ...] = (), **changes: object) -> Row:
    """A row of a dataset; the image is noise of the mask's size."""
    shown = sorted({*np.unique(mask).tolist()} - {0, IGNORE})
    data = png(np.random.default_rng(len(path)).integers(0, 255, (*mask.shape, 3), np.uint8))
    row: Row = {
        "id": image_id(path.encode()),
        "image": {"bytes": data, "path": path},
        "height": mask.shape[0],
        "width": mask.shape[1],
        "tags": sorted(tags or shown or [1]),
        "mask": {"bytes": encode_mask(mask), "path": path},
        "classes": shown,
        "area": [float((mask == value).mean()) for value in shown],
        "confidence": [0.9 - 0.1 * value for value in shown],
        "mask_confidence": 0.8,
        "confidence_map": {"bytes": encode_map(np.ones((2, 2))), "path": None},
        "source": "powerful",
        "model": "",
    }
    return {**row, **changes}


def dataset(root: Path, rows: list[Row] | None = None) -> Table:
    """The dataset of :func:`awkward_masks` or of other rows, as a committed table."""
    if rows is None:
        rows = [dataset_row(mask, path) for mask, path in zip(awkward_masks(), PATHS, strict=True)]
    target = writer(
        root, "dataset", dataset_schema(list(CLASSES)), metadata={"classes": list(CLASSES)}
    )
    target.stage(rows)
    return target.commit()
