"""Verify: a sound dataset has no issues, and every kind of issue is reported with its place."""

import hashlib
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.publication.card import write_card
from tag2mask.pipeline.publication.publish import ADDED_COLUMNS
from tag2mask.pipeline.publication.verify import verify
from tag2mask.pipeline.records import encode_map, encode_mask
from tag2mask.pipeline.tables.manifest import Fingerprint, read_manifest
from tag2mask.pipeline.tables.parquet import write_parquet
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.published import publish_toys
from tests.pipeline.toys import images_table, png

SIZE = (48, 64)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Table:
    return publish_toys(tmp_path_factory.mktemp("sound"), 12)


@pytest.fixture
def copy(sound, tmp_path) -> Path:
    return Path(shutil.copytree(sound.uri, tmp_path / "dataset"))


def issues(path) -> list[str]:
    return [str(issue) for issue in verify(str(path))]


def first_part(path):
    return read_manifest(Folder(str(path))).parts[0]


def amend(path, changes):
    """Changes the manifest as one that was written so."""
    manifest = read_manifest(Folder(str(path))).model_copy(update=changes)
    (path / "manifest.json").write_bytes(manifest.to_bytes())
    return manifest


def rewrite(path, change, write=None):
    """Changes the rows of the first file; the manifest is made to fit."""
    part = first_part(path)
    file = path / part.path
    table = pq.read_table(file)
    rows = table.to_pylist()
    change(rows)
    table = pa.Table.from_pylist(rows, schema=table.schema)
    buffer = io.BytesIO()
    write = write or (lambda table, file: write_parquet(file, table.schema, [table]))
    write(table, buffer)
    file.write_bytes(buffer.getvalue())
    manifest = read_manifest(Folder(str(path)))
    new = part.model_copy(
        update={
            "bytes": len(buffer.getvalue()),
            "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
            "rows": table.num_rows,
        }
    )
    parts = tuple(new if one.path == part.path else one for one in manifest.parts)
    fingerprint = Fingerprint()
    for one in parts:
        fingerprint.add(pq.read_table(path / one.path))
    amend(
        path,
        {
            "parts": parts,
            "rows": sum(one.rows for one in parts),
            "fingerprint": fingerprint.hexdigest(),
        },
    )
    # Versions name the old file; this test is not about them.
    shutil.rmtree(path / "versions", ignore_errors=True)
    return rows


def set_mask(row, mask):
    row["mask"] = {"bytes": mask, "path": None}
    row["mask_sha256"] = hashlib.sha256(mask).hexdigest()


def painted(value):
    """A mask with one square of a value."""
    mask = np.zeros(SIZE, np.uint8)
    mask[:8, :8] = value
    return mask


def consistent(row, mask):
    """The columns that follow from a mask."""
    shown = sorted(set(np.unique(mask).tolist()) - {0, 255})
    row["classes"] = shown
    row["area"] = [float((mask == value).mean()) for value in shown]
    row["confidence"] = [0.5] * len(shown)
    row["ignored"] = float((mask == 255).mean())
    set_mask(row, encode_mask(mask))


def other_palette(row):
    image = Image.fromarray(painted(row["tags"][0]), mode="P")
    image.putpalette([7] * 768)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    consistent(row, painted(row["tags"][0]))
    set_mask(row, buffer.getvalue())


ROWS = {
    "a class that is no tag": (
        lambda row: consistent(row, painted(min({1, 2, 3} - {*row["tags"]}))),
        "which the image's tags do not list",
    ),
    "a value beyond the classes": (
        lambda row: consistent(row, painted(9)),
        r"the mask shows the classes \[9\], which the image's tags",
    ),
    "a confidence for no tag": (
        lambda row: row.update(class_confidence=[0.5] * (len(row["tags"]) + 1)),
        "not one probability for each of tags",
    ),
    "a confidence of an object that is not there": (
        lambda row: row.update(classes=[], area=[], confidence=[]),
        r"class_confidence of the tag \d is 0\.\d+, but the mask does not show it",
    ),
    "another least confidence": (
        lambda row: row.update(object_confidence=0.01),
        r"object_confidence is 0\.0\d+, not the least of class_confidence",
    ),
    "another palette": (other_palette, "the mask does not have VOC's palette"),
    "a mask of another size": (
        lambda row: set_mask(row, encode_mask(np.zeros((10, 12), np.uint8))),
        "the mask is 12x10, not 64x48",
    ),
    "a gray mask": (
        lambda row: set_mask(row, png(np.zeros(SIZE, np.uint8))),
        "the mask is PNG L, not a PNG with a palette",
    ),
    "a broken mask": (lambda row: set_mask(row, row["mask"]["bytes"][:90]), "the mask cannot be"),
    "no mask": (lambda row: row.update(mask=None), "the mask is missing"),
    "classes that are not shown": (
        lambda row: row.update(classes=[], area=[], confidence=[]),
        r"classes are \[\], but the mask shows",
    ),
    "a wrong area": (lambda row: row.update(area=[0.0] * len(row["area"])), "area is .*but"),
    "a wrong share": (lambda row: row.update(ignored=0.5), "ignored is 0.5, but"),
    "no confidence": (lambda row: row.update(confidence=[]), "confidence is .*not one prob"),
    "no probability": (lambda row: row.update(mask_confidence=1.5), "mask_confidence is 1.5"),
    "a wrong hash": (lambda row: row.update(mask_sha256="0" * 64), "not that of the mask"),
    "a broken image": (
        lambda row: row.update(image={"bytes": row["image"]["bytes"][:200], "path": "x"}),
        "the image cannot be decoded",
    ),
    "a gray image": (
        lambda row: row.update(image={"bytes": png(np.zeros(SIZE, np.uint8)), "path": "x"}),
        "the image is PNG L",
    ),
    "an image of another size": (
        lambda row: row.update(height=47, confidence_map=None),
        "the image is 64x48, not 64x47",
    ),
    "a map of another size": (
        lambda row: row.update(confidence_map={"bytes": encode_map(np.ones((3, 3))), "path": None}),
        "the confidence map is PNG L 3x3, not PNG L 8x6",
    ),
    "a probability too few": (
        lambda row: row.update(tag_probability=[0.5] * (len(row["tags"]) + 1)),
        "not one probability for each of tags",
    ),
    "an unknown duplicate": (
        lambda row: row.update(near_duplicate_of="7.png"),
        "near_duplicate_of is '7.png', not a SHA-256",
    ),
    "unsorted tags": (lambda row: row.update(tags=[2, 1]), r"the tags are \[2, 1\], not ascending"),
    "half a lineage": (lambda row: row.update(agreement=None, previous_round=0), "must be all"),
    "an unknown flag": (lambda row: row.update(flags=["ugly"]), r"unknown flags \['ugly'\]"),
    "no source": (lambda row: row.update(source=""), "the source is missing"),
    "no hash": (lambda row: row.update(model="resnet"), "model is 'resnet', not a SHA-256"),
}


def test_a_sound_dataset_has_no_issues(sound):
    assert issues(sound.uri) == []


@pytest.mark.parametrize("name", ROWS)
def test_issues_of_rows_are_reported(copy, name):
    change, said = ROWS[name]
    rows = rewrite(copy, lambda rows: change(rows[1]))
    found = [issue for issue in issues(copy) if issue.startswith("data/")]
    assert found
    place = f"{first_part(copy).path}, row {rows[1]['id']}: "
    assert all(issue.startswith(place) for issue in found)
    assert any(re.search(said, issue) for issue in found), found


def test_every_issue_is_reported_not_only_the_first(copy):
    rows = rewrite(copy, lambda rows: [row.update(source="", flags=["ugly"]) for row in rows])
    found = issues(copy)
    assert sum("the source is missing" in issue for issue in found) == len(rows)
    assert sum("unknown flags" in issue for issue in found) == len(rows)


def test_rows_out_of_order_twice_and_in_the_wrong_shard(copy):
    def change(rows):
        rows.reverse()
        rows.append(dict(rows[-1]))
        rows.append({**rows[0], "id": "f" * 63 + "0"})

    rewrite(copy, change)
    found = "\n".join(issues(copy))
    assert "not sorted by id" in found
    assert "the id is there twice" in found


def test_files_are_compared_with_the_manifest(copy):
    part = first_part(copy)
    data = bytearray((copy / part.path).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / part.path).write_bytes(data)
    (copy / "data/train-00009-of-00009-stray.parquet").write_bytes(b"")
    found = "\n".join(issues(copy))
    assert f"{part.path}: its SHA-256 is not that of the manifest" in found
    assert "stray.parquet: belongs to no version" in found


def test_missing_and_cut_files(copy):
    parts = read_manifest(Folder(str(copy))).parts
    (copy / parts[0].path).unlink()
    (copy / parts[1].path).write_bytes((copy / parts[1].path).read_bytes()[:500])
    found = "\n".join(issues(copy))
    assert f"{parts[0].path}: is missing" in found
    assert f"{parts[1].path}: has 500 bytes, not {parts[1].bytes:,}" in found
    assert f"{parts[1].path}: cannot be read" in found


def test_the_manifests_sums(copy):
    amend(copy, {"rows": 99, "fingerprint": "0" * 64})
    found = issues(copy)
    assert "manifest.json: its rows are not the sum of its files' rows" in found
    assert "manifest.json: its fingerprint is not that of the masks" in found
    assert any(issue.startswith("README.md: dataset_info") for issue in found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"compression": "zstd", "write_page_index": True}, "image.bytes: compressed with ZSTD"),
        ({"compression": "none", "write_page_index": True}, "image.bytes: encoded as"),
        ({"compression": "none", "write_page_index": True}, "mask.bytes: statistics, which"),
        ({"compression": "none", "use_dictionary": False}, "mask.bytes: no page index"),
        ({"write_statistics": False, "write_page_index": True}, "mask_confidence: no statistics"),
    ],
)
def test_other_layouts_are_named(copy, options, said):
    rewrite(copy, lambda rows: None, lambda table, file: pq.write_table(table, file, **options))
    assert any(said in issue for issue in issues(copy))


def test_columns_metadata_and_row_groups(copy):
    def write(table, file):
        table = table.drop_columns(["flags"]).replace_schema_metadata({})
        write_parquet(file, table.schema, [table.slice(0, 2), table.slice(2)])

    rewrite(copy, lambda rows: None, write)
    found = "\n".join(issues(copy))
    assert "the columns flags are missing" in found
    assert "Hugging Face's features are missing" in found
    assert "row group 0 has 2 rows, not 64 to 128" in found


def test_the_papers_describe_the_files(copy):
    card = (copy / "README.md").read_text()
    (copy / "README.md").write_text(card.replace("license: unknown", "license: cc0-1.0"))
    assert issues(copy) == []  # whose images they are is the owner's to say
    (copy / "README.md").write_text(card.replace("num_examples: 12", "num_examples: 13"))
    described = json.loads((copy / "croissant.json").read_text())
    described["distribution"][0]["sha256"] = "0" * 64
    (copy / "croissant.json").write_text(json.dumps(described))
    assert [issue.split(":")[0] for issue in issues(copy)] == ["README.md", "croissant.json"]
    (copy / "README.md").write_text("# no head")
    (copy / "croissant.json").unlink()
    assert issues(copy) == ["README.md: has no YAML head", "croissant.json: is missing"]


def test_other_tables_are_no_datasets(tmp_path):
    with pytest.raises(UserError, match="give its published dataset"):
        issues(images_table(tmp_path, 3).uri)
    with pytest.raises(UserError, match="no table at"):
        issues(tmp_path / "absent")


def test_a_dataset_of_version_0_1_lacks_the_confidences_of_objects(copy):
    for part in read_manifest(Folder(str(copy))).parts:
        table = pq.read_table(copy / part.path).drop_columns(list(ADDED_COLUMNS))
        buffer = io.BytesIO()
        write_parquet(buffer, table.schema, [table])
        (copy / part.path).write_bytes(buffer.getvalue())
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        new = part.model_copy(update={"bytes": len(buffer.getvalue()), "sha256": digest})
        parts = read_manifest(Folder(str(copy))).parts
        amend(copy, {"parts": tuple(new if one.path == part.path else one for one in parts)})
    shutil.rmtree(copy / "versions", ignore_errors=True)
    write_card(Table.open(str(copy)))
    assert issues(copy) == []
    assert "class_confidence" not in (copy / "README.md").read_text().split("## Columns")[1]
