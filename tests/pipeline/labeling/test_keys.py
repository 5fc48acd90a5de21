"""The keys of tables and models: a run that an earlier version made is found finished.

The constants were taken when masks got their cleaning step, which changed all keys but that of the
tagger, and the dataset its confidences of objects, which changed its key alone. Masks and weights
are canned, so that no key depends on the machine or on the versions of libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from matplotlib import get_data_path

from tag2mask.pipeline.engine.base import StageSpec, WorkSource
from tag2mask.pipeline.ingestion.counts import IngestCounts
from tag2mask.pipeline.ingestion.ingest import Image, Ingest
from tag2mask.pipeline.labeling.affinity import train_affinity, walk_along_affinities
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.rounds import labeling_rounds, mask_names
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import IMAGES_SCHEMA, ClassTable, Row, image_id
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.table_writer import TableWriter
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import CLASSES, SilentReporter, image_row, tags_of, tiny_recipe

COUNT = 12
WALK = 'affinity={"size": 64, "training": {"steps": 2, "batch": 4, "crop": 64}}'
FONT = f"report.font={get_data_path()}/fonts/ttf/DejaVuSans.ttf"  # is on no mask
# The first twelve digits of each key.
DIRECT = {
    "models/tagger": "4d0684a54bf8",
    "rounds/seed": "ee4cbd2f8b8c",
    "models/initial": "3629c87c2a29",
    "rounds/initial": "940f8080fab9",
    "models/enhanced": "833429451ff9",
    "rounds/enhanced": "555b9f75d074",
    "models/powerful": "11af98ffe9ff",
    "rounds/powerful": "cfe98d14f6c2",
    "dataset": "35d7a57f5e44",
}
WALKED = {
    "models/tagger": "4d0684a54bf8",
    "rounds/seed": "ee4cbd2f8b8c",
    "models/affinity": "2ba078034ce7",
    "rounds/affinity": "67db3bcfa33e",
    "models/initial": "3010ce5d4914",
    "rounds/initial": "09354ebd8c1e",
    "models/enhanced": "7f5bd7deea89",
    "rounds/enhanced": "e0b0038694e2",
    "models/powerful": "4623d7b46539",
    "rounds/powerful": "03d0e433f275",
    "dataset": "70cec0839fdc",
}
IMAGES = "51d4a06daf14"


class CannedEngine:
    """Stages the same bytes as the mask of an image each time, and trains constant weights."""

    def run(
        self,
        source: WorkSource,
        stages: Sequence[StageSpec],
        table: TableWriter,
        progress: Callable[[int], None],
    ) -> None:
        for unit in source.units():
            table.stage([self.canned(row) for row in unit.read()])

    def canned(self, row: Row) -> Row:
        mask = {"bytes": f"mask of {row['id']}".encode(), "path": None}
        return {"id": row["id"], "mask": mask, "kept": True, "source": "canned", "reason": ""}

    def train(self, training, report) -> dict[str, float]:
        with torch.no_grad():
            for values in training.model.state_dict().values():
                values.fill_(1)
        return {}


class ImagesEngine(CannedEngine):
    """Stages rows of an images table without looking at their files."""

    def canned(self, row: Row) -> Row:
        return {"id": row["id"], "tags": list(row["tags"]), "error": None}


def canned_id(number: int) -> str:
    return image_id(str(number).encode())


def canned_images(root: Path) -> Table:
    """Toy images under ids that do not depend on how a PNG is packed; two are negatives."""
    images = writer(root, "images", IMAGES_SCHEMA, metadata={"classes": list(CLASSES)})
    rows = [image_row(number, tags_of(number)) for number in range(COUNT)]
    rows += [image_row(COUNT + number, [1]) | {"tags": []} for number in range(2)]
    images.stage([row | {"id": canned_id(number)} for number, row in enumerate(rows)])
    return images.commit()


def found_keys(root: Path, recipe: Recipe) -> dict[str, str]:
    """The keys of all that a run makes, in the order in which it is made."""
    run, images = Run(str(root), recipe, CannedEngine(), SilentReporter()), canned_images(root)
    keys = {"models/tagger": run.train_tagger(images).key}
    masks = {"seed": run.make_seed(images)}
    keys["rounds/seed"] = masks["seed"].manifest.key
    if recipe.affinity:
        keys["models/affinity"] = train_affinity(run, images, masks["seed"]).key
        masks["affinity"] = walk_along_affinities(run, images, masks["seed"])
        keys["rounds/affinity"] = masks["affinity"].manifest.key
    for each in labeling_rounds(recipe):
        keys[f"models/{each.name}"] = run.train_segmenter(each, images, masks[each.masks]).key
        masks[each.name] = run.relabel(each, images)
        keys[f"rounds/{each.name}"] = masks[each.name].manifest.key
    assert tuple(masks) == mask_names(recipe)
    *earlier, last = masks.values()
    keys["dataset"] = release(run, images, last, earlier=earlier).manifest.key
    return {name: key[:12] for name, key in keys.items()}


@pytest.mark.parametrize(
    ("changes", "expected"), [((), DIRECT), ((WALK,), WALKED), ((FONT,), DIRECT)]
)
def test_keys_are_those_of_earlier_versions(tmp_path, monkeypatch, changes, expected):
    # A card describes masks, and canned ones cannot be decoded.
    monkeypatch.setattr("tag2mask.pipeline.labeling.release.write_card", lambda dataset: None)
    recipe = tiny_recipe("tagger.held_out=0", *changes)
    found = found_keys(tmp_path, recipe)
    assert found == expected
    assert list(found) == list(expected)


def test_the_key_of_the_images_is_that_of_earlier_versions(tmp_path):
    counts = dict.fromkeys(("other_split", "other_tags", "tags_dropped", "duplicates", "errors"), 0)
    (tmp_path / "source/cat").mkdir(parents=True)
    (tmp_path / "source/cat/0.png").write_bytes(b"")
    listed = Ingest(
        source=open_source(str(tmp_path / "source")),
        classes=ClassTable(names=CLASSES),
        counts=IngestCounts(images=3, kept=3, **counts),
        images=tuple(
            Image(canned_id(number), f"{number}.png", f"/{number}.png", tuple(tags_of(number)))
            for number in range(3)
        ),
    )
    run = Run(str(tmp_path / "run"), tiny_recipe(), ImagesEngine(), SilentReporter())
    assert run.make_images(listed).manifest.key[:12] == IMAGES
