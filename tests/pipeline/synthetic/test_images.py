"""The generated sample: a source like any other, with ground truth that agrees with its tags."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.records import decode_mask
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.synthetic.images import CLASSES, THINGS, render, write_sample
from tests.written import written

IMAGES = 50


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "new" / "pictures"
    assert write_sample(folder, IMAGES, seed=3) == list(CLASSES)
    return folder


def table(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "tags.csv").read_text().splitlines()))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_it_is_a_source_whose_images_need_no_care(sample: Path) -> None:
    found = ingest(open_source(str(sample)), split="train")
    assert found.classes.names == CLASSES
    assert found.counts.kept == IMAGES * 4 // 5
    assert found.counts.other_split == IMAGES // 5
    for row in found.rows():
        assert row["error"] is None
        original = sample / row["image"]["path"]
        assert row["image"]["bytes"] == original.read_bytes()


def test_masks_show_the_tags_and_nothing_else(sample: Path) -> None:
    for row in table(sample):
        stem = Path(row["file"]).stem
        mask = decode_mask((sample / "SegmentationClass" / f"{stem}.png").read_bytes())
        shown = {CLASSES[value - 1] for value in np.unique(mask) if value}
        assert shown == set(row["tags"].split("|"))
        with Image.open(sample / "JPEGImages" / row["file"]) as image:
            assert image.size == mask.shape[::-1]
            assert 128 <= min(image.size) <= max(image.size) <= 160


def test_things_are_neither_tiny_nor_everything() -> None:
    for index in range(60):
        _, mask, tags, _ = render(index, seed=1)
        for name in tags:
            share = (mask == CLASSES.index(name) + 1).mean()
            assert (0.10 if len(tags) == 1 else 0.04) <= share <= 0.45


def test_most_images_are_simple_and_every_class_is_in_both_splits(sample: Path) -> None:
    rows = table(sample)
    assert 0.5 < np.mean(["|" not in row["tags"] for row in rows]) < 0.9
    assert [row["split"] for row in rows].count("dev") == IMAGES // 5
    for split in ("train", "dev"):
        assert {tag for r in rows if r["split"] == split for tag in r["tags"].split("|")} == set(
            CLASSES
        )


def test_even_the_smallest_sample_trains_every_class(tmp_path: Path) -> None:
    for seed in range(3):
        write_sample(tmp_path / str(seed), 10, seed)
        train = [r["tags"].split("|") for r in table(tmp_path / str(seed)) if r["split"] == "train"]
        assert {tag for tags in train for tag in tags} == set(CLASSES)


def test_ground_truth_names_its_classes(sample: Path) -> None:
    assert (sample / "classes.txt").read_text().split() == list(CLASSES)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, images, seed in (("a", 12, 0), ("b", 12, 0), ("longer", 14, 0), ("other", 12, 1)):
        write_sample(tmp_path / name, images, seed)
    first = contents(tmp_path / "a")
    assert contents(tmp_path / "b") == first
    longer = contents(tmp_path / "longer")
    assert {path: longer[path] for path in first if path != "tags.csv"} == {
        path: data for path, data in first.items() if path != "tags.csv"
    }
    other = contents(tmp_path / "other")
    assert not any(other[path] == data for path, data in first.items() if path.endswith(".jpg"))


def test_writing_again_changes_nothing_and_spoils_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "sample"
    folder.mkdir()  # empty folders are welcome
    write_sample(folder, 10, 0)
    before = written(folder)
    write_sample(folder, 10, 0)
    assert written(folder) == before
    with pytest.raises(UserError, match="is not empty"):
        write_sample(folder, 10, 1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tags.csv").write_text("file,tags\n")
    with pytest.raises(UserError, match="is not empty"):
        write_sample(tmp_path / "mine", 10, 0)
    assert {path.name for path in tmp_path.iterdir()} == {"sample", "mine"}


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for target in (tmp_path / "file", tmp_path / "file" / "sample"):
        with pytest.raises(UserError, match=r"not empty|is a file|cannot write"):
            write_sample(target, 10, 0)
    for images, seed in ((9, 0), (10, -1)):
        with pytest.raises(UserError, match="at least 10 images and a seed from 0"):
            write_sample(tmp_path / "new", images, seed)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_backgrounds_say_nothing_about_what_lies_on_them() -> None:
    """A linear view of the border, where things seldom are, guesses classes no better."""
    samples = [render(index, seed=5) for index in range(150)]
    borders = np.array([np.asarray(s.image, float)[:6].mean((0, 1)) for s in samples])
    for name in CLASSES:
        shown = np.array([name in s.tags for s in samples])
        spread = borders.std(0) * np.sqrt(1 / shown.sum() + 1 / (~shown).sum())
        assert (np.abs(borders[shown].mean(0) - borders[~shown].mean(0)) < 4 * spread).all()


@pytest.mark.parametrize("name", CLASSES)
def test_shapes_have_the_area_that_scales_them(name: str) -> None:
    axis = np.linspace(-1.6, 1.6, 641)
    u, v = np.meshgrid(axis, axis)
    thing = THINGS[name]
    inside = (thing.distance(u, v) < 0).mean() * 3.2**2
    assert inside == pytest.approx(thing.area, rel=0.05)
    texture = thing.texture(u, v, np.random.default_rng(0))
    assert texture.min() >= 0
    assert texture.max() <= 1
    assert 0.1 < texture[thing.distance(u, v) < 0].mean() < 0.9
