"""The confidence of objects: of their pixels alone, calibrated by agreement with first masks."""

import numpy as np
import pytest
from scipy.special import expit, logit

from tag2mask.pipeline.publication.confidence import (
    ConfidenceCalibration,
    calibrate,
    fit_calibration,
)
from tag2mask.pipeline.records import decode_mask, encode_mask
from tag2mask.pipeline.records.object_confidence import (
    class_confidences,
    object_confidence,
    raw_confidences,
)
from tests.pipeline.published import publish_toys
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import images_table, round_row

ROW = {
    "tags": [1, 3, 4],
    "classes": [1, 4],
    "confidence": [0.9, 0.6],
    "mask_confidence": 0.95,
    "source": "powerful",
}


def test_background_has_no_part_and_a_tag_without_pixels_has_none():
    assert raw_confidences(ROW) == [0.9, 0.0, 0.6]
    assert object_confidence(ROW) == 0.0
    assert object_confidence({**ROW, "tags": [1, 4]}) == 0.6


def test_a_dataset_without_the_column_has_the_probabilities():
    assert class_confidences(ROW) == {1: 0.9, 3: 0.0, 4: 0.6}
    assert class_confidences({**ROW, "class_confidence": [0.5, 0.0, 0.25]}) == {
        1: 0.5,
        3: 0.0,
        4: 0.25,
    }


def test_a_known_calibration_is_found():
    probabilities = np.random.default_rng(0).uniform(0.05, 0.98, 3000)
    agreement = expit(0.7 * logit(probabilities) - 0.9)
    found = fit_calibration(probabilities, agreement)
    assert found.objects == 3000
    assert (found.slope, found.offset) == pytest.approx((0.7, -0.9), abs=0.02)
    assert found.apply(0.8) == pytest.approx(expit(0.7 * logit(0.8) - 0.9), abs=0.01)


def test_few_objects_move_little_and_order_is_kept():
    few = fit_calibration(np.full(3, 0.9), np.zeros(3))
    many = fit_calibration(np.full(300, 0.9), np.zeros(300))
    assert many.apply(0.9) < 0.1 < 0.6 < few.apply(0.9) < 0.9
    values = [few.apply(value) for value in np.linspace(0, 1, 50)]
    assert values == sorted(values)
    assert all(0 <= value <= 1 for value in values)


def test_without_an_earlier_round_nothing_changes():
    plain = fit_calibration(np.zeros(0), np.zeros(0))
    assert plain == ConfidenceCalibration()
    assert plain.of_tags(ROW) == [0.9, 0.0, 0.6]


def test_masks_of_people_are_certain():
    strict = ConfidenceCalibration(slope=1.0, offset=-2.0, objects=100)
    low = strict.of_tags(ROW)
    assert low[0] == pytest.approx(expit(logit(0.9) - 2))
    assert low[1] == 0.0
    person = {**ROW, "confidence": [1.0, 1.0], "source": "human"}
    assert strict.of_tags(person) == [1.0, 0.0, 1.0]


def test_the_agreement_is_that_with_the_first_masks(tmp_path):
    images = images_table(tmp_path, 12)
    settings = {"metadata": images.metadata}
    rows = [round_row(row) | {"source": "powerful"} for row in images.rows()]
    rows[0]["kept"], rows[1]["source"] = False, "human"
    first, last = writer(tmp_path, "seed", **settings), writer(tmp_path, "powerful", **settings)
    last.stage(rows)
    # Half of each object's columns are background in the first mask.
    halved = []
    for row in rows:
        mask = decode_mask(row["mask"]["bytes"])
        for value in row["classes"]:
            columns = np.flatnonzero((mask == value).any(axis=0))
            part = mask[:, columns[: len(columns) // 2]]
            part[part == value] = 0
            mask[:, columns[: len(columns) // 2]] = part
        halved.append({**row, "mask": {"bytes": encode_mask(mask), "path": None}})
    first.stage(halved)
    found = calibrate(first.commit(), last.commit())
    assert found.objects == sum(len(row["classes"]) for row in rows[2:])
    same = np.full(found.objects, 0.5)
    raw = np.array([value for row in rows[2:] for value in row["confidence"]])
    assert found.apply(0.7) == pytest.approx(fit_calibration(raw, same).apply(0.7), abs=0.05)


def test_published_rows_hold_it(tmp_path):
    dataset = publish_toys(tmp_path, 20)
    calibration = ConfidenceCalibration.model_validate(dataset.metadata["confidence"])
    assert calibration.objects > 0
    for row in dataset.rows():
        human = row["source"] == "human"
        expected = [value if human else calibration.apply(value) for value in raw_confidences(row)]
        assert row["class_confidence"] == pytest.approx(expected, abs=1e-6)
        assert row["object_confidence"] == pytest.approx(min(expected), abs=1e-6)
