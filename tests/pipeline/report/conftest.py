"""A small finished run with everything that an inspection looks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tag2mask.pipeline.publication.publish import dataset_schema
from tag2mask.pipeline.records import Row, encode_mask
from tag2mask.pipeline.report.ladder import LadderRow, save_ladder
from tag2mask.pipeline.tables.storage import Folder
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import CLASSES, image_row, images_table, labels, round_row, tags_of

COUNT = 20
REASON = "tag not found: <b>cat</b> under 1.0% of the image"


@dataclass(frozen=True)
class ToyRun:
    """Folders of a run: 20 images, of which the last round rejected 4."""

    folder: Path
    dataset: str
    ground_truth: str


def confidence_of(number: int) -> float:
    """The confidence of a toy mask and of all its classes: it rises with the number."""
    return 0.5 + number / (2 * COUNT)


def round_rows() -> list[Row]:
    rows = []
    for number in range(COUNT):
        row = round_row(image_row(number, tags_of(number)))
        kept = number % 5 != 0
        row |= {
            "confidence": [confidence_of(number)] * len(row["classes"]),
            "mask_confidence": confidence_of(number),
            "source": "powerful",
            "kept": kept,
            "reason": "" if kept else REASON,
        }
        rows.append(row)
    return rows


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory):
    """For all tests: none of them changes it."""
    root = tmp_path_factory.mktemp("toy")
    run = root / "run"
    images = images_table(run, COUNT)
    originals = {row["id"]: row for row in images.rows()}
    rows = round_rows()
    for name, members in (("seed", rows[:6]), ("powerful", rows)):
        table = writer(run / "rounds", name, metadata=images.metadata)
        table.stage(members)
        table.commit()
    dataset = writer(run, "dataset", dataset_schema(list(CLASSES)), metadata=images.metadata)
    published = [{**originals[row["id"]], **row} for row in rows if row["kept"]]
    dataset.stage([{**row, "round": 3, "flags": ["uncertain"]} for row in published])
    uri = dataset.commit().uri
    ground_truth = root / "truth"
    ground_truth.mkdir()
    (ground_truth / "classes.txt").write_text("\n".join(CLASSES))
    for number in range(COUNT - 5):
        mask = labels(number, tags_of(number))
        # The higher the number, the more of the true object is void, and the rest is missed.
        mask[: 2 * number] = 0
        (ground_truth / f"{number}.png").write_bytes(encode_mask(mask))
    save_ladder(Folder(str(run)), "ladder.json", [LadderRow(name="seed", note="a < b")])
    return ToyRun(run, uri, str(ground_truth))
