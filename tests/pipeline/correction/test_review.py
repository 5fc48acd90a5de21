"""Review: the least certain masks, of all classes alike, under names that come back."""

from pathlib import Path

import numpy as np
import pytest

from tag2mask.pipeline.correction.review import least_trusted, write_review
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.formats.base import id_prefix
from tests.pipeline.formats.masks import dataset, dataset_row


def rows(confidences, **changes):
    """One row for each {class: confidence}."""
    made = []
    for number, shown in enumerate(confidences):
        mask = np.zeros((6, 8), np.uint8)
        for column, value in enumerate(shown):
            mask[:, column] = value
        row = dataset_row(mask, f"{number}.png", **changes)
        row |= {"classes": list(shown), "confidence": list(shown.values())}
        made.append(row)
    return made


def chosen(table, count, **changes):
    ids = least_trusted(table, count, **changes)
    paths = {row["id"]: row["image"]["path"] for row in table.rows(["id", "image"])}
    return {int(Path(paths[row_id]).stem) for row_id in ids}


def test_the_least_certain_of_every_class(tmp_path):
    table = dataset(
        tmp_path,
        rows([{1: 0.1}, {1: 0.2}, {1: 0.3}, {2: 0.9}, {2: 0.8}, {3: 0.7}]),
    )
    assert chosen(table, 1) == {0}
    assert chosen(table, 3) == {0, 4, 5}
    assert chosen(table, 5) == {0, 4, 5, 1, 3}
    assert chosen(table, 100) == {0, 1, 2, 3, 4, 5}


def test_a_image_that_is_chosen_takes_no_other_class_s_turn(tmp_path):
    table = dataset(tmp_path, rows([{1: 0.1, 2: 0.1}, {2: 0.5}, {1: 0.9}, {2: 0.6}]))
    assert chosen(table, 2) == {0, 1}
    assert chosen(table, 3) == {0, 1, 2}


def test_masks_of_a_person_and_masks_without_a_class(tmp_path):
    made = rows([{1: 0.1}, {1: 0.2}, {}])
    made[0]["source"] = "human"
    table = dataset(tmp_path, made)
    assert chosen(table, 9) == {1, 2}
    assert chosen(table, 9, without={made[1]["id"]}) == {2}


@pytest.mark.parametrize("kind", ["voc", "coco"])
def test_names_hold_the_ids(tmp_path, kind):
    made = rows([{1: 0.1}, {2: 0.2}, {3: 0.3}])
    table = dataset(tmp_path, made)
    assert write_review(table.uri, tmp_path / "out", 2, kind) == 2
    images = [path for path in (tmp_path / "out").rglob("*-*.*") if path.suffix == ".png"]
    prefixes = {id_prefix(path.stem) for path in images}
    assert prefixes == {row["id"][:12] for row in made[:2]}


def test_bad_input(tmp_path):
    table = dataset(tmp_path, rows([{1: 0.1}], source="human"))
    for count, kind, sentence in (
        (5, "yolo", "voc or coco, not 'yolo'"),
        (0, "voc", "at least one mask"),
        (5, "voc", "nothing to review"),
    ):
        with pytest.raises(UserError, match=sentence):
            write_review(table.uri, tmp_path / "out", count, kind)
    assert not (tmp_path / "out").exists()
