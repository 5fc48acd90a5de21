"""The assessment as text: percent with one decimal, columns aligned."""

import numpy as np
import pytest

from tag2mask.pipeline.evaluation.assessment import Assessment
from tag2mask.pipeline.evaluation.boundaries import BoundaryScores
from tag2mask.pipeline.evaluation.calibration import calibration
from tag2mask.pipeline.evaluation.sizes import SizeScores
from tag2mask.pipeline.evaluation.voc import scores
from tag2mask.pipeline.report.scores import assessment_text


@pytest.fixture
def assessment():
    # Truth by rows: background, cat, dog; the last column counts pixels without a label.
    matrix = np.array([[50, 0, 0, 0], [10, 30, 0, 10], [0, 0, 0, 0]])
    counts = np.zeros((256, 2), np.int64)
    counts[255], counts[204] = (60, 30), (20, 18)
    none = (None, None, None)
    return Assessment(
        scores=scores(matrix, ["cat", "dog"], images=2),
        boundary=BoundaryScores(f=(0.5, 0.25, None), mean_f=0.375),
        sizes=SizeScores(
            iou=(none, (None, 0.5, 0.61), none), mean_iou=(None, 0.5, 0.61), objects=(0, 1, 1200)
        ),
        calibration=calibration(counts),
    )


def test_a_table_written_out(assessment):
    lines = assessment_text(assessment).splitlines()
    cells = {line.split()[0]: line.split()[1:] for line in lines[1:5]}
    assert lines[0].split() == [
        *("IoU", "precision", "recall", "boundary", "F"),
        *("small", "medium", "large"),
    ]
    assert cells["background"] == ["83.3", "83.3", "100.0", "50.0", "–", "–", "–"]
    assert cells["cat"] == ["60.0", "100.0", "60.0", "25.0", "–", "50.0", "61.0"]
    assert cells["dog"] == ["–"] * 7
    assert cells["mean"] == ["71.7", "91.7", "80.0", "37.5", "–", "50.0", "61.0"]
    assert len({len(line) for line in lines[:5]}) == 1, "aligned"
    assert "pixel accuracy 80.0, labeled 90.0, 2 images, 100 pixels" in lines
    assert any("under 5% of the image (0 of them), 5% to 20% (1), and more (1,200)" in line
               for line in lines)  # fmt: skip


def test_the_reliability_table(assessment):
    lines = assessment_text(assessment).splitlines()
    assert lines[-3].split() == ["0.80", "to", "0.90", "80.0", "90.0", "25.0"]
    assert lines[-2].split() == ["0.90", "to", "1.00", "100.0", "50.0", "75.0"]
    # 0.25 · |0.8 − 0.9| + 0.75 · |1 − 0.5|
    assert lines[-1].startswith("expected calibration error 40.0; ")
    assert lines[-1].endswith("95.0 is promised and 60.0 is right: overconfident by 35.0")


def test_masks_without_confidence(assessment):
    text = assessment_text(assessment.model_copy(update={"calibration": None}))
    assert text.endswith("no confidence maps, so no calibration")
